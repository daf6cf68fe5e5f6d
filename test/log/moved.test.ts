import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimDisk } from '../../src/files/sim.ts';
import {
  batchOn,
  bytesAt,
  commit,
  headOf,
  LOG_PATH,
  openStore,
  putBytes,
  reopen,
} from '../support/streams.ts';

const AWAY = `${LOG_PATH}.away`;

/** A writer that has its log open, and the log gone from its place. */
async function movedAway() {
  const disk = new SimDisk();
  const fs = disk.mount();
  const store = openStore(fs);
  const last = (await commit(store, 2)).at(-1) ?? assert.fail();
  const bytes = bytesAt(fs, LOG_PATH);
  fs.rename(LOG_PATH, AWAY);
  const next = (): ReturnType<typeof store.append> => store.append(batchOn(last.head, 'next'));
  return { disk, fs, bytes, next };
}

describe('a log that is moved while a writer has it open', () => {
  test('is not written to: there is no such log any more', async () => {
    const { fs, bytes, next } = await movedAway();
    assert.deepEqual(await next(), { status: 'conflict', head: 'none' });
    assert.ok(bytes.equals(bytesAt(fs, AWAY)));
  });

  test('gives way to the one in its place, whose head it is that counts', async () => {
    const { disk, fs, bytes, next } = await movedAway();
    const other = new SimDisk();
    await commit(reopen(other), 1, 'other');
    putBytes(fs, LOG_PATH, bytesAt(other.mount(), LOG_PATH));
    assert.deepEqual(await next(), { status: 'conflict', head: await headOf(reopen(other)) });
    assert.ok(bytes.equals(bytesAt(fs, AWAY)));
    assert.ok(bytesAt(other.mount(), LOG_PATH).equals(bytesAt(disk.mount(), LOG_PATH)));
  });
});
