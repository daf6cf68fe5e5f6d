import { parseCanonical } from '../core/canonical.ts';
import { canonicalDigest } from '../core/digest.ts';
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts';

/** What of a member counts when packs are compared: a digest for each of its sections. */
export type Comparable = Readonly<Record<string, string>>;

/** Members of documents that name who or when, and not what. */
const INCIDENTAL: ReadonlySet<string> = new Set([
  'job_id',
  'run_id',
  'producer_version',
  'manifest_digest',
  'context_set_id',
  'context_set_digest',
  'ref_id',
  'head',
  'merkle_root',
]);

/** What counts of a document: everything but ids, times, what follows from them, and these members. */
export function comparableDocument(bytes: Buffer, without: readonly string[] = []): string {
  return canonicalDigest(essential(lacking(parseCanonical(bytes), without)));
}

/** What of a manifest itself is no statement of its own: what it is of, when and by whom, and what follows from the members. */
const NOT_STATED: ReadonlySet<string> = new Set([
  ...['run_id', 'pack_id', 'created_at', 'generated_at', 'producer_version'],
  ...['files', 'contents', 'manifest_digest', 'signatures'],
]);

/** What the manifest of an artifact states beside its members, each statement by itself. */
export function statementsOf(manifest: object): Comparable {
  const stated = Object.entries(manifest).filter(([name]) => !NOT_STATED.has(name));
  return Object.fromEntries(stated.map(([name, value]) => [name, canonicalDigest(value)]));
}

export function lacking(value: Json, names: readonly string[]): Json {
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

export function essential(value: Json): Json {
  if (Array.isArray(value)) return value.map((item: Json) => essential(item));
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value).filter(([key]) => !INCIDENTAL.has(key) && !key.endsWith('_at'));
  return Object.fromEntries(members.map(([key, member]) => [key, essential(member)])) as JsonObject;
}
