import { errnoOf, ioFailure } from '../../core/errors.ts';
import { pieces } from '../../files/bytes.ts';
import { syncAbove, syncDirAt } from '../../files/dirs.ts';
import { LogFile, type LogFileOptions, type LogMode } from '../../files/locked_file.ts';
import type { Fd } from '../../files/port.ts';
import { isAnchored } from '../anchor.ts';
import type { Beside } from '../beside.ts';
import type { Batch, Expected, IdField, LogDamage, Position } from '../record.ts';
import { LOG_START, LogScanner } from '../scan.ts';
import type { AppendOutcome } from '../store.ts';

/** How many flushes may follow each other before timers and I/O of the process get a turn. */
const FLUSHES_PER_TURN = 16;

const SETTLED: Promise<void> = Promise.resolve();

interface Waiting {
  readonly batch: Batch;
  /** Where the stream ends with this batch; set once it is accepted. */
  head?: Position;
  resolve(outcome: AppendOutcome): void;
  reject(error: unknown): void;
}

/** The end of the last record that a {@link StreamFile} knows of, and in which opening of the file it was learned. */
interface Known {
  readonly position: Position;
  /** Learned under the lock, in this opening; undefined when a reader learned it, who may have seen what was taken back. */
  readonly opening?: number;
}

const NOTHING_KNOWN: Known = { position: LOG_START };

/** The appends of one stream: they wait, go out together, and are answered. */
export class StreamFile {
  readonly log: LogFile;
  readonly beside: Beside;
  readonly #idField: IdField;
  #known: Known = NOTHING_KNOWN;
  #waiting: Waiting[] = [];
  #flushing = false;
  #namesSynced = 0;
  #flushesInTurn = 0;

  constructor(options: LogFileOptions, idField: IdField, beside: Beside) {
    this.log = new LogFile(options);
    this.beside = beside;
    this.#idField = idField;
  }

  get idle(): boolean {
    return !this.#flushing && this.#waiting.length === 0;
  }

