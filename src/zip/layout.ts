/** What a member's headers are made of; everything else in them is constant. APPNOTE.TXT 6.3.10 §4.3. */
export interface Layout {
  /** The bytes of the name: ASCII, so that no reader can take it for another. */
  readonly name: Buffer;
  readonly crc32: number;
  readonly size: number;
  /** Where the local header starts. */
  readonly offset: number;
}

export const LOCAL_HEADER_BYTES = 30;
export const CENTRAL_RECORD_BYTES = 46;
export const END_RECORD_BYTES = 22;

const LOCAL_SIGNATURE = 0x04034b50;
export const CENTRAL_SIGNATURE = 0x02014b50;
export const END_SIGNATURE = 0x06054b50;

/** Made by: Unix (3), specification 6.3 (63). */
const VERSION_MADE_BY = 0x033f;
const VERSION_NEEDED = 20;
/** Bit 11: the name is UTF-8. No other bit: no descriptor after the data, no encryption. */
const FLAGS = 0x0800;
/** Stored: a deflated stream differs from one zlib to the next, and with it every digest. */
const METHOD_STORED = 0;
/** 1980-01-01 00:00:00, the first instant that a zip can say, as constants: no time zone has a say in it. */
const DOS_TIME = 0x0000;
const DOS_DATE = 0x0021;
/** A regular file, rw-r--r--. */
const EXTERNAL_ATTRIBUTES = (0o100644 << 16) >>> 0;

/** The local file header of a member, name included. */
export function localHeader({ name, crc32, size }: Layout): Buffer {
  const header = Buffer.alloc(LOCAL_HEADER_BYTES);
  header.writeUInt32LE(LOCAL_SIGNATURE, 0);
  writeCommon(header, 4, name, crc32, size);
  return Buffer.concat([header, name]);
}

/** The central directory's record of a member, name included. */
export function centralRecord({ name, crc32, size, offset }: Layout): Buffer {
  const record = Buffer.alloc(CENTRAL_RECORD_BYTES);
  record.writeUInt32LE(CENTRAL_SIGNATURE, 0);
  record.writeUInt16LE(VERSION_MADE_BY, 4);
  writeCommon(record, 6, name, crc32, size);
  // From 32: comment length, disk, internal attributes, all zero.
  record.writeUInt32LE(EXTERNAL_ATTRIBUTES, 38);
  record.writeUInt32LE(offset, 42);
  return Buffer.concat([record, name]);
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
function writeCommon(target: Buffer, at: number, name: Buffer, crc32: number, size: number): void {
  target.writeUInt16LE(VERSION_NEEDED, at);
  target.writeUInt16LE(FLAGS, at + 2);
  target.writeUInt16LE(METHOD_STORED, at + 4);
  target.writeUInt16LE(DOS_TIME, at + 6);
  target.writeUInt16LE(DOS_DATE, at + 8);
  target.writeUInt32LE(crc32, at + 10);
  target.writeUInt32LE(size, at + 14);
  target.writeUInt32LE(size, at + 18);
  target.writeUInt16LE(name.length, at + 22);
}

/** The name of the header field that covers a byte, for messages. */
export function fieldAt(kind: 'local' | 'central' | 'end', index: number): string {
  const [, name] = FIELDS[kind].findLast(([start]) => start <= index) ?? [0, 'header'];
  return name;
}

const FIELDS: Record<'local' | 'central' | 'end', readonly (readonly [start: number, name: string])[]> = {
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
  end: [
    [0, 'signature'],
    [4, 'disk'],
    [8, 'member count'],
    [12, 'central directory size'],
    [16, 'central directory offset'],
    [20, 'comment length'],
  ],
};
