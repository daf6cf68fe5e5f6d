import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { failingStore } from '../support/failing_store.ts';
import { HOME, release } from '../support/given.ts';
import { memoryStores } from '../support/job_stores.ts';
import { Stage, TTL_MS } from '../support/stage.ts';

const TASK = { argv: ['true'], cwd: '/', pass_env: [] };
const PERSON = { actor: 'a' };
const HOUR = 3_600_000;

async function withJobs(...ids: readonly string[]) {
  const { store, trouble } = failingStore(memoryStores().open());
  const stage = new Stage(store);
  for (const id of ids) {
    const order = { kind: 'submit', claim: HOME, producerVersion: '0.1.0', task: TASK } as const;
    await stage.jobsAt(-26 * HOUR).execute(id, PERSON, order);
  }
  return { stage, trouble };
}

/** A worker of another machine took this job and is gone. */
async function leaseOfTheDead(stage: Stage, id: string, ttlMs: number, offMs = 0): Promise<number> {
  const order = { kind: 'claim', workerId: 'dead', ttlMs, graceMs: 0, claim: HOME } as const;
  const { state } = await stage.jobsAt(offMs).execute(id, { actor: 'dead' }, order);
  return state.lease?.token ?? 0;
}

describe('a worker', () => {
  test('M1: a look at the jobs that fails ends nothing', async () => {
    const { stage, trouble } = await withJobs('one');
    const told: string[] = [];
    trouble.list = true;
    const worker = await stage.work({ once: false }, { troubled: ({ code }) => told.push(code) });
    await stage.pass(3000);
    assert.equal(worker.summary, undefined, 'it goes on');
    assert.ok(told.length > 0, 'and says so');
    trouble.list = false;
    await stage.pass(2000);
    assert.equal(worker.runs.size, 1);
  });

  test('H6: waits for the lease before beside its slots: other jobs run meanwhile, and drain is heard', async () => {
    const { stage } = await withJobs('long', 'other');
    await leaseOfTheDead(stage, 'long', 24 * HOUR, -25 * HOUR);
    const drain = new AbortController();
    const waits: string[] = [];
    const worker = await stage.work(
      { once: false, drain: drain.signal },
      { waits: (jobId) => waits.push(jobId) },
    );
    await stage.pass(2000);
    assert.deepEqual([...worker.runs.keys()], ['other'], 'the only slot is not held by one that waits');
    worker.runs.get('other')?.exits(0);
    await stage.pass(5000);
    assert.deepEqual(waits, ['long'], 'and it is said, once');
    drain.abort();
    await stage.settle();
    assert.equal(worker.summary?.finished, 1);
  });

  test('takes a job up once it has watched the lease go unrenewed for its time', async () => {
    const { stage } = await withJobs('one');
    await leaseOfTheDead(stage, 'one', TTL_MS, -HOUR);
    const worker = await stage.work();
    await stage.pass(TTL_MS - 2000);
    assert.equal(worker.runs.size, 0, 'its command may still run, whatever the clocks say');
    await stage.pass(10_000);
    assert.equal(worker.runs.size, 1);
    worker.runs.get('one')?.exits(0);
    await stage.pass(2000);
    assert.equal(worker.summary?.finished, 1);
  });

  test('M11: a lease that a wrong clock gave for years keeps nobody out', async () => {
    const { stage } = await withJobs('one');
    await leaseOfTheDead(stage, 'one', TTL_MS, 10 * 365 * 24 * HOUR);
    const worker = await stage.work();
    await stage.pass(TTL_MS + 10_000);
    assert.equal(worker.runs.size, 1);
  });

  test('a lease that lives is left alone, and once there is nothing else it ends', async () => {
    const { stage } = await withJobs('one');
    const token = await leaseOfTheDead(stage, 'one', HOUR);
    const worker = await stage.work();
    await stage.pass(5000);
    assert.deepEqual([worker.runs.size, worker.summary?.claimed], [0, 0]);
    await stage.jobs.execute('one', { actor: 'dead' }, release(token));
    const next = await stage.work();
    assert.equal(next.runs.size, 1);
  });

  test('H1: the end that could not be recorded is counted as that', async () => {
    const { stage, trouble } = await withJobs('one');
    const worker = await stage.work();
    trouble.append = true;
    worker.runs.get('one')?.exits(0);
    await stage.pass(TTL_MS + 2000);
    trouble.append = false;
    await stage.pass(2 * TTL_MS + 5000);
    worker.runs.get('one')?.exits(0);
    await stage.pass(3000);
    assert.deepEqual([worker.summary?.unrecorded, worker.summary?.finished], [1, 1]);
  });
});
