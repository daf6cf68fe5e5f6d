import { type CommandSpec, command } from '../../cli/command.ts';
import { asJson } from '../../cli/job_text.ts';
import { POLICY_OUTPUT, policyFields, readPolicyFile } from '../../cli/policy_files.ts';
import { printable } from '../../cli/run.ts';
import { lint } from '../../gate/lint.ts';

const spec: CommandSpec = command({
  output: { schemaId: POLICY_OUTPUT, operation: 'validate' },
  summary: 'Check a policy, and tell its digest.',
  description:
    'Strict: an unknown field, a key twice, or a second document is refused with its line. What is allowed, and may not be ' +
    'what you meant, is a warning.',
  examples: [
    { says: 'Check a policy', line: 'policy validate gait.policy.yaml' },
    { says: 'For a script', line: 'policy validate gait.policy.yaml --json' },
  ],
  args: [{ name: 'POLICY', summary: 'the policy', required: true }],
  flags: {},
  async run({ args: [path = ''] }, io) {
    const file = readPolicyFile(path);
    const warnings = lint(file.policy);
    for (const { code, rule, message } of warnings) {
      io.note(`warning: ${rule === undefined ? '' : `${printable(rule)}: `}${message}  [${code}]`);
    }
    const { default_verdict, rules } = file.policy;
    return {
      fields: { policy_path: path, ...policyFields(file), findings: warnings.map(asJson) },
      lines: [
        `${printable(path)}: ok, ${rules.length} rules, else ${default_verdict}`,
        `  digest  ${file.digest}`,
      ],
    };
  },
});

export default spec;
