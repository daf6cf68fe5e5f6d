import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { SimDisk } from '../../src/log/fs/sim.ts';
import { LogDamage } from '../../src/log/record.ts';
import { cutAfter, remainderAfter } from '../../src/log/repair.ts';
import { JUNK, lastPosition } from '../support/operations.ts';
import { gaitError } from '../support/refusals.ts';
import {
  addBytes,
  bytesAt,
  commit,
  history,
  LOG_PATH,
  ROOT,
  reopen,
  STREAM,
  textsOf,
} from '../support/streams.ts';

async function damagedLog(): Promise<{ disk: SimDisk; texts: string[] }> {
  const disk = new SimDisk();
  const texts = (await commit(reopen(disk), 3)).flatMap(textsOf);
  addBytes(disk, JUNK);
  return { disk, texts };
}

describe('repair', () => {
  test('to look at what would be cut changes nothing', async () => {
    const { disk } = await damagedLog();
    const before = bytesAt(disk.mount(), LOG_PATH);
    const store = reopen(disk);
    const remainder = await remainderAfter(store, STREAM, await lastPosition(store));
    assert.deepEqual(remainder, { bytes: JUNK.length, lines: 2 });
    assert.deepEqual(bytesAt(disk.mount(), LOG_PATH), before);
    assert.deepEqual(disk.pending(), []);
  });

  test('a store that looked can append afterwards', async () => {
    const disk = new SimDisk();
    await commit(reopen(disk), 2);
    const store = reopen(disk);
    assert.deepEqual(await remainderAfter(store, STREAM, await lastPosition(store)), { bytes: 0, lines: 0 });
    await commit(store, 1);
  });

  test('what is cut is kept beside the log under its digest', async () => {
    const { disk, texts } = await damagedLog();
    const store = reopen(disk);
    const cut = await cutAfter(store, STREAM, await lastPosition(store));
    const sha256 = createHash('sha256').update(JUNK).digest('hex');
    assert.deepEqual([cut.bytes, cut.lines, cut.sha256], [JUNK.length, 2, sha256]);
    assert.deepEqual(bytesAt(disk.mount(), `${ROOT}/${STREAM}/${cut.keptAs}`), JUNK);
    assert.deepEqual(await history(store, { strict: true }), texts);
    disk.crash(() => 'lost');
    assert.deepEqual(await history(reopen(disk), { strict: true }), texts);
    assert.deepEqual(bytesAt(disk.mount(), `${ROOT}/${STREAM}/${cut.keptAs}`), JUNK);
  });

  test('a writer that had the log open goes on with the repaired one', async () => {
    const { disk, texts } = await damagedLog();
    const writer = reopen(disk);
    await assert.rejects(commit(writer, 1), LogDamage);
    const store = reopen(disk);
    await cutAfter(store, STREAM, await lastPosition(store));
    const next = (await commit(writer, 2, 'next')).flatMap(textsOf);
    assert.deepEqual(await history(reopen(disk), { strict: true }), [...texts, ...next]);
  });

  test('a position that is the end of no record is refused, and nothing is cut', async () => {
    const { disk } = await damagedLog();
    const store = reopen(disk);
    const keep = await lastPosition(store);
    const before = bytesAt(disk.mount(), LOG_PATH);
    for (const wrong of [
      { offset: keep.offset - 1 },
      { hash: 'a'.repeat(64) },
      { offset: keep.offset + 1 },
    ]) {
      const refused = gaitError('log_moved_on', 'state_contention');
      await assert.rejects(cutAfter(store, STREAM, { ...keep, ...wrong }), refused);
    }
    assert.deepEqual(bytesAt(disk.mount(), LOG_PATH), before);
  });
});
