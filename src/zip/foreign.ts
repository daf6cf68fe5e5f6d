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

/** Whether the body of an extra field is as its specification has it; `central`: it stands in the central directory. */
type Form = (body: Buffer, central: boolean) => boolean;

/** Extra fields that tell times and owners, and nothing that a reader acts on. APPNOTE.TXT §4.5, §4.6, extrafld.txt. */
const EXTRA_ALLOWED: ReadonlyMap<number, Form> = new Map<number, Form>([
  // Times of NTFS.
  [0x000a, (body) => body.length === 32 && body.readUInt32LE(0) === 0 && body.readUInt32LE(4) === 0x180001],
  // UT: times, as many as its bits say; in the central directory the first alone.
  [0x5455, (body, central) => isTimes(body, central)],
  // UX: times and owner, of earlier Info-ZIP.
  [0x5855, (body, central) => body.length === (central ? 8 : 12) || (!central && body.length === 8)],
  // Ux: owner.
  [0x7855, (body, central) => body.length === (central ? 0 : 4)],
  // ux: owner, in numbers of any length.
  [0x7875, (body) => isOwner(body)],
  // The mark of a jar.
  [0xcafe, (body) => body.length === 0],
]);

const UT_BITS = 0x07;

function isTimes(body: Buffer, central: boolean): boolean {
  const bits = body[0] ?? 0xff;
  if ((bits & ~UT_BITS) !== 0) return false;
  const times = [1, 2, 4].filter((bit) => (bits & bit) !== 0).length;
  return body.length === 1 + 4 * times || (central && body.length === 1 + 4 * (bits & 1));
}

function isOwner(body: Buffer): boolean {
  const group = 2 + (body[1] ?? 0);
  return body[0] === 1 && group < body.length && body.length === group + 1 + (body[group] ?? 0);
}

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

/** Both headers have the same extra fields, each once and in its own form, and none that says something else of name, size or content. */
function extraFault({ extra, localExtra = extra }: Style): StyleFault | undefined {
  const [central, local] = [fieldsOf(extra), fieldsOf(localExtra)];
  if (central === undefined || local === undefined)
    return mismatch('an extra field is none, too long, or stands there twice', 30);
  const ids = [...central.keys(), ...local.keys()];
  const stranger = ids.find((id) => !EXTRA_ALLOWED.has(id));
  if (stranger !== undefined) return mismatch(`the extra field 0x${stranger.toString(16)} is refused`, 30);
  if (central.size !== local.size || [...central.keys()].some((id) => !local.has(id)))
    return mismatch('the extra fields of the two headers are not the same ones', 30);
  const misformed = ids.find(
    (id) => !isFormed(id, central.get(id), true) || !isFormed(id, local.get(id), false),
  );
  if (misformed !== undefined)
    return mismatch(`the extra field 0x${misformed.toString(16)} has not the form that it must have`, 30);
  if ([extra, localExtra].some((bytes) => beginsRecord(bytes)))
    return mismatch('an extra field has the beginning of a record of a zip in it', 30);
  return undefined;
}

/** A reader that looks for a record of a zip must not find one where there is none: `PK` and two small numbers. */
function beginsRecord(bytes: Buffer): boolean {
  for (let at = bytes.indexOf('PK'); at !== -1; at = bytes.indexOf('PK', at + 2)) {
    if ((bytes[at + 2] ?? 0xff) <= 8 && (bytes[at + 3] ?? 0xff) <= 8) return true;
  }
  return false;
}

function isFormed(id: number, body: Buffer | undefined, central: boolean): boolean {
  return body !== undefined && EXTRA_ALLOWED.get(id)?.(body, central) === true;
}

/** The bodies of the fields by their ids; undefined for bytes that are no fields, or have one twice. */
function fieldsOf(extra: Buffer): ReadonlyMap<number, Buffer> | undefined {
  const fields = new Map<number, Buffer>();
  if (extra.length > MAX_EXTRA_BYTES) return undefined;
  for (let at = 0; at < extra.length; ) {
    if (at + 4 > extra.length) return undefined;
    const id = extra.readUInt16LE(at);
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (end > extra.length || fields.has(id)) return undefined;
    fields.set(id, extra.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

function mismatch(why: string, at: number): StyleFault {
  return { code: 'header_mismatch', why, at };
}
