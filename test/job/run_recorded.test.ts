import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EventStore } from '../../src/log/store.ts';
import { failingStore } from '../support/failing_store.ts';
import { approve, ask, HOME, JOB_ID, pause, resume } from '../support/given.ts';
import { memoryStores } from '../support/job_stores.ts';
import { gaitError } from '../support/refusals.ts';
import { Stage, TTL_MS } from '../support/stage.ts';

const PERSON = { actor: 'a' };

async function staged(budget?: Parameters<Stage['submit']>[0]) {
  const { store, trouble } = failingStore(memoryStores().open());
  const stage = new Stage(store);
  await stage.submit(budget);
  return { stage, trouble };
}

describe('the end of a command is told only as it is recorded', () => {
  test('C3: a read that fails as the command ends is tried again', async () => {
    const { stage, trouble } = await staged();
    const run = await stage.run();
    trouble.read = true;
    run.exits(0);
    await stage.pass(5000);
    assert.equal(run.isOver, false, 'told before it stands in the log');
    trouble.read = false;
    await stage.pass(1000);
    assert.equal(run.result().outcome, 'finished');
    assert.equal((await stage.state()).status, 'completed');
  });

  test('H1: a full disk that is freed under the lease loses nothing', async () => {
    const { stage, trouble } = await staged();
    const run = await stage.run();
    trouble.append = true;
    run.exits(0);
    await stage.pass(TTL_MS - 2000);
    assert.equal(run.isOver, false);
    trouble.append = false;
    await stage.pass(1000);
    assert.equal(run.result().outcome, 'finished');
    assert.equal((await stage.types()).at(-1), 'checkpoint_added');
  });

  test('H1: one that is not freed is told: it ended, and is not recorded', async () => {
    const { stage, trouble } = await staged();
    const run = await stage.run();
    trouble.append = true;
    run.exits(0);
    await stage.pass(TTL_MS + 1000);
    const { outcome, ended, why = '' } = run.result();
    assert.deepEqual([outcome, ended.exitCode], ['unrecorded', 0]);
    assert.match(why, /no space left/);
    trouble.append = false;
    assert.equal((await stage.state()).status, 'running', 'nobody was told that it finished: it runs again');
  });

  test('an append whose outcome is not known is looked for, and the end stands there once', async () => {
    for (const exitCode of [0, 3]) {
      const { stage, trouble } = await staged();
      const run = await stage.run();
      trouble.appendAfter = true;
      run.exits(exitCode);
      await stage.pass(5000);
      assert.equal(run.result().outcome, exitCode === 0 ? 'finished' : 'failed');
      const ends = (await stage.events()).slice(2).map(({ reason_code }) => reason_code);
      assert.deepEqual(
        ends,
        exitCode === 0 ? ['checkpoint_completed'] : ['checkpoint_blocked', 'lease_released'],
      );
    }
  });

  test('H8: a command that asked and ended waits: it is not told as finished, and runs again when answered', async () => {
    const { stage } = await staged();
    const run = await stage.run();
    const { token } = (await stage.state()).lease ?? {};
    await stage.jobs.execute(JOB_ID, { actor: 'w' }, { ...ask(), token } as Parameters<
      typeof stage.jobs.execute
    >[2]);
    run.exits(0);
    await stage.pass(1000);
    const { outcome, waitsFor } = run.result();
    assert.deepEqual([outcome, waitsFor], ['given_up', ['cp_0001']]);
    await stage.jobs.execute(JOB_ID, PERSON, approve());
    await stage.jobs.execute(JOB_ID, PERSON, resume());
    const again = await stage.run();
    assert.equal(again.started, 1);
    again.exits(0);
    await stage.pass(1000);
    assert.equal(again.result().outcome, 'finished');
  });

  test('a command that says that it is stuck and ends well is not told as finished: it runs again after the resume', async () => {
    const { stage } = await staged();
    const run = await stage.run();
    const stuck = { kind: 'checkpoint', type: 'blocked', summary: 'stuck', token: 2, worker: 'w' } as const;
    await stage.jobs.execute(JOB_ID, { actor: 'w' }, stuck);
    run.exits(0);
    await stage.pass(1000);
    const { outcome, waitsFor } = run.result();
    assert.deepEqual([outcome, waitsFor], ['given_up', []]);
    await stage.jobs.execute(JOB_ID, PERSON, resume());
    assert.equal((await stage.run()).started, 1);
  });

  test('a pause that was acknowledged while the answer to the claim was on its way: nothing starts', async () => {
    const { store } = failingStore(memoryStores().open());
    const stage = new Stage(store);
    await stage.submit();
    const slow: EventStore = {
      ...store,
      async append(batch) {
        const outcome = await store.append(batch);
        if (batch.records[0]?.event['type'] === 'lease_acquired')
          await stage.jobs.execute(JOB_ID, PERSON, pause);
        return outcome;
      },
    };
    const run = await stage.run({}, stage.jobsAt(0, slow));
    await stage.pass(1000);
    assert.equal(run.started, 0);
    assert.equal(run.result().outcome, 'interrupted');
    assert.equal((await stage.state()).status, 'paused');
  });

  test('a log that cannot be read after the claim tells nothing of what a person said: nothing starts until it can be', async () => {
    for (const paused of [true, false]) {
      const { store, trouble } = failingStore(memoryStores().open());
      const stage = new Stage(store);
      await stage.submit();
      const hiding: EventStore = {
        ...store,
        async append(batch) {
          const outcome = await store.append(batch);
          const claimed = batch.records[0]?.event['type'] === 'lease_acquired';
          if (claimed && paused) await stage.jobs.execute(JOB_ID, PERSON, pause);
          if (claimed) trouble.read = true;
          return outcome;
        },
      };
      const run = await stage.run({}, stage.jobsAt(0, hiding));
      await stage.pass(5000);
      assert.deepEqual([run.started, run.isOver], [0, false]);
      trouble.read = false;
      await stage.pass(1000);
      assert.equal(run.started, paused ? 0 : 1);
      if (paused) assert.equal(run.result().outcome, 'interrupted');
    }
  });

  test('a log that cannot be read for the whole lease after the claim: the lease is lost, and nothing was started', async () => {
    const { store, trouble } = failingStore(memoryStores().open());
    const stage = new Stage(store);
    await stage.submit();
    const hiding: EventStore = {
      ...store,
      async append(batch) {
        const outcome = await store.append(batch);
        trouble.read = true;
        return outcome;
      },
    };
    const run = await stage.run({}, stage.jobsAt(0, hiding));
    trouble.append = true;
    await stage.pass(TTL_MS + 1000);
    assert.deepEqual([run.started, run.result().outcome], [0, 'lost']);
  });

  test('a command that finished as the job was paused is done: after the resume it is completed and not run again', async () => {
    const { stage } = await staged();
    const run = await stage.run();
    await stage.jobs.execute(JOB_ID, PERSON, pause);
    run.exits(0); // before the runner looked
    await stage.pass(1000);
    assert.equal(run.result().outcome, 'finished');
    const { status, lease, work_done } = await stage.state();
    assert.deepEqual([status, lease, work_done], ['paused', null, true]);
    await stage.jobs.execute(JOB_ID, PERSON, resume());
    const again = await stage.run();
    assert.equal(again.started, 0, 'done work is not done again');
    assert.equal(again.result().outcome, 'finished');
    assert.equal((await stage.state()).status, 'completed');
  });

  test('a command that asked and ended as the job was paused waits: its work is not done', async () => {
    const { stage } = await staged();
    const run = await stage.run();
    const { token } = (await stage.state()).lease ?? {};
    const asks = { ...ask(), token } as Parameters<typeof stage.jobs.execute>[2];
    await stage.jobs.execute(JOB_ID, { actor: 'w' }, asks);
    await stage.jobs.execute(JOB_ID, PERSON, pause);
    run.exits(0);
    await stage.pass(1000);
    assert.deepEqual([run.result().outcome, (await stage.state()).work_done], ['given_up', undefined]);
    await stage.jobs.execute(JOB_ID, PERSON, approve());
    await stage.jobs.execute(JOB_ID, PERSON, resume());
    assert.equal((await stage.run()).started, 1);
  });

  test('work that was done is not, once a person blocks the job: it runs again after the resume', async () => {
    const { stage } = await staged();
    const run = await stage.run();
    await stage.jobs.execute(JOB_ID, PERSON, pause);
    run.exits(0);
    await stage.pass(1000);
    await stage.jobs.execute(JOB_ID, PERSON, resume());
    await stage.jobs.execute(JOB_ID, PERSON, { kind: 'checkpoint', type: 'blocked', summary: 'do it again' });
    await stage.jobs.execute(JOB_ID, PERSON, resume());
    assert.equal((await stage.run()).started, 1);
  });

  test('L4: a job that was cancelled in the same moment was not finished', async () => {
    const { stage } = await staged();
    const run = await stage.run();
    await stage.jobs.execute(JOB_ID, PERSON, { kind: 'cancel' });
    run.exits(0);
    await stage.pass(1000);
    const { outcome, why } = run.result();
    assert.deepEqual([outcome, why], ['interrupted', 'the job is cancelled']);
  });

  test('L4: a job that another worker took over and completed is lost to the first', async () => {
    const { stage } = await staged();
    const frozen = await stage.run();
    // Its clock stands still for the runner: the other one is ahead by an hour and takes over at once.
    const ahead = stage.jobsAt(3_600_000);
    const other = { actor: 'o' };
    const order = { kind: 'claim', workerId: 'o', ttlMs: 60_000, graceMs: 0, claim: HOME } as const;
    const { state } = await ahead.execute(JOB_ID, other, order);
    const token = state.lease?.token ?? 0;
    await ahead.execute(JOB_ID, other, { kind: 'checkpoint', type: 'completed', summary: 'done', token });
    frozen.exits(0);
    await stage.pass(1000);
    assert.equal(frozen.result().outcome, 'lost');
  });
});

