import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sourceOf } from '../../src/files/source.ts';
import { verifyPack } from '../../src/pack/verify.ts';
import { readContainer } from '../../src/zip/reader.ts';
import { submit } from '../support/given.ts';
import { flipped } from '../support/keys.ts';
import { historyOf, packBytes, verifyBytes } from '../support/pack.ts';
import { sized } from '../support/sized.ts';

/** The smallest pack there is. */
async function smallPack(): Promise<Buffer> {
  return packBytes(await historyOf([{ command: submit({ fingerprint: 'f' }) }], { jobId: 'j' }), '1');
}

/** Every bit; in every run, every third, which comes to each byte and to each place in a byte. */
const STEP = sized(1, 3);

/** Flips bits, one at a time; answers those not found, or not said where. */
function undetected(bytes: Buffer): number[] {
  const missed: number[] = [];
  for (let bit = 0; bit < bytes.length * 8; bit += STEP) {
    const container = readContainer(sourceOf(flipped(bytes, bit)));
    const { findings } = verifyPack(container).verification;
    if (!findings.some(({ member, offset }) => member !== undefined || offset !== undefined))
      missed.push(bit);
  }
  return missed;
}

describe('a small pack', () => {
  test('with any one bit flipped does not verify', async (t) => {
    const bytes = await smallPack();
    const { verification } = await verifyBytes(bytes);
    assert.deepEqual(verification.findings, [], 'it verifies as it is');
    assert.deepEqual(undetected(bytes), [], 'bits whose flip was not found');
    t.diagnostic(
      `${bytes.length * 8} of ${bytes.length * 8} bits flipped and found, in ${bytes.length} bytes`,
    );
  });

  test('cut off at any byte does not verify', async (t) => {
    const bytes = await smallPack();
    for (let end = 0; end < bytes.length; end += 1) {
      const { verification } = await verifyBytes(bytes.subarray(0, end));
      assert.ok(verification.findings.length > 0, `cut at ${end}`);
    }
    t.diagnostic(`${bytes.length} cuts`);
  });
});
