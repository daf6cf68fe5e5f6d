import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { claimOf } from '../../src/job/fingerprint.ts';
import { inspectJobPack, type JobInspection } from '../../src/pack/kinds/job/inspect.ts';
import {
  AWAY,
  approve,
  ask,
  checkpoint,
  HOME,
  pause,
  resume,
  resumeAnyway,
  submit,
} from '../support/given.ts';
import { assertConforms, historyOf, packBytes, STORY, type Step, verifyBytes } from '../support/pack.ts';

/** What `pack inspect` shows of the pack of this job. */
async function inspected(steps: readonly Step[]): Promise<JobInspection> {
  const history = await historyOf(steps);
  const verified = await verifyBytes(await packBytes(history));
  assert.deepEqual(verified.verification.findings, []);
  assert.ok(verified.manifest !== undefined && verified.history !== undefined);
  const inspection = inspectJobPack(verified.manifest, verified.history);
  assert.deepEqual(
    inspection,
    inspectJobPack(verified.manifest, history),
    'the pack tells what the log tells',
  );
  return inspection;
}

const VALUES = {
  arch: ['x64', 'arm64'],
  os: ['linux', 'darwin'],
} as const;
const DIFFERENCES = Object.entries(VALUES).map(([rule, [expected, actual]]) => ({ rule, expected, actual }));

describe('inspectJobPack', () => {
  let inspection: JobInspection;
  before(async () => {
    inspection = await inspected(STORY);
  });

  test('shows each decision with who approved it, when and why', () => {
    assert.deepEqual(inspection.job_lineage.decisions, [
      {
        checkpoint_id: 'cp_0002',
        required_action: 'approve the deploy',
        asked_at: '2026-02-14T00:02:00.2Z',
        approved_at: '2026-02-14T00:03:00.3Z',
        approved_by: 'bob',
        reason: 'the numbers are right',
      },
    ]);
  });

  test('shows what was refused, to whom, and what differed', () => {
    assert.deepEqual(inspection.job_lineage.refusals, [
      { revision: 5, created_at: '2026-02-14T00:04:00.4Z', actor: 'carol', differences: DIFFERENCES },
    ]);
  });

  test('shows the timeline in the order of the log', () => {
    const changes = 'arch: x64 → arm64; os: linux → darwin';
    assert.deepEqual(
      inspection.timeline.map(({ revision, kind, actor, text, checkpoint_id }) => {
        return [revision, kind, actor, checkpoint_id, text];
      }),
      [
        [1, 'submitted', 'alice', undefined, `submitted, bound to ${HOME.fingerprint}: nightly rollup`],
        [2, 'checkpoint_added', 'alice', 'cp_0001', 'cp_0001 plan: three steps'],
        [
          ...[3, 'checkpoint_added', 'agent', 'cp_0002'],
          'cp_0002 decision-needed: a decision (needs: approve the deploy)',
        ],
        [4, 'approved', 'bob', 'cp_0002', 'approved cp_0002: the numbers are right'],
        [5, 'resume_refused', 'carol', undefined, `resume refused, the environment changed: ${changes}`],
        [6, 'resumed', 'carol', undefined, 'resumed: back at home'],
        [7, 'checkpoint_added', 'alice', 'cp_0003', 'cp_0003 progress: deployed žluťoučký \u{1f40e}'],
        [8, 'checkpoint_added', 'alice', 'cp_0004', 'cp_0004 completed: all done'],
      ],
    );
    const times = inspection.timeline.map(({ created_at }) => created_at);
    assert.deepEqual(times, [...times].sort());
  });

  test('shows counts, the head, and every checkpoint', () => {
    const { event_count, last_event_type, head, checkpoint_refs } = inspection.job_lineage;
    assert.deepEqual([event_count, last_event_type, head.revision], [8, 'checkpoint_added', 8]);
    assert.deepEqual(checkpoint_refs, [
      { checkpoint_id: 'cp_0001', type: 'plan', reason_code: 'checkpoint_plan' },
      { checkpoint_id: 'cp_0002', type: 'decision-needed', reason_code: 'checkpoint_decision_needed' },
      { checkpoint_id: 'cp_0003', type: 'progress', reason_code: 'checkpoint_progress' },
      { checkpoint_id: 'cp_0004', type: 'completed', reason_code: 'checkpoint_completed' },
    ]);
    assert.equal(inspection.manifest.pack_id, inspection.pack_id);
    assert.equal(inspection.job_payload.status, 'completed');
  });

  test('conforms to the published schema', () => assertConforms('inspect', inspection));

  test('tells several decisions apart, open ones and approved ones, in the order asked', async () => {
    const several = await inspected([
      { command: submit() },
      ...['first', 'second', 'third'].map((action) => ({ command: ask(action) })),
      { command: approve('cp_0003'), actor: 'dave', reason: 'later first' },
      { command: approve('cp_0001'), actor: 'erin' },
    ]);
    assert.deepEqual(
      several.job_lineage.decisions.map(({ checkpoint_id, required_action, approved_by, reason }) => {
        return [checkpoint_id, required_action, approved_by, reason];
      }),
      [
        ['cp_0001', 'first', 'erin', 'approved'],
        ['cp_0002', 'second', undefined, undefined],
        ['cp_0003', 'third', 'dave', 'later first'],
      ],
    );
    assertConforms('inspect', several);
  });

  test('shows an override of the environment with both fingerprints', async () => {
    const moved = await inspected([
      ...[{ command: submit() }, { command: pause }],
      { command: resume(AWAY), refused: 'environment_mismatch', reason: 'try' },
      { command: resumeAnyway(AWAY), reason: 'new machine' },
    ]);
    const text = `resumed in a changed environment, ${HOME.fingerprint} → ${AWAY.fingerprint}: new machine`;
    assert.equal(moved.timeline.at(-1)?.text, text);
    assert.equal(moved.job_payload.environment_fingerprint, AWAY.fingerprint);
    assertConforms('inspect', moved);
  });

  test('conforms with texts of every allowed length', async () => {
    const long = '\u{1f40e}'.repeat(512);
    const action = '\u{1f40e}'.repeat(2048);
    const longest = await inspected([
      { command: submit({ fingerprint: 'f'.repeat(512) }), actor: 'a'.repeat(256), reason: long },
      { command: checkpoint('decision-needed', long, action), reason: long },
      { command: approve(), reason: long },
      { command: resumeAnyway({ fingerprint: 'g'.repeat(512) }), reason: long },
    ]);
    assertConforms('inspect', longest);
  });

  test('conforms when many rules of the environment changed', async () => {
    const rules = Array.from({ length: 40 }, (_, i) => `env:VARIABLE_${i}`).sort();
    const environment = (digit: string) => {
      const values = Object.fromEntries(rules.map((rule) => [rule, digit.repeat(64)]));
      return claimOf({ rules, values });
    };
    const changed = await inspected([
      ...[{ command: submit(environment('0')) }, { command: pause }],
      { command: resume(environment('1')), refused: 'environment_mismatch' },
    ]);
    assert.equal(changed.job_lineage.refusals[0]?.differences.length, 40);
    assertConforms('inspect', changed);
  });
});
