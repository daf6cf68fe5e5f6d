import { dirname } from 'node:path';
import { errnoOf, GaitError, ioFailure } from '../core/errors.ts';
import { ensureDir } from './fs/dirs.ts';
import type { Fd, FsPort, OpenMode } from './fs/port.ts';
import {
  type Batch,
  type Expected,
  type IdField,
  LINE_TRAILER_BYTES,
  type Position,
  sameHead,
} from './record.ts';
import { LOG_START, LogScanner } from './scan.ts';
import type { AppendOutcome } from './store.ts';

export const READ_CHUNK_BYTES: number = 1024 * 1024;

/** How many flushes may follow each other before timers and I/O of the process get a turn. */
const FLUSHES_PER_TURN = 16;

export interface StreamFileOptions {
  readonly fs: FsPort;
  readonly stream: string;
  readonly idField: IdField;
  /** The folder of the stream; it is made by the first append. */
  readonly dir: string;
  readonly path: string;
  readonly lockTimeoutMs: number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly random: () => number;
}

interface Waiting {
  readonly batch: Batch;
  resolve(outcome: AppendOutcome): void;
  reject(error: unknown): void;
}

/** The log file of one stream: the lock, the write, the sync, and where the last known record ends. */
export class StreamFile {
  readonly #options: StreamFileOptions;
  #fd: Fd | undefined;
  /** The end of the last record that this object knows of. */
  #known: Position = LOG_START;
  /** Learned under the lock, and so acknowledged, or of a reader, which may have seen what was taken back since. */
  #knownForSure = true;
  #waiting: Waiting[] = [];
  #flushing = false;
  #flushesInTurn = 0;

  constructor(options: StreamFileOptions) {
    this.#options = options;
  }

  get idle(): boolean {
    return !this.#flushing && this.#waiting.length === 0;
  }

