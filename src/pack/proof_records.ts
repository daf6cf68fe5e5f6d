import { parseCanonical } from '../core/canonical.ts';
import { canonicalDigest } from '../core/digest.ts';
import { GaitError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import { MAX_FINDINGS, MAX_PROOF_RECORD_BYTES } from '../core/limits.ts';
import type { Found } from '../core/report.ts';
import { type ByteSource, linesOf } from '../files/source.ts';
import validateRecord from '../schema/generated/pack_proof_record.js';
import { schemaFault } from '../schema/validator.ts';
import type { PackManifest } from './manifest.ts';

/** A chain of records, one for every other member, that some producers put into their packs. */
export const PROOF_MEMBER = 'proof_records.jsonl';

interface ProofRecord extends JsonObject {
  readonly record_id: string;
  readonly timestamp: string;
  readonly event: JsonObject & { readonly entry_path: string; readonly entry_sha256: string };
  readonly integrity: JsonObject & { readonly record_hash: string };
}

/** What was found of the proof records of a pack, and how many there are. */
export interface ProofAccount {
  readonly findings: readonly Found[];
  readonly count: number;
}

/**
 * What is wrong with the proof records of a pack: each must hash to what it says, follow the one before it, and tell
 * the truth of the member that the manifest declares in its place. `sizes` are those of the members. Stops where there
 * is more to say than anyone reads.
 */
export function proofAccount(
  source: ByteSource,
  manifest: PackManifest,
  sizes: ReadonlyMap<string, number>,
): ProofAccount {
  const findings: Found[] = [];
  const declared = manifest.contents.filter(({ path }) => path !== PROOF_MEMBER);
  let previous = '';
  let wrong: number | undefined;
  let count = 0;
  let ended = false;
  for (const { bytes, whole } of linesOf(source, MAX_PROOF_RECORD_BYTES)) {
    const { record, why } = parse(bytes);
    if (record === undefined) return { findings: [...findings, at(count, 'proof_unreadable', why)], count };
    const { event, integrity } = record;
    const hash = recordHash(record);
    if (integrity.record_hash !== hash)
      findings.push(at(count, 'proof_hash_mismatch', `the record makes ${hash}`));
    if ((integrity['previous_record_hash'] ?? '') !== previous)
      findings.push(at(count, 'proof_chain_broken', 'it does not follow the record before it'));
    previous = integrity.record_hash;
    const id = recordId(record);
    if (record.record_id !== id) findings.push(at(count, 'proof_disagrees', `its id should be ${id}`));
    if (wrong === undefined && !isTrue(event, declared[count], manifest, sizes)) wrong = count;
    count += 1;
    ended = whole;
    if (findings.length > MAX_FINDINGS || count > declared.length) break;
  }
  if (count === 0) return { findings: [at(0, 'proof_unreadable', 'there are no records')], count };
  if (ended && count <= declared.length)
    findings.push(at(count, 'proof_unreadable', 'nothing follows the last newline'));
  if (wrong === undefined && count < declared.length) wrong = count;
  if (wrong === undefined) return { findings, count };
  const where = declared[wrong]?.path ?? declared.at(-1)?.path;
  const first = where === undefined ? '' : `; first that differs: ${where}`;
  const message = `${PROOF_MEMBER}: ${count} records, ${declared.length} members${first}`;
  return {
    findings: [...findings, { code: 'proof_disagrees', message, member: PROOF_MEMBER }],
    count,
  };
}

/** True if a record says of a member what the manifest does. */
function isTrue(
  event: JsonObject,
  entry: PackManifest['contents'][number] | undefined,
  { pack_type, source_ref, producer_version }: PackManifest,
  sizes: ReadonlyMap<string, number>,
): boolean {
  if (entry === undefined) return false;
  const { path, sha256, type } = entry;
  const { entry_permissions: _, entry_sha256, ...told } = event;
  const facts = { entry_path: path, entry_type: type, entry_size_bytes: sizes.get(path) ?? 0 };
  return (
    String(entry_sha256).toLowerCase() === sha256.toLowerCase() &&
    canonicalDigest(told) === canonicalDigest({ ...facts, pack_type, source_ref, producer_version })
  );
}

function parse(line: Buffer): { record?: ProofRecord; why: string } {
  try {
    const value = parseCanonical(line);
    const fault = schemaFault(validateRecord, value);
    if (fault === undefined && isJsonObject(value)) return { record: value as ProofRecord, why: '' };
    return { why: fault ?? 'not an object' };
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
    return { why: error.message };
  }
}

/** `sha256:` and the digest of the record without its own hash and signature. */
function recordHash({ integrity, ...record }: ProofRecord): string {
  const previous = integrity['previous_record_hash'] ?? '';
  return `sha256:${canonicalDigest({ ...record, integrity: { previous_record_hash: previous } })}`;
}

/** `prf-`, its time, and eight digits of the digest of what it says. */
function recordId({ timestamp, source, source_product, agent_id, record_type, event }: ProofRecord): string {
  const said = { timestamp, source, source_product, agent_id, record_type, event } as JsonObject;
  return `prf-${timestamp}-${canonicalDigest(said).slice(0, 8)}`;
}

function at(index: number, code: string, why: string): Found {
  return {
    code,
    message: `${PROOF_MEMBER}: record ${index + 1}: ${why}`,
    member: PROOF_MEMBER,
    revision: index + 1,
  };
}
