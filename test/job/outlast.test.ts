import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HOME, JOB_ID, release } from '../support/given.ts';
import { POLL_MS, Stage, TTL_MS } from '../support/stage.ts';

/** The clock of the one who takes over is an hour ahead: for it, the lease is over at once. */
const HOUR = 3_600_000;
const LIVED = { exitCode: null, signal: 'SIGKILL', killedBy: 'guard' } as const;

async function takenOver(options: Parameters<Stage['run']>[0] = {}) {
  const stage = new Stage();
  await stage.submit();
  const first = await stage.run({ workerId: 'first' });
  const second = await stage.run({ workerId: 'second', ...options }, stage.jobsAt(HOUR));
  return { stage, first, second };
}

describe('a lease that was taken over by a clock that jumped', () => {
  test('is outlasted for the whole of its time, under a lease that is kept', async () => {
    const { stage, second } = await takenOver({ ttlMs: 3000 });
    assert.equal(second.started, 0);
    await stage.pass(TTL_MS - POLL_MS);
    assert.equal(second.started, 0);
    await stage.pass(3 * POLL_MS);
    assert.equal(second.started, 1);
    assert.equal((await stage.state()).unsettled_ms, undefined, 'and the log says that it is settled');
  });

  test('is outlasted for what is left since it was seen first', async () => {
    const stage = new Stage();
    await stage.submit();
    await stage.run({ workerId: 'first' });
    const { token, renewed_revision: renewedRevision } = (await stage.state()).lease ?? assert.fail();
    const watched = { token, renewedRevision, ms: 15_000 };
    const second = await stage.run({ workerId: 'second', watched }, stage.jobsAt(HOUR));
    await stage.pass(TTL_MS - 15_000 - POLL_MS);
    assert.equal(second.started, 0);
    await stage.pass(3 * POLL_MS);
    assert.equal(second.started, 1);
  });

  test('M4: a second takeover outlasts the first lease too, whoever held the one between', async () => {
    const { stage, second } = await takenOver({ ttlMs: 2000 });
    await stage.freeze(0);
    assert.equal(second.started, 0);
    // The second is gone while it waits: its own lease is short, that of the first is not.
    const third = await stage.run({ workerId: 'third', ttlMs: 3000 }, stage.jobsAt(2 * HOUR));
    await stage.pass(TTL_MS - POLL_MS);
    assert.equal(third.started, 0, 'the command of the first may still run');
    await stage.pass(4 * POLL_MS);
    assert.equal(third.started, 1);
  });

  test('M4: a wait that was given back is waited for by the next one', async () => {
    const drain = new AbortController();
    const { stage, second } = await takenOver({ drain: drain.signal });
    drain.abort();
    await stage.settle();
    assert.equal(second.result().outcome, 'given_up');
    const third = await stage.run({ workerId: 'third' });
    await stage.pass(TTL_MS - POLL_MS);
    assert.equal(third.started, 0);
    await stage.pass(4 * POLL_MS);
    assert.equal(third.started, 1);
  });

  test('H6: a wait hears a signal at once', async () => {
    const interrupt = new AbortController();
    const { stage, second } = await takenOver({ interrupt: interrupt.signal });
    assert.ok((second.waits[0] ?? 0) >= TTL_MS, 'and says for how long it waits');
    interrupt.abort();
    await stage.settle();
    assert.equal(second.result().outcome, 'given_up');
    assert.equal(second.started, 0);
    assert.deepEqual([(await stage.state()).lease, (await stage.state()).status], [null, 'running']);
  });

  for (const kind of ['cancel', 'pause', 'stop'] as const) {
    test(`H6: a wait sees a ${kind} at its next look`, async () => {
      const { stage, second } = await takenOver();
      await stage.jobs.execute(JOB_ID, { actor: 'a' }, { kind });
      await stage.pass(2 * POLL_MS);
      assert.equal(second.result().outcome, 'interrupted');
      assert.equal(second.started, 0);
    });
  }

  test('M11: a lease that a wrong clock gave is taken over once it was watched unrenewed for its time', async () => {
    const stage = new Stage();
    await stage.submit();
    const wrong = stage.jobsAt(1000 * HOUR);
    await wrong.execute(
      JOB_ID,
      { actor: 'w' },
      { kind: 'claim', workerId: 'w', ttlMs: TTL_MS, graceMs: 0, claim: HOME },
    );
    const { token, renewed_revision: renewedRevision } = (await stage.state()).lease ?? assert.fail();
    const held = await stage.run({ workerId: 'x' });
    assert.throws(() => held.result(), { code: 'lease_held' });
    const run = await stage.run({ workerId: 'x', watched: { token, renewedRevision, ms: TTL_MS } });
    await stage.pass(3 * POLL_MS);
    assert.equal(run.started, 1);
    const acquired = (await stage.events()).findLast(({ type }) => type === 'lease_acquired');
    assert.deepEqual(Object.keys(acquired?.payload ?? {}).includes('taken_over'), true);
    run.end(LIVED);
    await stage.pass(POLL_MS);
  });

  test('B8: a person who knows that it is gone gives its lease back, by its name and token', async () => {
    const stage = new Stage();
    await stage.submit();
    await stage.run({ workerId: 'dead', ttlMs: 24 * HOUR });
    const { token } = (await stage.state()).lease ?? assert.fail();
    await stage.jobs.execute(JOB_ID, { actor: 'dead' }, release(token));
    assert.equal((await stage.run({ workerId: 'next' })).started, 1);
  });
});