describe('a worker that is told to stop', () => {
  test('B5: gives the work back, and the next worker runs it', async () => {
    const { stage } = await staged();
    const interrupt = new AbortController();
    const run = await stage.run({ interrupt: interrupt.signal });
    interrupt.abort();
    await stage.pass(10_000);
    assert.equal(run.result().outcome, 'given_up');
    const { status, lease } = await stage.state();
    assert.deepEqual([status, lease], ['running', null]);
    assert.equal((await stage.run()).started, 1);
  });

  test('B5: leaves a job that must not be run again to a person', async () => {
    const { stage } = await staged({ max_attempts: 1 });
    const interrupt = new AbortController();
    const run = await stage.run({ interrupt: interrupt.signal });
    interrupt.abort();
    await stage.pass(10_000);
    assert.equal(run.result().outcome, 'interrupted');
    assert.equal((await stage.state()).status, 'blocked');
  });
});

describe('a worker that stood still', () => {
  test('A3: past its lease, loses it when it wakes: nothing is blamed on the command', async () => {
    const { stage } = await staged();
    const run = await stage.run();
    const before = (await stage.types()).length;
    await stage.freeze(TTL_MS + 1000);
    await stage.pass(1000);
    assert.equal(run.result().outcome, 'lost');
    assert.deepEqual((await stage.types()).slice(before), [], 'nothing is renewed, and nothing recorded');
    assert.equal((await stage.state()).status, 'running');
    const again = await stage.run({ workerId: 'next' });
    await stage.pass(TTL_MS + 5000);
    assert.equal(again.started, 1, 'it runs again by itself');
  });

  test('M2: by whose guard the command was killed has lost the lease, however much of it seems to be left', async () => {
    const { stage } = await staged();
    const run = await stage.run();
    run.end({ exitCode: null, signal: 'SIGKILL', killedBy: 'guard' });
    await stage.pass(1000);
    assert.equal(run.result().outcome, 'lost');
    assert.equal((await stage.state()).status, 'running');
  });

  test('for less than its lease goes on', async () => {
    const { stage } = await staged();
    const run = await stage.run();
    await stage.freeze(TTL_MS - 1000);
    await stage.pass(1000);
    assert.deepEqual([run.isOver, run.kills], [false, []]);
    run.exits(0);
    await stage.pass(1000);
    assert.equal(run.result().outcome, 'finished');
  });
});

