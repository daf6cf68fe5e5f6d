import { GaitError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import { type Folded, foldRecord, type StreamModel } from '../fold.ts';
import type { StoredEvent } from '../record.ts';
import { LOG_START, LogScanner } from '../scan.ts';
import type { EventStore, StreamStamp } from '../store.ts';
import { StreamHandle } from '../stream.ts';
import { ListingCache, ListingReader, listingLine } from './listing_cache.ts';

/** What a list shows of a stream. */
export interface RowView<S, R> {
  /** Names the form of what {@link save} makes, and who makes it. */
  readonly version: string;
  /** Undefined: nothing, it is no stream. */
  rowOf(state: S): R | undefined;
  save(row: R): Json;
  /** Undefined for what {@link save} did not make. */
  load(stream: string, saved: Json): R | undefined;
}

export interface Listed<R> {
  readonly stream: string;
  /** The row, or why the stream cannot be read. */
  readonly row: R | GaitError;
}

/** How many streams are looked at before the timers of the process, such as a lease's renewal, get a turn. */
const STREAMS_PER_TURN = 256;

/** The cache is not written for fewer logs than this, nor for less than this part of all. */
const MIN_UNSAVED = 256;
const MIN_UNSAVED_PART = 1 / 16;

/**
 * A row for each stream of a store. A log that is as it was when its row was made last, by its stamp, is not read again:
 * rows are kept in memory, and in a cache file that may be lost or spoiled at any time.
 */
export class StreamListing<S, R> {
  readonly #store: EventStore;
  readonly #model: StreamModel<S>;
  readonly #view: RowView<S, R>;
  readonly #minUnsaved: number;
  #cache: ListingCache | undefined;
  /** How many rows of the cache are not in its file. */
  #unsaved = 0;

  /** With fewer than `minUnsaved` rows that are not in the cache file, it is left as it is. */
  constructor(
    store: EventStore,
    model: StreamModel<S>,
    view: RowView<S, R>,
    minUnsaved: number = MIN_UNSAVED,
  ) {
    this.#store = store;
    this.#model = model;
    this.#view = view;
    this.#minUnsaved = minUnsaved;
  }

  /** All streams, sorted, in groups. One that cannot be read is there with its error. */
  async *groups(): AsyncGenerator<readonly Listed<R>[]> {
    const pass: Pass = { before: new ListingReader(this.#cached()), after: [], read: 0 };
    for await (const streams of inTurns(this.#store)) {
      const group: Listed<R>[] = [];
      for (const stream of streams) {
        const row = this.#known(stream, pass) ?? (await this.#read(stream, pass));
        if (row !== undefined) group.push({ stream, row });
      }
      if (group.length > 0) yield group;
    }
    this.#keep(pass);
  }

  #cached(): ListingCache {
    const { version } = this.#view;
    const file = this.#cache === undefined ? this.#store.shortcuts?.loadListing() : undefined;
    this.#cache ??= file === undefined ? new ListingCache(version) : ListingCache.fromFile(version, file);
    return this.#cache;
  }

  #known(stream: string, pass: Pass): R | undefined {
    pass.stamp = this.#store.shortcuts?.stamp(stream);
    const found = pass.before.find(stream, pass.stamp);
    const row = found === undefined ? undefined : this.#view.load(stream, found.saved);
    if (found !== undefined && row !== undefined) pass.after.push(found.line);
    return row;
  }

  async #read(stream: string, pass: Pass): Promise<R | GaitError | undefined> {
    const state = await stateOrError(this.#store, this.#model, stream);
    if (state instanceof GaitError) {
      // Its old row is of use to nobody, but may be all that says that there was more.
      const line = pass.before.lineOf(stream);
      if (line !== undefined) pass.after.push(line);
      return state;
    }
    const row = this.#view.rowOf(state);
    if (row !== undefined && pass.stamp !== undefined) {
      pass.after.push(listingLine(stream, pass.stamp, this.#view.save(row)));
      pass.read += 1;
    }
    return row;
  }

  #keep({ after, read }: Pass): void {
    this.#unsaved += read;
    if (read === 0) return; // what else is in the cache is of streams that are gone
    this.#cache = new ListingCache(this.#view.version, after.join(''));
    if (this.#unsaved < Math.max(this.#minUnsaved, after.length * MIN_UNSAVED_PART)) return;
    this.#store.shortcuts?.saveListing(this.#cache.toFile());
    this.#unsaved = 0;
  }
}

/** One way through all streams. */
interface Pass {
  readonly before: ListingReader;
  /** The lines of the next cache. */
  readonly after: string[];
  /** How many of them were not in the one before. */
  read: number;
  /** Of the stream that is looked at, taken before its log is read; undefined if it tells nothing. */
  stamp?: StreamStamp | undefined;
}

/** The names of all streams, sorted, some of which may hold nothing. Others of the process get a turn between the groups. */
export async function* inTurns(store: EventStore): AsyncGenerator<readonly string[]> {
  const names = store.shortcuts?.names() ?? (await store.list());
  for (let at = 0; at < names.length; at += STREAMS_PER_TURN) {
    if (at > 0) await new Promise<void>((resolve) => setImmediate(resolve));
    yield names.slice(at, at + STREAMS_PER_TURN);
  }
}

/** The state of a stream as its log has it now, or why it cannot be read. The initial state if there is no log. */
export async function stateOrError<S>(
  store: EventStore,
  model: StreamModel<S>,
  stream: string,
): Promise<S | GaitError> {
  const bytes = store.shortcuts?.shortLog(stream);
  const folded = bytes === undefined ? undefined : foldAtOnce(model, stream, bytes);
  if (folded !== undefined) return folded.state;
  try {
    return (await new StreamHandle(store, model, stream).load()).state;
  } catch (error) {
    if (error instanceof GaitError) return error;
    throw error;
  }
}

/** The fold of a whole log that is sound, has a record and ends with one; undefined for any other, which needs a closer look. */
function foldAtOnce<S>(model: StreamModel<S>, stream: string, bytes: Buffer): Folded<S> | undefined {
  const scanner = new LogScanner({ stream, idField: model.idField });
  const records: StoredEvent[] = [];
  if (scanner.collect(bytes, records) !== undefined || scanner.tail.length > 0) return undefined;
  if (records.length === 0) return undefined;
  let folded: Folded<S> = { state: model.initial, position: LOG_START };
  try {
    for (const record of records) folded = foldRecord(model, stream, folded, record);
    return folded;
  } catch (error) {
    if (error instanceof GaitError) return undefined;
    throw error;
  }
}
