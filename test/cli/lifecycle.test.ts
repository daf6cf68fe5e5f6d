import assert from 'node:assert/strict';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { describe, test } from 'node:test';
import { type RunOptions, sharedWorkspace, type Workspace, workspace } from '../support/cli.ts';
import type { Output } from './output.ts';

const ASK =
  "job checkpoint add --id demo --type decision-needed --summary 'schema differs' --required-action 'migrate?'";
const DONE = "job checkpoint add --id demo --type completed --summary 'all tables done'";

/** The main path, up to the completed job, and what each command answered. */
async function mainPath(w: Workspace, options: RunOptions = {}): Promise<Record<string, Output>> {
  const ok = (line: string): Promise<Output> => w.ok(line, options);
  return {
    submit: await ok('job submit --id demo --actor agent'),
    ask: await ok(`${ASK} --actor agent`),
    pause: await ok("job pause --id demo --actor alice --reason 'lunch'"),
    approve: await ok("job approve --id demo --actor bob --reason 'checked the diff'"),
    resume: await ok('job resume --id demo --actor alice'),
    completed: await ok(`${DONE} --actor agent`),
  };
}

describe('the main path', () => {
  let answers: Record<string, Output> = {};
  const shared = sharedWorkspace(async (w) => {
    answers = await mainPath(w, { real: true });
  });

  test('each command answers the state that it left, and its place in the log', () => {
    const told = Object.entries(answers).map(([name, { schema_id, operation, job_id, job, head }]) => {
      assert.deepEqual(
        { schema_id, job_id, id: job?.job_id },
        { schema_id: 'gait.job.output', job_id: 'demo', id: 'demo' },
      );
      assert.equal(head?.revision, job?.revision);
      return [name, operation, job?.revision, job?.status, job?.stop_reason, job?.status_reason_code];
    });
    assert.deepEqual(told, [
      ['submit', 'submit', 1, 'running', 'none', 'submitted'],
      ['ask', 'checkpoint add', 2, 'decision_needed', 'decision_needed', 'decision_needed'],
      ['pause', 'pause', 3, 'paused', 'paused_by_user', 'paused'],
      ['approve', 'approve', 4, 'paused', 'paused_by_user', 'approval_recorded'],
      ['resume', 'resume', 5, 'running', 'none', 'resumed'],
      ['completed', 'checkpoint add', 6, 'completed', 'completed', 'completed'],
    ]);
    assert.deepEqual(answers['ask']?.checkpoint, {
      actor: 'agent',
      checkpoint_id: 'cp_0001',
      created_at: answers['ask']?.job?.updated_at,
      reason_code: 'checkpoint_decision_needed',
      required_action: 'migrate?',
      summary: 'schema differs',
      type: 'decision-needed',
    });
    assert.deepEqual(
      answers['ask']?.job?.open_decisions.map((open) => open.checkpoint_id),
      ['cp_0001'],
    );
    assert.deepEqual(answers['approve']?.job?.open_decisions, []);
  });

  test('a pack of it verifies, and says what happened', async () => {
    const w = shared();
    const built = await w.ok('pack build --type job --from demo --actor agent');
    const path = built.path ?? '';
    assert.equal(basename(path), `pack_${built.pack_id}.zip`);
    const verified = await w.ok(['pack', 'verify', path]);
    assert.deepEqual(verified.verify?.findings, []);
    assert.deepEqual(
      verified.verify?.checks.filter(({ status }) => status !== 'passed').map(({ check }) => check),
      ['signatures'],
    );
    const { inspect, pack_id, pack_type, source_ref } = await w.ok(['pack', 'inspect', '--path', path]);
    assert.deepEqual(
      { pack_id, pack_type, source_ref },
      { pack_id: built.pack_id, pack_type: 'job', source_ref: 'demo' },
    );
    assert.deepEqual(inspect?.job_lineage.head, answers['completed']?.head);
    assert.deepEqual(
      inspect?.timeline.map(({ revision, kind, actor }) => `${revision} ${kind} ${actor}`),
      [
        '1 submitted agent',
        '2 checkpoint_added agent',
        '3 paused alice',
        '4 approved bob',
        '5 resumed alice',
        '6 checkpoint_added agent',
      ],
    );
    const [decision] = inspect?.job_lineage.decisions ?? [];
    assert.equal(decision?.required_action, 'migrate?');
    assert.equal(decision?.approved_by, 'bob');
    assert.equal(decision?.reason, 'checked the diff');
  });

  test('the same job gives the same pack, whatever the zone, the umask, the directory and the name', async () => {
    const w = shared();
    await mkdir(w.path('elsewhere'));
    const build = (out: string) => `pack build --type job --from ${w.folder('demo')} --out ${w.path(out)}`;
    const [first] = await Promise.all([
      w.ok(build('first.zip'), { env: { TZ: 'UTC' } }),
      w.ok(build('second.zip'), { env: { TZ: 'Pacific/Chatham', LANG: 'tr_TR.UTF-8' } }),
      w.ok(build('third.zip'), { shell: 'umask 000' }),
      w.ok(build('elsewhere/fourth.zip'), { cwd: 'elsewhere', env: { GAIT_ACTOR: 'somebody' } }),
    ]);
    const bytes = await readFile(w.path('first.zip'));
    assert.equal(first.size, bytes.length);
    for (const name of ['second.zip', 'third.zip', 'elsewhere/fourth.zip'])
      assert.ok(bytes.equals(await readFile(w.path(name))), name);
  });

  test('text shows what is in a job, not how much', async () => {
    const w = shared();
    const status = await w.text('job status --id demo');
    const list = await w.text('job list');
    const log = await w.text('job log --id demo');
    const inspected = await w.text('job inspect --id demo');
    const checkpoints = await w.text('job checkpoint list --id demo');
    const shown = await w.text('job checkpoint show --id demo --checkpoint cp_0001');
    assert.match(status, /demo.*completed[\s\S]*cp_0002.*all tables done/);
    assert.match(list, /demo +completed .*all tables done/);
    for (const history of [log, inspected]) {
      assert.match(history, /agent +cp_0001 decision-needed: schema differs \(needs: migrate\?\)/);
      assert.match(history, /alice +paused: lunch/);
      assert.match(history, /bob +approved cp_0001: checked the diff/);
    }
    assert.match(checkpoints, /cp_0001 .*schema differs.*migrate\?[^\n]*\n.*cp_0002 .*all tables done/);
    assert.match(shown, /schema differs[\s\S]*migrate\?[\s\S]*approved .* by bob: checked the diff/);
  });

  test('a pack is shown and checked in words', async () => {
    const w = shared();
    const built = await w.text('pack build --type job --from demo --out words.zip');
    assert.match(built, /^words\.zip\n/);
    const verified = await w.text('pack verify words.zip');
    const inspected = await w.text('pack inspect words.zip');
    assert.match(verified, /words\.zip: job pack of demo[\s\S]*passed +payload: event fold/);
    assert.match(inspected, /decision +cp_0001 +migrate\? +approved by bob at .*: checked the diff/);
    assert.match(inspected, /6 .*agent +cp_0002 completed: all tables done/);
  });

  test('scripts get the same history from log, inspect, checkpoint list and show', async () => {
    const w = shared();
    const log = await w.ok('job log --id demo');
    const inspected = await w.ok('job inspect --id demo');
    const listed = await w.ok('job checkpoint list --id demo');
    const shown = await w.ok('job checkpoint show --id demo --checkpoint cp_0001');
    assert.deepEqual(log.events, inspected.events);
    assert.equal(log.events?.length, 6);
    assert.deepEqual(inspected.job?.checkpoints, listed.checkpoints);
    assert.deepEqual(
      listed.checkpoints?.map(({ checkpoint_id }) => checkpoint_id),
      ['cp_0001', 'cp_0002'],
    );
    assert.deepEqual(shown.checkpoint, listed.checkpoints?.[0]);
    assert.deepEqual(shown.approvals, inspected.approvals);
    assert.equal(shown.approvals?.[0]?.actor, 'bob');
  });

  test('status reads only, and tells what the last command told', async () => {
    const w = shared();
    const before = await w.everything('gait-out/jobs');
    const { job, head } = await w.ok('job status --id demo');
    assert.deepEqual({ job, head }, { job: answers['completed']?.job, head: answers['completed']?.head });
    await w.ok('job verify --id demo');
    await w.unchanged(before, 'gait-out/jobs');
  });
});

