import { MAX_INFLATED_BYTES } from '../core/limits.ts';
import type { ByteSource } from '../files/source.ts';
import { asForeign } from './foreign.ts';
import {
  type CentralEntry,
  centralRecord,
  descriptor,
  END_RECORD_BYTES,
  endRecord,
  fieldAt,
  GAIT_STYLE,
  type HeaderKind,
  localHeader,
  METHOD_DEFLATED,
  type StyleFault,
} from './layout.ts';
import { nameFault } from './names.ts';
import { styleFault, type Writer, writerOf } from './styles.ts';

export interface Member {
  /** As {@link displayName} prints it. */
  readonly name: string;
  readonly crc32: number;
  readonly size: number;
  /** Where its bytes start. */
  readonly dataOffset: number;
  /** Bytes in the container. */
  readonly packedSize: number;
  readonly deflated: boolean;
}

export interface ContainerAudit {
  readonly members: readonly Member[];
  readonly findings: readonly ContainerFinding[];
  /** Present for a container that is sound and yet not as gait or the programs before it write: where that shows first. */
  readonly foreign?: { readonly what: string; readonly offset: number };
  /** Every member was found where it should be. If not, those that were found are not all. */
  readonly intact: boolean;
}

export interface ContainerFinding {
  readonly code:
    | 'container_unreadable'
    | 'container_gap'
    | 'header_mismatch'
    | 'member_name_unsafe'
    | 'member_duplicate'
    | 'members_unsorted'
    | 'too_many_members'
    | 'crc_mismatch'
    | 'member_encrypted'
    | 'member_not_a_file'
    | 'method_unsupported'
    | 'member_too_large'
    | 'container_style'
    | 'readers_disagree';
  readonly message: string;
  readonly member?: string;
  readonly offset?: number;
}

/**
 * Checks every byte of a container that is not a member's content. The headers that members of gait and of the programs
 * before it must have are known to the last bit (layout.ts, styles.ts), so they are written anew and compared: that one
 * comparison finds a local header that differs from the central record, junk before, between and after, comments, and
 * every flipped bit. What is free to other writers (foreign.ts) is taken from the headers before. Pure.
 */
export function auditContainer(source: ByteSource, central: readonly CentralEntry[]): ContainerAudit {
  const writer = writerOf(central.map(({ style }) => style));
  const audit = auditAs(writer, source, central);
  if (writer !== 'other' || audit.findings.length > 0) return audit;
  const [first] = auditAs('gait', source, central).findings;
  const foreign = { what: first?.message ?? 'its members', offset: first?.offset ?? 0 };
  return { ...audit, foreign };
}

function auditAs(writer: Writer, source: ByteSource, central: readonly CentralEntry[]): ContainerAudit {
  const entries: CentralEntry[] = [];
  const findings: ContainerFinding[] = [...nameFindings(central, writer === 'gait')];
  const members: Member[] = [];
  let at = 0;
  for (const said of central) {
    const name = displayName(said.name);
    if (said.offset !== at)
      return { members, findings: [...findings, gap(name, at, said.offset)], intact: false };
    const entry = asWritten(writer, source, said);
    entries.push(entry);
    const expected = localHeader(entry, entry.style);
    const trailer = descriptor(entry, entry.style);
    const dataOffset = at + expected.length;
    const end = dataOffset + entry.packedSize + trailer.length;
    const fault = overrun(name, at, end, source.size);
    if (fault !== undefined) return { members, findings: [...findings, fault], intact: false };
    findings.push(...compare(source, at, expected, 'local', name));
    findings.push(...compare(source, dataOffset + entry.packedSize, trailer, 'descriptor', name));
    members.push(memberOf(entry, dataOffset));
    at = end;
  }
  findings.push(...directoryFindings(source, { writer, entries, central }, at));
  return { members, findings, intact: true };
}

function memberOf({ name, crc32, size, packedSize, style }: CentralEntry, dataOffset: number): Member {
  const deflated = style.method === METHOD_DEFLATED;
  return { name: displayName(name), crc32, size, dataOffset, packedSize, deflated };
}

/** Every member of a container of ours is written in one way, whatever its record says. */
function asWritten(writer: Writer, source: ByteSource, entry: CentralEntry): CentralEntry {
  if (writer === 'gait') return { ...entry, packedSize: entry.size, style: GAIT_STYLE };
  return writer === 'go' ? entry : asForeign(source, entry);
}

interface Audited {
  readonly writer: Writer;
  readonly entries: readonly CentralEntry[];
  /** As they stand there. */
  readonly central: readonly CentralEntry[];
}

