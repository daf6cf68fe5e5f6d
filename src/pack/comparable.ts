import { createHash } from 'node:crypto';
import { canonicalize, parseCanonical } from '../core/canonical.ts';
import { canonicalDigest } from '../core/digest.ts';
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts';
import type { Receipt, Refs, Result, RunDocument, RunIntent } from '../run/documents.ts';
import type { RecordVisitor } from '../run/records.ts';
import { isCheckpoint, isEventArgs, isEventResult } from '../run/session/checkpoint.ts';
import { isBondEntry } from '../run/session/checkpoint_bond.ts';
import type { RunFacts } from '../run/verify.ts';

/** What of a member counts when packs are compared: a digest for each of its sections. */
export type Comparable = Readonly<Record<string, string>>;

/**
 * Collects what counts of a run as it is read: what was asked, in order, and what came of it. Ids of runs and intents,
 * times, and versions of producers do not count; an intent is its place in the run.
 */
export class ComparableRun implements RecordVisitor {
  readonly #places = new Map<string, number>();
  readonly #intents = createHash('sha256');
  readonly #results: string[] = [];

  intent({ run_id, intent_id, tool_name, args_digest, args = {} }: RunIntent): void {
    const place = this.#places.size;
    if (!this.#places.has(intent_id)) this.#places.set(intent_id, place);
    const asked = withoutIds(args, args_digest, isCheckpoint(run_id) && isEventArgs(args));
    this.#intents.update(canonicalize({ ...asked, tool_name })); // keys in order are cheaper to print
  }

  result({ run_id, intent_id, status, result_digest, result = {} }: Result): void {
    const place = String(this.#places.get(intent_id) ?? 'none').padStart(12, '0');
    const came = withoutIds(result, result_digest, isCheckpoint(run_id) && isEventResult(result));
    this.#results.push(`${place} ${canonicalDigest({ ...came, status })}`);
  }

  /** The sections of the run, once all its records were seen. */
  sections({ run, refs }: RunFacts): Comparable {
    return {
      environment: canonicalDigest(run.env),
      timeline: canonicalDigest(this.#timeline(run)),
      intents: this.#intents.copy().digest('hex'),
      results: canonicalDigest([...this.#results].sort()),
      context: comparableContext(refs).what,
    };
  }

  #timeline({ timeline }: RunDocument): Json {
    const done = (timeline ?? []).filter((item) => !isBondEntry(item));
    return done.map(({ ts: _, ref, ...entry }) => {
      const place = typeof ref === 'string' ? this.#places.get(ref) : undefined;
      return { ...entry, ref: place ?? (this.#isOwnId(ref) ? 'own' : (ref ?? null)) };
    });
  }

  /** A reference to a checkpoint or a trace is an id too. */
  #isOwnId(ref: Json | undefined): boolean {
    return typeof ref === 'string' && ref.startsWith('trace_');
  }
}

/** What a checkpoint of a session says of an event: which event of which session, and where its trace is. */
const SESSION_IDS: ReadonlySet<string> = new Set(['sequence', 'session_id', 'trace_id', 'trace_path']);

/** Content and its digest. Of what a session's checkpoint says of an event, the ids are left out, and a digest that is only of them. */
function withoutIds(
  content: JsonObject,
  digest: string,
  ofEvent: boolean,
): { readonly content: JsonObject; readonly digest: string } {
  if (!ofEvent) return { content, digest };
  const members = Object.entries(content).filter(([key]) => !SESSION_IDS.has(key));
  const own = digest === canonicalDigest(content);
  return { content: Object.fromEntries(members), digest: own ? '' : digest };
}

/** What was read of the context, and when. */
export function comparableContext(refs: Refs): { readonly what: string; readonly when: string } {
  const receipts = (refs.receipts ?? []).map(({ ref_id: _id, retrieved_at, ...content }: Receipt) => {
    return { content: canonicalize(content), retrieved_at };
  });
  const key = ({ content, retrieved_at }: (typeof receipts)[number]): string => `${content} ${retrieved_at}`;
  const sorted = receipts.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
  const mode = refs.context_evidence_mode ?? 'best_effort';
  return {
    what: canonicalDigest([mode, ...sorted.map(({ content }) => content)]),
    when: canonicalDigest(sorted.map(({ retrieved_at }) => retrieved_at)),
  };
}

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

/**
 * What counts of the events of a job. A renewal only says that time has passed, and a token is its lease's place among
 * the leases, so that the number of renewals before it does not count. Of a signature it counts whose it is.
 */
export function comparableEvents(bytes: Buffer): string {
  const hash = createHash('sha256');
  const places = new Map<Json | undefined, number>();
  for (const line of bytes.toString('utf8').split('\n')) {
    if (line === '') continue;
    const event = parseCanonical(Buffer.from(line));
    const { type, payload } = isJsonObject(event) ? event : {};
    if (type === 'lease_renewed') continue;
    if (type === 'lease_acquired' && isJsonObject(payload)) places.set(payload['token'], places.size + 1);
    hash.update(canonicalize(essential(withSigners(withPlaces(lacking(event, ['revision']), places)))));
  }
  return hash.digest('hex');
}

function withPlaces(event: Json, places: ReadonlyMap<Json | undefined, number>): Json {
  if (!isJsonObject(event) || !isJsonObject(event['payload'])) return event;
  const { payload } = event;
  const place = (holder: JsonObject): JsonObject => {
    const { token } = holder;
    return token === undefined ? holder : { ...holder, token: places.get(token) ?? token };
  };
  const { taken_over } = payload;
  const replaced = isJsonObject(taken_over) ? { taken_over: place(taken_over) } : {};
  return { ...event, payload: { ...place(payload), ...replaced } };
}

function withSigners(event: Json): Json {
  if (!isJsonObject(event) || !isJsonObject(event['payload'])) return event;
  const { payload } = event;
  const { signed } = payload;
  const signature = isJsonObject(signed) ? signed['signature'] : undefined;
  if (!isJsonObject(signature)) return event;
  return { ...event, payload: { ...payload, signed: { key_id: signature['key_id'] ?? null } } };
}

function lacking(value: Json, names: readonly string[]): Json {
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

function essential(value: Json): Json {
  if (Array.isArray(value)) return value.map((item: Json) => essential(item));
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value).filter(([key]) => !INCIDENTAL.has(key) && !key.endsWith('_at'));
  return Object.fromEntries(members.map(([key, member]) => [key, essential(member)])) as JsonObject;
}
