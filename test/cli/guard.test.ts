import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { realPorts } from '../../src/host/process/spawn.ts';
import { environmentHere } from '../../src/job/environment.ts';
import { type Workspace, workspace } from '../support/cli.ts';
import { guarded, STUBBORN } from '../support/guard_worker.ts';
import { childrenOf } from '../support/processes.ts';
import { appeared, gone, lives, pidIn } from '../support/work.ts';

/** May live as long as a test lasts. */
const LONG = 600_000;

function sh(w: Workspace, script: string): { argv: string[]; cwd: string; pass_env: string[] } {
  return { argv: ['/bin/sh', '-c', script], cwd: w.dir, pass_env: [] };
}

describe('the guard of a command', { concurrency: 2 }, () => {
  test('a command dies with its worker, though it lets no signal end it', async (t) => {
    const w = await workspace(t);
    const { worker, guard, group } = await guarded(t, w, LONG);
    worker.kill('SIGKILL');
    await gone(group);
    await gone(guard);
  });

  test('a command is not killed before the end that the guard was told last, to the millisecond', async (t) => {
    const w = await workspace(t);
    const running = realPorts(process.env, 'stderr', environmentHere).start(sh(w, STUBBORN), {}, LONG);
    await pidIn(w, 'pid');
    const told = performance.now();
    running.beat(1990);
    const ended = await running.ended;
    assert.ok(performance.now() >= told + 1990, 'killed too early');
    assert.deepEqual(ended, { exitCode: null, signal: 'SIGKILL', killedBy: 'guard' });
  });

  test('a command that somebody else killed was not killed by the guard', async (t) => {
    const w = await workspace(t);
    const { group, ended } = await guarded(t, w, LONG);
    process.kill(group, 'SIGKILL');
    assert.deepEqual(await ended, { exitCode: null, signal: 'SIGKILL' });
  });

  test('nor was one that its worker killed in time', async (t) => {
    const w = await workspace(t);
    const running = realPorts(process.env, 'stderr', environmentHere).start(sh(w, STUBBORN), {}, LONG);
    await pidIn(w, 'pid');
    running.kill('SIGKILL');
    assert.deepEqual(await running.ended, { exitCode: null, signal: 'SIGKILL' });
  });

  test('signals that end other processes end no guard: the command goes on', async (t) => {
    const w = await workspace(t);
    const script = 'echo $$ >pid; while ! [ -e go ]; do sleep 0.05; done; exit 3';
    const { guard, ended } = await guarded(t, w, LONG, 0, script);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1'] as const)
      process.kill(guard, signal);
    await writeFile(w.path('go'), '');
    assert.deepEqual(await ended, { exitCode: 3, signal: null });
  });

  test('a guard that is killed takes its commands with it, and says so by its end', async (t) => {
    const w = await workspace(t);
    const { guard, group, ended } = await guarded(t, w, LONG);
    process.kill(guard, 'SIGKILL');
    await gone(group);
    assert.deepEqual(await ended, { exitCode: null, signal: 'SIGKILL', killedBy: 'guard' });
  });

  test('when its worker ends by itself, the guard has ended before', async (t) => {
    const w = await workspace(t);
    const script = 'echo $$ >pid; while ! [ -e go ]; do sleep 0.05; done';
    const { guard, ended, worker } = await guarded(t, w, LONG, 0, script);
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    await writeFile(w.path('go'), '');
    assert.deepEqual(await ended, { exitCode: 0, signal: null });
    await exited;
    assert.ok(!lives(guard));
  });
});

describe('a guard that is gone, or cannot be started', () => {
  test('killed while its command runs: the command ends, and the next one gets another guard', async (t) => {
    const w = await workspace(t);
    const before = new Set(childrenOf(process.pid).map(({ pid }) => pid));
    const ports = realPorts(process.env, 'stderr', environmentHere);
    const running = ports.start(sh(w, STUBBORN), {}, LONG);
    const group = await pidIn(w, 'pid');
    for (const { pid } of childrenOf(process.pid))
      if (!before.has(pid) && pid !== group) process.kill(pid, 'SIGKILL');
    assert.equal((await running.ended).killedBy, 'guard');
    assert.ok(!lives(group));
    assert.deepEqual(await ports.start(sh(w, 'exit 5'), {}, LONG).ended, { exitCode: 5, signal: null });
  });

  test('nothing runs, and the next command tries again', async (t) => {
    const w = await workspace(t);
    const node = process.execPath;
    t.after(() => {
      process.execPath = node;
    });
    process.execPath = w.path('no-node');
    const ports = realPorts(process.env, 'stderr', environmentHere);
    const { exitCode, signal, error = '' } = await ports.start(sh(w, 'echo >ran'), {}, LONG).ended;
    assert.deepEqual([exitCode, signal], [null, null]);
    assert.match(error, /the guard of the commands could not be started: .*ENOENT.*none runs without it/);
    process.execPath = node;
    assert.deepEqual(await ports.start(sh(w, '[ ! -e ran ]'), {}, LONG).ended, { exitCode: 0, signal: null });
  });

  test('one that ends at once is as none', async (t) => {
    const w = await workspace(t);
    const node = process.execPath;
    t.after(() => {
      process.execPath = node;
    });
    process.execPath = '/bin/false';
    const ports = realPorts(process.env, 'stderr', environmentHere);
    const { error = '' } = await ports.start(sh(w, 'echo >ran'), {}, LONG).ended;
    assert.match(error, /the guard of the commands ended \(exit 1\), and none runs without it/);
    assert.ok(!existsSync(w.path('ran')));
  });
});

describe('a command that cannot be started', () => {
  test('one that the system does not take', async (t) => {
    const w = await workspace(t);
    const impossible = { argv: ['echo', 'x'.repeat(1_000_000)], cwd: w.dir, pass_env: [] };
    const ended = await realPorts(process.env, 'stderr', environmentHere).start(impossible, {}, LONG).ended;
    assert.deepEqual([ended.exitCode, ended.signal], [null, null]);
    assert.match(ended.error ?? '', /E2BIG/);
  });

  const FOLDERS: Readonly<Record<string, RegExp>> = {
    nowhere: /^the working folder \S+nowhere is not there$/,
    file: /^the working folder \S+file is not a folder$/,
    'file/below': /^the working folder \S+file\/below is not there: a part of its path is not a folder$/,
    locked: /^the working folder \S+locked cannot be entered: access is denied$/,
  };
  for (const [name, says] of Object.entries(FOLDERS)) {
    test(`for its folder: ${name}`, async (t) => {
      if (name === 'locked' && process.getuid?.() === 0) return t.skip('root enters every folder');
      const w = await workspace(t);
      await writeFile(w.path('file'), '');
      await mkdir(w.path('locked'));
      await chmod(w.path('locked'), 0);
      const task = { argv: ['true'], cwd: w.path(name), pass_env: [] };
      const ended = await realPorts(process.env, 'stderr', environmentHere).start(task, {}, LONG).ended;
      assert.deepEqual([ended.exitCode, ended.signal], [null, null]);
      assert.match(ended.error ?? '', says);
    });
  }

  test('a path without any program: the guard needs none', async (t) => {
    const w = await workspace(t);
    const ports = realPorts({ ...process.env, PATH: '/nowhere' }, 'stderr', environmentHere);
    const running = ports.start(sh(w, 'echo >ran; while :; do :; done'), {}, LONG);
    await appeared(w, 'ran');
    running.beat(1000);
    assert.equal((await running.ended).killedBy, 'guard');
  });
});
