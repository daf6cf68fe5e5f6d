/** What a member's headers are made of; everything else in them is constant. APPNOTE.TXT 6.3.10 §4.3. */
export interface Layout {
  /** The bytes of the name: ASCII, so that no reader can take it for another. */
  readonly name: Buffer;
  readonly crc32: number;
  readonly size: number;
  /** Where the local header starts. */
  readonly offset: number;
  /** Bytes in the container; those of the content itself unless it is deflated. */
  readonly packedSize?: number;
}

/** What gait and the programs before it always write the same, and others do not. */
export interface FreeFields {
  /** Version needed to extract. */
  readonly needed: number;
  /** When, as DOS tells it. */
  readonly time: number;
  readonly date: number;
  readonly internal: number;
}

/** The choices that a writer of zips makes, the same for local header and central record. */
export interface Style extends Partial<FreeFields> {
  readonly madeBy: number;
  readonly flags: number;
  readonly method: number;
  /** The extra field, with which both headers end. */
  readonly extra: Buffer;
  /** That of the local header, where it is another. */
  readonly localExtra?: Buffer;
  /** Mode and file type, in the upper half. */
  readonly attributes: number;
}

/** What the central directory says of a member. Not to be believed before it was audited. */
export interface CentralEntry extends Required<Layout> {
  readonly style: Style;
  readonly free: FreeFields;
}

/** What is wrong with the way in which a member is written. */
export interface StyleFault {
  readonly code:
    | 'member_encrypted'
    | 'member_not_a_file'
    | 'method_unsupported'
    | 'member_too_large'
    | 'header_mismatch';
  readonly why: string;
  /** The byte of the central record that says so. */
  readonly at: number;
}

export const LOCAL_HEADER_BYTES = 30;
export const CENTRAL_RECORD_BYTES = 46;
export const END_RECORD_BYTES = 22;

const LOCAL_SIGNATURE = 0x04034b50;
export const CENTRAL_SIGNATURE = 0x02014b50;
export const END_SIGNATURE = 0x06054b50;
const DESCRIPTOR_SIGNATURE = 0x08074b50;

const VERSION_NEEDED = 20;
export const METHOD_STORED = 0;
export const METHOD_DEFLATED = 8;
export const FLAG_ENCRYPTED = 0x0001;
/** Sizes and CRC-32 stand after the content, in a descriptor; in the local header they are zero. */
export const FLAG_DESCRIPTOR = 0x0008;
/** 1980-01-01 00:00:00, the first instant that a zip can say, as constants: no time zone has a say in it. */
const DOS_TIME = 0x0000;
const DOS_DATE = 0x0021;

/**
 * How gait writes. Made by Unix (3), specification 6.3 (63). Flag 11: the name is UTF-8; no descriptor, no encryption.
 * Stored: a deflated stream differs from one zlib to the next, and with it every digest. A regular file, rw-r--r--.
 */
export const GAIT_STYLE: Style = {
  madeBy: 0x033f,
  flags: 0x0800,
  method: METHOD_STORED,
  extra: Buffer.alloc(0),
  attributes: (0o100644 << 16) >>> 0,
};

/** The local file header of a member, name included. */
export function localHeader(
  { name, crc32, size, packedSize = size }: Layout,
  style: Style = GAIT_STYLE,
): Buffer {
  const header = Buffer.alloc(LOCAL_HEADER_BYTES);
  header.writeUInt32LE(LOCAL_SIGNATURE, 0);
  const deferred = (style.flags & FLAG_DESCRIPTOR) !== 0;
  const facts = deferred ? { crc32: 0, size: 0, packedSize: 0 } : { crc32, size, packedSize };
  const { localExtra: extra = style.extra } = style;
  writeCommon(header, 4, { name, ...facts }, { ...style, extra });
  return Buffer.concat([header, name, extra]);
}

