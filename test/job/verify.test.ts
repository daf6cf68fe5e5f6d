import assert from 'node:assert/strict';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { JobCommand } from '../../src/job/command.ts';
import { Jobs } from '../../src/job/jobs.ts';
import { readHistory } from '../../src/job/read/history.ts';
import { verifyJob } from '../../src/job/read/verify.ts';
import { type JobState, jobToSnapshot } from '../../src/job/state.ts';
import { seal } from '../../src/log/record.ts';
import type { EventStore } from '../../src/log/store.ts';
import type { Executed } from '../../src/log/stream.ts';
import { cancel, checkpoint, decideAt, JOB_ID, jobAfter, pause, resume, submit } from '../support/given.ts';
import { type FileStores, fileStores, memoryStores, testClock } from '../support/job_stores.ts';
import { gaitError } from '../support/refusals.ts';

async function executed(store: EventStore, ...commands: readonly JobCommand[]): Promise<Executed<JobState>> {
  const jobs = new Jobs(store, testClock());
  for (const command of commands) await jobs.execute(JOB_ID, { actor: 'alice' }, command);
  return jobs.load(JOB_ID);
}

/** Appends, well chained, an event that cannot follow: `resumed` on a job that is cancelled. */
async function appendIllegal(store: EventStore): Promise<void> {
  const { position } = await executed(store, submit(), cancel);
  const { revision, hash } = position;
  const events = decideAt(jobAfter(submit(), pause), resume()).events;
  const outcome = await store.append(seal(JOB_ID, 'job_id', { revision, hash }, events));
  assert.equal(outcome.status, 'committed');
}

function onFiles(title: string, body: (stores: FileStores, log: string) => Promise<void>): void {
  test(title, async () => {
    const stores = await fileStores();
    try {
      await body(stores, join(stores.root, 'jobs', JOB_ID, 'log.ndjson'));
    } finally {
      await stores.dispose();
    }
  });
}

describe('verifyJob', () => {
  test('finds nothing in a sound log, and says what it checked', async () => {
    const store = memoryStores().open();
    const { position } = await executed(store, submit(), checkpoint('plan'), pause);
    assert.deepEqual(await verifyJob(store, JOB_ID), {
      events_checked: 3,
      head: { revision: 3, hash: position.hash },
      snapshot: 'absent',
      torn_tail_bytes: 0,
      findings: [],
    });
  });

  test('throws for a job that does not exist', async () => {
    const verified = verifyJob(memoryStores().open(), 'nobody');
    await assert.rejects(verified, gaitError('job_not_found', 'invalid_input'));
  });

  test('finds an event that is chained but illegal, and reads no further', async () => {
    const store = memoryStores().open();
    await appendIllegal(store);
    const { events_checked, findings } = await verifyJob(store, JOB_ID);
    assert.equal(events_checked, 2);
    assert.deepEqual(
      findings.map(({ code, revision }) => [code, revision]),
      [['illegal_event', 3]],
    );
    const command = new Jobs(store, testClock()).execute(JOB_ID, { actor: 'alice' }, pause);
    await assert.rejects(command, gaitError('log_damaged', 'verification_failed'));
    await assert.rejects(readHistory(store, JOB_ID), gaitError('log_damaged', 'verification_failed'));
  });

  test('finds a snapshot that is not the fold, and accepts one that is', async () => {
    const store = memoryStores().open();
    const { position, state } = await executed(store, submit(), checkpoint('plan'));
    await store.saveSnapshot(JOB_ID, { position, state: jobToSnapshot(state) });
    const sound = await verifyJob(store, JOB_ID);
    assert.deepEqual([sound.snapshot, sound.findings], ['equal', []]);
    await store.saveSnapshot(JOB_ID, { position, state: jobToSnapshot({ ...state, checkpoint_count: 0 }) });
    const { snapshot, findings } = await verifyJob(store, JOB_ID);
    assert.equal(snapshot, 'differs');
    assert.deepEqual(
      findings.map(({ code, revision }) => [code, revision]),
      [['snapshot_differs', 2]],
    );
  });

  onFiles('finds a changed byte, wherever it is', async (stores, log) => {
    await executed(stores.open(), submit(), checkpoint('plan', 'first A, then B'), pause);
    const sound = await readFile(log);
    for (let at = 0; at < sound.length; at += 7) {
      const changed = Buffer.from(sound);
      changed[at] = (sound[at] ?? 0) ^ 1;
      await writeFile(log, changed);
      const { findings } = await verifyJob(stores.open(), JOB_ID);
      const line = sound.subarray(0, at).toString().split('\n').length;
      assert.deepEqual(
        findings.map(({ revision }) => revision),
        [line],
        `byte ${at}`,
      );
    }
    await writeFile(log, sound);
    assert.deepEqual((await verifyJob(stores.open(), JOB_ID)).findings, []);
  });

  onFiles('names the place of the damage', async (stores, log) => {
    await executed(stores.open(), submit(), checkpoint('plan', 'first A, then B'), pause);
    const text = await readFile(log, 'utf8');
    await writeFile(log, text.replace('first A', 'first C'));
    const [finding] = (await verifyJob(stores.open(), JOB_ID)).findings;
    assert.deepEqual(
      [finding?.code, finding?.revision, finding?.offset],
      ['hash_mismatch', 2, text.indexOf('\n') + 1],
    );
  });

  onFiles('a line left out or put twice is found', async (stores, log) => {
    await executed(stores.open(), submit(), checkpoint('plan'), pause);
    const lines = (await readFile(log, 'utf8')).trimEnd().split('\n');
    const [first = '', second = '', third = ''] = lines;
    for (const forged of [
      [first, third],
      [second, third],
      [first, second, second, third],
      [first, third, second],
    ]) {
      await writeFile(log, `${forged.join('\n')}\n`);
      assert.equal((await verifyJob(stores.open(), JOB_ID)).findings.length, 1);
    }
  });

  onFiles('a torn tail is told, and is no damage', async (stores, log) => {
    await executed(stores.open(), submit(), pause);
    await appendFile(log, '{"event":{"act');
    const { events_checked, torn_tail_bytes, findings } = await verifyJob(stores.open(), JOB_ID);
    assert.deepEqual([events_checked, torn_tail_bytes, findings], [2, 14, []]);
  });

  onFiles('a snapshot file that cannot be used is told, and is no damage', async (stores, log) => {
    await executed(stores.open(), submit(), pause);
    await writeFile(join(log, '..', 'snapshot.json'), '{}');
    const { snapshot, findings } = await verifyJob(stores.open(), JOB_ID);
    assert.deepEqual([snapshot, findings], ['unusable', []]);
    assert.equal((await executed(stores.open(), resume())).state.status, 'running');
  });

  onFiles('a job that is damaged is listed with its error, the others as they are', async (stores) => {
    await appendIllegal(stores.open());
    const jobs = new Jobs(stores.open(), testClock());
    await jobs.execute('sound', { actor: 'alice' }, submit());
    const listed: string[] = [];
    for await (const { jobId, job } of jobs.list()) {
      listed.push(`${jobId} ${'status' in job ? job.status : job.code}`);
    }
    assert.deepEqual(listed, [`${JOB_ID} log_damaged`, 'sound running']);
  });
});
