import type { JsonObject } from '../core/json.ts';
import type { Batch, Head, Position, StoredEvent, StreamStart } from './record.ts';

/**
 * What an append answers. Exactly one of:
 * - `committed`: the batch is on disk; `head` is the new end of the stream;
 * - `conflict`: nothing was written, the stream's head is `head`; read on, decide again;
 * - `unknown`: an I/O error hid the outcome. Never retry blindly: read, and look for the `hashes` of the batch.
 */
export type AppendOutcome =
  | { readonly status: 'committed'; readonly head: Position }
  | { readonly status: 'conflict'; readonly head: Head | StreamStart }
  | { readonly status: 'unknown'; readonly hashes: readonly string[]; readonly cause: unknown };

/** A cached fold: the state after `position.revision` events. A cache and nothing else; any of them may be lost. */
export interface Snapshot {
  readonly position: Position;
  readonly state: JsonObject;
}

export interface ReadOptions {
  /** Only what comes after this record. By default everything. */
  readonly after?: Position;
  /** Also check that every stored byte is as a writer leaves it. Evidence is read this way. */
  readonly strict?: boolean;
}

/**
 * Streams of chained records with compare-and-swap appends. Every implementation passes `log/conformance.ts` whole.
 *
 * All calls may throw `GaitError`: `log_damaged` (verification_failed) when what is stored does not parse or chain,
 * `stream_busy` (state_contention, retryable) when the lock was not to be had in time, and io_failure.
 */
export interface EventStore {
  /** Appends a sealed batch if the stream's head is the one that the batch expects. */
  append(batch: Batch): Promise<AppendOutcome>;

  /**
   * The records of a stream, in order, in groups of a size that suits the store. Nothing at all for a stream that
   * does not exist. Throws `position_unknown` when `after` is no end of a record of this stream.
   */
  read(stream: string, options?: ReadOptions): AsyncIterable<readonly StoredEvent[]>;

  /** The ids of all streams that hold at least one record, sorted. */
  list(): Promise<readonly string[]>;

  /** The newest usable snapshot: one whose position is the end of a record of the stream. */
  loadSnapshot(stream: string): Promise<Snapshot | undefined>;

  /** Keeps a snapshot, best effort: it may silently not be kept, and never harms what is there. */
  saveSnapshot(stream: string, snapshot: Snapshot): Promise<void>;

  close(): Promise<void>;

  /**
   * Throws `LogDamage` of the cause `records_lost` if the store knows, from what it keeps beside the records, that the
   * stream had a later revision than it ends with. `end` is what a read that was begun before this call ended with.
   * Only stores whose records and other files can get apart have it.
   */
  assertNoneLost?(stream: string, end: Position): Promise<void>;

  /**
   * True if the record that ends at `position` is there for good: no writer is about to take it back. Best effort: false
   * where that cannot be told now. Only stores that can be read while they are written have it.
   */
  confirms?(stream: string, position: Position): Promise<boolean>;

  /** What a store of very many streams has to offer to those who list them all. */
  readonly shortcuts?: Shortcuts;
}

/** What tells one content of a stream from another without reading it. Its parts mean something to its store alone. */
export type StreamStamp = readonly (number | string)[];

/** Ways to learn little about many streams. None of them throws for a stream that cannot be read. */
export interface Shortcuts {
  /** The ids of all streams, and of what only looks like one, sorted. Throws io_failure. */
  names(): readonly string[];

  /**
   * A stamp that no later content of the log will have. Undefined if the log cannot be told by one, or changed so short
   * a time ago that a further change might leave the stamp as it is.
   */
  stamp(stream: string): StreamStamp | undefined;

  /** The bytes of a log that is short, until the next call; undefined for any other, and what cannot be read. */
  shortLog(stream: string): Buffer | undefined;

  /** What {@link saveListing} kept. It may have been changed since, by anyone. */
  loadListing(): Buffer | undefined;

  /** Keeps a cache for all streams, best effort. */
  saveListing(bytes: Buffer): void;
}

/** What a log leaves beside its records; only stores on files have such things. */
export interface Residue {
  /** Bytes after the last newline: never acknowledged, cut by the next append. */
  readonly tailBytes: number;
  readonly snapshotFile: boolean;
  /** The revision that the snapshot file names, whether or not the log has it. */
  readonly snapshotRevision?: number;
  /** What the snapshot file holds, whether or not the log has its record: it may be all that is left of lost history. */
  readonly snapshot?: Snapshot;
  /** What repairs cut and kept, sorted by name. */
  readonly cuts: readonly KeptCut[];
  /** The log had at least this revision once, by what lies beside it: 0 where nothing says so. */
  readonly remembered: number;
}

/** A file that a repair left beside a log. */
export interface KeptCut {
  readonly name: string;
  readonly bytes: number;
  /** The revision after which it was cut. */
  readonly revision: number;
}
