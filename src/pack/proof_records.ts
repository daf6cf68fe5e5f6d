import { parseCanonical } from '../core/canonical.ts';
import { canonicalDigest } from '../core/digest.ts';
import { GaitError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type { Found } from '../core/report.ts';
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

/**
 * What is wrong with the proof records of a pack: each must hash to what it says, follow the one before it, and tell
 * the truth of the member that the manifest declares in its place. `sizes` are those of the members. Pure.
 */
export function proofFindings(
  bytes: Buffer,
  manifest: PackManifest,
  sizes: ReadonlyMap<string, number>,
): Found[] {
  const findings: Found[] = [];
  const seen: JsonObject[] = [];
  let previous = '';
  for (const [index, line] of linesIn(bytes).entries()) {
    const { record, why } = parse(line);
    if (record === undefined) return [...findings, at(index, 'proof_unreadable', why)];
    const { event, integrity } = record;
    const hash = recordHash(record);
    if (integrity.record_hash !== hash)
      findings.push(at(index, 'proof_hash_mismatch', `the record makes ${hash}`));
    if ((integrity['previous_record_hash'] ?? '') !== previous) {
      findings.push(at(index, 'proof_chain_broken', 'it does not follow the record before it'));
    }
    previous = integrity.record_hash;
    const id = recordId(record);
    if (record.record_id !== id) findings.push(at(index, 'proof_disagrees', `its id should be ${id}`));
    seen.push(event);
  }
  return [...findings, ...membersFindings(seen, manifest, sizes)];
}

function membersFindings(
  seen: readonly JsonObject[],
  manifest: PackManifest,
  sizes: ReadonlyMap<string, number>,
): Found[] {
  const { pack_type, source_ref, producer_version } = manifest;
  const declared = manifest.contents.filter(({ path }) => path !== PROOF_MEMBER);
  const wrong = declared.findIndex(({ path, sha256, type }, index) => {
    const { entry_permissions: _, entry_sha256, ...told } = seen[index] ?? {};
    const facts = { entry_path: path, entry_type: type, entry_size_bytes: sizes.get(path) ?? 0 };
    return (
      String(entry_sha256).toLowerCase() !== sha256.toLowerCase() ||
      canonicalDigest(told) !== canonicalDigest({ ...facts, pack_type, source_ref, producer_version })
    );
  });
  if (wrong === -1 && seen.length === declared.length) return [];
  const member = declared[wrong === -1 ? declared.length - 1 : wrong]?.path;
  const where = member === undefined ? '' : `; first that differs: ${member}`;
  const message = `${PROOF_MEMBER}: ${seen.length} records, ${declared.length} members${where}`;
  return [{ code: 'proof_disagrees', message, member: PROOF_MEMBER }];
}

/** How many records there are: one a line, the last without a newline. */
export function proofRecordCount(bytes: Buffer): number {
  return linesIn(bytes).length;
}

/** The lines of the member; the last has no newline. */
function linesIn(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return [...lines, bytes.subarray(start)];
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
