import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { realPorts } from '../../src/cli/spawn.ts';
import { environmentHere } from '../../src/job/environment.ts';
import { type Running, type Workspace, workspace } from '../support/cli.ts';

/** A command that says again and again that it lives, and lets no SIGTERM end it. */
const BEATING = ['sh', '-c', 'trap "" TERM; echo $$ > pid; while :; do echo x >> beats; sleep 0.05; done'];

async function beats(w: Workspace): Promise<number> {
  return (await readFile(w.path('beats')).catch(() => Buffer.alloc(0))).length;
}

/** The process group of the command is gone at the end of the test, whatever it shows. */
async function running(t: TestContext, ttl: string): Promise<[Workspace, Running]> {
  const w = await workspace(t);
  await w.ok('job submit --id demo');
  const worker = w.start(['job', 'run', '--id', 'demo', '--worker', 'w1', '--ttl', ttl, '--', ...BEATING]);
  while ((await beats(w)) === 0) await sleep(20);
  const group = Number(await readFile(w.path('pid'), 'utf8'));
  t.after(() => {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // it is gone, as it should be
    }
  });
  return [w, worker];
}

/** Waits until the command is heard of no more: for a second, twenty times as long as it takes to beat. */
async function silence(w: Workspace): Promise<void> {
  const limit = performance.now() + 30_000;
  for (let before = -1; before !== (await beats(w)); ) {
    assert.ok(performance.now() < limit, 'the command runs on');
    before = await beats(w);
    await sleep(1000);
  }
}

test('a command dies with its worker, though it lets no signal end it', async (t) => {
  const [w, { child, done }] = await running(t, '1h');
  child.kill('SIGKILL');
  await silence(w);
  await done;
  assert.equal((await w.jobs.load('demo')).state.lease?.worker_id, 'w1', 'nobody gave the lease back');
});

test('a command dies when its worker stands still past the lease, before another may start', async (t) => {
  const [w, { child, done }] = await running(t, '2s');
  child.kill('SIGSTOP');
  try {
    await silence(w);
    const { expires_at = '' } = (await w.jobs.load('demo')).state.lease ?? {};
    await sleep(Math.max(0, Date.parse(expires_at) + 2000 - Date.now()));
    const next = await w.gait(['job', 'run', '--id', 'demo', '--worker', 'w2', '--', 'true']);
    assert.equal(next.exit, 0, next.stderr);
  } finally {
    child.kill('SIGCONT');
  }
  const { exit, stderr } = await done;
  assert.equal(exit, 1);
  assert.match(stderr, /lease_lost/);
  const { state } = await w.jobs.load('demo');
  assert.deepEqual([state.lease, state.status, state.checkpoint_count], [null, 'running', 0]);
});

test('a command that the system does not take fails, as one that does not exist', async (t) => {
  const w = await workspace(t);
  const ports = realPorts(process.env, 'stderr', environmentHere);
  const impossible = { argv: ['echo', 'x'.repeat(1_000_000)], cwd: w.dir, pass_env: [] };
  const { exitCode, signal, error = '' } = await ports.start(impossible, {}, 1000).ended;
  assert.deepEqual([exitCode, signal], [null, null]);
  assert.match(error, /E2BIG/);
  const nowhere = { argv: ['true'], cwd: w.path('nowhere'), pass_env: [] };
  assert.match((await ports.start(nowhere, {}, 1000).ended).error ?? '', /ENOENT/);
});
