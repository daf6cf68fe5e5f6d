import { dirname, join } from 'node:path';
import { type CommandSpec, command } from '../../cli/command.ts';
import { gateRingOf } from '../../cli/gate_flags.ts';
import { namedPath, readFileBytes, readJsonFile } from '../../cli/input.ts';
import { privateKeyFlags, trustFlags } from '../../cli/key_flags.ts';
import { keyringFlags } from '../../cli/keyring_flags.ts';
import { printable } from '../../cli/run.ts';
import { sha256Hex } from '../../core/digest.ts';
import { GaitError, invalidInput } from '../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import { namedRecords, type TraceFinding, verifyTrace } from '../../gate/trace_verify.ts';

/** Larger ones are no traces. Bytes. */
const MAX_TRACE_BYTES = 4 * 1024 * 1024;

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
    const document = readJsonFile(path, MAX_TRACE_BYTES);
    if (!isJsonObject(document)) throw invalidInput('trace_malformed', `${path} is no trace: no JSON object`);
    const { findings: own, ...verified } = verifyTrace(document, keyring, io.clock.now(), {
      policyDigest: flags['expect-policy-digest'],
      intentDigest: flags['expect-intent-digest'],
      verdict: flags['expect-verdict'],
    });
    const findings = [...own, ...recordFindings(document, path)];
    const fields = { path, ...filled(verified), signature_status: own.length === 0 ? 'verified' : 'failed' };
    if (findings.length === 0) {
      const by = verified.signature_scope === 'full' ? 'all of it' : 'what every version knows';
      const lines = [
        `${io.paint('green', 'verified')}  ${printable(verified.verdict)}${verified.simulated ? ' (simulated)' : ''}`,
        `  signed by   ${verified.key_id} (${by})`,
        `  policy      ${printable(verified.policy_digest)}`,
        `  call        ${printable(verified.intent_digest)}`,
      ];
      return { fields, lines };
    }
    const failure = new GaitError({
      code: 'trace_invalid',
      category: 'verification_failed',
      message: `${path}: ${findings.map(({ message }) => message).join('; ')}`,
    });
    return { fields: { ...fields, findings: findings.map((one) => ({ ...one })) }, lines: [], failure };
  },
});

function filled(members: JsonObject | object): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== '')) as JsonObject;
}

/** The records that the trace names, where they lie beside it, must be what was signed. */
function recordFindings(document: JsonObject, path: string): TraceFinding[] {
  return namedRecords(document).flatMap(({ path: name, sha256 }) => {
    if (name.includes('/') || name.includes('\\')) {
      return [{ code: 'trace_invalid', message: `it names a record elsewhere: ${name}` }];
    }
    const found = digestBeside(join(dirname(path), name));
    if (found === undefined || found === sha256) return [];
    return [{ code: 'record_changed', message: `${name} is not the record that was signed` }];
  });
}

function digestBeside(path: string): string | undefined {
  try {
    return sha256Hex(readFileBytes(path, MAX_TRACE_BYTES));
  } catch (error) {
    if (error instanceof GaitError && error.code === 'file_not_found') return undefined;
    throw error;
  }
}

export default spec;
