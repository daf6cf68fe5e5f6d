import { MAX_EXTRA_BYTES } from '../core/limits.ts';
import type { ByteSource } from '../files/source.ts';
import {
  type CentralEntry,
  FLAG_DESCRIPTOR,
  LOCAL_HEADER_BYTES,
  METHOD_STORED,
  type Style,
  type StyleFault,
} from './layout.ts';

/** Bits 1 and 2 tell how hard a member was deflated, bit 11 that its name is UTF-8. */
const FLAG_LEVEL = 0x0006;
const FLAGS_ALLOWED: number = FLAG_LEVEL | FLAG_DESCRIPTOR | 0x0800;

/** The highest specification by which a member may have to be read: deflate and folders. Zip64 needs 45. */
const MAX_VERSION_NEEDED = 20;

/** DOS: a volume label or a folder. */
const DOS_LABEL = 0x08;
const DOS_FOLDER = 0x10;
const DOS_BITS = 0x3f;
/** Set-user-ID, set-group-ID, sticky. */
const SPECIAL_BITS = 0o7000;

/** Extra fields that tell times and owners, and nothing that a reader acts on. APPNOTE.TXT §4.5, §4.6. */
const EXTRA_ALLOWED: ReadonlySet<number> = new Set([
  0x000a, // times of NTFS
  0x5455, // UT: times
  0x5855, // UX: times and owner, of earlier Info-ZIP
  0x7855, // Ux: owner
  0x7875, // ux: owner
  0xcafe, // the mark of a jar
]);

/** A member as a writer of zips that is not known wrote it: all that is free to it is taken from its own headers. */
export function asForeign(source: ByteSource, entry: CentralEntry): CentralEntry {
  const header = source.read(entry.offset, LOCAL_HEADER_BYTES);
  const length = header.length < LOCAL_HEADER_BYTES ? 0 : header.readUInt16LE(28);
  const at = entry.offset + LOCAL_HEADER_BYTES + entry.name.length;
  const localExtra = source.read(at, Math.min(length, MAX_EXTRA_BYTES + 1));
  return { ...entry, style: { ...entry.style, ...entry.free, localExtra } };
}

/** What is wrong with a file of a writer that is not known; undefined when nothing is. */
export function otherFault(style: Style): StyleFault | undefined {
  const { madeBy, flags, method, attributes, needed = 0, internal = 0 } = style;
  if ((madeBy & 0xff) > 63) return mismatch(`version made by ${madeBy} is none`, 4);
  if (needed > MAX_VERSION_NEEDED)
    return mismatch(`version needed ${needed}: zip64 and later are refused`, 6);
  if ((flags & ~FLAGS_ALLOWED) !== 0) return mismatch(`flags ${flags} have a bit that is refused`, 8);
  if (method === METHOD_STORED && (flags & (FLAG_DESCRIPTOR | FLAG_LEVEL)) !== 0) {
    return mismatch('it is stored, and its end can be told only from the central directory', 8);
  }
  if (internal > 1) return mismatch('the internal attributes say more than that it is text', 36);
  if (((attributes >>> 16) & SPECIAL_BITS) !== 0) return mismatch('its mode has special bits', 40);
  return extraFault(style);
}

/** The attributes of a file as DOS has them. */
export function dosFault({ attributes }: Style): StyleFault | undefined {
  const dos = attributes & 0xffff;
  if ((dos & (DOS_FOLDER | DOS_LABEL)) !== 0)
    return { code: 'member_not_a_file', why: 'it is a folder or a label; a pack has only files', at: 38 };
  return (dos & ~DOS_BITS) === 0 ? undefined : mismatch('its attributes have unknown bits', 38);
}

/** Both headers have the same extra fields, each once, and none that says something else of name, size or content. */
function extraFault({ extra, localExtra = extra }: Style): StyleFault | undefined {
  const [central, local] = [fieldsOf(extra), fieldsOf(localExtra)];
  if (central === undefined || local === undefined)
    return mismatch('an extra field is none, or too long', 30);
  const stranger = [...central, ...local].find((id) => !EXTRA_ALLOWED.has(id));
  if (stranger !== undefined) return mismatch(`the extra field 0x${stranger.toString(16)} is refused`, 30);
  if (new Set(central).size !== central.length || new Set(local).size !== local.length)
    return mismatch('an extra field stands there twice', 30);
  const same = central.length === local.length && central.every((id) => local.includes(id));
  return same ? undefined : mismatch('the extra fields of the two headers are not the same ones', 30);
}

/** The ids of the fields; undefined for bytes that are no fields. */
function fieldsOf(extra: Buffer): number[] | undefined {
  const ids: number[] = [];
  if (extra.length > MAX_EXTRA_BYTES) return undefined;
  for (let at = 0; at < extra.length; ) {
    if (at + 4 > extra.length) return undefined;
    ids.push(extra.readUInt16LE(at));
    at += 4 + extra.readUInt16LE(at + 2);
    if (at > extra.length) return undefined;
  }
  return ids;
}

function mismatch(why: string, at: number): StyleFault {
  return { code: 'header_mismatch', why, at };
}
