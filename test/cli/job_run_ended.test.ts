import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { workspace } from '../support/cli.ts';
import {
  becomes,
  gone,
  linesIn,
  lives,
  pidIn,
  releaseOf,
  runLine,
  startWorker,
  stateOf,
  submit,
  until,
} from '../support/work.ts';

/** Runs until it is ended, and says in `told` that it was asked to. */
const PATIENT = 'trap "echo told >told; exit 7" TERM INT; echo $$ >pid; while :; do sleep 0.05; done';
/** Is asked in vain. */
const STUBBORN = 'trap "echo told >>told" TERM INT; echo $$ >pid; while :; do sleep 0.05; done';

describe('signals to the runner', { concurrency: 4 }, () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} is handed on, and the work is given back: the next worker runs it again`, async (t) => {
      const w = await workspace(t);
      await submit(w, 'demo', PATIENT);
      const running = w.start('job run --json --id demo --complete');
      const pid = await pidIn(w, 'pid');
      running.child.kill(signal);
      assert.equal((await running.done).json().ok, false);
      assert.ok(!lives(pid));
      assert.deepEqual(linesIn(w, 'told'), ['told']);
      const { outcome, reason } = await releaseOf(w, 'demo');
      const { status, lease } = await stateOf(w, 'demo');
      assert.deepEqual({ status, lease, outcome }, { status: 'running', lease: null, outcome: 'given_up' });
      assert.equal(reason, 'the worker was told to stop');

      const again = w.start('job work --once');
      await until('it runs again', () => linesIn(w, 'pid')[0] !== String(pid));
      await w.ok('job stop --id demo');
      await again.done;
    });
  }

  test('a command that does not listen is killed before the lease is over', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    const running = w.start(runLine('demo', STUBBORN));
    const pid = await pidIn(w, 'pid');
    running.child.kill('SIGTERM');
    const { run } = (await running.done).json();
    assert.equal(run?.['signal'], 'SIGKILL');
    assert.ok(!lives(pid));
    assert.equal((await stateOf(w, 'demo')).status, 'running');
  });

  test('a job that must not be run again waits for a person', async (t) => {
    const w = await workspace(t);
    await submit(w, 'demo', PATIENT, { max_attempts: 1 });
    const running = w.start('job run --json --id demo --complete');
    await pidIn(w, 'pid');
    running.child.kill('SIGTERM');
    await running.done;
    const { status, last_checkpoint } = await stateOf(w, 'demo');
    assert.equal(status, 'blocked');
    assert.match(last_checkpoint?.summary ?? '', /interrupted: the worker was told to stop/);
    assert.equal((await w.gait('job work --once --json')).json().work?.['claimed'], 0);
  });
});

describe('orders from another process', { concurrency: 4 }, () => {
  for (const [order, status] of [
    ['pause', 'paused'],
    ['cancel', 'cancelled'],
  ] as const) {
    test(`${order}: the command is asked to end`, async (t) => {
      const w = await workspace(t);
      await w.ok('job submit --id demo');
      const running = w.start(runLine('demo', PATIENT, '--complete'));
      const pid = await pidIn(w, 'pid');
      await w.ok(`job ${order} --id demo`);
      assert.equal((await running.done).json().ok, false);
      assert.ok(!lives(pid));
      assert.deepEqual(linesIn(w, 'told'), ['told']);
      const job = await stateOf(w, 'demo');
      assert.deepEqual([job.status, job.lease], [status, null]);
    });

    test(`${order}: one that does not listen is killed`, async (t) => {
      const w = await workspace(t);
      await w.ok('job submit --id demo');
      const running = w.start(runLine('demo', STUBBORN));
      const pid = await pidIn(w, 'pid');
      await w.ok(`job ${order} --id demo`);
      assert.equal((await running.done).json().ok, false);
      assert.ok(!lives(pid));
      assert.equal((await stateOf(w, 'demo')).status, status);
    });
  }

  test('stop: it is killed at once, and not asked', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    const running = w.start(runLine('demo', PATIENT, '--complete'));
    const pid = await pidIn(w, 'pid');
    await w.ok('job stop --id demo');
    assert.equal((await running.done).json().run?.['signal'], 'SIGKILL');
    assert.ok(!lives(pid));
    assert.deepEqual(linesIn(w, 'told'), []);
    assert.equal((await stateOf(w, 'demo')).status, 'emergency_stopped');
  });

  test('another log in the place of its own: the command is killed, and nothing is written', async (t) => {
    const w = await workspace(t);
    for (const id of ['demo', 'other']) await w.ok(`job submit --id ${id}`);
    const running = w.start([
      'job',
      'run',
      '--json',
      '--id',
      'demo',
      '--ttl',
      '10m',
      '--',
      'sh',
      '-c',
      STUBBORN,
    ]);
    const pid = await pidIn(w, 'pid');
    await rename(w.folder('demo'), w.folder('away'));
    await rename(w.folder('other'), w.folder('demo'));
    const before = await w.logOf('demo');
    await gone(pid);
    assert.equal((await running.done).json().ok, false);
    assert.ok(before.equals(await w.logOf('demo')));
  });

  test('a paused job goes on after a resume, from the start of its command', async (t) => {
    const w = await workspace(t);
    await submit(w, 'demo', `[ -e pid ] && exit 0; ${PATIENT}`);
    const worker = startWorker(w, 'w1');
    await pidIn(w, 'pid');
    await w.ok('job pause --id demo');
    await becomes(w, 'demo', ({ lease }) => lease === null);
    assert.equal((await releaseOf(w, 'demo'))['outcome'], 'interrupted');
    await w.ok('job resume --id demo');
    await becomes(w, 'demo', ({ status }) => status === 'completed');
    worker.child.kill('SIGTERM');
    assert.equal((await worker.done).exit, 0);
  });
});

describe('what the command starts', { concurrency: 2 }, () => {
  const FAMILY = 'sh -c "trap : TERM; echo \\$\\$ >grandchild; while :; do sleep 0.05; done" & ';

  test('ends when the command ends', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    const script = `${FAMILY} while ! [ -s grandchild ]; do sleep 0.02; done; exit 0`;
    assert.equal((await w.gait(runLine('demo', script, '--complete'))).exit, 0);
    await gone(await pidIn(w, 'grandchild'));
  });

  test('ends when the job is stopped', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    const running = w.start(runLine('demo', `${FAMILY} wait`));
    const grandchild = await pidIn(w, 'grandchild');
    await w.ok('job stop --id demo');
    await running.done;
    await gone(grandchild);
  });
});
