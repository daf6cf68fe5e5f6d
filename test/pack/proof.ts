import { sign } from 'node:crypto';
import type { SigningKey } from '../../src/signing/keys.ts';
import { type Document, jcs, sha256 } from './forge.ts';

/** Proof records as artifacts.md §7.7 has them, made apart from what reads them. */
export const PROOF = 'proof_records.jsonl';

/** A member that a record is of. */
export interface Entry {
  readonly path: string;
  readonly sha256: string;
  readonly type: string;
  readonly size: number;
}

export interface Subject {
  readonly pack_type: string;
  readonly source_ref: string;
  readonly producer_version: string;
}

export type ProofRecord = Document & { readonly event: Document; readonly integrity: Document };

function digestOf(value: unknown): string {
  return sha256(jcs(value)).toString('hex');
}

/** The record with the hash that it makes, after the record before it: artifacts.md §7.7. */
export function hashed(
  { integrity: _, ...record }: Document,
  previous: string,
  key?: SigningKey,
): ProofRecord {
  const record_hash = `sha256:${digestOf({ ...record, integrity: { previous_record_hash: previous } })}`;
  const after = previous === '' ? {} : { previous_record_hash: previous };
  const signature = key && sign(null, Buffer.from(record_hash), key.secret).toString('base64');
  const signed = key === undefined ? {} : { signing_key_id: key.keyId, signature: `base64:${signature}` };
  return { ...record, integrity: { record_hash, ...after, ...signed } } as unknown as ProofRecord;
}

/** These records, each after the one before it. */
export function chained(records: readonly Document[], key?: SigningKey): ProofRecord[] {
  let previous = '';
  return records.map((record) => {
    const made = hashed(record, previous, key);
    previous = String(made.integrity['record_hash']);
    return made;
  });
}

export function recordOf({ path, sha256: digest, type, size }: Entry, subject: Subject): Document {
  const timestamp = '1980-01-01T00:00:00Z';
  const entry = { entry_path: path, entry_type: type, entry_sha256: digest, entry_size_bytes: size };
  const head = {
    ...{ timestamp, source: 'gait.pack', source_product: 'gait', agent_id: 'gait' },
    ...{ record_type: 'tool_invocation', event: { ...subject, ...entry, entry_permissions: 420 } },
  };
  const rest = { controls: { permissions_enforced: false }, metadata: { artifact_kind: 'gait.pack.entry' } };
  return identified({ record_version: '1.0', ...head, ...rest });
}

export function textOf(records: readonly Document[]): string {
  return records.map(jcs).join('\n');
}

/** The record with the id that its facts make. */
export function identified(record: Document): Document {
  const said = ['timestamp', 'source', 'source_product', 'agent_id', 'record_type', 'event'];
  const head = Object.fromEntries(said.map((name) => [name, record[name]]));
  return { ...record, record_id: `prf-${record['timestamp']}-${digestOf(head).slice(0, 8)}` };
}
