import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import { errnoOf, GaitError, invalidInput, ioFailure } from '../core/errors.ts';
import {
  auditContainer,
  type ByteSource,
  type ContainerAudit,
  type ContainerFinding,
  type Member,
} from './container.ts';
import { readDirectory } from './directory.ts';

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
    const directory = readDirectory(source);
    const audit =
      'failure' in directory
        ? { members: [], findings: [directory.failure], intact: false }
        : auditContainer(source, directory.entries);
    const opinion = audit.findings.length === 0 ? await secondOpinion(fd, audit.members) : [];
    return {
      path,
      size: source.size,
      ...audit,
      findings: [...audit.findings, ...opinion],
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
    // Not blocking: to open a FIFO would wait for a writer.
    const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
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

/** A second reader, yauzl, must see the same members in a container that the audit found nothing wrong with. */
async function secondOpinion(fd: number, members: readonly Member[]): Promise<ContainerFinding[]> {
  const disagree = (why: string): ContainerFinding[] => {
    return [{ code: 'readers_disagree', message: `another reader of zips sees something else: ${why}` }];
  };
  try {
    const zip = await yauzl.fromFdPromise(fd, { lazyEntries: true, autoClose: false, strictFileNames: true });
    const seen: string[] = [];
    for await (const { fileName, uncompressedSize, crc32: crc } of zip.eachEntry()) {
      seen.push(`${fileName} ${uncompressedSize} ${crc}`);
    }
    const expected = members.map(({ name, size, crc32: crc }) => `${name} ${size} ${crc}`);
    const index = expected.findIndex((line, i) => line !== seen[i]);
    return index === -1 && seen.length === expected.length ? [] : disagree(`${seen.length} members`);
  } catch (error) {
    return disagree(error instanceof Error ? error.message : String(error));
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
