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
  /** The extra fields of both headers, and what the local one has more of each. */
  readonly extras: readonly { readonly id: number; readonly local: number; readonly central: number }[];
}

export const PYTHON: ForeignForm = {
  ...{ madeBy: 0x0314, mode: 0o644, dos: 0, deflated: false, level: 6, described: false, utf8: false },
  ...{ needed: 20, time: 0x6000, date: 0x5c4e, internal: 0, extras: [] },
};

/** Info-ZIP as it writes to a file: times and owners in extra fields, longer in the local header. */
export const INFO_ZIP: ForeignForm = {
  ...{ ...PYTHON, madeBy: 0x031e, mode: 0o100664, deflated: true, internal: 1 },
  extras: [
    { id: 0x5455, local: 9, central: 5 },
    { id: 0x7875, local: 11, central: 11 },
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
    Buffer.concat(form.extras.map((field) => extraField(field.id, field[where])));
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
  const bytes = Buffer.alloc(4 + length, 7);
  bytes.writeUInt16LE(id, 0);
  bytes.writeUInt16LE(length, 2);
  return bytes;
}

/** Every form that the contract allows. */
export function foreignForms(): fc.Arbitrary<ForeignForm> {
  const field = (id: number): fc.Arbitrary<ForeignForm['extras']> =>
    fc
      .option(fc.record({ id: fc.constant(id), local: fc.nat(20), central: fc.nat(20) }))
      .map((one) => (one ? [one] : []));
  const ids = [0x000a, 0x5455, 0x5855, 0x7855, 0x7875, 0xcafe];
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
      extras: fc.tuple(...ids.map(field)).map((all) => all.flat()),
    })
    .map((form) => (form.deflated ? form : { ...form, described: false }));
}