describe('a claim of another environment', () => {
  test('B1: is refused, before anything runs', async () => {
    const { stage } = await staged();
    const claim = { kind: 'claim', workerId: 'x', ttlMs: 1000, graceMs: 0 } as const;
    const away = { ...claim, claim: { fingerprint: 'envfp:away' } };
    await assert.rejects(
      stage.jobs.execute(JOB_ID, PERSON, away),
      gaitError('environment_mismatch', 'policy_blocked'),
    );
    assert.deepEqual(await stage.types(), ['submitted']);
  });
});

describe('a command that gives its own lease back', () => {
  test('is not started again at once by the same worker: with `once` it comes to its end', async () => {
    const stage = new Stage();
    await stage.submit();
    const staged = await stage.work();
    const run = staged.runs.get(JOB_ID);
    assert.equal(run?.started, 1);
    const { token = 0 } = (await stage.state()).lease ?? {};
    const release = { kind: 'release', token, outcome: 'finished', worker: 'w' } as const;
    await stage.jobs.execute(JOB_ID, { actor: 'w' }, release);
    await stage.pass(5000);
    assert.deepEqual([run?.kills.length, staged.summary?.claimed, staged.summary?.lost], [1, 1, 1]);
  });

  test('is looked at again by one that goes on, after half a minute', async () => {
    const stage = new Stage();
    await stage.submit();
    const staged = await stage.work({ once: false });
    const { token = 0 } = (await stage.state()).lease ?? {};
    const release = { kind: 'release', token, outcome: 'given_up', worker: 'w' } as const;
    await stage.jobs.execute(JOB_ID, { actor: 'w' }, release);
    const first = staged.runs.get(JOB_ID);
    await stage.pass(25_000);
    assert.equal(staged.runs.get(JOB_ID), first);
    await stage.pass(10_000);
    assert.notEqual(staged.runs.get(JOB_ID), first);
  });
});
