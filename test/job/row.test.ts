import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GaitError } from '../../src/core/errors.ts';
import { timestamp } from '../../src/core/time.ts';
import type { JobCommand } from '../../src/job/command.ts';
import { decide } from '../../src/job/decide.ts';
import { Jobs } from '../../src/job/jobs.ts';
import { claimable, type JobRow, jobView, rowOf } from '../../src/job/read/row.ts';
import type { JobState } from '../../src/job/state.ts';
import { approve, ask, checkpoint, HOME, jobAfter, pause, resume, submit, timeOf } from '../support/given.ts';
import { fileStores, memoryStores, testClock } from '../support/job_stores.ts';
import { appendDamage } from '../support/listings.ts';

const TASK = { argv: ['true'], cwd: '/', pass_env: [] };
const submitTask: JobCommand = { kind: 'submit', claim: HOME, producerVersion: '0.1.0', task: TASK };
const claim: JobCommand = { kind: 'claim', workerId: 'w', ttlMs: 30_000, graceMs: 2000, claim: HOME };

const JOBS: Readonly<Record<string, JobState>> = {
  plain: job(submit()),
  'with a command': job(submitTask),
  leased: job(submitTask, claim),
  paused: job(submitTask, pause),
  asking: job(submit(), ask(), ask()),
  'approved and resumed': job(submitTask, ask('sign'), approve(), resume()),
  completed: job(submitTask, checkpoint('completed', 'done – žluť 🐎')),
};

function job(...commands: readonly JobCommand[]): JobState {
  const state = jobAfter(...commands);
  assert.ok(state !== undefined);
  return state;
}

describe('the row of a job', () => {
  for (const [name, state] of Object.entries(JOBS)) {
    test(`goes into a cache and comes back: ${name}`, () => {
      const row = rowOf(state);
      const saved = JSON.parse(JSON.stringify(jobView.save(row)));
      assert.deepEqual(jobView.load(state.job_id, saved), row);
    });

    test(`is claimable when there is something to run, and a claim would be taken: ${name}`, () => {
      const now = Date.parse(timeOf(state));
      for (const after of [0, 29_999, 30_000, 31_999, 32_000, 100_000]) {
        const then = timestamp(now - 60_000 + after);
        const context = { jobId: state.job_id, actor: 'w', now: then };
        const taken: boolean = state.command !== null && decide(state, claim, context).refusal === undefined;
        assert.equal(claimable(rowOf(state), then, 2000, 60_000) === 'now', taken, `${after} ms`);
      }
    });
  }

  test('is made anew from what is no saved row', () => {
    const { leased } = JOBS;
    assert.ok(leased !== undefined);
    const saved = jobView.save(rowOf(leased));
    assert.ok(Array.isArray(saved));
    for (const i of saved.keys()) {
      assert.equal(jobView.load('j', saved.with(i, { no: 'row' })), undefined, `member ${i}`);
    }
    for (const other of [null, [], 'row', {}]) assert.equal(jobView.load('j', other), undefined);
  });

  test('shows what is asked and what was said last', () => {
    const { asking, plain } = JOBS;
    assert.ok(asking !== undefined && plain !== undefined);
    assert.deepEqual(rowOf(asking).open_decisions, ['cp_0001', 'cp_0002']);
    assert.equal(rowOf(asking).last_summary, 'a decision');
    assert.equal(rowOf(plain).last_summary, null);
  });
});

for (const [name, make] of [['memory', memoryStores] as const, ['files', fileStores] as const]) {
  test(`rows of jobs in ${name} are those of the list`, async (t) => {
    const stores = await make();
    t.after(() => stores.dispose());
    const jobs = new Jobs(stores.open(), testClock());
    for (let i = 0; i < 300; i += 1) {
      await jobs.execute(`j${i}`, { actor: 'a' }, i % 2 === 0 ? submitTask : submit());
    }
    if ('root' in stores) appendDamage(`${stores.root}/jobs/j7/log.ndjson`);
    const listed: [string, JobRow | string][] = [];
    for await (const { jobId, job } of jobs.list())
      listed.push([jobId, 'status' in job ? rowOf(job) : job.message]);
    for (let i = 0; i < 2; i += 1) assert.deepEqual(await rowsOf(jobs), listed);
    assert.equal(listed.length, 300);
    assert.equal(listed.filter(([, row]) => typeof row === 'string').length, 'root' in stores ? 1 : 0);
  });
}

async function rowsOf(jobs: Jobs): Promise<[string, JobRow | string][]> {
  const all: [string, JobRow | string][] = [];
  for await (const group of jobs.rows()) {
    for (const { stream, row } of group) all.push([stream, isError(row) ? row.message : row]);
  }
  return all;
}

function isError(row: JobRow | GaitError): row is GaitError {
  return row instanceof Error;
}
