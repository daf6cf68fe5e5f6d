import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeenDigests } from '../../src/run/seen_digests.ts';
import { sha256 } from '../pack/forge.ts';
import fc from '../support/property.ts';

describe('the attack on the evidence, 15: digests that were seen', () => {
  test('are a set, however many there are', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 600 }), (numbers) => {
        const [seen, expected] = [new SeenDigests(), new Set<number>()];
        for (const number of numbers) {
          assert.equal(seen.add(sha256(String(number))), !expected.has(number));
          expected.add(number);
        }
      }),
    );
  });

  test('of which the kept bytes are zero, or all but one', () => {
    const seen = new SeenDigests();
    const zero = Buffer.alloc(32);
    assert.deepEqual([seen.add(zero), seen.add(zero)], [true, false]);
    for (const at of [0, 5, 11]) {
      const digest = Buffer.from(zero);
      digest[at] = 0x80;
      assert.deepEqual([seen.add(digest), seen.add(digest)], [true, false], `byte ${at}`);
    }
  });

  test('are kept over each doubling', () => {
    const seen = new SeenDigests(1);
    const digests = Array.from({ length: 20_000 }, (_, i) => sha256(`intent_${i}`));
    assert.ok(digests.every((digest) => seen.add(digest)));
    assert.ok(digests.every((digest) => !seen.add(digest)));
  });
});
