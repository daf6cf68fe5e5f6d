import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { workspace } from '../support/cli.ts';
import { eventsOfType, GAIT, linesIn, releaseOf, runLine, stateOf } from '../support/work.ts';

describe('how the command ends', { concurrency: 2 }, () => {
  const CASES: readonly [string, string, string, object][] = [
    ['exit 0 completes the job', 'exit 0', 'completed', { status: 'completed', stop_reason: 'completed' }],
    ['another exit blocks it', 'exit 3', 'blocked', { status: 'blocked', stop_reason: 'blocked' }],
    ['a signal of its own blocks it', 'kill -KILL $$', 'blocked', { status: 'blocked' }],
  ];
  for (const [name, script, type, expected] of CASES) {
    test(`with --complete, ${name}`, async (t) => {
      const w = await workspace(t);
      await w.ok('job submit --id demo');
      const { ok, job } = (await w.gait(runLine('demo', script, '--complete'))).json();
      assert.equal(ok, type === 'completed');
      assert.deepEqual({ ...job, ...expected }, job);
      const after = await stateOf(w, 'demo');
      assert.equal(after.last_checkpoint?.type, type);
      assert.equal(after.lease, null);
    });
  }

  test('without --complete the job stays as it is, and the lease says how it ended', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    assert.equal((await w.gait(runLine('demo', 'exit 0'))).exit, 0);
    assert.deepEqual(await releaseOf(w, 'demo'), { outcome: 'finished', exit_code: 0 });
    const failed = (await w.gait(runLine('demo', 'exit 3'))).json();
    assert.equal(failed.ok, false);
    assert.deepEqual(await releaseOf(w, 'demo'), { outcome: 'failed', exit_code: 3 });
    assert.equal((await w.gait(runLine('demo', 'kill -KILL $$'))).json().ok, false);
    assert.deepEqual(await releaseOf(w, 'demo'), { outcome: 'failed', signal: 'SIGKILL' });
    const { status, checkpoint_count, lease } = await stateOf(w, 'demo');
    assert.deepEqual(
      { status, checkpoint_count, lease },
      { status: 'running', checkpoint_count: 0, lease: null },
    );
  });

  test('one that cannot be started blocks the job, and says so', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    const line = ['job', 'run', '--json', '--id', 'demo', '--complete', '--', 'no-such-command-anywhere'];
    assert.equal((await w.gait(line)).json().ok, false);
    const { status, last_checkpoint } = await stateOf(w, 'demo');
    assert.equal(status, 'blocked');
    assert.match(last_checkpoint?.summary ?? '', /exit 127/);
  });

  test('nothing to run is refused, and the job is left as it is', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    const before = await w.logOf('demo');
    await w.refused('job run --id demo', 'nothing_to_run', 'invalid_input');
    assert.ok(before.equals(await w.logOf('demo')));
  });
});

describe('what the command gets', { concurrency: 2 }, () => {
  test('its output passes through', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    const script =
      'echo to-out; echo to-err >&2; i=0; while [ $i -lt 20000 ]; do echo line-$i; i=$((i+1)); done';
    const { exit, stdout, stderr } = await w.gait(['job', 'run', '--id', 'demo', '--', 'sh', '-c', script]);
    assert.equal(exit, 0);
    const lines = stdout.split('\n');
    assert.equal(lines[0], 'to-out');
    assert.equal(lines.filter((line) => line.startsWith('line-')).length, 20_000);
    assert.match(stderr, /^to-err$/m);
  });

  test('under --json it goes to standard error, and the answer stands alone', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    const result = await w.gait(runLine('demo', 'echo to-out; echo to-err >&2'));
    assert.equal(result.json().run?.['exit_code'], 0);
    assert.match(result.stderr, /^to-out$/m);
    assert.match(result.stderr, /^to-err$/m);
  });

  test('the job, its root and the token; of the environment only what was asked for', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    const env = { WANTED: 'yes', SECRET: 'no', GAIT_ACTOR: 'somebody', TZ: 'UTC' };
    const line = runLine('demo', 'env >env', '--pass-env', 'WANTED', '--pass-env', 'NOT_THERE');
    const { run } = (await w.gait(line, { env })).json();
    const got = Object.fromEntries(linesIn(w, 'env').map((text) => text.split(/=(.*)/s).slice(0, 2)));
    assert.equal(got['GAIT_JOB_ID'], 'demo');
    assert.equal(got['GAIT_JOB_ROOT'], w.path('gait-out', 'jobs'));
    assert.equal(got['GAIT_LEASE_TOKEN'], String(run?.['token']));
    assert.equal(got['WANTED'], 'yes');
    const ofShell = ['PWD', 'OLDPWD', 'SHLVL', '_'];
    const known = [
      'GAIT_JOB_ID',
      'GAIT_JOB_ROOT',
      'GAIT_LEASE_TOKEN',
      'GAIT_WORKER',
      'WANTED',
      'PATH',
      'HOME',
      'LANG',
      'TZ',
      'TMPDIR',
    ];
    const others = Object.keys(got).filter((name) => ![...known, ...ofShell].includes(name));
    assert.deepEqual(others, []);
  });

  test('a checkpoint that it adds is written under its lease', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    const script = `cd / && ${GAIT} job checkpoint add --id demo --summary inside`;
    const { run, ok } = (await w.gait(runLine('demo', script))).json();
    assert.ok(ok);
    const [added] = await eventsOfType(w, 'demo', 'checkpoint_added');
    assert.deepEqual([added?.payload.summary, added?.payload.token], ['inside', run?.['token']]);
  });

  test('the directory of the caller, or, when it was submitted, of who submitted it', async (t) => {
    const w = await workspace(t);
    for (const name of ['one', 'two']) await mkdir(w.path(name));
    const root = ['--root', '../gait-out/jobs'];
    await w.ok('job submit --id plain');
    await w.gait(runLine('plain', 'pwd >../where', ...root), { cwd: 'one' });
    assert.deepEqual(linesIn(w, 'where'), [w.path('one')]);
    await w.gait(['job', 'submit', '--id', 'kept', ...root, '--', 'sh', '-c', 'pwd >../where'], {
      cwd: 'one',
    });
    await w.gait(['job', 'run', '--id', 'kept', ...root], { cwd: 'two' });
    assert.deepEqual(linesIn(w, 'where'), [w.path('one')]);
  });

  test('words behind -- as they are, flags and blanks among them', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    const words = ['printf', '%s\\n', '--id', 'a  b', '', '$HOME', '*'];
    const { stdout } = await w.gait(['job', 'run', '--id', 'demo', '--', ...words]);
    assert.ok(stdout.startsWith('--id\na  b\n\n$HOME\n*\n'), stdout);
  });
});
