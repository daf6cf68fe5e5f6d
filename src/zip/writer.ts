import { randomBytes } from 'node:crypto';
import { closeSync, lstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import yazl from 'yazl';
import { errnoOf, GaitError, ioFailure } from '../core/errors.ts';

export interface NewMember {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * A zip with these members, byte for byte the same on every machine and Node version: sorted, stored, of 1980-01-01,
 * mode 0644, no extra fields, no descriptors. docs/contracts/packspec_v1.md gives the reason of each.
 */
export async function zipOf(members: readonly NewMember[]): Promise<Buffer> {
  const zip = new yazl.ZipFile();
  for (const { name, bytes } of [...members].sort((a, b) =>
    Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  )) {
    // Before 1980 in every time zone: yazl then writes the first instant that a zip can say.
    zip.addBuffer(bytes, name, {
      mtime: new Date(0),
      mode: 0o100644,
      forceDosTimestamp: true,
      compress: false,
    });
  }
  zip.end();
  return buffer(zip.outputStream);
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

/** Writes a file whole or not at all: a temporary file beside it, synced, renamed over it, the directory synced. Mode 0600. */
export async function writeFileAtomically(path: string, bytes: Buffer): Promise<void> {
  const dir = dirname(path);
  const temporary = join(dir, `.${randomBytes(12).toString('hex')}.tmp`);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    await writeSynced(temporary, bytes);
    await rename(temporary, path);
    await syncDirectory(dir);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw ioFailure(error, `writing ${path}`);
  }
}

async function writeSynced(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  let dir: FileHandle | undefined;
  try {
    dir = await open(path, 'r');
    await dir.sync();
  } catch (error) {
    // Some systems cannot sync a directory; the rename itself was done.
    if (errnoOf(error) !== 'EISDIR' && errnoOf(error) !== 'EPERM' && errnoOf(error) !== 'EINVAL') throw error;
  } finally {
    await dir?.close();
  }
}
