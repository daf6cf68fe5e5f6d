import { type CommandSpec, command } from '../../cli/command.ts';
import { gateRingOf } from '../../cli/flags/gate.ts';
import { privateKeyFlags, trustFlags } from '../../cli/flags/key.ts';
import { keyringFlags } from '../../cli/flags/keyring.ts';
import { checkTraceFile, traceError, traceFields, traceLines } from '../../cli/trace_files.ts';
import { namedPath } from '../../host/read_json.ts';

const spec: CommandSpec = command({
  output: { schemaId: 'gait.trace.output', operation: 'verify' },
  summary: 'Check a trace: who signed it, and that nothing in it was changed.',
  description:
    'Its ids are made anew, every signature is checked over all that it should be over, the records that it names are ' +
    'looked for beside it. Traces of earlier versions are read too. Exit 2 if anything is wrong.',
  examples: [
    { says: 'Check one', line: 'trace verify trace.json --public-key gait-out/keys/dev_public.key' },
    {
      says: 'That it is of this policy',
      line: 'trace verify trace.json --trust-dir trusted --expect-policy-digest 3592…35',
    },
  ],
  args: [{ name: 'PATH', summary: 'the trace', required: false }],
  flags: {
    path: { type: 'string', value: 'FILE', summary: 'The trace, in place of the argument.' },
    ...trustFlags,
    ...privateKeyFlags,
    ...keyringFlags,
    'expect-policy-digest': { type: 'string', value: 'DIGEST', summary: 'It must be of this policy.' },
    'expect-intent-digest': { type: 'string', value: 'DIGEST', summary: 'It must be of this call.' },
    'expect-verdict': { type: 'string', value: 'VERDICT', summary: 'It must say this.' },
  },
  async run(input, io) {
    const { flags } = input;
    const path = namedPath(input, 'trace', 'gait trace verify FILE');
    const keyring = gateRingOf(flags, io);
    const checked = checkTraceFile(path, keyring, io.clock.now(), {
      policyDigest: flags['expect-policy-digest'],
      intentDigest: flags['expect-intent-digest'],
      verdict: flags['expect-verdict'],
    });
    const { findings } = checked;
    return {
      fields: { path, ...traceFields(checked) },
      lines: traceLines(checked, io),
      ...(findings.length === 0 ? {} : { failure: traceError(path, findings) }),
    };
  },
});

export default spec;
