import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { manualClock } from '../../src/core/clock.ts';
import { openWorkspace } from '../../src/job/open.ts';
import { type Workspace, workspace } from '../support/cli.ts';
import {
  BRIEF,
  becomes,
  eventsOfType,
  GAIT,
  gone,
  library,
  linesIn,
  lives,
  pidIn,
  releaseOf,
  startWorker,
  stateOf,
  submit,
  until,
} from '../support/work.ts';

const WORK = 'job work --once --json';

describe('job work', { concurrency: 2 }, () => {
  test('runs what was submitted, oldest first, and ends when there is nothing left', async (t) => {
    const w = await workspace(t);
    for (const id of ['zebra', 'apple', 'mango']) {
      const exit = id === 'apple' ? 3 : 0;
      await w.gait([
        'job',
        'submit',
        '--json',
        '--id',
        id,
        '--',
        'sh',
        '-c',
        `echo ${id} >>order; exit ${exit}`,
      ]);
    }
    await library(w).submit('without-a-command');
    const result = await w.gait(WORK);
    assert.deepEqual(linesIn(w, 'order'), ['zebra', 'apple', 'mango']);
    const work = { claimed: 3, finished: 2, failed: 1, given_up: 0, interrupted: 0, lost: 0, unrecorded: 0 };
    assert.deepEqual(result.json().work, work);
    for (const id of ['zebra', 'apple', 'mango']) assert.match(result.stderr, new RegExp(`^${id} `, 'm'));
    assert.equal((await stateOf(w, 'mango')).status, 'completed');
    assert.equal((await stateOf(w, 'apple')).status, 'blocked');
    assert.equal((await stateOf(w, 'without-a-command')).revision, 1);
    assert.equal((await w.gait(WORK)).json().work?.['claimed'], 0);
  });

  test('takes times as times: of two in one second, the one with fewer digits is not the younger one', async (t) => {
    const w = await workspace(t);
    const clock = manualClock(Date.parse('2026-02-14T00:00:00.920Z'));
    const jobs = openWorkspace({ dir: w.path('gait-out'), clock });
    for (const id of ['older', 'newer']) {
      await jobs.submit(id, { task: { argv: ['sh', '-c', `echo ${id} >>order`], cwd: w.dir, pass_env: [] } });
      clock.advance(1);
    }
    assert.equal((await w.gait(WORK)).exit, 0);
    assert.deepEqual(linesIn(w, 'order'), ['older', 'newer']);
  });

  test('has nothing to do where there are no jobs at all', async (t) => {
    const w = await workspace(t);
    assert.equal((await w.gait(WORK)).json().work?.['claimed'], 0);
  });

  test('--concurrency N runs N at a time: they can wait for each other', async (t) => {
    const w = await workspace(t);
    for (const id of ['a', 'b', 'c'])
      await submit(w, id, `: >here-${id}; while [ "$(ls here-* | wc -l)" -lt 3 ]; do sleep 0.05; done`);
    const result = await w.gait(`${WORK} --concurrency 3`);
    assert.equal(result.json().work?.['finished'], 3);
  });

  test('--concurrency N never runs more', async (t) => {
    const w = await workspace(t);
    for (let i = 0; i < 7; i += 1)
      await submit(w, `j${i}`, ': >in-$$; ls in-* | wc -l >>most; sleep 0.1; rm in-$$');
    assert.equal((await w.gait(`${WORK} --concurrency 2`)).json().work?.['finished'], 7);
    const most = linesIn(w, 'most').map(Number);
    assert.ok(most.length === 7 && most.every((n) => n <= 2), String(most));
  });

  test('leaves a damaged job alone, and runs the others', async (t) => {
    const w = await workspace(t);
    for (const id of ['a-bad', 'good']) await submit(w, id, 'true');
    const damaged = Buffer.concat([await w.logOf('a-bad'), Buffer.from('noise\n')]);
    await w.writeLog('a-bad', damaged);
    assert.equal((await w.gait(WORK)).json().work?.['finished'], 1);
    assert.equal((await stateOf(w, 'good')).status, 'completed');
    assert.ok(damaged.equals(await w.logOf('a-bad')));
  });

  test('two workers share jobs, and do none of them twice', async (t) => {
    const w = await workspace(t);
    const ids = Array.from({ length: 16 }, (_, i) => `j${i}`);
    for (const id of ids) await submit(w, id, 'echo $GAIT_JOB_ID >>ran; sleep 0.05');
    const [one, two] = await Promise.all([w.gait(`${WORK} --worker one`), w.gait(`${WORK} --worker two`)]);
    const shares = [one, two].map((result) => Number(result.json().work?.['finished']));
    assert.equal((shares[0] ?? 0) + (shares[1] ?? 0), 16);
    assert.deepEqual(linesIn(w, 'ran').sort(), ids.sort());
    for (const id of ids) assert.equal((await eventsOfType(w, id, 'lease_acquired')).length, 1);
  });
});

