import { type CommandSpec, command } from '../../cli/command.ts';
import {
  decisionFields,
  decisionLines,
  POLICY_OUTPUT,
  readIntentFile,
  readPolicyFile,
  refusalOf,
} from '../../cli/policy_files.ts';
import { evaluate } from '../../gate/evaluate.ts';

const spec: CommandSpec = command({
  output: { schemaId: POLICY_OUTPUT, operation: 'test' },
  summary: 'Try a policy on a call: what would be decided, and why.',
  description:
    'Nothing is proven here: a call that needs a credential or a delegation is blocked. Exit 0 for allow and dry_run, 3 ' +
    'for block, 4 for require_approval, 6 for a policy or a call that cannot be read.',
  examples: [{ says: 'Try it', line: 'policy test gait.policy.yaml intent.json' }],
  args: [
    { name: 'POLICY', summary: 'the policy', required: true },
    { name: 'INTENT', summary: 'the call, as JSON', required: true },
  ],
  flags: {},
  async run({ args: [policyPath = '', intentPath = ''] }, io) {
    const file = readPolicyFile(policyPath);
    const request = readIntentFile(intentPath);
    const decision = evaluate(file.policy, request.intent);
    return {
      fields: decisionFields(file, request, decision),
      lines: decisionLines(decision, io),
      ...refusalOf(decision),
    };
  },
});

export default spec;