test('log --at shows the job as it was after each event', async (t) => {
  const w = await workspace(t);
  const answers = Object.values(await mainPath(w));
  for (const { job, head } of answers) {
    const then = await w.ok(`job log --id demo --at ${head?.revision}`);
    assert.deepEqual(then.head, head);
    assert.equal(then.job?.status, job?.status);
    assert.equal(then.job?.checkpoints?.length, job?.checkpoint_count);
  }
  assert.match(await w.text('job log --id demo --at 3'), /demo +paused/);
  for (const revision of [0, 7]) {
    await w.refused(`job log --id demo --at ${revision}`, 'revision_not_found', 'invalid_input');
  }
});

test('list shows every job, and only those of the statuses that are asked for', async (t) => {
  const w = await workspace(t);
  assert.deepEqual((await w.ok('job list')).jobs, []);
  for (const id of ['b', 'a', 'c']) await w.ok(`job submit --id ${id}`);
  await w.ok(
    "job checkpoint add --id a --type decision-needed --summary 'which one' --required-action 'choose'",
  );
  await w.ok('job pause --id c');
  const { jobs } = await w.ok('job list');
  assert.deepEqual(
    jobs?.map(({ job_id, status, open_decisions }) => ({ job_id, status, open_decisions })),
    [
      { job_id: 'a', status: 'decision_needed', open_decisions: ['cp_0001'] },
      { job_id: 'b', status: 'running', open_decisions: [] },
      { job_id: 'c', status: 'paused', open_decisions: [] },
    ],
  );
  const waiting = await w.ok('job list --status paused --status decision_needed');
  assert.deepEqual(
    waiting.jobs?.map(({ job_id }) => job_id),
    ['a', 'c'],
  );
  assert.match(await w.text('job list --status decision_needed'), /a +decision_needed .* cp_0001 +which one/);
});

test('GAIT_OUT_DIR and GAIT_JOB_ROOT move the output, GAIT_ACTOR names who acts, flags win', async (t) => {
  const w = await workspace(t);
  const env = { GAIT_OUT_DIR: w.path('out'), GAIT_ACTOR: 'carol' };
  await w.ok('job submit --id one', { env });
  const built = await w.ok('pack build --type job --from one', { env });
  assert.equal(built.path, w.path('out', `pack_${built.pack_id}.zip`));
  const rooted = { env: { ...env, GAIT_JOB_ROOT: w.path('elsewhere') } };
  await w.ok('job submit --id two', rooted);
  await w.ok(['job', 'submit', '--id', 'three', '--root', w.path('flag'), '--actor', 'dave'], rooted);
  assert.deepEqual((await readdir(w.dir)).sort(), ['elsewhere', 'flag', 'out']);
  const { events } = await w.ok('job log --id two', rooted);
  assert.equal(events?.[0]?.actor, 'carol');
  const three = await w.ok(['job', 'log', '--id', 'three', '--root', w.path('flag')]);
  assert.equal(three.events?.[0]?.actor, 'dave');
});
