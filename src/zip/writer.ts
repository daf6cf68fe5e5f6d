import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
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
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import yazl from 'yazl';
import { errnoOf, GaitError, invalidInput, ioFailure } from '../core/errors.ts';
import { digestWritten } from './digest_file.ts';
import { centralRecord, endRecord, localHeader } from './layout.ts';
import { type ByteSource, passOver, sourceOf } from './source.ts';

export interface NewMember {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * A zip with these members, byte for byte the same on every machine and Node version: sorted, stored, of 1980-01-01,
 * mode 0644, no extra fields, no descriptors. docs/contracts/packspec_v1.md gives the reason of each.
 */
export async function zipOf(members: readonly (NewMember | SourcedMember)[]): Promise<Buffer> {
  const zip = new yazl.ZipFile();
  for (const member of [...members].sort((a, b) =>
    Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  )) {
    const bytes = 'bytes' in member ? member.bytes : member.source.read(0, member.source.size);
    // Before 1980 in every time zone: yazl then writes the first instant that a zip can say.
    zip.addBuffer(bytes, member.name, {
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
  await replaceAtomically(path, (file) => file.writeFile(bytes));
}

/** A member that is not in memory: its bytes are read as they are written. */
export interface SourcedMember {
  readonly name: string;
  readonly source: ByteSource;
  readonly crc32: number;
}

export interface WrittenZip {
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Writes the zip that {@link zipOf} would make of these members, in pieces: a member may be larger than memory. Throws
 * `member_too_large` for more than a zip of this form can hold, and `source_changed` when a source is not what it was.
 */
export async function writeZipAtomically(
  path: string,
  members: readonly SourcedMember[],
  onBytes: (count: number) => void = () => {},
): Promise<WrittenZip> {
  let size = 0;
  let sha256 = '';
  const expected = members.reduce((sum, { source }) => sum + source.size, 0);
  await replaceAtomically(path, async (file) => {
    const digest = digestWritten(file.fd, expected);
    let flushed = 0;
    let flushing = Promise.resolve();
    try {
      for (const bytes of zipPieces(members)) {
        await file.appendFile(bytes); // unlike write, it goes on until all is written
        digest.update(bytes);
        size += bytes.length;
        onBytes(bytes.length);
        if (size - flushed < FLUSH_BYTES) continue;
        await flushing;
        flushing = file.datasync();
        flushing.catch(() => {}); // it is awaited below
        flushed = size;
      }
      await flushing;
    } finally {
      sha256 = await digest.end();
    }
  });
  return { sha256, size };
}

/** How much is written before the disk is told to begin: it works while the rest is read and digested. */
const FLUSH_BYTES = 64 * 1024 * 1024;

/** The largest offset and size that a zip without zip64 can say. */
const MAX_ZIP_BYTES = 0xffff_fffe;

function* zipPieces(members: readonly SourcedMember[]): Generator<Buffer> {
  const sorted = members.map((member) => ({ ...member, bytes: Buffer.from(member.name) }));
  sorted.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  const records: Buffer[] = [];
  let at = 0;
  for (const { name, bytes, source, crc32: expected } of sorted) {
    const layout = { name: bytes, crc32: expected, size: source.size, offset: at };
    if (at + source.size > MAX_ZIP_BYTES) throw tooLarge(name);
    const header = localHeader(layout);
    yield header;
    let crc = 0;
    let size = 0;
    for (const piece of passOver(source)) {
      crc = crc32(piece, crc);
      size += piece.length;
      yield piece;
    }
    if (crc !== expected || size !== source.size) throw changed(name);
    records.push(centralRecord(layout));
    at += header.length + source.size;
  }
  const directory = Buffer.concat(records);
  yield directory;
  yield endRecord(records.length, directory.length, at);
}

function tooLarge(name: string): GaitError {
  const hint = 'A pack holds up to 4 GiB. Leave large things outside and refer to them by digest.';
  return invalidInput('member_too_large', `${name} does not fit into a pack`, hint);
}

function changed(name: string): GaitError {
  return new GaitError({
    code: 'source_changed',
    category: 'state_contention',
    message: `what ${name} is read from changed meanwhile`,
    hint: 'Run the same command again once nobody writes to it.',
    retryable: true,
  });
}

/** The zip that {@link zipOf} would make, at once: for where nobody may come between. */
export function zipAtOnce(members: readonly NewMember[]): Buffer {
  const sourced = members.map(({ name, bytes }) => ({ name, source: sourceOf(bytes), crc32: crc32(bytes) }));
  return Buffer.concat([...zipPieces(sourced)]);
}

/** Writes a file whole or not at all, at once. Mode 0600. */
export function writeFileAtOnce(path: string, bytes: Buffer): void {
  const dir = dirname(path);
  const temporary = join(dir, `.${randomBytes(12).toString('hex')}.tmp`);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeFileSync(temporary, bytes, { flag: 'wx', mode: 0o600, flush: true });
    putInPlace(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw ioFailure(error, `writing ${path}`);
  }
}

async function replaceAtomically(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
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
    removeQuietly(temporary);
    throw ioFailure(error, `writing ${path}`);
  }
}

function removeQuietly(path: string): void {
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
