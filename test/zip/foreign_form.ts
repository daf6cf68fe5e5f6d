import { crc32, deflateRawSync } from 'node:zlib';
import fc from '../support/property.ts';
import { descriptorOf } from '../support/runs.ts';
import type { RawMember } from './raw_zip.ts';

/** How another writer of zips may write a member. */
export interface ForeignForm {
  readonly madeBy: number;
  readonly mode: number;
  readonly dos: number;
  readonly deflated: boolean;
  readonly level: number;
  readonly described: boolean;
  readonly utf8: boolean;
  readonly needed: number;
  readonly time: number;
  readonly date: number;
  readonly internal: number;
  /** The bodies of the extra fields, as both headers have them. */
  readonly extras: readonly { readonly id: number; readonly local: Buffer; readonly central: Buffer }[];
}

/** The first byte and then so many that tell nothing. */
const body = (first: number, length: number): Buffer =>
  Buffer.concat([Buffer.of(first), Buffer.alloc(length, 7)]);
/** As Info-ZIP writes it: numbers of four bytes. */
export const OWNER: Buffer = Buffer.of(1, 4, 1, 2, 3, 4, 4, 5, 6, 7, 8);

export const PYTHON: ForeignForm = {
  ...{ madeBy: 0x0314, mode: 0o644, dos: 0, deflated: false, level: 6, described: false, utf8: false },
  ...{ needed: 20, time: 0x6000, date: 0x5c4e, internal: 0, extras: [] },
};

/** Info-ZIP as it writes to a file: times and owners in extra fields, longer in the local header. */
export const INFO_ZIP: ForeignForm = {
  ...{ ...PYTHON, madeBy: 0x031e, mode: 0o100664, deflated: true, internal: 1 },
  extras: [
    { id: 0x5455, local: body(3, 8), central: body(3, 4) },
    { id: 0x7875, local: OWNER, central: OWNER },
  ],
};

/** The same to a pipe: what is not known beforehand follows. */
export const PIPED: ForeignForm = { ...INFO_ZIP, described: true };

/** A writer on MS-DOS or Windows: no modes. */
export const DOS: ForeignForm = { ...PYTHON, madeBy: 0x0014, mode: 0, dos: 0x20, deflated: true, level: 9 };

export function foreignMember(name: string, content: Buffer, form: ForeignForm): RawMember {
  const { deflated, described, utf8, needed, time, date, internal } = form;
  const data = deflated ? deflateRawSync(content, { level: form.level }) : content;
  const facts = { crc32: crc32(content), size: content.length, compressedSize: data.length };
  const flags = (described ? 8 : 0) | (utf8 ? 0x0800 : 0);
  const extra = (where: 'local' | 'central'): Buffer =>
    Buffer.concat(form.extras.map((field) => fieldOf(field.id, field[where])));
  return {
    name,
    data,
    both: { ...facts, flags, method: deflated ? 8 : 0, versionNeeded: needed, time, date },
    local: { extra: extra('local'), ...(described ? { crc32: 0, size: 0, compressedSize: 0 } : {}) },
    central: {
      ...{ versionMadeBy: form.madeBy, internal, extra: extra('central') },
      external: ((form.mode << 16) | form.dos) >>> 0,
    },
    ...(described ? { after: descriptorOf(facts) } : {}),
  };
}

export function extraField(id: number, length: number): Buffer {
  return fieldOf(id, Buffer.alloc(length, 7));
}

export function fieldOf(id: number, content: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(id, 0);
  head.writeUInt16LE(content.length, 2);
  return Buffer.concat([head, content]);
}

/** Every form that the contract allows. */
export function foreignForms(): fc.Arbitrary<ForeignForm> {
  const ntfs = Buffer.concat([Buffer.of(0, 0, 0, 0, 1, 0, 24, 0), Buffer.alloc(24, 9)]);
  const times = fc.nat(7).map((bits) => {
    const count = [1, 2, 4].filter((bit) => (bits & bit) !== 0).length;
    return { id: 0x5455, local: body(bits, 4 * count), central: body(bits, 4 * (bits & 1)) };
  });
  const long = fc.tuple(fc.constantFrom(1, 2, 4, 8), fc.constantFrom(1, 2, 4, 8)).map(([user, group]) => {
    return Buffer.concat([
      Buffer.of(1, user),
      Buffer.alloc(user, 3),
      Buffer.of(group),
      Buffer.alloc(group, 4),
    ]);
  });
  const all: fc.Arbitrary<ForeignForm['extras'][number]>[] = [
    fc.constant({ id: 0x000a, local: ntfs, central: ntfs }),
    times,
    fc
      .constantFrom(8, 12)
      .map((n) => ({ id: 0x5855, local: Buffer.alloc(n, 5), central: Buffer.alloc(8, 5) })),
    fc.constant({ id: 0x7855, local: Buffer.alloc(4, 6), central: Buffer.alloc(0) }),
    long.map((owner) => ({ id: 0x7875, local: owner, central: owner })),
    fc.constant({ id: 0xcafe, local: Buffer.alloc(0), central: Buffer.alloc(0) }),
  ];
  return fc
    .record({
      madeBy: fc
        .tuple(fc.constantFrom(0, 3, 7, 10, 11, 19), fc.constantFrom(10, 20, 30, 45))
        .map(([host, v]) => host * 256 + v),
      mode: fc.tuple(fc.constantFrom(0, 0o100000), fc.nat(0o777)).map(([type, mode]) => type | mode),
      dos: fc.constantFrom(0, 0x01, 0x02, 0x04, 0x20, 0x27),
      deflated: fc.boolean(),
      level: fc.integer({ min: 0, max: 9 }),
      described: fc.boolean(),
      utf8: fc.boolean(),
      needed: fc.constantFrom(10, 20),
      time: fc.nat(0xffff),
      date: fc.nat(0xffff),
      internal: fc.nat(1),
      extras: fc.subarray(all).chain((some) => fc.tuple(...some)),
    })
    .map((form) => (form.deflated ? form : { ...form, described: false }));
}
