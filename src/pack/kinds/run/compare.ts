import { createHash } from 'node:crypto';
import { canonicalize } from '../../../core/canonical.ts';
import { canonicalDigest } from '../../../core/digest.ts';
import type { Json, JsonObject } from '../../../core/json.ts';
import type { Receipt, Refs, Result, RunDocument, RunIntent } from '../../../run/documents.ts';
import type { RecordVisitor } from '../../../run/records.ts';
import { isCheckpoint, isEventArgs, isEventResult } from '../../../run/session/checkpoint.ts';
import { isBondEntry } from '../../../run/session/checkpoint_bond.ts';
import type { RunFacts } from '../../../run/verify.ts';
import type { Comparable } from '../../comparable.ts';

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
