import { join, resolve } from 'node:path';
import { errnoOf, GaitError, ioFailure } from '../../core/errors.ts';
import { canOpen, closeQuietly, isAbsent, wholeFile } from '../../files/bytes.ts';
import { LockProof } from '../../files/lock_proof.ts';
import { nodeFs } from '../../files/node.ts';
import type { Fd, FsPort } from '../../files/port.ts';
import { replaceFile } from '../../files/replace.ts';
import { hasLine, isAnchored, revisionEndingAt } from '../anchor.ts';
import { Beside } from '../beside.ts';
import {
  assertStreamId,
  type Batch,
  type IdField,
  MAX_LINE_BYTES,
  type Position,
  type StoredEvent,
} from '../record.ts';
import { MAX_SNAPSHOT_BYTES, parseSnapshot, SNAPSHOT_FILE, snapshotBytes } from '../snapshot.ts';
import type { AppendOutcome, EventStore, ReadOptions, Residue, Snapshot } from '../store.ts';
import { FileReader } from './file_reader.ts';
import { ListingIndexFiles, LOG_FILE } from './file_shortcuts.ts';
import { StreamFile } from './file_stream.ts';

export { LOG_FILE, SNAPSHOT_FILE };

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
/** How long a snapshot waits for the lock: it is only a cache. */
const SNAPSHOT_WAIT_MS = 20;

/** Streams as files: `<root>/<stream id>/log.ndjson`, needing no server. Safe among threads, processes and crashes. */
export class FileStore implements EventStore {
  readonly root: string;
  readonly idField: IdField;
  readonly fs: FsPort;
  readonly shortcuts: ListingIndexFiles;
  readonly #tuning: { lockTimeoutMs: number; sleep: (ms: number) => Promise<void>; random: () => number };
  readonly #proof = new LockProof();
  /** The least recently used one first. */
  readonly #streams = new Map<string, StreamFile>();
  #latest: StreamFile | undefined;

  constructor(options: FileStoreOptions) {
    this.root = resolve(options.root);
    this.idField = options.idField;
    this.fs = options.fs ?? nodeFs;
    this.shortcuts = new ListingIndexFiles(this.fs, this.root, options.nowMs ?? Date.now);
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
    yield* this.#reader(stream, options).records();
  }

  async list(): Promise<readonly string[]> {
    return this.shortcuts.names().filter((name) => this.#holdsRecords(name));
  }

  async loadSnapshot(stream: string): Promise<Snapshot | undefined> {
    const bytes = wholeFile(this.fs, this.path(stream, SNAPSHOT_FILE), MAX_SNAPSHOT_BYTES);
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

  /**
   * Under the lock, and only for a log that has the record and has it on disk: nothing that lies beside a log may know
   * of more than was acknowledged. Not kept while others have the lock.
   */
  async saveSnapshot(stream: string, snapshot: Snapshot): Promise<void> {
    const { fs } = this;
    const { position } = snapshot;
    try {
      await this.file(stream).log.locked(
        'update',
        (fd, size) => {
          if (!isAnchored(fs, fd, position, size)) return;
          if (revisionEndingAt(fs, fd, position.offset) !== position.revision) return;
          if (this.file(stream).beside.lostAfter(position) !== undefined) return; // nothing else may tell of it
          fs.sync(fd);
          const bytes = snapshotBytes(stream, snapshot);
          replaceFile(fs, this.path(stream, SNAPSHOT_FILE), [bytes], { like: fd, synced: false });
        },
        SNAPSHOT_WAIT_MS,
      );
    } catch (error) {
      if (errnoOf(error) === undefined && !(error instanceof GaitError)) throw error;
    }
  }

  async confirms(stream: string, position: Position): Promise<boolean> {
    try {
      const { log } = this.file(stream);
      return log.attempt('read', (fd, size) => isAnchored(this.fs, fd, position, size))?.result ?? false;
    } catch {
      return false;
    }
  }

  async assertNoneLost(stream: string, end: Position): Promise<void> {
    const { beside } = this.file(stream);
    const stamp = beside.snapshotStamp();
    if (end.revision > 0 && beside.isCompared(stamp, end)) return; // of one without a record the listing may know more
    try {
      const lost = await this.#reader(stream).lost(end);
      if (lost !== undefined) throw lost;
      beside.noteCompared(stamp);
    } catch (error) {
      throw ioFailure(error, `reading the log of ${stream}`);
    }
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

  /** What stands beside the records: bytes after the last newline, which the next append cuts, and files of the folder. */
  async residue(stream: string): Promise<Residue> {
    try {
      const { beside } = this.file(stream);
      const { tailBytes, empty } = this.#endOf(stream);
      const snapshot = beside.snapshot();
      return {
        tailBytes,
        snapshotFile: snapshot !== undefined || canOpen(this.fs, this.path(stream, SNAPSHOT_FILE)),
        ...(snapshot === undefined ? {} : { snapshot, snapshotRevision: snapshot.position.revision }),
        cuts: beside.cuts(),
        remembered: beside.remembered(empty).revision,
      };
    } catch (error) {
      throw ioFailure(error, `reading the log of ${stream}`);
    }
  }

  #endOf(stream: string): { readonly tailBytes: number; readonly empty: boolean } {
    const fd = this.#openToRead(stream);
    if (fd === undefined) return { tailBytes: 0, empty: false };
    try {
      const { size } = this.fs.stat(fd);
      const end = Buffer.alloc(Math.min(size, MAX_LINE_BYTES));
      this.fs.read(fd, end, size - end.length);
      return { tailBytes: end.length - 1 - end.lastIndexOf(10), empty: !hasLine(this.fs, fd) };
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
    const { fs, root, idField } = this;
    const place = { fs, stream, dir: this.dir(stream), path: this.path(stream, LOG_FILE) };
    return new StreamFile(
      { ...place, ...this.#tuning, proof: this.#proof },
      idField,
      new Beside({ fs, root, stream, idField }),
    );
  }

  #reader(stream: string, options?: ReadOptions): FileReader {
    return new FileReader(() => this.file(stream), stream, this.idField, options);
  }

  #closeOldestIdle(): void {
    for (const [stream, file] of this.#streams) {
      if (!file.idle) continue;
      file.log.close();
      this.#streams.delete(stream);
      return;
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