/** What follows a member's content: nothing, or the descriptor that its flags promise. */
export function descriptor({ crc32, size, packedSize = size }: Layout, style: Style): Buffer {
  if ((style.flags & FLAG_DESCRIPTOR) === 0) return Buffer.alloc(0);
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(DESCRIPTOR_SIGNATURE, 0);
  bytes.writeUInt32LE(crc32, 4);
  bytes.writeUInt32LE(packedSize, 8);
  bytes.writeUInt32LE(size, 12);
  return bytes;
}

/** The central directory's record of a member, name included. */
export function centralRecord(
  { name, crc32, size, offset, packedSize = size }: Layout,
  style: Style = GAIT_STYLE,
): Buffer {
  const record = Buffer.alloc(CENTRAL_RECORD_BYTES);
  record.writeUInt32LE(CENTRAL_SIGNATURE, 0);
  record.writeUInt16LE(style.madeBy, 4);
  writeCommon(record, 6, { name, crc32, size, packedSize }, style);
  // From 32: comment length and disk, both zero.
  record.writeUInt16LE(style.internal ?? 0, 36);
  record.writeUInt32LE(style.attributes, 38);
  record.writeUInt32LE(offset, 42);
  return Buffer.concat([record, name, style.extra]);
}

/** The end record of a container with `count` members whose central directory stands at `offset`. */
export function endRecord(count: number, size: number, offset: number): Buffer {
  const record = Buffer.alloc(END_RECORD_BYTES);
  record.writeUInt32LE(END_SIGNATURE, 0);
  record.writeUInt16LE(count, 8);
  record.writeUInt16LE(count, 10);
  record.writeUInt32LE(size, 12);
  record.writeUInt32LE(offset, 16);
  return record;
}

/** What local header and central record have in common, in the same order. */
function writeCommon(
  target: Buffer,
  at: number,
  { name, crc32, size, packedSize }: Required<Omit<Layout, 'offset'>>,
  { flags, method, extra, needed = VERSION_NEEDED, time = DOS_TIME, date = DOS_DATE }: Style,
): void {
  target.writeUInt16LE(needed, at);
  target.writeUInt16LE(flags, at + 2);
  target.writeUInt16LE(method, at + 4);
  target.writeUInt16LE(time, at + 6);
  target.writeUInt16LE(date, at + 8);
  target.writeUInt32LE(crc32, at + 10);
  target.writeUInt32LE(packedSize, at + 14);
  target.writeUInt32LE(size, at + 18);
  target.writeUInt16LE(name.length, at + 22);
  target.writeUInt16LE(extra.length, at + 24);
}

/** The name of the header field that covers a byte, for messages. */
export function fieldAt(kind: HeaderKind, index: number): string {
  const [, name] = FIELDS[kind].findLast(([start]) => start <= index) ?? [0, 'header'];
  return name;
}

export type HeaderKind = 'local' | 'central' | 'descriptor' | 'end';

const FIELDS: Record<HeaderKind, readonly (readonly [start: number, name: string])[]> = {
  local: [
    [0, 'signature'],
    [4, 'version needed'],
    [6, 'flags'],
    [8, 'method'],
    [10, 'time'],
    [12, 'date'],
    [14, 'CRC-32'],
    [18, 'compressed size'],
    [22, 'size'],
    [26, 'name length'],
    [28, 'extra length'],
    [30, 'name'],
  ],
  central: [
    [0, 'signature'],
    [4, 'version made by'],
    [6, 'version needed'],
    [8, 'flags'],
    [10, 'method'],
    [12, 'time'],
    [14, 'date'],
    [16, 'CRC-32'],
    [20, 'compressed size'],
    [24, 'size'],
    [28, 'name length'],
    [30, 'extra length'],
    [32, 'comment length'],
    [34, 'disk'],
    [36, 'internal attributes'],
    [38, 'external attributes'],
    [42, 'offset'],
    [46, 'name'],
  ],
  descriptor: [
    [0, 'signature'],
    [4, 'CRC-32'],
    [8, 'compressed size'],
    [12, 'size'],
  ],
  end: [
    [0, 'signature'],
    [4, 'disk'],
    [8, 'member count'],
    [12, 'central directory size'],
    [16, 'central directory offset'],
    [20, 'comment length'],
  ],
};
