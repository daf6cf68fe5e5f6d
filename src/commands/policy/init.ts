import { type CommandSpec, command } from '../../cli/command.ts';
import { shellWord } from '../../cli/run.ts';
import { printable } from '../../cli/terminal.ts';
import { POLICY_OUTPUT, policyFields } from '../../cli/text/policy.ts';
import { invalidInput } from '../../core/errors.ts';
import { writeFileAtOnce } from '../../files/atomic_file.ts';
import { policyDigest } from '../../gate/policy/digest.ts';
import { TEMPLATES, templateNamed } from '../../gate/policy/templates.ts';
import { parsePolicy } from '../../gate/policy/yaml.ts';
import { refuseExisting, refuseIrregular, refuseKeptPlace } from '../../host/workspace/output_places.ts';

const names = TEMPLATES.map(({ name }) => name);

const spec: CommandSpec = command({
  output: { schemaId: POLICY_OUTPUT, operation: 'init' },
  summary: 'Create a policy from a template.',
  description: TEMPLATES.map(({ name, summary }) => `${name}: ${summary}`).join(' '),
  examples: [
    {
      says: 'Begin with what asks a person before anything is changed',
      line: 'policy init baseline-mediumrisk',
    },
    { says: 'Elsewhere', line: 'policy init high --out policies/prod.yaml' },
  ],
  args: [{ name: 'TEMPLATE', summary: `${names.join(', ')}; or low, medium, high`, required: true }],
  flags: {
    out: { type: 'string', value: 'FILE', default: 'gait.policy.yaml', summary: 'File to write.' },
    force: { type: 'boolean', summary: 'Replace an existing file.' },
  },
  async run({ flags: { out, force }, args: [named = ''] }, io) {
    const template = templateNamed(named);
    if (template === undefined) {
      throw invalidInput('template_unknown', `no such template: ${named}`, `There are ${names.join(', ')}.`);
    }
    const bytes = Buffer.from(template.text);
    const policy = parsePolicy(bytes, template.name);
    if (out === '') throw invalidInput('flag_value_invalid', '--out is empty', 'Give a file.');
    refuseKeptPlace(out, io.env);
    if (!force) refuseExisting(out, 'say --force');
    else refuseIrregular(out);
    writeFileAtOnce(out, bytes);
    const file = { path: out, bytes, policy, digest: policyDigest(policy) };
    const next = [`gait policy validate ${shellWord(out)}`, `gait policy test ${shellWord(out)} intent.json`];
    return {
      fields: { template: template.name, policy_path: out, ...policyFields(file), next_commands: next },
      lines: [
        `${printable(out)}  from ${template.name}: ${template.summary}`,
        ...next.map((line) => `  next: ${line}`),
      ],
    };
  },
});

export default spec;
