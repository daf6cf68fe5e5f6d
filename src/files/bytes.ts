import { errnoOf } from '../core/errors.ts';
import type { Fd, FsPort } from './port.ts';

const READ_CHUNK_BYTES = 1024 * 1024;

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

/** The bytes of an open file from `offset` to `end`, all at once. */
export function allBytes(fs: FsPort, fd: Fd, offset: number, end: number): Buffer {
  const copies: Buffer[] = [];
  for (const piece of pieces(fs, fd, offset, end)) copies.push(Buffer.from(piece)); // a piece is valid until the next
  return Buffer.concat(copies);
}

/** Whether there is a file that can be opened. */
export function canOpen(fs: FsPort, path: string): boolean {
  try {
    fs.close(fs.open(path, 'read'));
    return true;
  } catch {
    return false;
  }
}

/** The bytes of a file; undefined if it cannot be read or is larger than `limit` bytes, whatever the reason. */
export function wholeFile(fs: FsPort, path: string, limit: number): Buffer | undefined {
  try {
    const fd = fs.open(path, 'read');
    try {
      const { size } = fs.stat(fd);
      return size > limit ? undefined : allBytes(fs, fd, 0, size);
    } finally {
      fs.close(fd);
    }
  } catch {
    return undefined;
  }
}

/** True for what the system says of a file that is not there. */
export function isAbsent(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

/** Closes a file that was read, or whose content is synced: a close that fails has closed it, and loses nothing. */
export function closeQuietly(fs: FsPort, fd: Fd): void {
  try {
    fs.close(fd);
  } catch {
    // nothing depends on it
  }
}