/** A command that goes on until there is a file `go`, and asked to end, says so. */
const WAITING = 'trap "echo told >told; exit 7" TERM; echo $$ >pid; while ! [ -e go ]; do sleep 0.05; done';

describe('a worker that is told to end', { concurrency: 3 }, () => {
  test('drains: what runs comes to its end, nothing more is claimed, exit 0', async (t) => {
    const w = await workspace(t);
    await submit(w, 'first', WAITING);
    await submit(w, 'second', 'true');
    const worker = startWorker(w, 'w1');
    const pid = await pidIn(w, 'pid');
    worker.child.kill('SIGTERM');
    await submit(w, 'third', ': >go'); // nobody runs it
    assert.ok(lives(pid));
    await w.gait(['job', 'run', '--id', 'third']);
    const { exit, json } = await worker.done;
    assert.deepEqual([exit, json().work?.['finished'], json().work?.['claimed']], [0, 1, 1]);
    assert.equal((await stateOf(w, 'first')).status, 'completed');
    assert.equal((await stateOf(w, 'second')).revision, 1);
    assert.deepEqual(linesIn(w, 'told'), []);
  });

  test('twice: what runs is ended too, and given back', async (t) => {
    const w = await workspace(t);
    await submit(w, 'demo', WAITING);
    const worker = startWorker(w, 'w1');
    const pid = await pidIn(w, 'pid');
    // Two of one signal that are there before the worker looks are one to it.
    await until('what runs is told', () => {
      worker.child.kill('SIGTERM');
      return linesIn(w, 'told').length > 0;
    });
    await worker.done;
    assert.ok(!lives(pid));
    assert.deepEqual(linesIn(w, 'told'), ['told']);
    const { status, lease } = await stateOf(w, 'demo');
    assert.deepEqual([status, lease], ['running', null]);
    assert.equal((await releaseOf(w, 'demo'))['outcome'], 'given_up');
  });

  test('while it has nothing to do: ends', async (t) => {
    const w = await workspace(t);
    await submit(w, 'demo', 'true');
    const worker = w.start('job work --idle 1h');
    await becomes(w, 'demo', ({ status }) => status === 'completed');
    worker.child.kill('SIGTERM');
    assert.equal((await worker.done).exit, 0);
  });
});

