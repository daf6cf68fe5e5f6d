import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimDisk } from '../../src/files/sim.ts';
import { sampleBatch } from '../../src/log/conformance.ts';
import { replay } from '../../src/log/fold.ts';
import { type Batch, seal } from '../../src/log/record.ts';
import { lastModel } from '../support/listings.ts';
import { ID_FIELD, openStore, STREAM } from '../support/streams.ts';

const MIB = 1024 * 1024;

test('timers and others of the process get a turn while a log of several MiB is read', async () => {
  const store = openStore(new SimDisk().mount());
  let last: Batch = sampleBatch(STREAM, 'none');
  await store.append(last);
  const pieces = 12;
  for (let revision = 2; revision < 2 + 2 * pieces; revision += 1) {
    const event = { [ID_FIELD]: STREAM, revision, note: 'x'.repeat(MIB / 2) };
    last = seal(STREAM, ID_FIELD, last.head, [event]);
    await store.append(last);
  }
  let [timers, turns, reading] = [0, 0, true];
  const tick = (): void => {
    timers += 1;
    if (reading) setTimeout(tick, 0);
  };
  const turn = (): void => {
    turns += 1;
    if (reading) setImmediate(turn);
  };
  setTimeout(tick, 0);
  setImmediate(turn);
  await replay(store, lastModel, STREAM);
  reading = false;
  assert.ok(turns >= pieces - 2, `the loop turned ${turns} times`);
  assert.ok(timers > 0, 'no timer ran');
});
