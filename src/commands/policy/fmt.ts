import { type CommandSpec, command } from '../../cli/command.ts';
import { printable } from '../../cli/terminal.ts';
import { POLICY_OUTPUT, policyFields } from '../../cli/text/policy.ts';
import { writeFileAtOnce } from '../../files/atomic_file.ts';
import { formatPolicy } from '../../gate/policy/format.ts';
import { readPolicyFile } from '../../host/policy_files.ts';
import { modeOf, realPlace } from '../../host/workspace/output_places.ts';

const spec: CommandSpec = command({
  output: { schemaId: POLICY_OUTPUT, operation: 'fmt' },
  summary: 'Format a policy; comments stay.',
  description:
    'Members in one order, maps in blocks, lists on a line. Prints the formatted policy, or replaces the ' +
    'file with --write. The digest does not change, and formatting twice changes nothing.',
  examples: [
    { says: 'Show it', line: 'policy fmt gait.policy.yaml' },
    { says: 'Put it in place', line: 'policy fmt gait.policy.yaml --write' },
  ],
  args: [{ name: 'POLICY', summary: 'the policy', required: true }],
  flags: { write: { type: 'boolean', summary: 'Replace the file, atomically.' } },
  async run({ flags, args: [path = ''] }, io) {
    const file = readPolicyFile(path);
    const formatted = formatPolicy(file.bytes, path);
    const bytes = Buffer.from(formatted);
    const changed = !bytes.equals(file.bytes);
    const written = flags.write && changed;
    if (written) writeFileAtOnce(realPlace(path), bytes, modeOf(path));
    const text = flags.write
      ? [`${printable(path)}: ${written ? 'written' : 'as it should be'}`]
      : formatted
          .replace(/\n$/, '')
          .split('\n')
          .map((line) => (io.terminal ? printable(line) : line));
    return {
      fields: {
        ...{ policy_path: path, ...policyFields(file), changed, written },
        ...(flags.write ? {} : { formatted }),
      },
      lines: text,
    };
  },
});

export default spec;
