import assert from 'node:assert/strict';
import { closeSync, openSync, writeSync } from 'node:fs';
import { describe, test } from 'node:test';
import { verifyPack } from '../../src/pack/verify.ts';
import { openContainer } from '../../src/zip/reader.ts';
import { submit } from '../support/given.ts';
import { historyOf, packBytes, temporaryFile, verifyBytes } from '../support/pack.ts';

const LANES = 4;

/** The smallest pack there is. */
async function smallPack(): Promise<Buffer> {
  return packBytes(await historyOf([{ command: submit({ fingerprint: 'f' }) }], { jobId: 'j' }), '1');
}

/** Flips every `LANES`-th bit from `first` on, one at a time, in a file of its own; answers those not found, or not said where. */
async function undetected(bytes: Buffer, first: number): Promise<number[]> {
  const file = temporaryFile(bytes);
  const fd = openSync(file.path, 'r+');
  const missed: number[] = [];
  try {
    for (let bit = first; bit < bytes.length * 8; bit += LANES) {
      const at = bit >> 3;
      writeSync(fd, Buffer.of((bytes[at] ?? 0) ^ (1 << (bit & 7))), 0, 1, at);
      const container = await openContainer(file.path);
      const { findings } = verifyPack(container).verification;
      container.close();
      const located = findings.some(({ member, offset }) => member !== undefined || offset !== undefined);
      if (!located) missed.push(bit);
      writeSync(fd, bytes, at, 1, at);
    }
    return missed;
  } finally {
    closeSync(fd);
    file.dispose();
  }
}

describe('a small pack', () => {
  test('with any one bit flipped does not verify', async (t) => {
    const bytes = await smallPack();
    const { verification } = await verifyBytes(bytes);
    assert.deepEqual(verification.findings, [], 'it verifies as it is');
    const lanes = Array.from({ length: LANES }, (_, lane) => undetected(bytes, lane));
    assert.deepEqual((await Promise.all(lanes)).flat(), [], 'bits whose flip was not found');
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
