import assert from 'node:assert/strict';
import { mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { timestamp } from '../../src/core/time.ts';
import { Jobs } from '../../src/job/jobs.ts';
import { openWorkspace } from '../../src/job/open.ts';
import { CutSurvey } from '../../src/job/repair/survey.ts';
import { workspace } from '../support/cli.ts';
import { ask, cancel, checkpoint, JOB_ID, jobAfter, pause, submit } from '../support/given.ts';
import { memoryStores } from '../support/job_stores.ts';
import { gaitError } from '../support/refusals.ts';

describe('what fresh eyes tried on jobs', () => {
  test('B1: no fingerprint is believed of a job whose rules can be looked at', async (t) => {
    const w = await workspace(t);
    await writeFile(w.path('f'), '1');
    await w.ok('job submit --id demo --fingerprint-rule file:./f');
    const { job } = await w.ok('job status --id demo');
    await writeFile(w.path('f'), '2');
    const own = `--env-fingerprint ${job?.environment_fingerprint}`;
    await w.refused('job claim --id demo', 'environment_mismatch', 'policy_blocked');
    await w.refused(`job claim --id demo ${own}`, 'environment_mismatch', 'policy_blocked');
    await w.ok('job pause --id demo');
    await w.refused(`job resume --id demo ${own}`, 'environment_mismatch', 'policy_blocked');
  });

  test('B1: a job with a fingerprint of its own is worked on by whoever says it', async (t) => {
    const w = await workspace(t);
    await w.gait(['job', 'submit', '--id', 'demo', '--env-fingerprint', 'v7', '--', 'true']);
    await w.refused('job claim --id demo', 'environment_mismatch', 'policy_blocked');
    await w.ok('job claim --id demo', { env: { GAIT_ENV_FINGERPRINT: 'v7' } });
  });

  test('a snapshot that somebody made up does not use the numbers up', () => {
    const job = jobAfter(submit(), checkpoint('progress'));
    assert.ok(job !== undefined);
    const huge = { ...job, revision: 2 ** 53 - 1, last_token: 2 ** 53 - 1, checkpoint_gap: 2 ** 53 - 9 };
    const loss = { unreadable: false, bytes: 880, cut: 880, remembered: 2 ** 53 - 1, snapshot: huge };
    const { token_floor, checkpoint_floor } = new CutSurvey().conclude(job, loss, 0);
    assert.deepEqual([token_floor, checkpoint_floor], [12, 11]);
  });

  test('a clock at the end of time writes nothing that would hold the job back', async () => {
    const store = memoryStores().open();
    const jobs = (ms: number): Jobs => new Jobs(store, { now: () => timestamp(ms) });
    await jobs(0).execute(JOB_ID, { actor: 'a' }, submit());
    const late = jobs(Date.UTC(9999, 11, 31));
    for (const command of [checkpoint('progress'), pause, cancel, ask()])
      await assert.rejects(late.execute(JOB_ID, { actor: 'a' }, command), gaitError('clock_invalid'));
    assert.equal((await jobs(1).load(JOB_ID)).state.revision, 1);
  });

  test('H3: a log is not made behind a link that somebody planted', async (t) => {
    const w = await workspace(t);
    await writeFile(w.path('victim'), 'a secret without an end');
    await mkdir(w.folder('demo'), { recursive: true });
    await symlink(w.path('victim'), w.folder('demo', 'log.ndjson'));
    assert.notEqual((await w.gait('job submit --id demo --json')).exit, 0);
    assert.equal(await readFile(w.path('victim'), 'utf8'), 'a secret without an end');
  });

  test('M8: a log that was emptied is no new job, where the ledger of packs knows better', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    await w.ok('pack build --type job --from demo');
    await truncate(w.folder('demo', 'log.ndjson'));
    await w.refused('job submit --id demo', 'log_damaged', 'verification_failed');
    assert.equal((await w.logOf('demo')).length, 0);
    await rm(w.folder('demo'), { recursive: true });
    await w.ok('job submit --id demo');
  });

  test('B13: a working folder that is gone is said to be', async (t) => {
    const w = await workspace(t);
    await mkdir(w.path('gone'));
    await w.gait(['job', 'submit', '--id', 'demo', '--root', '../gait-out/jobs', '--', 'true'], {
      cwd: 'gone',
    });
    await rm(w.path('gone'), { recursive: true });
    await w.gait('job work --once');
    const { job } = await w.ok('job status --id demo');
    assert.match(job?.last_checkpoint?.summary ?? '', /the working folder .*gone is not there/);
  });

  test('L2: what is of no type of the library is a typed error, and nothing is written', async (t) => {
    const w = await workspace(t);
    const jobs = openWorkspace({ dir: w.path('out') });
    t.after(() => jobs.close());
    const wrong = (value: unknown): never => value as never;
    const invalid = gaitError('arguments_invalid', 'invalid_input');
    await assert.rejects(jobs.submit('x', wrong({ task: { argv: ['true'] } })), invalid);
    await assert.rejects(jobs.submit('x', wrong({ reason: 5 })), invalid);
    await assert.rejects(jobs.submit('x', wrong({ rules: 'x' })), invalid);
    await jobs.submit('x');
    await jobs.jobs.execute('x', { actor: 'a' }, ask());
    await assert.rejects(jobs.approve('x', wrong({ checkpointId: null })), invalid);
    assert.throws(() => openWorkspace(wrong('dir')), invalid);
    assert.throws(() => openWorkspace({ dir: '' }), invalid);
    assert.equal((await jobs.state('x')).revision, 2);
  });

  test('L3: a workspace that was closed does nothing more', async (t) => {
    const w = await workspace(t);
    const jobs = openWorkspace({ dir: w.path('out') });
    await jobs.close();
    for (const call of [jobs.submit('x'), jobs.state('x'), jobs.approve('x'), jobs.claim('x')])
      await assert.rejects(call, gaitError('workspace_closed', 'state_contention'));
  });
});
