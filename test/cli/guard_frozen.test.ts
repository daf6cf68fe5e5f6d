import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { workspace } from '../support/cli.ts';
import { guarded } from '../support/guard_worker.ts';
import { gone, lives, pidIn, stateOf, submit } from '../support/work.ts';

/** What may live so long and is renewed ten times in it, so that a machine that does much else kills nothing. */
const MS = 3000;
const EVERY = MS / 10;
const BY_GUARD = { exitCode: null, signal: 'SIGKILL', killedBy: 'guard' };

describe('stopped past the end of its time', { concurrency: 4 }, () => {
  test('the worker: its command is killed meanwhile, and it is told by whom', async (t) => {
    const w = await workspace(t);
    const { worker, group, ended } = await guarded(t, w, MS, EVERY);
    worker.kill('SIGSTOP');
    await gone(group);
    worker.kill('SIGCONT');
    assert.deepEqual(await ended, BY_GUARD);
  });

  for (const first of ['worker', 'guard', 'command'] as const) {
    test(`worker, guard and command together, and the ${first} wakes first`, async (t) => {
      const w = await workspace(t);
      const { worker, guard, group, ended } = await guarded(t, w, MS, EVERY);
      const all = { worker: worker.pid, guard, command: -group };
      for (const pid of Object.values(all)) process.kill(pid, 'SIGSTOP');
      await sleep(MS + 100); // the time is over then, however long this took
      process.kill(all[first], 'SIGCONT');
      if (first !== 'command') await gone(group);
      for (const pid of [worker.pid, guard]) process.kill(pid, 'SIGCONT');
      assert.deepEqual(await ended, BY_GUARD);
    });
  }
});

describe('a worker that is stopped, as a job sees it', { concurrency: 2 }, () => {
  test('for less than its lease: nothing happens to the command', async (t) => {
    const w = await workspace(t);
    await submit(w, 'demo', 'echo $$ >pid; while ! [ -e go ]; do sleep 0.05; done');
    const { child, done } = w.start('job run --json --id demo --ttl 1m --complete');
    const pid = await pidIn(w, 'pid');
    child.kill('SIGSTOP');
    await sleep(1500);
    assert.ok(lives(pid));
    child.kill('SIGCONT');
    await writeFile(w.path('go'), '');
    assert.equal((await done).exit, 0);
    assert.equal((await stateOf(w, 'demo')).status, 'completed');
  });

  test('past its lease: the command is dead before another may start', async (t) => {
    const w = await workspace(t);
    await submit(w, 'demo', '[ -e pid ] && exit 0; trap "" TERM; echo $$ >pid; while :; do sleep 0.05; done');
    const { child, done } = w.start('job run --json --id demo --worker w1 --ttl 2s');
    t.after(() => child.kill('SIGKILL'));
    const pid = await pidIn(w, 'pid');
    child.kill('SIGSTOP');
    await gone(pid);
    const { expires_at = '' } = (await stateOf(w, 'demo')).lease ?? {};
    await sleep(Math.max(0, Date.parse(expires_at) + 2000 - Date.now()));
    const next = await w.gait('job run --id demo --worker w2');
    assert.equal(next.exit, 0, next.stderr);
    child.kill('SIGCONT');
    assert.equal((await done).json().error_code, 'lease_lost');
    const { state } = await w.jobs.load('demo');
    assert.deepEqual([state.lease, state.status, state.checkpoint_count], [null, 'running', 0]);
  });
});
