import { type CommandSpec, command } from '../../cli/command.ts';
import { printable } from '../../cli/terminal.ts';
import { asJson } from '../../cli/text/job.ts';
import { POLICY_OUTPUT, policyFields } from '../../cli/text/policy.ts';
import { type GaitError, invalidInput } from '../../core/errors.ts';
import { lint } from '../../gate/policy/lint.ts';
import { readPolicyFile } from '../../host/policy_files.ts';

const spec: CommandSpec = command({
  output: { schemaId: POLICY_OUTPUT, operation: 'validate' },
  summary: 'Validate a policy, and print its digest.',
  description:
    'An unknown field, a duplicate key or a second document is refused, with its line. What is valid but ' +
    'may not be what you meant is a warning.',
  examples: [
    { says: 'Check a policy', line: 'policy validate gait.policy.yaml' },
    { says: 'Fail on anything that may not be meant', line: 'policy validate gait.policy.yaml --strict' },
    { says: 'For a script', line: 'policy validate gait.policy.yaml --json' },
  ],
  args: [{ name: 'POLICY', summary: 'the policy', required: true }],
  flags: {
    strict: { type: 'boolean', summary: 'Treat warnings as errors: exit 6.' },
  },
  async run({ args: [path = ''], flags }, io) {
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
      ...(flags.strict === true && warnings.length > 0 ? { failure: notClean(path, warnings.length) } : {}),
    };
  },
});

function notClean(path: string, warnings: number): GaitError {
  const what = warnings === 1 ? 'a warning' : `${warnings} warnings`;
  return invalidInput(
    'policy_not_clean',
    `${path} has ${what}, and --strict takes none`,
    'Say what you mean, or leave --strict out.',
  );
}

export default spec;
