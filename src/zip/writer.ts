import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import yazl from 'yazl';
import { GaitError, invalidInput } from '../core/errors.ts';
import { replaceAtomically } from '../files/atomic_file.ts';
import { digestWritten } from '../files/digest_file.ts';
import { type ByteSource, passOver, sourceOf } from '../files/source.ts';
import { centralRecord, endRecord, localHeader } from './layout.ts';

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
