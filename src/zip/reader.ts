import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32, inflateRawSync } from 'node:zlib';
import yauzl from 'yauzl';
import { errnoOf, ioFailure } from '../core/errors.ts';
import { MAX_DOCUMENT_BYTES, MAX_INFLATED_BYTES, MAX_INFLATED_IN_ALL } from '../core/limits.ts';
import { type ContentDigest, digestFile } from '../files/digest_file.ts';
import { openFile } from '../files/file_source.ts';
import { type ByteSource, chunksOf, passOver, slice, sourceOf } from '../files/source.ts';
import { auditContainer, type ContainerAudit, type ContainerFinding, type Member } from './container.ts';
import { readDirectory } from './directory.ts';
import { inflatedSource, inflateFault } from './inflate.ts';

/** An audited container. Its members may be read even when there are findings: to report all that is wrong. */
export interface Container extends ContainerAudit {
  readonly source: ByteSource;
  /** The bytes of a member; `fault` says why they cannot be had. A deflated member is inflated, within limits. */
  open(member: Member): OpenedMember;
}

export type OpenedMember =
  | { readonly source: ByteSource; readonly fault?: undefined }
  | { readonly source?: undefined; readonly fault: string };

export interface ContainerFile extends Container {
  readonly path: string;
  readonly size: number;
  /** The digest of the whole file, made aside if it is large; it has to be waited for before the file is closed. */
  digest(onBytes: (count: number) => void): Promise<ContentDigest>;
  /** Throws `file_changed` (verification_failed) unless the file is what it was when it was opened. */
  assertUnchanged(): void;
  close(): void;
}

/** What a pass over a member found. */
export interface MemberContent {
  readonly sha256: string;
  readonly crcMatches: boolean;
  /** Present if it is no larger than the limit. */
  readonly bytes?: Buffer;
  /** Why it could not be read. */
  readonly fault?: string;
}

/**
 * Opens a container distrustfully: reads its central directory, then checks every byte that is not content. Throws
 * `file_not_found` (invalid_input) and I/O errors; whatever is wrong with the container itself is a finding.
 */
export async function openContainer(path: string): Promise<ContainerFile> {
  const file = openFile(path);
  try {
    const container = readContainer(file.source);
    const { findings } = container;
    const opinion = findings.length === 0 ? await secondOpinion(file.source, container.members) : [];
    return {
      ...container,
      findings: [...findings, ...opinion],
      path,
      size: file.source.size,
      digest: (onBytes) => digestFile(file.fd, file.source, onBytes),
      assertUnchanged: file.assertUnchanged,
      close: file.close,
    };
  } catch (error) {
    file.close();
    throw ioFailure(error, `reading ${path}`);
  }
}

/** Audits the container that these bytes are. */
export function readContainer(source: ByteSource): Container {
  const directory = readDirectory(source);
  const audit: ContainerAudit =
    'failure' in directory
      ? { members: [], findings: [directory.failure], intact: false }
      : auditContainer(source, directory.entries);
  const inflated = audit.members.reduce((sum, { deflated, size }) => sum + (deflated ? size : 0), 0);
  const faults = new Map<Member, string | undefined>();
  const open = (member: Member): OpenedMember => {
    if (member.deflated && inflated > MAX_INFLATED_IN_ALL) return { fault: 'is one of too many to inflate' };
    return openMember(source, member, faults);
  };
  return { ...audit, source, open };
}

/** The bytes of a member by its name; undefined for one that is not there or cannot be had. */
export function memberSource(container: Container, name: string): ByteSource | undefined {
  const member = container.members.find((one) => one.name === name);
  return member === undefined ? undefined : container.open(member).source;
}

/**
 * Reads a member through: its digest and CRC-32, and its bytes if they are to be kept and no more than `limit`, by default
 * {@link MAX_DOCUMENT_BYTES}.
 */
export function readMember(
  container: Container,
  member: Member,
  options: {
    readonly keep: boolean;
    readonly limit?: number;
    readonly onBytes?: (count: number) => void;
  },
): MemberContent {
  const opened = container.open(member);
  if (opened.fault !== undefined) return { sha256: '', crcMatches: true, fault: opened.fault };
  const hash = createHash('sha256');
  const kept: Buffer[] = [];
  const whole = options.keep && opened.source.size <= (options.limit ?? MAX_DOCUMENT_BYTES);
  let crc = 0;
  for (const bytes of whole ? chunksOf(opened.source) : passOver(opened.source)) {
    hash.update(bytes);
    crc = crc32(bytes, crc);
    if (whole) kept.push(bytes);
    options.onBytes?.(bytes.length);
  }
  const sha256 = hash.digest('hex');
  const crcMatches = crc === member.crc32;
  return whole ? { sha256, crcMatches, bytes: Buffer.concat(kept) } : { sha256, crcMatches };
}

/** Larger ones are inflated piece by piece, again for each pass over them. Bytes. */
const MAX_AT_ONCE = 4 * 1024 * 1024;

function openMember(
  source: ByteSource,
  member: Member,
  faults: Map<Member, string | undefined>,
): OpenedMember {
  const { dataOffset, packedSize, size, deflated } = member;
  const packed = slice(source, dataOffset, packedSize);
  if (!deflated) return { source: packed };
  if (size > MAX_INFLATED_BYTES || packedSize > MAX_INFLATED_BYTES) return { fault: 'is too large' };
  if (Math.max(size, packedSize) <= MAX_AT_ONCE) return inflateAtOnce(packed, size);
  if (!faults.has(member)) faults.set(member, inflateFault(packed, size));
  const fault = faults.get(member);
  return fault === undefined ? { source: inflatedSource(packed, size) } : { fault };
}

function inflateAtOnce(source: ByteSource, size: number): OpenedMember {
  try {
    const packed = source.read(0, source.size);
    // One byte more than it says it has would be too many.
    const { buffer, engine } = inflateRawSync(packed, {
      maxOutputLength: size + 1,
      info: true,
    }) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    if (buffer.length !== size) return { fault: `inflates to ${buffer.length} bytes, not to ${size}` };
    const rest = packed.length - engine.bytesWritten;
    if (rest !== 0) return { fault: `has ${rest} bytes after its compressed content` };
    return { source: sourceOf(buffer) };
  } catch (error) {
    const why =
      errnoOf(error) === 'ERR_BUFFER_TOO_LARGE' ? 'inflates to more than it says' : 'does not inflate';
    return { fault: why };
  }
}

/** What yauzl reads of a container: only its central directory. */
class SourceReader extends yauzl.RandomAccessReader {
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    super();
    this.#source = source;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(chunksOf(slice(this.#source, start, end - start)));
  }
}

/** A second reader, yauzl, must see the same members in a container that the audit found nothing wrong with. */
async function secondOpinion(source: ByteSource, members: readonly Member[]): Promise<ContainerFinding[]> {
  const disagree = (why: string): ContainerFinding[] => {
    return [{ code: 'readers_disagree', message: `another zip reader sees something else: ${why}` }];
  };
  try {
    const options = { lazyEntries: true, autoClose: false, strictFileNames: true };
    const zip = await yauzl.fromRandomAccessReaderPromise(new SourceReader(source), source.size, options);
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
