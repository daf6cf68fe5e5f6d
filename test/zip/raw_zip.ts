import { crc32 } from 'node:zlib';

/** What a local header and a central record have in common. Every field can be told to lie. */
export interface LocalFields {
  readonly signature: number;
  readonly versionNeeded: number;
  readonly flags: number;
  readonly method: number;
  readonly time: number;
  readonly date: number;
  readonly crc32: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly nameLength: number;
  readonly extraLength: number;
  readonly name: Buffer;
  readonly extra: Buffer;
}

export interface CentralFields extends LocalFields {
  readonly versionMadeBy: number;
  readonly commentLength: number;
  readonly disk: number;
  readonly internal: number;
  readonly external: number;
  readonly offset: number;
  readonly comment: Buffer;
}

export interface EndFields {
  readonly signature: number;
  readonly disk: number;
  readonly directoryDisk: number;
  readonly countHere: number;
  readonly count: number;
  readonly directorySize: number;
  readonly directoryOffset: number;
  readonly commentLength: number;
  readonly comment: Buffer;
}

export interface RawMember {
  readonly name: string | Buffer;
  readonly data: Buffer;
  /** Fields of both headers, then of one alone. */
  readonly both?: Partial<LocalFields>;
  readonly local?: Partial<LocalFields>;
  readonly central?: Partial<CentralFields>;
  /** Bytes before the local header and after the data, that no header tells of. */
  readonly before?: Buffer;
  readonly after?: Buffer;
}

export interface RawZip {
  readonly members: readonly RawMember[];
  readonly before?: Buffer;
  readonly beforeDirectory?: Buffer;
  readonly beforeEnd?: Buffer;
  readonly after?: Buffer;
  readonly end?: Partial<EndFields>;
}

const NOTHING = Buffer.alloc(0);

/** A zip written field by field from APPNOTE.TXT §4.3, sharing no code with the writer or the reader under test. */
export function rawZip(zip: RawZip): Buffer {
  const parts: Buffer[] = [zip.before ?? NOTHING];
  const records: Buffer[] = [];
  let at = parts[0]?.length ?? 0;
  const put = (bytes: Buffer): void => {
    parts.push(bytes);
    at += bytes.length;
  };
  for (const member of zip.members) {
    put(member.before ?? NOTHING);
    records.push(central({ ...fieldsOf(member, at), ...member.both, ...member.central }));
    put(local({ ...fieldsOf(member, at), ...member.both, ...member.local }));
    put(member.data);
    put(member.after ?? NOTHING);
  }
  put(zip.beforeDirectory ?? NOTHING);
  const directoryOffset = at;
  for (const record of records) put(record);
  const directorySize = at - directoryOffset;
  put(zip.beforeEnd ?? NOTHING);
  put(end({ ...endOf(records.length, directorySize, directoryOffset), ...zip.end }));
  put(zip.after ?? NOTHING);
  return Buffer.concat(parts);
}

function fieldsOf({ name, data }: RawMember, offset: number): CentralFields {
  return {
    signature: 0,
    versionMadeBy: 0x033f,
    versionNeeded: 20,
    flags: 0x0800,
    method: 0,
    time: 0,
    date: 0x0021,
    crc32: crc32(data),
    compressedSize: data.length,
    size: data.length,
    nameLength: -1,
    extraLength: -1,
    commentLength: -1,
    name: typeof name === 'string' ? Buffer.from(name) : name,
    extra: NOTHING,
    comment: NOTHING,
    disk: 0,
    internal: 0,
    external: 0x81a40000,
    offset,
  };
}

function endOf(count: number, directorySize: number, directoryOffset: number): EndFields {
  const counts = { countHere: count, count, directorySize, directoryOffset };
  return { signature: 0, disk: 0, directoryDisk: 0, ...counts, commentLength: -1, comment: NOTHING };
}

function local(fields: LocalFields): Buffer {
  return Buffer.concat([u32(fields.signature || 0x04034b50), shared(fields), fields.name, fields.extra]);
}

function central(fields: CentralFields): Buffer {
  const { name, extra, comment } = fields;
  return Buffer.concat([
    u32(fields.signature || 0x02014b50),
    u16(fields.versionMadeBy),
    shared(fields),
    u16(stated(fields.commentLength, comment)),
    ...[fields.disk, fields.internal].map(u16),
    ...[fields.external, fields.offset].map(u32),
    ...[name, extra, comment],
  ]);
}

function shared(fields: LocalFields): Buffer {
  const { versionNeeded, flags, method, time, date, name, extra } = fields;
  return Buffer.concat([
    ...[versionNeeded, flags, method, time, date].map(u16),
    ...[fields.crc32, fields.compressedSize, fields.size].map(u32),
    u16(stated(fields.nameLength, name)),
    u16(stated(fields.extraLength, extra)),
  ]);
}

function end(fields: EndFields): Buffer {
  const { disk, directoryDisk, countHere, count, directorySize, directoryOffset, comment } = fields;
  return Buffer.concat([
    u32(fields.signature || 0x06054b50),
    ...[disk, directoryDisk, countHere, count].map(u16),
    ...[directorySize, directoryOffset].map(u32),
    u16(stated(fields.commentLength, comment)),
    comment,
  ]);
}

/** A length that was not told to lie. */
function stated(length: number, { length: real }: Buffer): number {
  return length === -1 ? real : length;
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}
