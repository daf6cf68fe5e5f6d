import { MAX_DIRECTORY_BYTES, MAX_MEMBERS } from '../core/limits.ts';
import type { ByteSource } from '../files/source.ts';
import type { ContainerFinding } from './container.ts';
import {
  CENTRAL_RECORD_BYTES,
  CENTRAL_SIGNATURE,
  type CentralEntry,
  END_RECORD_BYTES,
  END_SIGNATURE,
} from './layout.ts';

/** What the central directory says, or where it cannot be read. */
export type Directory = { readonly entries: CentralEntry[] } | { readonly failure: ContainerFinding };

/**
 * Reads the central directory of a container that ends in its end record. Takes nothing of what it says for granted but
 * that it can be read; the audit compares every byte afterwards. Pure.
 */
export function readDirectory(source: ByteSource): Directory {
  const endAt = source.size - END_RECORD_BYTES;
  const end = source.read(Math.max(endAt, 0), END_RECORD_BYTES);
  const stray = firstStrayByte(end, END_SIGNATURE);
  if (end.length < END_RECORD_BYTES || stray !== undefined) {
    return unreadable('does not end in the end record of a zip', Math.max(endAt, 0) + (stray ?? end.length));
  }
  const count = end.readUInt16LE(10);
  const start = end.readUInt32LE(16);
  if (count > MAX_MEMBERS) {
    const message = `${count} members; the limit is ${MAX_MEMBERS}`;
    return { failure: { code: 'too_many_members', message, offset: endAt + 10 } };
  }
  const size = endAt - start;
  if (size > MAX_DIRECTORY_BYTES) {
    const why = `has a central directory of ${size} bytes; the limit is ${MAX_DIRECTORY_BYTES}`;
    return unreadable(why, endAt + 12);
  }
  return readRecords(source, count, start, endAt);
}

function readRecords(source: ByteSource, count: number, start: number, end: number): Directory {
  const entries: CentralEntry[] = [];
  let at = start;
  for (let i = 0; i < count; i += 1) {
    const record = source.read(at, CENTRAL_RECORD_BYTES);
    const stray = firstStrayByte(record, CENTRAL_SIGNATURE);
    if (record.length < CENTRAL_RECORD_BYTES || stray !== undefined) {
      return unreadable(`has no central record ${i + 1}`, at + (stray ?? record.length));
    }
    const nameLength = record.readUInt16LE(28);
    const next = at + CENTRAL_RECORD_BYTES + nameLength + record.readUInt16LE(30) + record.readUInt16LE(32);
    if (next > end) return unreadable(`has a central record ${i + 1} that runs into the end record`, at + 28);
    entries.push({
      name: source.read(at + CENTRAL_RECORD_BYTES, nameLength),
      style: {
        madeBy: record.readUInt16LE(4),
        flags: record.readUInt16LE(8),
        method: record.readUInt16LE(10),
        extra: source.read(at + CENTRAL_RECORD_BYTES + nameLength, record.readUInt16LE(30)),
        attributes: record.readUInt32LE(38),
      },
      free: {
        needed: record.readUInt16LE(6),
        time: record.readUInt16LE(12),
        date: record.readUInt16LE(14),
        internal: record.readUInt16LE(36),
      },
      crc32: record.readUInt32LE(16),
      packedSize: record.readUInt32LE(20),
      size: record.readUInt32LE(24),
      offset: record.readUInt32LE(42),
    });
    at = next;
  }
  return { entries };
}

/** The index of the first byte that is not the signature's; undefined when all are. */
function firstStrayByte(bytes: Buffer, signature: number): number | undefined {
  const expected = Buffer.alloc(4);
  expected.writeUInt32LE(signature);
  const index = expected.findIndex((byte, i) => bytes[i] !== byte);
  return index === -1 ? undefined : index;
}

function unreadable(why: string, offset: number): Directory {
  return { failure: { code: 'container_unreadable', message: `the file ${why} (byte ${offset})`, offset } };
}
