import type { JsonObject } from '../../core/json.ts';
import type { RunManifest } from '../../run/documents.ts';
import { ticketFooter } from '../../run/session/footer.ts';
import type { Signer } from '../flags/key.ts';

/** Whether and by whom something was signed, as members of an output. */
export function signatureFields(signer: Signer | undefined): JsonObject {
  if (signer === undefined) return { signature_status: 'missing' };
  return { signature_status: 'signed', signature_key_id: signer.key.keyId };
}

/** The members of an output that name a runpack. */
export function runpackFields(path: string, { run_id, manifest_digest }: RunManifest): JsonObject {
  return { run_id, bundle: path, manifest_digest, ticket_footer: ticketFooter(run_id, manifest_digest) };
}
