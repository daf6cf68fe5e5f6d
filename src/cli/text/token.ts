import { GaitError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { USES_STREAM, type UsesState, usesModel } from '../../gate/ledger/consumption.ts';
import type { ApprovalFinding } from '../../gate/tokens/approval.ts';
import type { DelegationFinding } from '../../gate/tokens/delegation.ts';
import type { EventStore } from '../../log/store.ts';
import { StreamHandle } from '../../log/stream.ts';
import type { Reply } from '../command.ts';
import type { Signer } from '../flags/key.ts';
import type { Io } from '../io.ts';
import { printable } from '../terminal.ts';

/** What a gate's calls used up, and what was taken back. */
export async function readUses(store: EventStore): Promise<UsesState> {
  return (await new StreamHandle(store, usesModel, USES_STREAM).load()).state;
}

/** What is to be said of a token that was looked at. */
export function tokenReply(
  finding: ApprovalFinding | DelegationFinding,
  path: string,
  kind: 'approval' | 'delegation',
  io: Io,
): Reply {
  const { valid, error_code = `${kind}_token_invalid`, detail = '', digest: _, ...said } = finding;
  const fields = { ...said, token_path: path, valid } as unknown as JsonObject;
  if (valid) {
    return {
      fields: { ...fields, description: `${kind} token verified` },
      lines: [
        `${io.paint('green', 'valid')}  ${printable(path)}`,
        `  id          ${printable(finding.token_id ?? '')}`,
        `  holds until ${finding.expires_at}`,
        `  for         ${(finding.scope ?? []).map(printable).join(', ')}`,
        `  signed by   ${finding.key_id}`,
      ],
    };
  }
  const message = `${path} counts for nothing: ${detail}`;
  return {
    fields,
    lines: [],
    failure: new GaitError({ code: error_code, category: 'verification_failed', message }),
  };
}

/** What is to be said of a token that was made. */
export function mintedReply(token: JsonObject, path: string, signer: Signer, says: string): Reply {
  const { schema_id, schema_version, created_at, producer_version, signature, ext, ext_signature, ...said } =
    token;
  return {
    fields: { ...said, token_path: path, key_id: signer.key.keyId, warnings: [...signer.warnings] },
    lines: [
      `${says} until ${String(token['expires_at'])}`,
      `  token       ${printable(path)}`,
      `  key id      ${signer.key.keyId}`,
    ],
  };
}
