import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { childEnv } from '../support/child_env.ts';
import { BINARY, ROOT, type Workspace, workspace } from '../support/cli.ts';

/** The token of a fresh claim. */
async function claimed(w: Workspace, line: string): Promise<number> {
  const { token } = (await w.ok(`job claim --id demo ${line}`)) as unknown as { token: number };
  return token;
}

test('a worker of any language: claim, renew, checkpoint, release', async (t) => {
  const w = await workspace(t);
  await w.ok('job submit --id demo');
  const token = await claimed(w, '--worker w1 --ttl 60s');
  assert.equal(token, 2);
  await w.refused('job claim --id demo --worker w2', 'lease_held', 'state_contention');
  await w.ok(`job renew --id demo --worker w1 --token ${token} --ttl 60s`);
  await w.refused(
    'job checkpoint add --id demo --type progress --summary half',
    'lease_lost',
    'state_contention',
  );
  await w.ok(`job checkpoint add --id demo --type progress --summary half --worker w1 --token ${token}`);
  await w.ok(`job release --id demo --worker w1 --token ${token}`);
  assert.equal(await claimed(w, '--worker w2 --ttl 60s'), 6);
  for (const line of ['renew', 'release']) {
    await w.refused(`job ${line} --id demo --worker w1 --token ${token}`, 'lease_lost', 'state_contention');
  }
  await w.refused('job renew --id demo --worker w2 --token 6 --ttl 500ms', 'ttl_invalid', 'invalid_input');
  await w.refused('job renew --id demo --worker w2 --token 6 --ttl 2d', 'ttl_invalid', 'invalid_input');
});

/** Runs the worker that docs/contracts/job.md shows, as it stands there; answers its exit code. */
async function work(w: Workspace, jobId: string): Promise<number> {
  const page = await readFile(join(ROOT, 'docs/contracts/job.md'), 'utf8');
  const [, script = ''] = /```sh\n(# worker\.sh .*?)```/s.exec(page) ?? [];
  await mkdir(w.path('bin'), { recursive: true });
  await writeFile(w.path('bin/gait'), `#!/bin/sh\nexec "${process.execPath}" "${BINARY}" "$@"\n`, {
    mode: 0o755,
  });
  const env = { ...childEnv(), PATH: `${w.path('bin')}:${process.env['PATH']}` };
  const child = spawn('/bin/sh', ['-c', script, 'worker.sh', jobId, 'w1'], {
    cwd: w.dir,
    env,
    stdio: 'ignore',
  });
  const [exit] = (await once(child, 'exit')) as [number];
  return exit;
}

test('the worker that the contract shows does the work once', async (t) => {
  const w = await workspace(t);
  await w.ok('job submit --id demo');
  assert.equal(await work(w, 'demo'), 0);
  const { state } = await w.jobs.load('demo');
  assert.deepEqual([state.status, state.checkpoint_count, state.lease], ['completed', 4, null]);
  assert.equal(await work(w, 'demo'), 0, 'a job that does not run is left alone');
  assert.equal((await w.jobs.load('demo')).state.revision, state.revision);
});

test('the worker that the contract shows stops where it may not write, and gives the job back', async (t) => {
  const w = await workspace(t);
  await w.ok('job submit --id held');
  await w.ok('job claim --id held --worker other --ttl 1h');
  assert.equal(await work(w, 'held'), 0);
  assert.equal((await w.jobs.load('held')).state.revision, 2);
  await w.ok('job submit --id small --max-steps 2');
  assert.equal(await work(w, 'small'), 1);
  const { state } = await w.jobs.load('small');
  assert.deepEqual(
    [state.stop_reason, state.checkpoint_count, state.lease],
    ['budget_steps_exceeded', 2, null],
  );
});

test('a pack shows a run of renewals as one line, and all of them as JSON', async (t) => {
  const w = await workspace(t);
  await w.ok('job submit --id demo');
  const token = await claimed(w, '--worker w1 --ttl 60s');
  for (const _ of [1, 2, 3]) await w.ok(`job renew --id demo --worker w1 --token ${token} --ttl 60s`);
  await w.ok('pack build --type job --from demo --out demo.zip');
  const { stdout } = await w.gait('pack inspect demo.zip');
  assert.equal(stdout.match(/renewed/g)?.length, 1);
  assert.match(stdout, / {3}5 .* lease 2 renewed until .*, 3 times by now/);
  const { inspect } = (await w.ok('pack inspect demo.zip')) as unknown as {
    inspect: { timeline: { kind: string }[] };
  };
  assert.equal(inspect.timeline.filter(({ kind }) => kind === 'lease_renewed').length, 3);
});
