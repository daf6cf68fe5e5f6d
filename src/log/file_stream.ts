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
  #known: Position = LOG_START;
  #waiting: Waiting[] = [];
  #flushing = false;

  constructor(options: StreamFileOptions) {
    this.#options = options;
  }

  get idle(): boolean {
    return !this.#flushing && this.#waiting.length === 0;
  }

  /** A reader got to here; an append need not read it again. Checked against the file before it is believed. */
  note(position: Position): void {
    if (position.offset > this.#known.offset) this.#known = position;
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
      // A turn of the event loop: lets the others of this turn join, and keeps timers alive in a loop of appends.
      setImmediate(() => void this.#flush());
    });
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const create = this.#waiting.some(({ batch }) => batch.expected === 'none');
      try {
        await this.locked(create ? 'create' : 'update', (fd) => {
          const group = this.#waiting.splice(0);
          try {
            this.#commit(fd, group);
          } catch (error) {
            for (const waiting of group) waiting.reject(error);
          }
        });
      } catch (error) {
        const group = this.#waiting.splice(0);
        const absent = errnoOf(error) === 'ENOENT' && !create;
        for (const { resolve, reject } of group) {
          if (absent) resolve({ status: 'conflict', head: 'none' });
          else reject(ioFailure(error, `opening the log of ${this.#options.stream}`));
        }
      }
    }
    this.#flushing = false;
  }

  /** Runs `action` while holding the exclusive lock of the log. Throws `stream_busy` when it was not free in time. */
  async locked<T>(mode: OpenMode, action: (fd: Fd) => T): Promise<T> {
    const { fs, stream, lockTimeoutMs, sleep, random } = this.#options;
    let waited = 0;
    for (let backoff = 0.5; ; backoff = Math.min(backoff * 2, 8)) {
      const fd = this.#open(mode);
      if (fs.tryLock(fd)) {
        try {
          if (fs.stat(fd).links > 0) return action(fd);
        } finally {
          this.#unlock(fd);
        }
        this.#forget(); // removed while open: whoever made it anew has another file
        continue;
      }
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
  }

  /** Reads what others appended, cuts a torn tail, and answers the true head. Throws LogDamage. */
  #catchUp(fd: Fd): Position {
    const { fs, stream, idField } = this.#options;
    const { size } = fs.stat(fd);
    const from = isAnchored(fs, fd, this.#known, size) ? this.#known : LOG_START;
    const scanner = new LogScanner({ stream, idField }, from);
    for (const piece of pieces(fs, fd, from.offset, size)) scanner.push(piece);
    this.#known = scanner.position;
    if (size > this.#known.offset) fs.truncate(fd, this.#known.offset);
    return this.#known;
  }

  #commit(fd: Fd, group: readonly Waiting[]): void {
    const start = this.#catchUpOrFail(fd);
    const accepted: { readonly waiting: Waiting; readonly head: Position }[] = [];
    const lines: Buffer[] = [];
    let head = start;
    for (const waiting of group) {
      const { batch } = waiting;
      if (sameHead(batch.expected, asExpected(head))) {
        const bytes = batch.records.reduce((sum, { line }) => sum + line.length, 0);
        for (const { line } of batch.records) lines.push(line);
        head = { ...batch.head, offset: head.offset + bytes };
        accepted.push({ waiting, head });
      } else {
        waiting.resolve({ status: 'conflict', head: asExpected(head) });
      }
    }
    if (accepted.length === 0) return;
    const failure = this.#persist(fd, start, Buffer.concat(lines));
    if (failure === undefined) this.#known = head;
    for (const { waiting, head: committed } of accepted) {
      if (failure === undefined) waiting.resolve({ status: 'committed', head: committed });
      else if (failure.written) waiting.resolve(unknownOutcome(waiting.batch, failure.cause));
      else waiting.reject(ioFailure(failure.cause, `writing the log of ${this.#options.stream}`));
    }
  }

  #catchUpOrFail(fd: Fd): Position {
    try {
      return this.#catchUp(fd);
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

function asExpected(position: Position): Expected {
  return position.revision === 0 ? 'none' : { revision: position.revision, hash: position.hash };
}

function unknownOutcome(batch: Batch, cause: unknown): AppendOutcome {
  return { status: 'unknown', hashes: batch.records.map(({ hash }) => hash), cause };
}

/** True if a record that ends at `position.offset` carries `position.hash`; the chain then vouches for all before it. */
export function isAnchored(fs: FsPort, fd: Fd, position: Position, size: number): boolean {
  if (position.offset === 0) return position.revision === 0;
  const length = LINE_TRAILER_BYTES + 1;
  if (position.offset > size || position.offset < length) return false;
  const end = Buffer.alloc(length);
  if (fs.read(fd, end, position.offset - length) !== length) return false;
  return end.toString('latin1') === `,"hash":"${position.hash}"}\n`;
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
