import { type CommandSpec, command } from '../../cli/command.ts';
import { evaluationTime, trialFlags } from '../../cli/evaluation_flags.ts';
import type { Io } from '../../cli/io.ts';
import { asJson } from '../../cli/job_text.ts';
import { decisionFields, decisionLines, POLICY_OUTPUT, TRIAL_ARGS, tried } from '../../cli/policy_files.ts';
import { printable } from '../../cli/run.ts';
import { explain, explainSteps, type RuleAccount } from '../../gate/explain.ts';

const spec: CommandSpec = command({
  output: { schemaId: POLICY_OUTPUT, operation: 'explain' },
  summary: 'Show how each rule of a policy stands to a call.',
  description:
    'Rules in their order: those that decide, those that match but are not asked, and for the others what does not hold. ' +
    'Exit 0 whatever is decided.',
  examples: [{ says: 'Why is it blocked?', line: 'policy explain gait.policy.yaml intent.json' }],
  args: TRIAL_ARGS,
  flags: trialFlags,
  async run({ flags, args }, io) {
    const trial = await tried(args, evaluationTime(flags, io), flags);
    const { file, request, now } = trial;
    const shown = [...decisionLines(trial.decision, io)];
    if (request.intent.script === undefined) {
      const rules = explain(file.policy, request, now);
      shown.push(...rules.map((rule) => ruleLine(rule, io)));
      return { fields: { ...decisionFields(trial), rules: rules.map(asJson) }, lines: shown };
    }
    const steps = explainSteps(file.policy, request, now);
    for (const [index, { tool_name, verdict, rules }] of steps.entries()) {
      shown.push(`step ${index + 1}  ${printable(tool_name)}  ${verdict}`);
      shown.push(...rules.map((rule) => ruleLine(rule, io)));
    }
    const step_rules = steps.map(({ rules }) => rules.map(asJson));
    return { fields: { ...decisionFields(trial), step_rules }, lines: shown };
  },
});

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