function directoryFindings(
  source: ByteSource,
  { writer, entries, central }: Audited,
  start: number,
): ContainerFinding[] {
  const findings: ContainerFinding[] = [];
  let at = start;
  for (const [index, entry] of entries.entries()) {
    const member = displayName(entry.name);
    const expected = centralRecord(entry, entry.style);
    const fault = entryFault(writer, entry, central[index] ?? entry);
    const differs = compare(source, at, expected, 'central', member);
    if (fault !== undefined && (differs.length > 0 || writer !== 'gait')) {
      const message = `${member}: ${fault.why}`;
      findings.push({ code: fault.code, message, member, offset: at + fault.at });
    } else {
      findings.push(...differs);
    }
    at += expected.length;
  }
  findings.push(...compare(source, at, endRecord(entries.length, at - start, start), 'end', undefined));
  at += END_RECORD_BYTES;
  if (at !== source.size) {
    const message = `the container should end at byte ${at}, but has ${source.size}`;
    findings.push({ code: 'container_gap', message, offset: Math.min(at, source.size) });
  }
  return findings;
}

function entryFault(writer: Writer, entry: CentralEntry, said: CentralEntry): StyleFault | undefined {
  return styleFault(writer === 'gait' ? said.style : entry.style, writer) ?? sizeFault(entry);
}

/** Sizes that a member of its style cannot have. */
function sizeFault({ style, size, packedSize }: CentralEntry): StyleFault | undefined {
  if (style.method !== METHOD_DEFLATED) {
    if (size === packedSize) return undefined;
    const why = `it is stored in ${packedSize} bytes, but is said to have ${size}`;
    return { code: 'header_mismatch', why, at: 24 };
  }
  if (size <= MAX_INFLATED_BYTES) return undefined;
  const why = `it would inflate to ${size} bytes; the limit is ${MAX_INFLATED_BYTES}`;
  return { code: 'member_too_large', why, at: 24 };
}

function compare(
  source: ByteSource,
  offset: number,
  expected: Buffer,
  kind: HeaderKind,
  member: string | undefined,
): ContainerFinding[] {
  const actual = source.read(offset, expected.length);
  if (actual.equals(expected)) return [];
  let index = 0;
  while (index < actual.length && actual[index] === expected[index]) index += 1;
  const header = HEADER_NAMES[kind];
  const whose = member === undefined ? '' : ` of ${member}`;
  const message = `${header}${whose}: ${fieldAt(kind, index)} at byte ${offset + index} is not what it must be`;
  const where = { message, offset: offset + index };
  return [{ code: 'header_mismatch', ...where, ...(member === undefined ? {} : { member }) }];
}

const HEADER_NAMES: Readonly<Record<HeaderKind, string>> = {
  local: 'local header',
  central: 'central record',
  descriptor: 'descriptor',
  end: 'end record',
};

function nameFindings(entries: readonly CentralEntry[], sorted: boolean): ContainerFinding[] {
  const findings: ContainerFinding[] = [];
  const seen = new Set<string>();
  const folders = new Set<string>();
  let previous: Buffer | undefined;
  for (const { name, offset } of entries) {
    const member = displayName(name);
    const fault = nameFault(name);
    if (fault !== undefined) {
      findings.push({ code: 'member_name_unsafe', message: `the name ${member} ${fault}`, member, offset });
    }
    // Names that differ only by case are one file on some systems.
    const folded = name.toString('utf8').normalize('NFC').toLowerCase();
    if (seen.has(folded)) {
      findings.push({
        code: 'member_duplicate',
        message: `there is more than one ${member}`,
        member,
        offset,
      });
    } else if (sorted && previous !== undefined && previous.compare(name) > 0) {
      findings.push({ code: 'members_unsorted', message: `${member} stands out of order`, member, offset });
    }
    if (hasParentIn(folders, seen, folded)) {
      const message = `${member} lies below a member, which cannot be a folder too`;
      findings.push({ code: 'member_name_unsafe', message, member, offset });
    }
    seen.add(folded);
    previous = name;
  }
  return findings;
}

/** True when a part of a path is both a file and a folder: a leading part of this one, or this one of an earlier one. */
function hasParentIn(folders: Set<string>, files: ReadonlySet<string>, name: string): boolean {
  const parts = name.split('/');
  const leading = parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
  const clash = folders.has(name) || leading.some((folder) => files.has(folder));
  for (const folder of leading) folders.add(folder);
  return clash;
}

function overrun(member: string, offset: number, end: number, size: number): ContainerFinding | undefined {
  if (end <= size) return undefined;
  const message = `${member} would end at byte ${end}, past the end of the container at ${size}`;
  return { code: 'container_gap', message, member, offset };
}

function gap(member: string, expected: number, actual: number): ContainerFinding {
  const message = `${member} starts at byte ${actual}, not at ${expected} where the one before it ends`;
  return { code: 'container_gap', message, member, offset: Math.min(expected, actual) };
}

/** A name that came from outside, safe to print and never empty. */
export function displayName(name: Buffer): string {
  if (name.length === 0) return '(empty)';
  const text = name.toString('latin1');
  return text.replace(/[^\x20-\x7e]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
