import { type CommandSpec, command } from '../../cli/command.ts';
import { gateRingOf } from '../../cli/flags/gate.ts';
import { privateKeyFlags, trustFlags } from '../../cli/flags/key.ts';
import { keyringFlags } from '../../cli/flags/keyring.ts';
import { traceFields, traceLines } from '../../cli/text/trace.ts';
import { namedPath } from '../../host/read_json.ts';
import { checkTraceFile, traceError } from '../../host/trace_files.ts';

const spec: CommandSpec = command({
  output: { schemaId: 'gait.trace.output', operation: 'verify' },
  summary: 'Verify a trace: who signed it, and that nothing in it was changed.',
  description:
    'Recomputes its ids, checks every signature over everything that it should cover, and the records ' +
    'beside it that it names. Also reads traces of earlier versions. Exit 2 if anything is wrong.',
  examples: [
    { says: 'Check one', line: 'trace verify trace.json --public-key gait-out/keys/dev_public.key' },
    {
      says: 'That it is of this policy',
      line: 'trace verify trace.json --trust-dir trusted --expect-policy-digest 3592…35',
    },
  ],
  args: [{ name: 'PATH', summary: 'the trace', required: false }],
  flags: {
    path: { type: 'string', value: 'FILE', summary: 'Trace file, instead of the argument.' },
    ...trustFlags,
    ...privateKeyFlags,
    ...keyringFlags,
    'expect-policy-digest': {
      type: 'string',
      value: 'DIGEST',
      summary: 'Fail unless it is of the policy with this digest.',
    },
    'expect-intent-digest': {
      type: 'string',
      value: 'DIGEST',
      summary: 'Fail unless it is of the call with this digest.',
    },
    'expect-verdict': { type: 'string', value: 'VERDICT', summary: 'Fail unless it states this verdict.' },
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
