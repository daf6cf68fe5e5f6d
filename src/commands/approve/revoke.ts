import { type CommandSpec, command } from '../../cli/command.ts';
import { stateFlag } from '../../cli/flags/gate_state.ts';
import { printable } from '../../cli/terminal.ts';
import { invalidInput } from '../../core/errors.ts';
import { decideRevocation, USES_STREAM, usesModel } from '../../gate/ledger/consumption.ts';
import { APPROVAL_SCHEMA_ID } from '../../gate/tokens/approval.ts';
import { DELEGATION_SCHEMA_ID } from '../../gate/tokens/delegation.ts';
import { gateStore } from '../../host/gate_files.ts';
import { readToken } from '../../host/token_files.ts';
import { gateDir } from '../../host/workspace/output_places.ts';
import { StreamHandle } from '../../log/stream.ts';
import { signaturesOf } from '../../signing/signed_document.ts';

const spec: CommandSpec = command({
  output: { schemaId: 'gait.approve.output', operation: 'revoke' },
  summary: 'Revoke an approval or a delegation: no gate with this state accepts it any longer.',
  description:
    'Records the revocation in the directory of the gate. Name the token file, or the id that a decision ' +
    'printed; an id revokes every token with that id. Calls that ran on it before are not undone.',
  examples: [
    {
      says: 'Take one back',
      line: "approve revoke --token approval.json --reason 'sent to the wrong agent'",
    },
    { says: 'By its id', line: "approve revoke --token-id 8fe745f4b70f61eb6da25860 --reason 'bob left'" },
  ],
  flags: {
    token: { type: 'string', value: 'FILE', summary: 'The token.' },
    'token-id': { type: 'string', value: 'ID', summary: 'Id of the token, if you do not have the file.' },
    reason: { type: 'string', value: 'TEXT', required: true, summary: 'Reason, kept with the revocation.' },
    ...stateFlag,
  },
  async run({ flags }, io) {
    const { token: file, 'token-id': id, reason } = flags;
    if ((file === undefined) === (id === undefined)) {
      throw invalidInput('flags_conflict', 'give one of --token and --token-id');
    }
    const text = reason.trim();
    if (text === '' || text.length > 512) {
      throw invalidInput('flag_value_invalid', '--reason is empty, or longer than 512 characters');
    }
    const token = id === undefined ? digestOf(file ?? '') : plainId(id);
    const uses = new StreamHandle(gateStore(gateDir(flags['state-dir'], io.env), io), usesModel, USES_STREAM);
    const now = io.clock.now();
    const { events } = await uses.execute((state) => decideRevocation(state, { token, reason: text }, now));
    const done = events.length > 0 ? 'taken back' : 'was taken back before';
    return {
      fields: { token, reason: text, revoked: true },
      lines: [`${printable(file ?? token)}: ${done}`],
    };
  },
});

/** The digest by which a gate knows a token. Throws `token_malformed` for what is none. */
function digestOf(path: string): string {
  const document = readToken(path);
  const kinds: readonly unknown[] = [APPROVAL_SCHEMA_ID, DELEGATION_SCHEMA_ID];
  const { signature, digest } = signaturesOf(document);
  if (kinds.includes(document['schema_id']) && signature !== undefined) return digest;
  throw invalidInput('token_malformed', `${path} holds no signed approval and no delegation`);
}

function plainId(id: string): string {
  const plain = id.trim().toLowerCase();
  if (/^[0-9a-f]{24}$/.test(plain)) return plain;
  throw invalidInput('flag_value_invalid', `--token-id is none: ${JSON.stringify(id.slice(0, 40))}`);
}

export default spec;
