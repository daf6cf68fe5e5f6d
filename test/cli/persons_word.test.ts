import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runCommand } from '../../src/cli/run.ts';
import approve from '../../src/commands/job/approve.ts';
import { type Workspace, workspace } from '../support/cli.ts';
import { collecting } from '../support/in_process.ts';

const ASK = 'job checkpoint add --id demo --type decision-needed --required-action ok?';

async function asked(w: Workspace, ...summaries: readonly string[]): Promise<void> {
  await w.ok('job submit --id demo');
  for (const [i, summary] of summaries.entries()) {
    if (i > 0) await w.ok(`job approve --id demo --checkpoint cp_000${i}`);
    if (i > 0) await w.ok('job resume --id demo');
    await w.ok(`${ASK} --summary ${summary}`);
  }
}

describe('A4: a command of a person says what it was decided on', () => {
  test('approve means the only decision that was ever asked for, and names it', async (t) => {
    const w = await workspace(t);
    await asked(w, 'read');
    assert.match(await w.text('job approve --id demo --actor bob'), /^approved cp_0001\n/);
  });

  test('from the second decision on it names the checkpoint or the revision', async (t) => {
    const w = await workspace(t);
    await asked(w, 'read', 'drop');
    const before = await w.logOf('demo');
    const refused = await w.refused(
      'job approve --id demo --actor bob',
      'checkpoint_unnamed',
      'invalid_input',
    );
    assert.match(refused.hint ?? '', /cp_0002, “drop”/);
    await w.refused('job approve --id demo --if-revision 2', 'revision_moved', 'state_contention');
    assert.ok(before.equals(await w.logOf('demo')));
    await w.ok('job approve --id demo --if-revision 5');
    assert.equal((await w.ok('job status --id demo')).job?.open_decisions.length, 0);
  });

  for (const kind of ['pause', 'cancel', 'stop', 'resume'] as const) {
    test(`${kind} is refused where the job went on since`, async (t) => {
      const w = await workspace(t);
      await w.ok('job submit --id demo');
      if (kind === 'resume') await w.ok('job pause --id demo');
      const { job } = await w.ok('job status --id demo');
      await w.ok('job checkpoint add --id demo --type plan --summary s');
      const line = `job ${kind} --id demo --if-revision`;
      await w.refused(`${line} ${job?.revision}`, 'revision_moved', 'state_contention');
      await w.ok(`${line} ${(job?.revision ?? 0) + 1}`);
    });
  }

  for (const [answer, exit] of [
    [true, 0],
    [false, 8],
  ] as const) {
    test(`at a terminal the question is shown, and ${answer ? 'yes' : 'no'} is the answer`, async (t) => {
      const w = await workspace(t);
      await asked(w, 'read', 'drop');
      const printed = { stdout: '', stderr: '' };
      const questions: string[] = [];
      const ask = async (question: string): Promise<boolean> => questions.push(question) > 0 && answer;
      const io = { ...collecting(printed, false, { GAIT_ACTOR: 'bob' }), ask };
      const root = w.path('gait-out', 'jobs');
      assert.equal(await runCommand(approve, ['--id', 'demo', '--root', root], io), exit);
      assert.match(printed.stderr, /demo asks, cp_0002: drop/);
      assert.equal(questions.length, 1);
      const open = (await w.ok('job status --id demo')).job?.open_decisions.length;
      assert.equal(open, answer ? 0 : 1);
    });
  }
});

describe('B12: a job that is submitted twice', () => {
  test('is the same job with --if-absent, and otherwise refused with what is there', async (t) => {
    const w = await workspace(t);
    const line = (...words: string[]): string[] => ['job', 'submit', '--json', '--id', 'demo', ...words];
    const first = (await w.gait(line('--', 'make', 'all'))).json();
    assert.equal(first.created, true);
    const again = (await w.gait(line('--if-absent', '--', 'make', 'all'))).json();
    assert.deepEqual([again.ok, again.created, again.head], [true, false, first.head]);
    const plain = (await w.gait(line('--', 'make', 'all'))).json();
    assert.deepEqual([plain.error_code, plain.details?.['same']], ['job_exists', true]);
    const other = (await w.gait(line('--if-absent', '--', 'make', 'some'))).json();
    assert.deepEqual([other.error_code, other.details?.['same']], ['job_exists', false]);
    assert.equal(other.details?.['submission_digest'], plain.details?.['submission_digest']);
  });
});

describe('a mistake of whoever starts a worker', () => {
  for (const [flags, code] of [
    ['--ttl 2d', 'ttl_invalid'],
    [`--worker ${'w'.repeat(300)}`, 'worker_invalid'],
  ] as const) {
    test(`M10: ${code} is told before anything runs`, async (t) => {
      const w = await workspace(t);
      await w.gait(['job', 'submit', '--id', 'demo', '--', 'touch', 'ran']);
      await w.refused(`job work --once ${flags}`, code, 'invalid_input');
      await w.refused(`job run --id demo ${flags}`, code, 'invalid_input');
      assert.equal((await w.ok('job status --id demo')).job?.revision, 1);
    });
  }
});
