import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import { errnoOf, GaitError, invalidInput, ioFailure } from '../core/errors.ts';
import {
  auditContainer,
  type ByteSource,
  type CentralEntry,
  type ContainerAudit,
  type ContainerFinding,
  MAX_MEMBERS,
  type Member,
} from './container.ts';

const CHUNK_BYTES = 1024 * 1024;

/** A member larger than this is not read into memory. */
export const MAX_DOCUMENT_BYTES: number = 512 * 1024 * 1024;

/** An opened, audited container. Its members may be read even when there are findings: to report all that is wrong. */
export interface Container extends ContainerAudit {
  readonly path: string;
  readonly size: number;
  /** The content of a member and its digest. `keep: false` reads it in pieces and answers only the digest. */
  content(member: Member, options: { keep: boolean }): MemberContent;
  close(): void;
}

export interface MemberContent {
  readonly sha256: string;
  readonly crcMatches: boolean;
  /** Absent when it was not to be kept, or is larger than {@link MAX_DOCUMENT_BYTES}. */
  readonly bytes?: Buffer;
}

/**
 * Opens a container distrustfully: reads its central directory, then checks every byte that is not content. Throws
 * `file_not_found` (invalid_input) and I/O errors; whatever is wrong with the container itself is a finding.
 */
export async function openContainer(path: string): Promise<Container> {
  const fd = openFile(path);
  try {
    const source: ByteSource = {
      size: fs.fstatSync(fd).size,
      read: (offset, length) => readAt(fd, offset, length),
    };
    const listed = await listEntries(fd);
    const audit =
      'failure' in listed
        ? { members: [], findings: [listed.failure], intact: false }
        : auditContainer(source, listed.entries);
    return {
      path,
      size: source.size,
      ...audit,
      content: (member, { keep }) => readContent(source, member, keep),
      close: () => fs.closeSync(fd),
    };
  } catch (error) {
    fs.closeSync(fd);
    throw ioFailure(error, `reading ${path}`);
  }
}

function openFile(path: string): number {
  try {
    const fd = fs.openSync(path, 'r');
    if (fs.fstatSync(fd).isFile()) return fd;
    fs.closeSync(fd);
    throw invalidInput('not_a_file', `not a file: ${path}`);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') {
      throw invalidInput('file_not_found', `no such file: ${path}`);
    }
    throw error instanceof GaitError ? error : ioFailure(error, `opening ${path}`);
  }
}

/** Reads the central directory with yauzl, taking nothing of it for granted but that it could be read. */
async function listEntries(fd: number): Promise<{ entries: CentralEntry[] } | { failure: ContainerFinding }> {
  const entries: CentralEntry[] = [];
  try {
    const zip = await yauzl.fromFdPromise(fd, { lazyEntries: true, autoClose: false, decodeStrings: false });
    if (zip.entryCount > MAX_MEMBERS) {
      const message = `${zip.entryCount} members; the limit is ${MAX_MEMBERS}`;
      return { failure: { code: 'too_many_members', message } };
    }
    for await (const entry of zip.eachEntry()) {
      const { crc32: crc, uncompressedSize: size, relativeOffsetOfLocalHeader: offset } = entry;
      entries.push({ name: Buffer.from(entry.fileNameRaw), crc32: crc, size, offset });
    }
    return { entries };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { failure: { code: 'container_unreadable', message: `not a zip that can be read: ${why}` } };
  }
}

function readContent(source: ByteSource, member: Member, keep: boolean): MemberContent {
  const hash = createHash('sha256');
  const kept: Buffer[] = [];
  const whole = keep && member.size <= MAX_DOCUMENT_BYTES;
  const end = Math.min(member.dataOffset + member.size, source.size);
  let crc = 0;
  for (let at = member.dataOffset; at < end; at += CHUNK_BYTES) {
    const bytes = source.read(at, Math.min(CHUNK_BYTES, end - at));
    hash.update(bytes);
    crc = crc32(bytes, crc);
    if (whole) kept.push(bytes);
  }
  const sha256 = hash.digest('hex');
  const crcMatches = crc === member.crc32;
  return whole ? { sha256, crcMatches, bytes: Buffer.concat(kept) } : { sha256, crcMatches };
}

function readAt(fd: number, offset: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const count = fs.readSync(fd, buffer, done, length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return buffer.subarray(0, done);
}
