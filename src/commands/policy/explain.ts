import { type CommandSpec, command } from '../../cli/command.ts';
import { evaluationTime, trialFlags } from '../../cli/flags/evaluation.ts';
import { TRIAL_ARGS } from '../../cli/flags/policy.ts';
import type { Io } from '../../cli/io.ts';
import { printable } from '../../cli/terminal.ts';
import { asJson } from '../../cli/text/job.ts';
import { decisionFields, decisionLines, POLICY_OUTPUT } from '../../cli/text/policy.ts';
import {
  explain,
  explainParts,
  explainSteps,
  type PartAccount,
  type RuleAccount,
} from '../../gate/rules/explain.ts';
import { homeOf, tried } from '../../host/policy_files.ts';

const spec: CommandSpec = command({
  output: { schemaId: POLICY_OUTPUT, operation: 'explain' },
  summary: 'Explain why each rule of a policy matches a call or not.',
  description:
    'Rules in their order: those that decide, those that match but come too late, and of the others the ' +
    'conditions that fail. A call of several parts is as strict as its strictest part: each is shown. ' +
    'Exit 0 whatever is decided.',
  examples: [{ says: 'Why is it blocked?', line: 'policy explain gait.policy.yaml intent.json' }],
  args: TRIAL_ARGS,
  flags: trialFlags,
  async run({ flags, args }, io) {
    const home = homeOf(flags);
    const trial = await tried(args, evaluationTime(flags, io), flags);
    const { file, request, now } = trial;
    const shown = [...decisionLines(trial.decision, io)];
    if (request.intent.script === undefined) {
      const rules = explain(file.policy, request, now, home);
      const parts = explainParts(file.policy, request, now, home);
      shown.push(...rules.map((rule) => ruleLine(rule, io)), ...parts.slice(1).map(partLine));
      const fields = { ...decisionFields(trial), rules: rules.map(asJson), parts: parts.map(asJson) };
      return { fields, lines: shown };
    }
    const steps = explainSteps(file.policy, request, now, home);
    for (const [index, { tool_name, verdict, rules }] of steps.entries()) {
      shown.push(`step ${index + 1}  ${printable(tool_name)}  ${verdict}`);
      shown.push(...rules.map((rule) => ruleLine(rule, io)));
    }
    const step_rules = steps.map(({ rules }) => rules.map(asJson));
    return { fields: { ...decisionFields(trial), step_rules }, lines: shown };
  },
});

function partLine({ targets, sources, verdict, matched_rules }: PartAccount): string {
  const about = targets.map(({ kind, value }) => `${kind} ${printable(value)}`);
  const from = targets.length === 1 && sources.length < 2 ? '' : sources.map(printable).join(', ');
  const what = [...about, ...(from === '' ? [] : [`labels ${from}`])].join('; ');
  const rule = matched_rules.length === 0 ? 'the default' : matched_rules.map(printable).join(', ');
  return `  with only ${what}: ${verdict}, by ${rule}`;
}

function ruleLine({ name, priority, effect, standing, misses }: RuleAccount, io: Io): string {
  const how = {
    decides: 'decides',
    not_asked: 'matches, but is not asked',
    no: `not: ${misses.join(', ')}`,
  }[standing];
  const line = `${String(priority).padStart(4)}  ${printable(name)}  (${effect})  ${how}`;
  return standing === 'decides' ? io.paint('bold', line) : line;
}

export default spec;
