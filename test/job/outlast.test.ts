import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { epochMs, timestamp } from '../../src/core/time.ts';
import { claimLease, outlast, type SeenLease } from '../../src/job/held_lease.ts';
import { Jobs } from '../../src/job/jobs.ts';
import { JOB_ID, submit } from '../support/given.ts';
import { memoryStores, testClock } from '../support/job_stores.ts';

const TTL = 20_000;
const OWN = 3000;
const POLL = 250;

/** How long a worker waits that takes over from one whose lease lasted {@link TTL}, and how often it renews meanwhile. */
async function waited(
  seen: (until: string) => SeenLease | undefined,
): Promise<[ms: number, renewals: number]> {
  const stores = memoryStores();
  const clock = testClock();
  const jobs = new Jobs(stores.open(), clock);
  await jobs.execute(JOB_ID, { actor: 'a' }, submit());
  const first = { kind: 'claim', workerId: 'a', ttlMs: TTL, graceMs: 0 } as const;
  const { state } = await jobs.execute(JOB_ID, { actor: 'a' }, first);
  // The clock of the one who takes over is an hour ahead: for it, the lease is over at once.
  const ahead = new Jobs(stores.open(), {
    now: () => timestamp(epochMs(clock.now()) + 3_600_000),
  });
  let now = 1_000_000;
  const monotonic = (): number => now;
  const terms = { jobId: JOB_ID, workerId: 'b', ttlMs: OWN, graceMs: 0 };
  const { lease, takenOver } = await claimLease(ahead, terms, monotonic);
  assert.equal(takenOver, true);
  const start = now;
  const sleep = async (ms: number): Promise<void> => {
    now += ms;
    assert.ok(lease.remaining() > 0, 'its own lease ran out');
  };
  await outlast(state.lease, lease, {
    pollMs: POLL,
    seen: seen(state.lease?.expires_at ?? ''),
    monotonic,
    sleep,
  });
  const { position } = await ahead.load(JOB_ID);
  return [now - start, position.revision - 3];
}

describe('a lease that was taken over by a clock that jumped', () => {
  test('is outlasted for the whole of its time, under a lease that is kept', async () => {
    const [ms, renewals] = await waited(() => undefined);
    assert.ok(ms >= TTL && ms < TTL + POLL, `${ms} ms`);
    assert.ok(renewals >= TTL / (OWN / 3) - 1, `${renewals} renewals`);
  });

  test('is outlasted for what is left since it was seen first', async () => {
    const [ms] = await waited((until) => ({ until, at: 1_000_000 - 15_000 }));
    assert.ok(ms >= TTL - 15_000 && ms < TTL - 15_000 + POLL, `${ms} ms`);
  });

  test('is outlasted for two looks of its worker at least, and what was seen of another lease does not count', async () => {
    assert.equal((await waited((until) => ({ until, at: 0 })))[0], 2 * POLL);
    assert.ok((await waited(() => ({ until: 'another', at: 0 })))[0] >= TTL);
  });
});
