import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { canonicalize } from '../../src/core/canonical.ts';
import { type Workspace, workspace } from '../support/cli.ts';
import { runShell } from '../support/shell.ts';
import { until } from '../support/until.ts';

const ROOT = process.env['GAIT_ROOT'] ?? process.cwd();

async function withJob(t: Parameters<typeof workspace>[0]): Promise<Workspace> {
  const w = await workspace(t);
  await w.ok('job submit --id demo');
  await w.ok('job checkpoint add --id demo --summary acknowledged');
  return w;
}

test('a pack never takes the place of a log, a ledger, or a file that is no pack', async (t) => {
  const w = await withJob(t);
  await w.ok('pack build --type job --from demo');
  await writeFile(w.path('notes.txt'), 'precious');
  execFileSync('mkfifo', [w.path('pipe')]);
  const before = await w.logOf('demo');
  const places = [
    'gait-out/jobs/demo/log.ndjson',
    'gait-out/jobs/new.zip',
    'gait-out/ledger/packs/log.ndjson',
  ];
  for (const out of [...places, 'notes.txt', 'pipe', '/dev/null']) {
    await w.refused(`pack build --type job --from demo --out ${out}`, 'out_unsafe', 'unsafe_operation');
  }
  await symlink('gait-out/jobs', w.path('linked'));
  await cp(w.folder('demo'), w.path('copy', 'demo'), { recursive: true });
  await w.refused('pack build --type job --from demo --out linked/new.zip', 'out_unsafe', 'unsafe_operation');
  const elsewhere = 'pack build --type job --from ./copy/demo --out gait-out/jobs/demo/snapshot.json';
  await w.refused(elsewhere, 'out_unsafe', 'unsafe_operation');
  assert.deepEqual(await w.logOf('demo'), before);
  assert.equal(await readFile(w.path('notes.txt'), 'utf8'), 'precious');
  await w.ok('pack build --type job --from demo --out demo.zip');
  await w.ok('pack build --type job --from demo --out demo.zip'); // over a pack it may
});

test('after an edit of the last newline nobody writes, and nothing is lost', async (t) => {
  const w = await withJob(t);
  const log = await w.logOf('demo');
  const edited = Buffer.concat([log.subarray(0, -1), Buffer.from('x')]);
  await w.writeLog('demo', edited);
  for (const line of ['job status', 'job pause', 'job verify', 'job inspect']) {
    const output = (await w.gait(`${line} --id demo --json`)).json();
    assert.deepEqual([line, output.exit_code], [line, 2]);
  }
  assert.deepEqual(await w.logOf('demo'), edited);
});

test('a log that was cut below its snapshot does not verify', async (t) => {
  const w = await withJob(t);
  for (let i = 0; i < 256; i += 1) {
    await w.jobs.execute('demo', { actor: 'a' }, { kind: 'checkpoint', type: 'progress', summary: `${i}` });
  }
  const log = await w.logOf('demo');
  const keep = log.indexOf(10, log.length / 2) + 1;
  await truncate(w.folder('demo', 'log.ndjson'), keep);
  const output = await w.refused('job verify --id demo', 'job_damaged', 'verification_failed');
  assert.match(output.error ?? '', /ends at revision \d+, and its snapshot is of revision 256/);
  for (const line of ['job status', 'job checkpoint add --summary s', 'job submit'])
    await w.refused(`${line} --id demo`, 'log_damaged', 'verification_failed');
  await rm(w.folder('demo', 'snapshot.json'));
  await w.ok('job verify --id demo');
});

test('what is no file does not hang a command', async (t) => {
  const w = await withJob(t);
  await w.ok('job submit --id pipe');
  await rm(w.folder('pipe', 'log.ndjson'));
  execFileSync('mkfifo', [w.folder('pipe', 'log.ndjson'), w.path('pack.zip')]);
  await w.refused('job status --id pipe', 'path_unusable', 'invalid_input');
  await w.refused('pack verify pack.zip', 'not_a_file', 'invalid_input');
  const listed = (await w.ok('job list')) as unknown as { jobs: { job_id: string; status: string }[] };
  assert.deepEqual(
    listed.jobs.map(({ job_id, status }) => [job_id, status]),
    [
      ['demo', 'running'],
      ['pipe', 'unreadable'],
    ],
  );
});

test('a reader that leaves early does not hide that a verification failed', async (t) => {
  const w = await withJob(t);
  await w.ok('pack build --type job --from demo --out demo.zip');
  const gait = `"${process.execPath}" "${join(ROOT, 'bundle', 'main.cjs')}"`;
  const line = `{ ${gait} pack verify demo.zip --require-signature 2>/dev/null; echo $? >told; mv told exit; } | true`;
  await runShell(line, w.dir);
  await until('it has ended', () => existsSync(w.path('exit')));
  assert.equal((await readFile(w.path('exit'), 'utf8')).trim(), '2');
});

test('following a job that is removed ends', async (t) => {
  const w = await withJob(t);
  const following = w.start('job log --id demo --follow');
  await following.printed('acknowledged');
  await rm(w.folder('demo'), { recursive: true });
  const { exit, stdout } = await following.done;
  assert.equal(exit, 2);
  assert.match(stdout, /acknowledged/);
});

test('a snapshot that names another revision than its place has is not used', async (t) => {
  const w = await withJob(t);
  const [line = ''] = (await w.logOf('demo')).toString().split('\n').slice(-2);
  const { hash } = JSON.parse(line);
  const { job } = (await w.ok('job status --id demo')) as unknown as { job: object };
  const offset = (await w.logOf('demo')).length;
  const header = { schema_id: 'gait.log.snapshot', schema_version: '1.0.0', stream: 'demo' };
  const body = { ...header, hash, offset, revision: 99, state: { ...job, revision: 99 } };
  const digest = createHash('sha256').update(canonicalize(body)).digest('hex');
  await writeFile(w.folder('demo', 'snapshot.json'), canonicalize({ ...body, digest }));
  const added = await w.ok('job checkpoint add --id demo --summary next');
  assert.equal((added as unknown as { head: { revision: number } }).head.revision, 3);
});

test('a misleading snapshot is found out by the events after it, and replaced', async (t) => {
  const w = await withJob(t);
  for (let i = 0; i < 260; i += 1) {
    await w.jobs.execute('demo', { actor: 'a' }, { kind: 'checkpoint', type: 'progress', summary: `${i}` });
  }
  const { digest: _, ...snapshot } = JSON.parse(await readFile(w.folder('demo', 'snapshot.json'), 'utf8'));
  const lying = { ...snapshot, state: { ...snapshot.state, checkpoint_count: 7 } };
  const digest = createHash('sha256').update(canonicalize(lying)).digest('hex');
  await writeFile(w.folder('demo', 'snapshot.json'), canonicalize({ ...lying, digest }));
  const { job } = (await w.ok('job status --id demo')) as unknown as { job: { checkpoint_count: number } };
  assert.equal(job.checkpoint_count, 261);
  await w.ok('job verify --id demo');
});
