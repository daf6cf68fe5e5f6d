import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, GaitError, invalidInput, ioFailure } from '../core/errors.ts';

/** Writes a file whole or not at all: a temporary file beside it, synced, renamed over it, the directory synced. Mode 0600. */
export async function writeFileAtomically(path: string, bytes: Buffer): Promise<void> {
  await replaceAtomically(path, (file) => file.writeFile(bytes));
}

/** Writes a file whole or not at all, at once. */
export function writeFileAtOnce(path: string, bytes: Buffer, mode = 0o600): void {
  const dir = dirname(path);
  const temporary = join(dir, `.${randomBytes(12).toString('hex')}.tmp`);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeFileSync(temporary, bytes, { flag: 'wx', mode: 0o600, flush: true });
    if (mode !== 0o600) chmodSync(temporary, mode);
    putInPlace(temporary, path);
  } catch (error) {
    removeFile(temporary);
    throw ioFailure(error, `writing ${path}`);
  }
}

/** Writes a file that must not be there yet, whole or not at all. Throws `file_exists` rather than write over anything. */
export function writeNewFile(path: string, bytes: Buffer): void {
  const dir = dirname(path);
  const temporary = join(dir, `.${randomBytes(12).toString('hex')}.tmp`);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeFileSync(temporary, bytes, { flag: 'wx', mode: 0o600, flush: true });
    linkSync(temporary, path); // fails where the name is taken
    syncDirectory(dir);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') {
      throw invalidInput(
        'file_exists',
        `${path} is there already`,
        'Nothing was written over it. Try again.',
      );
    }
    throw ioFailure(error, `writing ${path}`);
  } finally {
    removeFile(temporary);
  }
}

/** What {@link writeFileAtomically} does, for content that is written piece by piece. */
export async function replaceAtomically(
  path: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const dir = dirname(path);
  const temporary = join(dir, `.${randomBytes(12).toString('hex')}.tmp`);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const file = await open(temporary, 'wx+', 0o600);
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    putInPlace(temporary, path);
  } catch (error) {
    removeFile(temporary);
    throw ioFailure(error, `writing ${path}`);
  }
}

/** Removes a file, best effort. */
export function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // it was never there
  }
}

function putInPlace(temporary: string, path: string): void {
  renameSync(temporary, path);
  syncDirectory(dirname(path));
}

function syncDirectory(path: string): void {
  let dir: number | undefined;
  try {
    dir = openSync(path, 'r');
    fsyncSync(dir);
  } catch (error) {
    // Some systems cannot sync a directory; the rename itself was done.
    if (errnoOf(error) !== 'EISDIR' && errnoOf(error) !== 'EPERM' && errnoOf(error) !== 'EINVAL') throw error;
  } finally {
    if (dir !== undefined) closeSync(dir);
  }
}

const ZIP_MAGIC = Buffer.from('PK\x03\x04', 'latin1');

/** Throws `out_unsafe` unless nothing stands at a path, or a zip does: nothing else is ever replaced. */
export function assertReplaceable(path: string): void {
  let found = 'something';
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.isFile()) {
      if (startsWith(path, ZIP_MAGIC)) return;
      found = 'a file that is no pack';
    } else {
      found = stat.isDirectory() ? 'a directory' : 'no regular file';
    }
  } catch (error) {
    throw ioFailure(error, `looking at ${path}`);
  }
  throw new GaitError({
    code: 'out_unsafe',
    category: 'unsafe_operation',
    message: `refused to replace ${path}: ${found} stands there`,
    hint: 'Name another file, or remove that one yourself.',
  });
}

function startsWith(path: string, magic: Buffer): boolean {
  const fd = openSync(path, 'r');
  try {
    const start = Buffer.alloc(magic.length);
    return readSync(fd, start) === magic.length && start.equals(magic);
  } finally {
    closeSync(fd);
  }
}