  /** A reader got to here; an append need not read it again. Checked against the file before it is believed. */
  note(position: Position): void {
    if (position.offset > this.#known.position.offset) this.#known = { position };
  }

  /** Appends that wait at the same time go out in one write and one sync. */
  append(batch: Batch): Promise<AppendOutcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      if (this.#flushing) return;
      this.#flushing = true;
      this.#defer(this.#flush);
    });
  }

  /** Runs `task` once the present run of code is over, so that the other appends made in it can join. */
  #defer(task: () => void): void {
    // Microtasks alone would starve timers, such as a lease's renewal, in a long loop of appends.
    this.#flushesInTurn += 1;
    if (this.#flushesInTurn < FLUSHES_PER_TURN) {
      void SETTLED.then(task); // queueMicrotask would also set up an async scope, which costs as much as a lock
    } else {
      this.#flushesInTurn = 0;
      setImmediate(task);
    }
  }

  /** Takes the lock at once if it is free, else waits for it, and commits whatever waits by then. */
  readonly #flush = (): void => {
    const create = this.#waiting.some(({ batch }) => batch.expected === 'none');
    const mode: LogMode = create ? 'create' : 'update';
    try {
      if (this.log.attempt(mode, this.#commitWaiting) !== undefined) {
        this.#afterFlush();
        return;
      }
    } catch (error) {
      this.#failWaiting(error, create);
      this.#afterFlush();
      return;
    }
    this.log
      .locked(mode, this.#commitWaiting)
      .catch((error: unknown) => this.#failWaiting(error, create))
      .finally(() => this.#afterFlush());
  };

  #afterFlush(): void {
    this.#flushing = this.#waiting.length > 0;
    if (this.#flushing) this.#defer(this.#flush);
  }

  readonly #commitWaiting = (fd: Fd, size: number): void => {
    const group = this.#waiting;
    this.#waiting = [];
    try {
      this.#commit(fd, size, group);
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  };

  /** The log could not be opened or locked: none of those that wait was written. */
  #failWaiting(error: unknown, create: boolean): void {
    const absent = errnoOf(error) === 'ENOENT' && !create;
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (absent) resolve({ status: 'conflict', head: 'none' });
      else reject(ioFailure(error, `opening the log of ${this.log.options.stream}`));
    }
  }

  /** Reads what others appended, cuts a torn tail, and answers the true head. Throws LogDamage. */
  #catchUp(fd: Fd, size: number): Position {
    const { fs, stream } = this.log.options;
    const { position, opening } = this.#known;
    // Nothing cuts or overwrites an acknowledged record in place, so the same file of the same size is the same log.
    if (opening === this.log.opening && position.offset === size) return this.#whole(position);
    const from = isAnchored(fs, fd, position, size) ? position : LOG_START;
    const scanner = new LogScanner({ stream, idField: this.#idField }, from);
    for (const piece of pieces(fs, fd, from.offset, size)) {
      const damage = scanner.collect(piece, []);
      if (damage !== undefined) throw this.beside.explained(fd, damage);
    }
    const tail = scanner.tailDamage();
    if (tail !== undefined) throw tail;
    this.#whole(scanner.position);
    if (size > scanner.position.offset) fs.truncate(fd, scanner.position.offset);
    return this.#learn(scanner.position);
  }

  #whole(end: Position): Position {
    const lost = this.#lost(end);
    if (lost !== undefined) throw lost;
    return end;
  }

  /**
   * A stream is not started anew where one was, and none goes on where its end is gone: whoever read it before the end
   * was written does not miss it.
   */
  #lost(end: Position): LogDamage | undefined {
    return end.revision === 0 ? this.beside.lostAfter(end, !this.log.made) : this.beside.newlyLostAfter(end);
  }

  /** Takes in what was read or written under the lock. */
  #learn(position: Position): Position {
    this.#known = { position, opening: this.log.opening };
    return position;
  }

  #commit(fd: Fd, size: number, group: readonly Waiting[]): void {
    const start = this.#catchUpOrFail(fd, size);
    const accepted: Waiting[] = [];
    const lines: Buffer[] = [];
    let head = start;
    for (const waiting of group) {
      const { expected, records } = waiting.batch;
      if (!continues(expected, head)) {
        waiting.resolve({ status: 'conflict', head: asExpected(head) });
        continue;
      }
      let { offset } = head;
      for (const { line } of records) {
        lines.push(line);
        offset += line.length;
      }
      head = { revision: waiting.batch.head.revision, hash: waiting.batch.head.hash, offset };
      waiting.head = head;
      accepted.push(waiting);
    }
    if (accepted.length === 0) return;
    const failure = this.#persist(fd, start, joined(lines));
    if (failure === undefined) this.#learn(head);
    for (const waiting of accepted) {
      if (failure === undefined) waiting.resolve({ status: 'committed', head: waiting.head ?? head });
      else if (failure.written) waiting.resolve(unknownOutcome(waiting.batch, failure.cause));
      else waiting.reject(ioFailure(failure.cause, `writing the log of ${this.log.options.stream}`));
    }
  }

  #catchUpOrFail(fd: Fd, size: number): Position {
    try {
      return this.#catchUp(fd, size);
    } catch (error) {
      throw ioFailure(error, `reading the log of ${this.log.options.stream}`);
    }
  }

  /** One write, one sync. A failure answers whether bytes may have stayed behind. */
  #persist(fd: Fd, start: Position, bytes: Buffer): { cause: unknown; written: boolean } | undefined {
    const { fs, dir, path } = this.log.options;
    try {
      for (let done = 0; done < bytes.length; ) {
        done += fs.write(fd, done === 0 ? bytes : bytes.subarray(done), start.offset + done);
      }
    } catch (cause) {
      return { cause: at(path, cause), written: !this.#takeBack(fd, start.offset) && this.#grew(fd, start) };
    }
    try {
      fs.sync(fd);
      this.#syncNames(dir);
      return undefined;
    } catch (cause) {
      // After a failed sync the kernel may drop the pages and still show them. The outcome stays unknown, but nobody
      // should build on what may not be there.
      this.#takeBack(fd, start.offset);
      this.log.close();
      this.#known = NOTHING_KNOWN;
      return { cause: at(path, cause), written: true };
    }
  }

  /**
   * Once in each opening of the log: the names that lead to it must be on disk too, and whoever made or replaced them
   * may have died before it synced them.
   */
  #syncNames(dir: string): void {
    if (this.#namesSynced === this.log.opening) return;
    syncDirAt(this.log.options.fs, dir);
    syncAbove(this.log.options.fs, dir);
    this.#namesSynced = this.log.opening;
  }

  /** False if the log is as long as before: then nothing of a batch was written. True if that cannot be told. */
  #grew(fd: Fd, before: Position): boolean {
    try {
      return this.log.options.fs.stat(fd).size !== before.offset;
    } catch {
      return true;
    }
  }

  /** Cuts off what a failed write left, so that no part of the batch can become history. */
  #takeBack(fd: Fd, size: number): boolean {
    try {
      const { fs } = this.log.options;
      fs.truncate(fd, size);
      fs.sync(fd);
      return true;
    } catch {
      return false;
    }
  }
}

/** The system's error, which names the path unless it does already. */
function at(path: string, error: unknown): unknown {
  return error instanceof Error && !('path' in error) ? Object.assign(error, { path }) : error;
}

function joined(lines: readonly Buffer[]): Buffer {
  const [only] = lines;
  return only !== undefined && lines.length === 1 ? only : Buffer.concat(lines);
}

/** True when a batch that expects this head fits at this end of the log. */
function continues(expected: Expected, end: Position): boolean {
  if (expected === 'none') return end.revision === 0;
  return expected.revision === end.revision && expected.hash === end.hash;
}

function asExpected(position: Position): Expected {
  return position.revision === 0 ? 'none' : { revision: position.revision, hash: position.hash };
}

function unknownOutcome(batch: Batch, cause: unknown): AppendOutcome {
  return { status: 'unknown', hashes: batch.records.map(({ hash }) => hash), cause };
}
