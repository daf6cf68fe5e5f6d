import * as fs from 'node:fs';
import { errnoOf, GaitError, invalidInput, ioFailure } from '../core/errors.ts';
import type { ByteSource } from './source.ts';

/** A file to read, whatever it holds. Throws `file_not_found`, `not_a_file` (invalid_input) and I/O errors. */
export function openSource(path: string): { readonly source: ByteSource; close(): void } {
  return openFile(path);
}

/** Reads a file that is no larger than `limit` bytes. Throws `file_too_large`, `file_not_found` and others (invalid_input). */
export function readFileBytes(path: string, limit: number): Buffer {
  const file = openSource(path);
  try {
    const { size } = file.source;
    if (size > limit) {
      throw invalidInput('file_too_large', `${path} has ${size} bytes; the limit is ${limit}`);
    }
    return file.source.read(0, size);
  } finally {
    file.close();
  }
}

/** True if anything stands at a path, a link that leads nowhere too. Throws I/O errors. */
export function isThere(path: string): boolean {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw ioFailure(error, `looking for ${path}`);
  }
}

/** An open file, for whoever needs its descriptor too. */
export interface OpenFile {
  readonly fd: number;
  readonly source: ByteSource;
  /**
   * Throws `file_changed` unless the file is what it was when it was opened: what was verified in one pass and read in
   * another was the same. Asked once all is read, and before any of it is shown.
   */
  readonly assertUnchanged: () => void;
  readonly close: () => void;
}

/** {@link openSource}, with the descriptor. */
export function openFile(path: string): OpenFile {
  try {
    // Not blocking: to open a FIFO would wait for a writer.
    const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    const stat = fs.fstatSync(fd, { bigint: true });
    const close = (): void => fs.closeSync(fd);
    if (stat.isFile()) {
      const read = (offset: number, length: number, into?: Buffer): Buffer =>
        readAt(fd, offset, length, into);
      const assertUnchanged = (): void => refuseChanged(path, stat, fs.fstatSync(fd, { bigint: true }));
      return { fd, source: { size: Number(stat.size), read }, assertUnchanged, close };
    }
    close();
    throw invalidInput('not_a_file', `not a file: ${path}`);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') {
      throw invalidInput('file_not_found', `no such file: ${path}`);
    }
    throw error instanceof GaitError ? error : ioFailure(error, `opening ${path}`);
  }
}

/** Whoever writes into a file changes its times, unless faster than the system's clock ticks. */
function refuseChanged(path: string, before: fs.BigIntStats, now: fs.BigIntStats): void {
  const facts = ['ino', 'size', 'mtimeNs', 'ctimeNs'] as const;
  if (!facts.every((fact) => before[fact] === now[fact])) throw fileChanged(path);
}

export function fileChanged(path: string): GaitError {
  return new GaitError({
    code: 'file_changed',
    category: 'verification_failed',
    message: `${path} was changed while it was read`,
    hint: 'Nothing is shown of what nobody verified. Try again once nobody writes to it.',
  });
}

function readAt(fd: number, offset: number, length: number, into?: Buffer): Buffer {
  const buffer = into ?? Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const count = fs.readSync(fd, buffer, done, length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return buffer.subarray(0, done);
}
