import { type CommandSpec, command } from '../../cli/command.ts';
import { contextFlags, evaluationTime, trialFlags } from '../../cli/flags/evaluation.ts';
import { TRIAL_ARGS } from '../../cli/flags/policy.ts';
import { decisionFields, decisionLines, POLICY_OUTPUT, refusalOf } from '../../cli/text/policy.ts';
import { tried } from '../../host/policy_files.ts';

const spec: CommandSpec = command({
  output: { schemaId: POLICY_OUTPUT, operation: 'test' },
  summary: 'Test a policy on a call: what would be decided, and why.',
  description:
    'Nothing is proven here: a call that needs a credential or a delegation is blocked. Exit 0 for allow and dry_run, 3 ' +
    'for block, 4 for require_approval, 6 for a policy or a call that cannot be read.',
  examples: [{ says: 'Try it', line: 'policy test gait.policy.yaml intent.json' }],
  args: TRIAL_ARGS,
  flags: { ...trialFlags, ...contextFlags },
  async run({ flags, args }, io) {
    const trial = await tried(args, evaluationTime(flags, io), flags);
    return {
      fields: decisionFields(trial),
      lines: decisionLines(trial.decision, io),
      ...refusalOf(trial.decision),
    };
  },
});

export default spec;
