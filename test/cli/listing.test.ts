import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { decide } from '../../src/job/decide.ts';
import { jobModel } from '../../src/job/model.ts';
import { seal } from '../../src/log/record.ts';
import { type Workspace, workspace } from '../support/cli.ts';
import { HOME } from '../support/given.ts';
import { until } from '../support/until.ts';

const MANY = 2100;

/** More jobs than go out in one piece, written as the store would. */
async function manyJobs(w: Workspace): Promise<void> {
  for (let i = 0; i < MANY; i += 1) {
    const jobId = `job_${String(i).padStart(4, '0')}`;
    const context = { jobId, actor: 'test', now: '2026-01-01T00:00:00Z' };
    const { events } = decide(undefined, { kind: 'submit', claim: HOME, producerVersion: '0.1.0' }, context);
    await mkdir(w.folder(jobId), { recursive: true });
    await w.writeLog(
      jobId,
      Buffer.concat(seal(jobId, jobModel.idField, 'none', events).records.map(({ line }) => line)),
    );
  }
}

test('many jobs are listed from the cache as from their logs, and a changed one as it is', async (t) => {
  const w = await workspace(t);
  await manyJobs(w);
  const cache = w.path('gait-out', 'jobs', '.listing.json');
  const first = await w.text('job list');
  assert.equal(first.trimEnd().split('\n').length, MANY + 1);
  // Logs that are younger than two seconds are in no cache, and nobody can make them older.
  await until('there is a cache', async () => {
    await w.ok('job list --status paused');
    return existsSync(cache);
  });
  const kept = await readFile(cache);
  assert.equal(await w.text('job list'), first);
  const listed = await w.ok('job list');
  assert.equal(listed.jobs?.length, MANY);

  await w.ok('job pause --id job_0007');
  await rm(w.folder('job_0008'), { recursive: true });
  const damaged = await w.logOf('job_0009');
  await w.writeLog('job_0009', Buffer.from(damaged.toString('latin1').replace('test', 'tset'), 'latin1'));
  const changed = async (): Promise<unknown> => {
    const { jobs = [] } = await w.ok('job list');
    return jobs.flatMap(({ job_id, status }) => (status === 'running' ? [] : [[job_id, status]]));
  };
  const expected = [
    ['job_0007', 'paused'],
    ['job_0009', 'unreadable'],
  ];
  assert.deepEqual(await changed(), expected);
  await writeFile(cache, kept.subarray(0, -100));
  assert.deepEqual(await changed(), expected, 'with a cache that was cut');
  await rm(cache);
  assert.deepEqual(await changed(), expected, 'without the cache');
});
