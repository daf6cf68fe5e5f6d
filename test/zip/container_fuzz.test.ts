import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readMember } from '../../src/zip/reader.ts';
import { withContainer } from '../support/pack.ts';
import fc from '../support/property.ts';
import { type RawMember, rawZip } from './raw_zip.ts';

const MEMBERS: readonly RawMember[] = ['a.json', 'b.json', 'c.json'].map((name) => {
  return { name, data: Buffer.from(`{"name":"${name}"}`) };
});
const SOUND = rawZip({ members: MEMBERS });

/** True when the container has findings, or a member whose content has not its CRC. Whatever it throws is a bug. */
async function isRefused(bytes: Buffer): Promise<boolean> {
  return withContainer(bytes, (container) => {
    const contents = container.members.map((member) => readMember(container, member, { keep: true }));
    const faulty = contents.some(({ crcMatches, fault }) => fault !== undefined || !crcMatches);
    return container.findings.length > 0 || faulty;
  });
}

/** The bytes that headers are made of, likelier than others to make sense where they do not belong. */
const PIECES = [
  ...['504b0304', '504b0102', '504b0506', '504b0607', '504b0606', '504b0708'],
  ...['ffffffff', 'feffffff', '00000000', 'ffff', '0000', '01001000'],
].map((hex) => Buffer.from(hex, 'hex'));
const piece = fc.oneof(
  fc.constantFrom(...PIECES),
  fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
  fc.tuple(fc.nat(SOUND.length), fc.nat(80)).map(([start, length]) => SOUND.subarray(start, start + length)),
);
const edit = fc.record({ at: fc.nat(SOUND.length), cut: fc.nat(12), put: piece });

describe('a container with any bytes put, cut or written over', () => {
  test('is refused unless it is the same again, and never throws', async (t) => {
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
        const bytes = edits.reduce((all, { at, cut, put }) => {
          return Buffer.concat([all.subarray(0, at), put, all.subarray(at + cut)]);
        }, SOUND);
        assert.equal(await isRefused(bytes), !bytes.equals(SOUND));
        if (!bytes.equals(SOUND)) refused += 1;
      }),
      { numRuns: 1000 },
    );
    t.diagnostic(`${refused} edited containers refused`);
  });

  test('four bytes of ones anywhere are refused, and nothing throws', async () => {
    for (let at = 0; at + 4 <= SOUND.length; at += 1) {
      const bytes = Buffer.from(SOUND);
      bytes.fill(0xff, at, at + 4);
      assert.ok(await isRefused(bytes), `at byte ${at}`);
    }
  });

  test('any bytes at all are refused', async () => {
    const bytes = fc.array(piece, { maxLength: 20 }).map((pieces) => Buffer.concat(pieces));
    await fc.assert(
      fc.asyncProperty(bytes, async (some) => {
        const emptyZip = some.equals(rawZip({ members: [] }));
        assert.equal(await isRefused(some), !emptyZip && !some.equals(SOUND));
      }),
      { numRuns: 300 },
    );
  });
});
