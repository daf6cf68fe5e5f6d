import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GaitError } from '../../src/core/errors.ts';
import type { JobCommand } from '../../src/job/command.ts';
import { type JobListing, Jobs } from '../../src/job/jobs.ts';
import { readHistory, runtimeState } from '../../src/job/read/history.ts';
import { verifyJob } from '../../src/job/read/verify.ts';
import type { JobState } from '../../src/job/state.ts';
import type { EventStore } from '../../src/log/store.ts';
import { AWAY, approve, ask, checkpoint, HOME, JOB_ID, pause, resume, submit } from '../support/given.ts';
import {
  fileStores,
  filling,
  type JobStores,
  memoryStores,
  noting,
  testClock,
} from '../support/job_stores.ts';
import { gaitError } from '../support/refusals.ts';

const ALICE = { actor: 'alice' };
const BOB = { actor: 'bob' };

function jobsOf(store: EventStore): Jobs {
  return new Jobs(store, testClock());
}

function times(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function cp(n: number): string {
  return `cp_${String(n).padStart(4, '0')}`;
}

/** Gives all the commands at once; answers how many were obeyed, and why the others were not. */
async function atOnce(commands: readonly (readonly [Jobs, JobCommand])[]): Promise<{
  done: number;
  refusals: GaitError[];
}> {
  const settled = await Promise.allSettled(
    commands.map(([jobs, command]) => jobs.execute(JOB_ID, ALICE, command)),
  );
  const refusals = settled.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  for (const refusal of refusals) assert.ok(refusal instanceof GaitError, String(refusal));
  return { done: settled.length - refusals.length, refusals: refusals as GaitError[] };
}

async function submitted(jobs: Jobs, ...more: readonly JobCommand[]): Promise<JobState> {
  let { state } = await jobs.execute(JOB_ID, ALICE, submit());
  for (const command of more) ({ state } = await jobs.execute(JOB_ID, ALICE, command));
  return state;
}

const KINDS: Readonly<Record<string, () => Promise<JobStores>>> = {
  'memory store': async () => memoryStores(),
  'file store': fileStores,
};

for (const [kind, open] of Object.entries(KINDS)) {
  const withStores = (title: string, body: (stores: JobStores) => Promise<void>): void => {
    test(title, async () => {
      const stores = await open();
      try {
        await body(stores);
      } finally {
        await stores.dispose();
      }
    });
  };

  describe(`jobs in a ${kind}: commands at once`, () => {
    withStores('of two writers are decided one after another, with no gap', async (stores) => {
      const writers = [jobsOf(stores.open()), jobsOf(stores.open())] as const;
      await submitted(writers[0]);
      const commands = times(100).map(
        (i) => [writers[i % 2 === 0 ? 0 : 1], checkpoint('progress', `step ${i}`)] as const,
      );
      assert.equal((await atOnce(commands)).done, 100);
      const { job, checkpoints, records } = await readHistory(stores.open(), JOB_ID);
      assert.equal(job.checkpoint_count, 100);
      assert.deepEqual(
        checkpoints.map(({ checkpoint_id }) => checkpoint_id),
        times(100).map((i) => cp(i + 1)),
      );
      assert.equal(new Set(checkpoints.map(({ summary }) => summary)).size, 100);
      assert.deepEqual(
        records.map(({ revision }) => revision),
        times(101).map((i) => i + 1),
      );
      assert.deepEqual((await verifyJob(stores.open(), JOB_ID)).findings, []);
    });

    withStores('two approvals of one decision: one is recorded, one is refused', async (stores) => {
      const writers = [jobsOf(stores.open()), jobsOf(stores.open())] as const;
      await submitted(writers[0], ask());
      const { done, refusals } = await atOnce(writers.map((jobs) => [jobs, approve('cp_0001')] as const));
      assert.equal(done, 1);
      assert.deepEqual(
        refusals.map(({ code }) => code),
        ['nothing_to_approve'],
      );
      assert.equal((await readHistory(stores.open(), JOB_ID)).approvals.length, 1);
    });

    withStores('submits of one id: one is recorded, the others are refused', async (stores) => {
      const writers = times(4).map(() => jobsOf(stores.open()));
      const { done, refusals } = await atOnce(writers.map((jobs) => [jobs, submit()] as const));
      assert.equal(done, 1);
      assert.deepEqual(
        refusals.map(({ code }) => code),
        ['job_exists', 'job_exists', 'job_exists'],
      );
      assert.equal((await readHistory(stores.open(), JOB_ID)).position.revision, 1);
    });
  });

  describe(`jobs in a ${kind}`, () => {
    withStores('a command sees what another writer did, also where it would be refused', async (stores) => {
      const worker = jobsOf(stores.open());
      const operator = jobsOf(stores.open());
      await submitted(worker, ask());
      await operator.execute(JOB_ID, BOB, approve());
      const { state } = await worker.execute(JOB_ID, ALICE, resume());
      assert.equal(state.status, 'running');
    });

    withStores('a command sees what a load has seen', async (stores) => {
      const worker = jobsOf(stores.open());
      await submitted(worker, ask());
      await jobsOf(stores.open()).execute(JOB_ID, BOB, approve());
      assert.deepEqual((await worker.load(JOB_ID)).state.open_decisions, []);
      assert.equal((await worker.execute(JOB_ID, ALICE, resume())).state.status, 'running');
    });

    withStores('a command is not refused for the sake of one that could not be written', async (stores) => {
      const store = filling(stores.open());
      const jobs = jobsOf(store);
      await submitted(jobs, ask());
      store.fillUp();
      const { done, refusals } = await atOnce([
        [jobs, approve()],
        [jobs, approve()],
      ]);
      assert.deepEqual([done, refusals.map(({ code }) => code)], [1, ['disk_full']]);
      assert.equal((await jobs.load(JOB_ID)).state.approval_count, 1);
    });

    withStores('a refused resume is in the log, and the caller is told', async (stores) => {
      const jobs = jobsOf(stores.open());
      await submitted(jobs, pause);
      const attempt = jobs.execute(JOB_ID, BOB, resume(AWAY));
      await assert.rejects(attempt, gaitError('environment_mismatch', 'policy_blocked'));
      const { job, records } = await readHistory(stores.open(), JOB_ID);
      assert.equal(records.at(-1)?.event['type'], 'resume_refused');
      assert.equal(job.stop_reason, 'env_fingerprint_mismatch');
      assert.equal(job.status, 'paused');
      assert.equal((await jobs.execute(JOB_ID, BOB, resume())).state.status, 'running');
    });

    withStores('a refused command writes nothing', async (stores) => {
      const jobs = jobsOf(stores.open());
      await assert.rejects(jobs.execute(JOB_ID, ALICE, pause), gaitError('job_not_found', 'invalid_input'));
      assert.deepEqual(await stores.open().list(), []);
      await submitted(jobs);
      const resumed = jobs.execute(JOB_ID, ALICE, resume());
      await assert.rejects(resumed, gaitError('transition_not_allowed', 'invalid_input'));
      assert.equal((await jobs.load(JOB_ID)).position.revision, 1);
    });

    withStores('a command can be a function of the state', async (stores) => {
      const jobs = jobsOf(stores.open());
      await submitted(jobs, pause);
      const executed = await jobs.execute(JOB_ID, ALICE, (job) =>
        resume(job?.environment_fingerprint === HOME.fingerprint ? HOME : AWAY),
      );
      assert.equal(executed.state.status, 'running');
    });

    withStores('an id that is no file name is refused', async (stores) => {
      const jobs = jobsOf(stores.open());
      for (const id of ['', '..', '.x', 'a/b', 'a b', 'a'.repeat(129)]) {
        const attempt = jobs.execute(id, ALICE, submit());
        await assert.rejects(attempt, gaitError('stream_id_invalid', 'invalid_input'));
      }
    });

    withStores('are listed by id', async (stores) => {
      const jobs = jobsOf(stores.open());
      for (const id of ['b', 'c', 'a']) await jobs.execute(id, ALICE, submit());
      const listed: JobListing[] = [];
      for await (const listing of jobs.list()) listed.push(listing);
      assert.deepEqual(
        listed.map(({ jobId, job }) => [jobId, 'status' in job ? job.status : job.code]),
        [
          ['a', 'running'],
          ['b', 'running'],
          ['c', 'running'],
        ],
      );
    });

    withStores('their history is read as it was at a revision', async (stores) => {
      const jobs = jobsOf(stores.open());
      const now = await submitted(jobs, checkpoint('plan'), ask(), approve(), resume());
      const read = async (until?: number) => readHistory(stores.open(), JOB_ID, until);
      const then = await read(3);
      assert.equal(then.job.status, 'decision_needed');
      assert.deepEqual([then.position.revision, then.records.length], [3, 3]);
      assert.deepEqual([then.checkpoints.length, then.approvals.length], [2, 0]);
      for (const until of [undefined, 5, 99]) assert.deepEqual((await read(until)).job, now);
      await assert.rejects(read(0), gaitError('job_not_found', 'invalid_input'));
      const { checkpoints, approvals } = runtimeState(now, await read());
      assert.deepEqual([checkpoints.length, approvals?.length], [2, 1]);
    });

    withStores('a snapshot is kept every 256 events and read on from', async (stores) => {
      const jobs = jobsOf(stores.open());
      await submitted(jobs);
      await atOnce(times(254).map(() => [jobs, checkpoint('progress')] as const));
      assert.equal(await stores.open().loadSnapshot(JOB_ID), undefined);
      await atOnce(times(5).map(() => [jobs, checkpoint('progress')] as const));
      assert.equal((await stores.open().loadSnapshot(JOB_ID))?.position.revision, 256);

      const store = noting(stores.open());
      const { state, position } = await jobsOf(store).load(JOB_ID);
      assert.deepEqual(
        store.readAfter,
        [0, 256],
        'beside the first event, which says whether a snapshot will do',
      );
      assert.equal(position.revision, 260);
      assert.deepEqual(state, (await readHistory(store, JOB_ID)).job);
      assert.deepEqual(store.readAfter, [0, 256, 0], 'evidence is read from the first event on');
    });
  });
}