describe('what a worker survives', { concurrency: 2 }, () => {
  test('commands that cannot be started: their jobs are blocked, the next one runs', async (t) => {
    const w = await workspace(t);
    await writeFile(w.path('a-file'), '');
    const argv = ['sh', '-c', 'true'];
    await library(w).submit('no-directory', { task: { argv, cwd: w.path('a-file'), pass_env: [] } });
    const long = ['sh', '-c', `# ${'x'.repeat(200_000)}`]; // one word of 128 KiB is the most that Linux takes
    await library(w).submit('too-long', { task: { argv: long, cwd: w.dir, pass_env: [] } });
    await submit(w, 'good', 'true');
    const { work } = (await w.gait(WORK)).json();
    assert.deepEqual([work?.['failed'], work?.['finished']], [2, 1]);
    for (const [id, says] of [
      ['no-directory', /the working folder .*a-file is not a folder/],
      ['too-long', /E2BIG/],
    ] as const) {
      const { status, last_checkpoint } = await stateOf(w, id);
      assert.equal(status, 'blocked');
      assert.match(last_checkpoint?.summary ?? '', says);
    }
  });

  test('that nobody reads what it prints any more: the commands run to their end', async (t) => {
    const w = await workspace(t);
    for (const id of ['first', 'second', 'third']) {
      await submit(w, id, 'echo $$ >>pid; while ! [ -e go ]; do sleep 0.05; done');
    }
    const worker = w.start('job work --once');
    await pidIn(w, 'pid');
    worker.child.stderr?.destroy();
    worker.child.stdout?.destroy();
    await writeFile(w.path('go'), '');
    assert.equal((await worker.done).exit, 0);
    for (const id of ['first', 'second', 'third']) assert.equal((await stateOf(w, id)).status, 'completed');
  });
});

/** Loaded into a command: writes down at its end how often it woke up, and for how many seconds it was there. */
const WAKES_SCRIPT = `
const { performance } = require('node:perf_hooks');
const { writeFileSync } = require('node:fs');
process.on('exit', () => {
  const { loopCount } = performance.nodeTiming.uvMetricsInfo;
  writeFileSync('wakes', [loopCount, performance.now() / 1000].join(' ') + '\\n');
});
`;

/** Ten times what it takes to start, and to look after a command. One that spins wakes some hundred times a second. */
const WAKES_ONCE = 100;
const WAKES_A_SECOND = 10;

test('a worker does not spin: idle, with held jobs about, or while a command runs', async (t) => {
  const w = await workspace(t);
  await writeFile(w.path('wakes.cjs'), WAKES_SCRIPT);
  for (let i = 0; i < 20; i += 1) await submit(w, `held-${i}`, 'true');
  for (let i = 0; i < 20; i += 1) await library(w).claim(`held-${i}`, { ttlMs: 600_000 });
  await submit(w, 'runs', 'sleep 1');
  const env = { NODE_OPTIONS: `--require ${JSON.stringify(w.path('wakes.cjs'))}` };
  const worker = w.start('job work --ttl 10s', { env });
  await becomes(w, 'runs', ({ status }) => status === 'completed');
  await sleep(2000); // in which it has nothing to do
  worker.child.kill('SIGTERM');
  assert.equal((await worker.done).exit, 0);
  const [wakes = 0, seconds = 0] = (linesIn(w, 'wakes')[0] ?? '').split(' ').map(Number);
  assert.ok(wakes > 0, 'it was counted');
  assert.ok(wakes < WAKES_ONCE + WAKES_A_SECOND * seconds, `${wakes} in ${seconds} s`);
});

