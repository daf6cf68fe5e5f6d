import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { Jobs } from '../../src/job/jobs.ts';
import { readHistory } from '../../src/job/read/history.ts';
import { verifyJob } from '../../src/job/read/verify.ts';
import { jobToSnapshot } from '../../src/job/state.ts';
import type { EventStore } from '../../src/log/store.ts';
import { checkpoint, claim, JOB_ID, pause, submit, under } from '../support/given.ts';
import { memoryStores, noting, testClock } from '../support/job_stores.ts';

const NEWER: readonly string[] = [
  ...['lease', 'command', 'budget', 'usage'],
  ...['last_token', 'decisions_asked'],
];

/** A job under a lease, with a snapshot at its end as a version wrote it that knew no leases. */
async function withOlderSnapshot(store: EventStore, without: readonly string[] = NEWER): Promise<void> {
  const jobs = new Jobs(store, testClock());
  const notes = Array.from({ length: 5 }, () => under(2, checkpoint('progress')));
  for (const command of [submit(), claim(), ...notes]) await jobs.execute(JOB_ID, { actor: 'w1' }, command);
  const { state, position } = await jobs.load(JOB_ID);
  const kept = Object.entries(jobToSnapshot(state)).filter(([name]) => !without.includes(name));
  await store.saveSnapshot(JOB_ID, { position, state: Object.fromEntries(kept) as JsonObject });
}

describe('a snapshot of a version that knew less', () => {
  for (const name of NEWER) {
    test(`is not trusted without its ${name}`, async () => {
      const store = memoryStores().open();
      await withOlderSnapshot(store, [name]);
      const { state } = await new Jobs(store, testClock()).load(JOB_ID);
      assert.deepEqual(state, (await readHistory(store, JOB_ID)).job);
      assert.deepEqual([state.lease?.token, state.usage.steps], [2, 5]);
    });
  }

  test('is replaced, so that the job is folded from its first event only once', async () => {
    const store = noting(memoryStores().open());
    await withOlderSnapshot(store);
    store.readAfter.length = 0;
    await new Jobs(store, testClock()).load(JOB_ID);
    assert.deepEqual(store.readAfter, [0, 0], 'the first event, and all of them');
    const { state } = await new Jobs(store, testClock()).load(JOB_ID);
    assert.deepEqual(store.readAfter, [0, 0, 0, 7]);
    assert.deepEqual(state, (await readHistory(store, JOB_ID)).job);
  });

  test('lets the job go on', async () => {
    const store = memoryStores().open();
    await withOlderSnapshot(store);
    const jobs = new Jobs(store, testClock());
    const { state } = await jobs.execute(JOB_ID, { actor: 'a' }, pause);
    assert.deepEqual([state.status, state.lease?.token, state.revision], ['paused', 2, 8]);
  });

  test('is told as unusable, and is no damage', async () => {
    const store = memoryStores().open();
    await withOlderSnapshot(store);
    const { snapshot, findings } = await verifyJob(store, JOB_ID);
    assert.deepEqual([snapshot, findings], ['unusable', []]);
  });
});
