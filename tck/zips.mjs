// How the kit writes zips: as gait does, and as the programs before it did, with headers that may lie.
import { crc32, deflateRawSync } from 'node:zlib';

const { centralRecord, descriptor, endRecord, GAIT_STYLE, localHeader } = await import(
  '../dist/zip/layout.js'
);

/** A container with these members in this order, each in the one form that packs have. */
export function zip(members) {
  return styled(members, GAIT_STYLE);
}

export function sorted(members) {
  return [...members].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** How a program before this one writes a member: deflated, sizes in a descriptor, an extended timestamp of 1980. */
export const EARLIER = {
  madeBy: 0x0314,
  flags: 0x0008,
  method: 8,
  extra: Buffer.from('555405000100a6ce12', 'hex'),
  attributes: (0o100644 << 16) >>> 0,
};

/** The same, stored and with neither. */
export const PLAIN = { ...EARLIER, flags: 0, method: 0, extra: Buffer.alloc(0) };

/** How Python's zipfile writes by default: a time, a mode, and no word of what the member is. */
export const PYTHON = { ...PLAIN, attributes: (0o644 << 16) >>> 0, time: 0x6000, date: 0x5c4e };

/** A container with these members in this order, in a style, each headers' facts open to `lie`. */
export function styled(members, style, lie = (facts) => facts) {
  const parts = [];
  const records = [];
  let offset = 0;
  for (const [name, bytes] of members) {
    // Level 0 makes stored blocks: the same bytes under every zlib.
    const packed = style.method === 8 ? deflateRawSync(bytes, { level: 0 }) : bytes;
    const layout = {
      name: Buffer.from(name),
      crc32: crc32(bytes),
      size: bytes.length,
      packedSize: packed.length,
    };
    const facts = lie({ layout: { ...layout, offset }, style, name });
    const local = localHeader(facts.layout, facts.style);
    const trailer = descriptor(facts.layout, facts.style);
    parts.push(local, packed, trailer);
    records.push(centralRecord({ ...facts.layout, offset }, facts.style));
    offset += local.length + packed.length + trailer.length;
  }
  const directory = Buffer.concat(records);
  return Buffer.concat([...parts, directory, endRecord(records.length, directory.length, offset)]);
}
