import type { JsonObject } from '../core/json.ts';
import { type Head, type IdField, LogDamage, type Position, type StoredEvent } from './record.ts';
import { LOG_START } from './scan.ts';
import type { EventStore } from './store.ts';

/** How the events of one kind of stream make its state. Pure. */
export interface StreamModel<S> {
  readonly idField: IdField;
  /** The state before the first event. */
  readonly initial: S;
  /** The state after one more event. Throws for an event that it does not know or that cannot follow. */
  evolve(state: S, event: JsonObject): S;
  /** Of events that name the record which they stand behind: throws if it is not the one that `before` is the end of. */
  assertPredecessor?(event: JsonObject, before: Head): void;
  /** True for an event that says that records were cut, which whoever appended them may have been told are on disk. */
  tellsOfCut?(event: JsonObject): boolean;
  /**
   * True if a stream that begins with this event is always folded from there: a snapshot is signed by nobody, and whoever
   * can write it could say what the log does not. By default false.
   */
  requiresFullReplay?(first: JsonObject): boolean;
  /** State to and from a snapshot; `load` answers undefined for what another version wrote, or is not of this stream and revision. */
  readonly snapshot: {
    save(state: S): JsonObject;
    load(stored: JsonObject, stream: string, revision: number): S | undefined;
  };
}

export interface Folded<S> {
  readonly state: S;
  readonly position: Position;
}

/** The state after one more event, which follows the record that `position` is of. Throws as the model does. */
export function evolveAt<S>(model: StreamModel<S>, { state, position }: FoldedTo<S>, event: JsonObject): S {
  const next = model.evolve(state, event);
  model.assertPredecessor?.(event, position);
  return next;
}

interface FoldedTo<S> {
  readonly state: S;
  readonly position: Head;
}

/** One step of a fold over stored records. What the model cannot fold is damage, named by its place. */
export function foldRecord<S>(
  model: StreamModel<S>,
  stream: string,
  folded: Folded<S>,
  record: StoredEvent,
): Folded<S> {
  try {
    const { revision, hash, offset } = record;
    return { state: evolveAt(model, folded, record.event), position: { revision, hash, offset } };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new LogDamage(
      { stream, revision: record.revision, offset: folded.position.offset },
      'illegal_event',
      why,
    );
  }
}

/**
 * The fold of a stream from its first event on, strictly checked, ignoring snapshots: what evidence is made from.
 * `visit` sees every record and the state after it. `until` stops after that revision. Throws
 * `LogDamage`, also of a log that ends before what lies beside it.
 */
export async function replay<S>(
  store: EventStore,
  model: StreamModel<S>,
  stream: string,
  visit: (record: StoredEvent, state: S) => void = () => {},
  until: number = Number.MAX_SAFE_INTEGER,
): Promise<Folded<S>> {
  let folded: Folded<S> = { state: model.initial, position: LOG_START };
  for await (const records of store.read(stream, { strict: true })) {
    for (const record of records) {
      if (record.revision > until) return folded;
      folded = foldRecord(model, stream, folded, record);
      visit(record, folded.state);
    }
  }
  await store.assertNoneLost?.(stream, folded.position);
  return folded;
}
