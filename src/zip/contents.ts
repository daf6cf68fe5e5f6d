import { MAX_DOCUMENT_BYTES, MAX_KEPT_BYTES, MAX_LEDGER_BYTES, MAX_MANIFEST_BYTES } from '../core/limits.ts';
import type { Found, Report } from '../core/report.ts';
import { type ContainerType, strangersAmong } from './member_types.ts';
import { type Container, readMember } from './reader.ts';

/** What was read of the members of a container. */
export interface Contents {
  /** SHA-256 by name; a member that could not be read has none. */
  readonly digests: ReadonlyMap<string, string>;
  /** The bytes of the members that were to be kept. */
  readonly bytes: ReadonlyMap<string, Buffer>;
  /** Bytes by name, as the container has them when it is unpacked. */
  readonly sizes: ReadonlyMap<string, number>;
}

/** A member as a manifest declares it. */
export interface Declared {
  readonly path: string;
  /** SHA-256 of its bytes, in hexadecimal of either case. */
  readonly sha256: string;
}

export interface HashMismatch {
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
}

/** How the members that are there compare with those that are declared. */
export interface Compared {
  readonly missing: readonly string[];
  readonly mismatches: readonly HashMismatch[];
  readonly undeclared: readonly string[];
  /** Declared, and no members that anything knows: only their digests were looked at. */
  readonly unchecked: readonly string[];
}

export const NOTHING_COMPARED: Compared = { missing: [], mismatches: [], undeclared: [], unchecked: [] };

/** What is compared, how strictly, and what else was found of it. */
export interface Comparison {
  readonly type: ContainerType;
  readonly strict: boolean | undefined;
  readonly others?: readonly Found[];
}

export interface ReadContentsOptions {
  /** Whether the bytes of a member are wanted: it is a document. */
  readonly keep: (name: string) => boolean;
  /** Members whose bytes are wanted if they fit into memory, up to {@link MAX_KEPT_BYTES}. */
  readonly keepLarge?: (name: string) => boolean;
  readonly onBytes?: ((count: number) => void) | undefined;
}

/** What is wrong with a container. A `strict` reader also wants it as gait or the programs before it write one. */
export function containerFindings({ findings, foreign }: Container, strict = false): readonly Found[] {
  if (!strict || foreign === undefined) return findings;
  const message = `the container is not as gait writes it: ${foreign.what}`;
  return [...findings, { code: 'container_style', message, offset: foreign.offset }];
}

/** Reads every member through. Settles `member_content`. */
export function readContents(container: Container, options: ReadContentsOptions, report: Report): Contents {
  const digests = new Map<string, string>();
  const bytes = new Map<string, Buffer>();
  const sizes = new Map<string, number>();
  const findings: Found[] = [];
  const { onBytes } = options;
  for (const member of container.members) {
    const { name, dataOffset: offset } = member;
    const document = options.keep(name);
    const how = {
      keep: document || options.keepLarge?.(name) === true,
      limit: document ? documentLimit(name) : MAX_KEPT_BYTES,
    };
    const content = readMember(container, member, { ...how, ...(onBytes === undefined ? {} : { onBytes }) });
    if (content.fault !== undefined) {
      findings.push({ code: 'member_unreadable', message: `${name} ${content.fault}`, member: name, offset });
      continue;
    }
    if (!content.crcMatches) {
      const message = `${name}: the content does not have the CRC-32 of its header`;
      findings.push({ code: 'crc_mismatch', message, member: name, offset });
    }
    digests.set(name, content.sha256);
    sizes.set(name, member.size);
    if (content.bytes !== undefined) bytes.set(name, content.bytes);
    else if (document) {
      const message = `${name} has ${member.size} bytes; it may have ${documentLimit(name)}`;
      findings.push({ code: 'member_too_large', message, member: name, offset });
    }
  }
  if (container.members.length > 0) report.settle('member_content', findings);
  return { digests, bytes, sizes };
}

const SMALLER: Readonly<Record<string, number>> = {
  'pack_manifest.json': MAX_MANIFEST_BYTES,
  'manifest.json': MAX_MANIFEST_BYTES,
  'job_ledger.json': MAX_LEDGER_BYTES,
};

/** Bytes that a document of this name may have. */
function documentLimit(name: string): number {
  return SMALLER[name] ?? MAX_DOCUMENT_BYTES;
}

/** Compares what is there with what the member `manifest` declares. Settles `member_digests`, `nothing_undeclared`. */
export function compareDeclared(
  manifest: string,
  declared: readonly Declared[],
  { digests }: Contents,
  report: Report,
  { type, strict, others = [] }: Comparison,
): Compared {
  const missing: string[] = [];
  const mismatches: HashMismatch[] = [];
  const paths = declared.map(({ path }) => path);
  const strangers = strangersAmong(type, paths, strict);
  const findings: Found[] = [...others, ...strangers.findings, ...declarationFindings(manifest, declared)];
  for (const { path, sha256: expected } of declared) {
    const actual = digests.get(path);
    if (actual === undefined) {
      missing.push(path);
      findings.push({ code: 'member_missing', message: `${path} is declared, but missing`, member: path });
    } else if (actual !== expected.toLowerCase()) {
      mismatches.push({ path, expected, actual });
      const message = `${path}: the content is not what the manifest declares`;
      findings.push({ code: 'digest_mismatch', message, member: path, expected, actual });
    }
  }
  report.settle('member_digests', findings);
  const known = new Set([manifest, ...paths]);
  const undeclared = [...digests.keys()].filter((name) => !known.has(name));
  report.settle(
    'nothing_undeclared',
    undeclared.map((member) => ({ code: 'member_undeclared', message: `${member} is not declared`, member })),
  );
  return { missing, mismatches, undeclared, unchecked: strangers.unchecked };
}

/** What a list of members itself has wrong: each is declared once, in order. */
function declarationFindings(manifest: string, declared: readonly Declared[]): Found[] {
  const findings: Found[] = [];
  const seen = new Set<string>([manifest]);
  let previous = '';
  for (const { path: member } of declared) {
    if (seen.has(member)) {
      findings.push({ code: 'declared_twice', message: `${member} is declared more than once`, member });
    } else if (member < previous) {
      findings.push({ code: 'declared_unsorted', message: `${member} is declared out of order`, member });
    }
    seen.add(member);
    previous = member;
  }
  return findings;
}
