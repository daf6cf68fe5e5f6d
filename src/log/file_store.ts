import { join, resolve } from 'node:path';
import { errnoOf, GaitError, ioFailure } from '../core/errors.ts';
import {
  closeQuietly,
  hasLine,
  isAnchored,
  pieces,
  replaceQuietly,
  revisionEndingAt,
  wholeFile,
} from './file_bytes.ts';
import { FileShortcuts, LOG_FILE } from './file_shortcuts.ts';
import { StreamFile } from './file_stream.ts';
import { nodeFs } from './fs/node.ts';
import type { Fd, FsPort } from './fs/port.ts';
import {
  assertStreamId,
  type Batch,
  type IdField,
  type LogDamage,
  MAX_LINE_BYTES,
  type Position,
  type StoredEvent,
} from './record.ts';
import { LOG_START, LogScanner } from './scan.ts';
import { parseSnapshot, snapshotBytes } from './snapshot.ts';
import type { AppendOutcome, EventStore, ReadOptions, Residue, Snapshot } from './store.ts';

export { LOG_FILE };
export const SNAPSHOT_FILE = 'snapshot.json';

export interface FileStoreOptions {
  /** The directory that holds one folder a stream. Made when the first event is appended. */
  readonly root: string;
  /** Which member of an event names its stream. */
  readonly idField: IdField;
  readonly fs?: FsPort;
  /** How long an append waits for the lock before it gives up with `stream_busy`. Milliseconds. */
  readonly lockTimeoutMs?: number;
  readonly sleep?: (ms: number) => Promise<void>;
  /** The time by which logs count as unchanged for long enough. Milliseconds since 1970. */
  readonly nowMs?: () => number;
  /** Jitter of the lock's backoff, 0 to 1. */
  readonly random?: () => number;
}

const MAX_OPEN_STREAMS = 128;
const DEFAULT_LOCK_TIMEOUT_MS = 10_000;

/** Streams as files: `<root>/<stream id>/log.ndjson`, needing no server. Safe among threads, processes and crashes. */
export class FileStore implements EventStore {
  readonly root: string;
  readonly #idField: IdField;
  readonly fs: FsPort;
  readonly shortcuts: FileShortcuts;
  readonly #tuning: { lockTimeoutMs: number; sleep: (ms: number) => Promise<void>; random: () => number };
  /** The least recently used one first. */
  readonly #streams = new Map<string, StreamFile>();
  #latest: StreamFile | undefined;