  /** A reader got to here; an append need not read it again. Checked against the file before it is believed. */
  note(position: Position): void {
    if (position.offset <= this.#known.offset) return;
    this.#known = position;
    this.#knownForSure = false;
  }

  close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) this.#options.fs.close(fd);
  }

  /** Appends that wait at the same time go out in one write and one sync. */
  append(batch: Batch): Promise<AppendOutcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      if (this.#flushing) return;
      this.#flushing = true;
      this.#defer(() => this.#flush());
    });
  }

  /** Runs `task` once the present run of code is over, so that the other appends made in it can join. */
  #defer(task: () => void): void {
    // Microtasks alone would starve timers, such as a lease's renewal, in a long loop of appends.
    this.#flushesInTurn += 1;
    if (this.#flushesInTurn < FLUSHES_PER_TURN) {
      queueMicrotask(task);
    } else {
      this.#flushesInTurn = 0;
      setImmediate(task);
    }
  }

  #flush(): void {
    const create = this.#waiting.some(({ batch }) => batch.expected === 'none');
    const commit = (fd: Fd, size: number): void => {
      const group = this.#waiting.splice(0);
      try {
        this.#commit(fd, size, group);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    };
    const end = (): void => {
      this.#flushing = this.#waiting.length > 0;
      if (this.#flushing) this.#defer(() => this.#flush());
    };
    const mode: OpenMode = create ? 'create' : 'update';
    try {
      if (this.#attempt(mode, commit) !== undefined) {
        end();
        return;
      }
    } catch (error) {
      this.#failWaiting(error, create);
      end();
      return;
    }
    this.locked(mode, commit)
      .catch((error: unknown) => this.#failWaiting(error, create))
      .finally(end);
  }

  /** The log could not be opened or locked: none of those that wait was written. */
  #failWaiting(error: unknown, create: boolean): void {
    const absent = errnoOf(error) === 'ENOENT' && !create;
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (absent) resolve({ status: 'conflict', head: 'none' });
      else reject(ioFailure(error, `opening the log of ${this.#options.stream}`));
    }
  }

  /**
   * Runs `action` with the open log and its size while holding the exclusive lock. Throws `stream_busy` when that was
   * not free in time.
   */
  async locked<T>(mode: OpenMode, action: (fd: Fd, size: number) => T): Promise<T> {
    const { stream, lockTimeoutMs, sleep, random } = this.#options;
    let waited = 0;
    for (let backoff = 0.5; ; backoff = Math.min(backoff * 2, 8)) {
      const done = this.#attempt(mode, action);
      if (done !== undefined) return done.result;
      if (waited >= lockTimeoutMs) {
        throw new GaitError({
          code: 'stream_busy',
          category: 'state_contention',
          message: `the log of ${stream} was locked by others for ${Math.round(waited)} ms`,
          retryable: true,
          hint: 'Run the same command again.',
        });
      }
      const pause = backoff * (0.5 + random());
      waited += pause;
      await sleep(pause);
    }
  }

  /** One try to take the lock; undefined when another has it. */
  #attempt<T>(mode: OpenMode, action: (fd: Fd, size: number) => T): { result: T } | undefined {
    const { fs } = this.#options;
    for (;;) {
      const fd = this.#open(mode);
      if (!fs.tryLock(fd)) return undefined;
      try {
        const { size, links } = fs.stat(fd);
        if (links > 0) return { result: action(fd, size) };
      } finally {
        this.#unlock(fd);
      }
      this.#forget(); // removed while open: whoever made it anew has another file
    }
  }

  #unlock(fd: Fd): void {
    try {
      this.#options.fs.unlock(fd);
    } catch {
      this.#forget(); // closing the file frees the lock as well
    }
  }

  #open(mode: OpenMode): Fd {
    if (this.#fd === undefined) {
      const { fs, dir, path } = this.#options;
      if (mode === 'create') ensureDir(fs, dir);
      this.#fd = fs.open(path, mode);
    }
    return this.#fd;
  }

  #forget(): void {
    this.close();
    this.#known = LOG_START;
    this.#knownForSure = true;
  }

  /** Reads what others appended, cuts a torn tail, and answers the true head. Throws LogDamage. */
  #catchUp(fd: Fd, size: number): Position {
    const { fs, stream, idField } = this.#options;
    // Nothing cuts or overwrites an acknowledged record in place, so the same size is the same log.
    if (this.#knownForSure && this.#known.offset === size) return this.#known;
    const from = isAnchored(fs, fd, this.#known, size) ? this.#known : LOG_START;
    const scanner = new LogScanner({ stream, idField }, from);
    for (const piece of pieces(fs, fd, from.offset, size)) scanner.push(piece);
    this.#known = scanner.position;
    this.#knownForSure = true;
    if (size > this.#known.offset) fs.truncate(fd, this.#known.offset);
    return this.#known;
  }

  #commit(fd: Fd, size: number, group: readonly Waiting[]): void {
    const start = this.#catchUpOrFail(fd, size);
    const accepted: { readonly waiting: Waiting; readonly head: Position }[] = [];
    const lines: Buffer[] = [];
    let head = start;
    for (const waiting of group) {
      const { batch } = waiting;
      if (sameHead(batch.expected, asExpected(head))) {
        let { offset } = head;
        for (const { line } of batch.records) {
          lines.push(line);
          offset += line.length;
        }
        head = { revision: batch.head.revision, hash: batch.head.hash, offset };
        accepted.push({ waiting, head });
      } else {
        waiting.resolve({ status: 'conflict', head: asExpected(head) });
      }
    }
    if (accepted.length === 0) return;
    const failure = this.#persist(fd, start, joined(lines));
    if (failure === undefined) this.#known = head;
    for (const { waiting, head: committed } of accepted) {
      if (failure === undefined) waiting.resolve({ status: 'committed', head: committed });
      else if (failure.written) waiting.resolve(unknownOutcome(waiting.batch, failure.cause));
      else waiting.reject(ioFailure(failure.cause, `writing the log of ${this.#options.stream}`));
    }
  }

  #catchUpOrFail(fd: Fd, size: number): Position {
    try {
      return this.#catchUp(fd, size);
    } catch (error) {
      throw ioFailure(error, `reading the log of ${this.#options.stream}`);
    }
  }

  /** One write, one sync. A failure answers whether bytes may have stayed behind. */
  #persist(fd: Fd, start: Position, bytes: Buffer): { cause: unknown; written: boolean } | undefined {
    const { fs, dir } = this.#options;
    try {
      for (let done = 0; done < bytes.length; ) {
        done += fs.write(fd, bytes.subarray(done), start.offset + done);
      }
    } catch (cause) {
      return { cause, written: !this.#takeBack(fd, start.offset) };
    }
    try {
      fs.sync(fd);
      if (start.revision === 0) {
        // The first record of a stream: its file's name, its folder's and the root's must be on disk as well.
        for (const path of [dir, dirname(dir), dirname(dirname(dir))]) fs.syncDir(path);
      }
      return undefined;
    } catch (cause) {
      // After a failed sync the kernel may drop the pages and still show them: nothing here can be believed.
      this.#forget();
      return { cause, written: true };
    }
  }

  /** Cuts off what a failed write left, so that no part of the batch can become history. */
  #takeBack(fd: Fd, size: number): boolean {
    try {
      this.#options.fs.truncate(fd, size);
      return true;
    } catch {
      return false;
    }
  }
}

function joined(lines: readonly Buffer[]): Buffer {
  const [only] = lines;
  return only !== undefined && lines.length === 1 ? only : Buffer.concat(lines);
}

function asExpected(position: Position): Expected {
  return position.revision === 0 ? 'none' : { revision: position.revision, hash: position.hash };
}

function unknownOutcome(batch: Batch, cause: unknown): AppendOutcome {
  return { status: 'unknown', hashes: batch.records.map(({ hash }) => hash), cause };
}

const anchor = Buffer.alloc(LINE_TRAILER_BYTES + 1);

/** True if a record that ends at `position.offset` carries `position.hash`; the chain then vouches for all before it. */
export function isAnchored(fs: FsPort, fd: Fd, position: Position, size: number): boolean {
  if (position.offset === 0) return position.revision === 0;
  const { length } = anchor;
  if (position.offset > size || position.offset < length) return false;
  if (fs.read(fd, anchor, position.offset - length) !== length) return false;
  return anchor.toString('latin1') === `,"hash":"${position.hash}"}\n`;
}

/** The bytes of an open file from `offset` to `end`, in pieces that are valid until the next one is asked for. */
export function* pieces(fs: FsPort, fd: Fd, offset: number, end: number): Generator<Buffer> {
  if (end <= offset) return;
  const buffer = Buffer.allocUnsafe(Math.min(READ_CHUNK_BYTES, end - offset));
  for (let at = offset; at < end; ) {
    const count = fs.read(fd, buffer.subarray(0, Math.min(buffer.length, end - at)), at);
    if (count === 0) return;
    at += count;
    yield buffer.subarray(0, count);
  }
}