describe('budgets', { concurrency: 3 }, () => {
  test('--max-wall: the command is ended, long before its lease is renewed, and the job blocked', async (t) => {
    const w = await workspace(t);
    await submit(w, 'demo', 'echo $$ >pid; exec sleep 60', { max_wall_ms: 1000 });
    const result = await w.gait('job work --once --ttl 1h --json');
    assert.equal(result.json().work?.['interrupted'], 1);
    assert.ok(!lives(await pidIn(w, 'pid')));
    const { status, stop_reason, lease } = await stateOf(w, 'demo');
    assert.deepEqual([status, stop_reason, lease], ['blocked', 'budget_wall_exceeded', null]);
  });

  test('--max-steps: the step too many is refused, and the job blocked', async (t) => {
    const w = await workspace(t);
    await submit(w, 'demo', 'true', { max_steps: 1 });
    await w.ok('job claim --id demo --worker w1');
    const env = {
      GAIT_JOB_ID: 'demo',
      GAIT_WORKER: 'w1',
      GAIT_LEASE_TOKEN: String((await stateOf(w, 'demo')).lease?.token),
    };
    const add = 'job checkpoint add --id demo --summary step';
    await w.ok(add, { env });
    await w.refused(add, 'budget_exceeded', 'policy_blocked', { env });
    const { status, stop_reason, usage } = await stateOf(w, 'demo');
    assert.deepEqual([status, stop_reason, usage.steps], ['blocked', 'budget_steps_exceeded', 1]);
  });

  test('--max-steps: a command that goes on all the same is ended', async (t) => {
    const w = await workspace(t);
    const add = `${GAIT} job checkpoint add --id demo --summary step >/dev/null`;
    await submit(w, 'demo', `${add}; ${add}; exec sleep 60`, { max_steps: 1 });
    assert.equal((await w.gait(WORK)).json().work?.['interrupted'], 1);
    assert.equal((await releaseOf(w, 'demo'))['outcome'], 'interrupted');
  });

  test('--max-attempts: a job whose workers die under it is not run for ever', async (t) => {
    const w = await workspace(t);
    await submit(w, 'demo', 'echo $$ >>pid; exec sleep 60', { max_attempts: 1 });
    const first = startWorker(w, 'first', ...BRIEF);
    const pid = await pidIn(w, 'pid');
    first.child.kill('SIGKILL');
    await gone(pid);
    const second = startWorker(w, 'second');
    await becomes(w, 'demo', ({ status }) => status === 'blocked');
    second.child.kill('SIGTERM');
    assert.equal((await second.done).exit, 0);
    assert.equal((await stateOf(w, 'demo')).stop_reason, 'budget_attempts_exceeded');
    assert.equal(linesIn(w, 'pid').length, 1);
  });
});

/** Waits to be killed, unless it ran before; behind it any number of bytes that do nothing. */
const PADDED = (bytes: number): string =>
  `[ -e pid ] && exit 0; echo $$ >pid; exec sleep 60 #${'x'.repeat(bytes)}`;

/** Submits the job `full`; answers the blocks of 512 bytes that hold its log with a claim, and not with a renewal. */
async function submitForALimit(w: Workspace): Promise<number> {
  await submit(w, 'twin', PADDED(0));
  await w.ok('job claim --id twin --worker w1 --ttl 1s');
  const claimed = (await w.logOf('twin')).length + 20; // times may be shorter by some digits
  const blocks = Math.ceil(claimed / 512);
  await submit(w, 'full', PADDED(blocks * 512 - claimed));
  return blocks;
}

describe('a disk that takes no more', () => {
  test('while a command runs: it is ended, and another worker runs the job once the disk is back', async (t) => {
    const w = await workspace(t);
    const blocks = await submitForALimit(w);
    const line = ['job', 'run', '--json', '--id', 'full', '--worker', 'w1', '--ttl', '1s', '--complete'];
    const running = w.start(line, { shell: `ulimit -f ${blocks}` });
    await gone(await pidIn(w, 'pid'));
    assert.equal((await running.done).json().exit_code, 1);
    assert.equal((await stateOf(w, 'full')).lease?.worker_id, 'w1');
    const second = startWorker(w, 'w2');
    await becomes(w, 'full', ({ status }) => status === 'completed');
    second.child.kill('SIGTERM');
    assert.equal((await second.done).exit, 0);
  });

  test('before the claim: nothing is started, and the worker goes on', async (t) => {
    const w = await workspace(t);
    await submit(w, 'long', `: >ran #${'x'.repeat(2000)}`);
    await submit(w, 'short', ': >ran-short');
    const result = await w.gait(WORK, { shell: 'ulimit -f 4' });
    assert.equal(result.exit, 0);
    assert.match(result.stderr, /^long {2}not run/m);
    assert.equal((await stateOf(w, 'long')).revision, 1);
    assert.equal((await stateOf(w, 'short')).status, 'completed');
  });
});