  constructor(options: FileStoreOptions) {
    this.root = resolve(options.root);
    this.#idField = options.idField;
    this.fs = options.fs ?? nodeFs;
    this.shortcuts = new FileShortcuts(this.fs, this.root, options.nowMs ?? Date.now);
    this.#tuning = {
      lockTimeoutMs: options.lockTimeoutMs ?? DEFAULT_LOCK_TIMEOUT_MS,
      sleep: options.sleep ?? ((ms) => new Promise((done) => setTimeout(done, ms))),
      random: options.random ?? Math.random,
    };
  }

  append(batch: Batch): Promise<AppendOutcome> {
    return this.file(batch.stream).append(batch);
  }

  async *read(stream: string, options: ReadOptions = {}): AsyncGenerator<readonly StoredEvent[]> {
    const after = options.after ?? LOG_START;
    const fd = this.#openToRead(stream);
    if (fd === undefined && after.revision > 0) throw positionUnknown(stream, after);
    if (fd === undefined) return;
    try {
      if (!isAnchored(this.fs, fd, after, this.fs.stat(fd).size)) throw positionUnknown(stream, after);
      let scanner = this.#scanner(stream, after, options);
      for (;;) {
        const damage = yield* this.#scan(fd, scanner);
        if (damage === undefined) break;
        // A writer may have cut a torn tail between two of our reads: believe damage only under the lock.
        const confirmed = await this.#readLocked(stream, scanner.position, options);
        if (confirmed.damaged && confirmed.records.length === 0) throw damage;
        if (confirmed.records.length > 0) yield confirmed.records;
        scanner = this.#scanner(stream, confirmed.records.at(-1) ?? scanner.position, options);
      }
      this.file(stream).note(scanner.position);
    } catch (error) {
      throw ioFailure(error, `reading the log of ${stream}`);
    } finally {
      closeQuietly(this.fs, fd);
    }
  }

  async list(): Promise<readonly string[]> {
    return this.shortcuts.names().filter((name) => this.#holdsRecords(name));
  }

  async loadSnapshot(stream: string): Promise<Snapshot | undefined> {
    const bytes = wholeFile(this.fs, this.path(stream, SNAPSHOT_FILE));
    const snapshot = bytes === undefined ? undefined : parseSnapshot(bytes, stream);
    if (snapshot === undefined) return undefined;
    const fd = this.#openToRead(stream);
    if (fd === undefined) return undefined;
    try {
      const { size } = this.fs.stat(fd);
      if (!isAnchored(this.fs, fd, snapshot.position, size)) return undefined;
      return revisionEndingAt(this.fs, fd, snapshot.position.offset) === snapshot.position.revision
        ? snapshot
        : undefined;
    } catch {
      return undefined;
    } finally {
      closeQuietly(this.fs, fd);
    }
  }

  async saveSnapshot(stream: string, snapshot: Snapshot): Promise<void> {
    replaceQuietly(this.fs, this.path(stream, SNAPSHOT_FILE), snapshotBytes(stream, snapshot));
  }

  async close(): Promise<void> {
    for (const file of this.#streams.values()) file.log.close();
    this.#streams.clear();
  }

  /** The folder of a stream. */
  dir(stream: string): string {
    assertStreamId(stream);
    return join(this.root, stream);
  }

  /** A file of the stream's folder. */
  path(stream: string, name: string): string {
    return join(this.dir(stream), name);
  }

  /** What stands beside the records: bytes after the last newline, which the next append cuts, and a snapshot file. */
  async residue(stream: string): Promise<Residue> {
    const bytes = wholeFile(this.fs, this.path(stream, SNAPSHOT_FILE));
    const snapshotRevision =
      bytes === undefined ? undefined : parseSnapshot(bytes, stream)?.position.revision;
    const snapshotFile = bytes !== undefined;
    const found = { snapshotFile, ...(snapshotRevision === undefined ? {} : { snapshotRevision }) };
    const fd = this.#openToRead(stream);
    if (fd === undefined) return { tailBytes: 0, ...found };
    try {
      const { size } = this.fs.stat(fd);
      const end = Buffer.alloc(Math.min(size, MAX_LINE_BYTES));
      this.fs.read(fd, end, size - end.length);
      return { tailBytes: end.length - 1 - end.lastIndexOf(10), ...found };
    } catch (error) {
      throw ioFailure(error, `reading the log of ${stream}`);
    } finally {
      closeQuietly(this.fs, fd);
    }
  }

  /** The open log of a stream. The least recently used ones are closed when there are many. */
  file(stream: string): StreamFile {
    const open = this.#streams.get(stream);
    if (open !== undefined && open === this.#latest) return open;
    const file = open ?? this.#newFile(stream);
    this.#streams.delete(stream);
    this.#streams.set(stream, file);
    this.#latest = file;
    if (this.#streams.size > MAX_OPEN_STREAMS) this.#closeOldestIdle();
    return file;
  }

  #newFile(stream: string): StreamFile {
    const path = this.path(stream, LOG_FILE);
    return new StreamFile(
      { fs: this.fs, stream, dir: this.dir(stream), path, ...this.#tuning },
      this.#idField,
    );
  }

  #closeOldestIdle(): void {
    for (const [stream, file] of this.#streams) {
      if (!file.idle) continue;
      file.log.close();
      this.#streams.delete(stream);
      return;
    }
  }

  #scanner(stream: string, from: Position, options: ReadOptions): LogScanner {
    return new LogScanner(
      { stream, idField: this.#idField, ...(options.strict === undefined ? {} : { strict: options.strict }) },
      from,
    );
  }

  *#scan(fd: Fd, scanner: LogScanner): Generator<readonly StoredEvent[], LogDamage | undefined> {
    const { size } = this.fs.stat(fd);
    for (const piece of pieces(this.fs, fd, scanner.position.offset, size)) {
      const records: StoredEvent[] = [];
      const damage = scanner.collect(piece, records);
      if (records.length > 0) yield records;
      if (damage !== undefined) return damage;
    }
    return scanner.tailDamage();
  }

  /** Under the lock, the records that do follow `from`, and whether there is damage after them indeed. */
  async #readLocked(
    stream: string,
    from: Position,
    options: ReadOptions,
  ): Promise<{ readonly records: readonly StoredEvent[]; readonly damaged: boolean }> {
    try {
      return await this.file(stream).log.locked('read', (fd, size) => {
        const records: StoredEvent[] = [];
        const scanner = this.#scanner(stream, from, options);
        const end = Math.min(size, from.offset + 2 * MAX_LINE_BYTES);
        for (const piece of pieces(this.fs, fd, from.offset, end)) {
          if (scanner.collect(piece, records) !== undefined) return { records, damaged: true };
        }
        // What goes on past twice the longest line, without an end, is no line.
        const endless = records.length === 0 && end < size;
        return { records, damaged: endless || scanner.tailDamage() !== undefined };
      });
    } catch (error) {
      // Without the means to lock, what was read without it has to do.
      if (error instanceof GaitError && error.category === 'dependency_missing')
        return { records: [], damaged: true };
      throw error;
    }
  }

  #openToRead(stream: string): Fd | undefined {
    try {
      return this.fs.open(this.path(stream, LOG_FILE), 'read');
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw ioFailure(error, `opening the log of ${stream}`);
    }
  }

  /** True when there is a record, or what is there cannot be read: whoever reads it will be told why. */
  #holdsRecords(stream: string): boolean {
    try {
      const fd = this.fs.open(this.path(stream, LOG_FILE), 'read');
      try {
        return hasLine(this.fs, fd);
      } finally {
        this.fs.close(fd);
      }
    } catch (error) {
      return !isAbsent(error);
    }
  }
}

function isAbsent(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

function positionUnknown(stream: string, position: Position): GaitError {
  return new GaitError({
    code: 'position_unknown',
    category: 'verification_failed',
    message: `no record of ${stream} ends at byte ${position.offset} with hash ${position.hash}`,
    hint: 'The log was replaced, repaired or removed since it was read. Read it again from its start.',
    details: { stream, revision: position.revision, offset: position.offset },
  });
}
