import { GaitError, ioFailure } from '../../core/errors.ts';
import { closeQuietly, isAbsent, pieces } from '../../files/bytes.ts';
import { MAX_REOPENINGS, replacedTooOften } from '../../files/locked_file.ts';
import type { Fd } from '../../files/port.ts';
import { isAnchored } from '../anchor.ts';
import { type IdField, type LogDamage, MAX_LINE_BYTES, type Position, type StoredEvent } from '../record.ts';
import { LOG_START, LogScanner } from '../scan.ts';
import type { ReadOptions } from '../store.ts';
import type { StreamFile } from './file_stream.ts';

/** One reading of the log of a stream. */
export class FileReader {
  /** Asked for anew each time: a store keeps only so many open. */
  readonly #fileOf: () => StreamFile;
  readonly #stream: string;
  readonly #idField: IdField;
  readonly #options: ReadOptions;

  constructor(file: () => StreamFile, stream: string, idField: IdField, options: ReadOptions = {}) {
    this.#fileOf = file;
    this.#stream = stream;
    this.#idField = idField;
    this.#options = options;
  }

  /** The records after `options.after`. What damage is, is believed only under the lock. */
  async *records(): AsyncGenerator<readonly StoredEvent[]> {
    const after = this.#options.after ?? LOG_START;
    const opened = this.#open(after);
    if (opened === undefined) return;
    let fd = opened;
    try {
      let scanner = this.#scanner(after);
      for (let rounds = 0; ; rounds += 1) {
        const damage = yield* this.#scan(fd, scanner);
        if (damage === undefined) break;
        if (rounds === MAX_REOPENINGS) throw replacedTooOften(this.#stream);
        let { position } = scanner;
        const before = fd;
        fd = this.#reopened(before, position);
        if (fd === before) {
          // A writer may have cut a torn tail between two of our reads.
          const { records, damaged } = await this.#readLocked(position);
          if (damaged && records.length === 0) throw this.#file.beside.explained(fd, damage);
          if (records.length > 0) yield records;
          position = records.at(-1) ?? position;
        }
        scanner = this.#scanner(position);
      }
      this.#file.note(scanner.position);
    } catch (error) {
      throw ioFailure(error, `reading the log of ${this.#stream}`);
    } finally {
      closeQuietly(this.#fs, fd);
    }
  }

  /** The damage of a log that ends before what lies beside it; `end` is what a reading ended with. */
  async lost(end: Position): Promise<LogDamage | undefined> {
    const { beside } = this.#file;
    if (beside.lostAfter(end) === undefined) return undefined;
    try {
      // What was read may be older than what lies beside it now: under the lock nobody writes either.
      return await this.#file.log.locked('read', (fd, size) => {
        const scanner = this.#scanner(isAnchored(this.#fs, fd, end, size) ? end : LOG_START);
        for (const piece of pieces(this.#fs, fd, scanner.position.offset, size)) {
          if (scanner.collect(piece, []) !== undefined) return undefined; // damage of another kind: reading on tells
        }
        return beside.lostAfter(scanner.position);
      });
    } catch (error) {
      if (isAbsent(error)) return beside.lostAfter(LOG_START, false);
      if (isWithoutLock(error)) return beside.lostAfter(end);
      throw error;
    }
  }

  get #file(): StreamFile {
    return this.#fileOf();
  }

  get #fs(): StreamFile['log']['options']['fs'] {
    return this.#file.log.options.fs;
  }

  /** Undefined if there is no log. Throws `position_unknown` if it has no record that ends at `after`. */
  #open(after: Position): Fd | undefined {
    const fd = this.#openToRead();
    if (fd === undefined && after.revision > 0) throw positionUnknown(this.#stream, after);
    if (fd === undefined) return undefined;
    try {
      if (isAnchored(this.#fs, fd, after, this.#fs.stat(fd).size)) return fd;
    } catch (error) {
      closeQuietly(this.#fs, fd);
      throw ioFailure(error, `reading the log of ${this.#stream}`);
    }
    closeQuietly(this.#fs, fd);
    throw positionUnknown(this.#stream, after);
  }

  #openToRead(): Fd | undefined {
    try {
      return this.#fs.open(this.#file.log.options.path, 'read');
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw ioFailure(error, `opening the log of ${this.#stream}`);
    }
  }

  /** The log that stands at its path now, if `fd` is another. */
  #reopened(fd: Fd, from: Position): Fd {
    if (this.#fs.isAt(fd, this.#file.log.options.path)) return fd;
    const next = this.#open(from);
    if (next === undefined) throw positionUnknown(this.#stream, from);
    closeQuietly(this.#fs, fd);
    return next;
  }

  #scanner(from: Position): LogScanner {
    const { strict } = this.#options;
    const place = { stream: this.#stream, idField: this.#idField };
    return new LogScanner(strict === undefined ? place : { ...place, strict }, from);
  }

  /** Others of the process get a turn between the pieces. */
  async *#scan(fd: Fd, scanner: LogScanner): AsyncGenerator<readonly StoredEvent[], LogDamage | undefined> {
    const { size } = this.#fs.stat(fd);
    let first = true;
    for (const piece of pieces(this.#fs, fd, scanner.position.offset, size)) {
      const records: StoredEvent[] = [];
      const damage = scanner.collect(piece, records);
      if (!first) await new Promise<void>((resolve) => setImmediate(resolve));
      first = false;
      if (records.length > 0) yield records;
      if (damage !== undefined) return damage;
    }
    return scanner.tailDamage();
  }

  /** Under the lock, the records that do follow `from`, and whether there is damage after them indeed. */
  async #readLocked(from: Position): Promise<{ records: readonly StoredEvent[]; damaged: boolean }> {
    try {
      return await this.#file.log.locked('read', (fd, size) => {
        const records: StoredEvent[] = [];
        if (!isAnchored(this.#fs, fd, from, size)) return { records, damaged: false }; // another log by now
        const scanner = this.#scanner(from);
        const end = Math.min(size, from.offset + 2 * MAX_LINE_BYTES);
        for (const piece of pieces(this.#fs, fd, from.offset, end)) {
          if (scanner.collect(piece, records) !== undefined) return { records, damaged: true };
        }
        // What goes on past twice the longest line, without an end, is no line.
        const endless = records.length === 0 && end < size;
        return { records, damaged: endless || scanner.tailDamage() !== undefined };
      });
    } catch (error) {
      // Without the means to lock, what was read without it has to do.
      if (isWithoutLock(error)) return { records: [], damaged: true };
      throw error;
    }
  }
}

function isWithoutLock(error: unknown): boolean {
  return error instanceof GaitError && error.category === 'dependency_missing';
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
