import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { manualClock } from '../../src/core/clock.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { JobWorkspace } from '../../src/job/open.ts';
import { verifyJob } from '../../src/job/read/verify.ts';
import { jobToSnapshot } from '../../src/job/state.ts';
import type { LeasedJob } from '../../src/job/work/leased_job.ts';
import { resumeAnswered } from '../../src/job/work/resume.ts';
import { seal } from '../../src/log/record.ts';
import { MemoryStore } from '../../src/log/stores/memory_store.ts';
import { ANN, BOB, CY, HOUR, sign } from '../support/approvers.ts';
import { ask, HOME, JOB_ID } from '../support/given.ts';
import { aFewLooks, GRACE, QUESTION, SCENES, type Scene, TTL, until } from '../support/leased.ts';
import { gaitError } from '../support/refusals.ts';

const approvers = { keys: [ANN, BOB, CY].map(({ publicKey }) => publicKey), required: 2 };

for (const [kind, scene] of SCENES) {
  const asked = (scene: Scene): Promise<void> =>
    until('the question is asked', async () => (await scene.askings()) === 1);

  const leased = async (workspace: JobWorkspace, required = 2): Promise<LeasedJob> => {
    await workspace.submit(JOB_ID, { approvers: { ...approvers, required } });
    return workspace.claim(JOB_ID, { ttlMs: TTL, graceMs: GRACE });
  };

  describe(`signed approvals in a ${kind}`, () => {
    scene('answer an agent once there are enough of them', async (scene) => {
      const job = await leased(scene.workspace('agent'));
      let answered = false;
      const decision = job.decision(QUESTION).finally(() => {
        answered = true;
      });
      await asked(scene);
      const people = scene.workspace('people');
      await assert.rejects(people.approve(JOB_ID), gaitError('approval_unsigned', 'approval_required'));
      await people.approve(JOB_ID, { by: 'ann', key: ANN });
      await job.checkpoint('meanwhile', 'plan');
      await aFewLooks();
      assert.equal(answered, false, 'one is not enough');
      await people.approve(JOB_ID, { by: 'cy', key: CY, reason: 'go' });
      assert.deepEqual(await decision, { checkpointId: 'cp_0001', approvedBy: 'cy', reason: 'go' });
      assert.deepEqual((await verifyJob(scene.store(), JOB_ID)).findings, []);
    });

    scene('that are too few do not make an agent that was killed ask again', async (scene) => {
      const workspace = scene.workspace('agent');
      const job = await leased(workspace);
      job.decision(QUESTION).catch(() => {});
      await asked(scene);
      const people = scene.workspace('people');
      await people.approve(JOB_ID, { by: 'ann', key: ANN });
      await job.checkpoint('meanwhile', 'plan');
      await workspace.close();
      scene.clock.advance(TTL + GRACE);
      const next = scene.workspace('agent').claim(JOB_ID, { ttlMs: TTL, graceMs: GRACE, wait: true });
      await people.approve(JOB_ID, { by: 'bob', key: BOB });
      assert.equal((await (await next).decision(QUESTION)).approvedBy, 'bob');
      assert.equal(await scene.askings(), 1);
    });

    scene('that expired before anybody resumed leave a claim waiting', async (scene) => {
      const workspace = scene.workspace('agent');
      (await leased(workspace)).decision(QUESTION).catch(() => {});
      await asked(scene);
      await workspace.close();
      const people = scene.workspace('people');
      await people.approve(JOB_ID, { by: 'ann', key: ANN, expiresMs: HOUR });
      await people.approve(JOB_ID, { by: 'bob', key: BOB });
      scene.clock.advance(HOUR);
      const next = scene.workspace('agent').claim(JOB_ID, { ttlMs: TTL, graceMs: GRACE, wait: true });
      await aFewLooks();
      assert.equal((await people.state(JOB_ID)).status, 'decision_needed');
      await people.approve(JOB_ID, { by: 'ann', key: ANN });
      assert.equal((await (await next).decision(QUESTION)).approvedBy, 'ann');
    });

    scene('made at once are each signed for the head that they come to stand behind', async (scene) => {
      const job = await leased(scene.workspace('agent'), 3);
      job.decision(QUESTION).catch(() => {});
      await asked(scene);
      const notes = Array.from({ length: 10 }, (_, i) => job.checkpoint(`note ${i}`, 'plan'));
      const signing = [ANN, BOB, CY].map((key) => scene.workspace('people').approve(JOB_ID, { key }));
      await Promise.all([...notes, ...signing]);
      assert.equal(await scene.count('approved'), 3);
      assert.deepEqual((await verifyJob(scene.store(), JOB_ID)).findings, []);
    });
  });
}

describe('the log of a job with approvers', () => {
  const asking = async (): Promise<{ store: MemoryStore; people: JobWorkspace; pass(ms: number): void }> => {
    const store = new MemoryStore();
    const clock = manualClock(Date.UTC(2026, 1, 14));
    const people = new JobWorkspace({ store, clock, actor: 'people' });
    await people.submit(JOB_ID, { approvers, environment: HOME });
    await people.jobs.execute(JOB_ID, { actor: 'agent' }, ask());
    return { store, people, pass: (ms) => clock.advance(ms) };
  };

  test('takes no signature for another head', async () => {
    const { people, store } = await asking();
    const moved = people.jobs.execute(JOB_ID, { actor: 'people' }, sign(ANN, 2));
    await assert.rejects(moved, gaitError('decided_illegal_event'));
    assert.equal((await people.state(JOB_ID)).revision, 2);
    assert.equal((await people.approve(JOB_ID, { key: ANN })).revision, 3);
    assert.deepEqual((await verifyJob(store, JOB_ID)).findings, []);
  });

  test('is damaged when an approval stands behind what it was not signed for, and the chain fits', async () => {
    const { people } = await asking();
    await people.approve(JOB_ID, { key: ANN });
    const [submitted, question, approval] = (await people.history(JOB_ID)).records.map(({ event }) => event);
    assert.ok(submitted !== undefined && question !== undefined && approval !== undefined);
    const found = async (first: JsonObject): Promise<(number | string | undefined)[][]> => {
      const forged = new MemoryStore();
      await forged.append(seal(JOB_ID, 'job_id', 'none', [first, question, approval]));
      return (await verifyJob(forged, JOB_ID)).findings.map(({ code, revision }) => [code, revision]);
    };
    assert.deepEqual(await found(submitted), []);
    assert.deepEqual(await found({ ...submitted, actor: 'mallory' }), [['illegal_event', 3]]);
  });

  test('shows whether its approvals still suffice to those that resume it', async () => {
    const { people, pass, store } = await asking();
    const ports = { jobs: people.jobs, store, monotonic: () => 0, observe: async () => HOME };
    await people.approve(JOB_ID, { key: ANN, expiresMs: HOUR });
    await people.approve(JOB_ID, { key: BOB });
    pass(HOUR);
    assert.equal(await resumeAnswered(ports, JOB_ID, 'agent'), false);
    await people.approve(JOB_ID, { key: CY });
    assert.equal(await resumeAnswered(ports, JOB_ID, 'agent'), true);
    assert.equal((await people.state(JOB_ID)).status, 'running');
  });

  test('is opened from a snapshot as from its first event', async () => {
    const { people, store } = await asking();
    for (let i = 0; i < 260; i += 1)
      await people.jobs.execute(
        JOB_ID,
        { actor: 'agent' },
        { kind: 'checkpoint', type: 'plan', summary: 'x' },
      );
    await people.approve(JOB_ID, { key: ANN });
    assert.ok((await store.loadSnapshot(JOB_ID)) !== undefined);
    const reopened = new JobWorkspace({ store, clock: manualClock(Date.UTC(2026, 1, 14)) });
    assert.deepEqual(await reopened.state(JOB_ID), (await people.history(JOB_ID)).job);
    assert.equal((await verifyJob(store, JOB_ID)).snapshot, 'equal');
    assert.deepEqual((await reopened.approve(JOB_ID, { key: BOB })).open_decisions, []);
  });
  test('is not believed from a snapshot that somebody wrote', async () => {
    const { people, store } = await asking();
    const { state, position } = await people.jobs.load(JOB_ID);
    const answered = { ...jobToSnapshot(state), open_decisions: [], approved_decisions: [] };
    await store.saveSnapshot(JOB_ID, { position, state: answered });
    const reopened = new JobWorkspace({ store, clock: manualClock(Date.UTC(2026, 1, 14)), actor: 'people' });
    assert.equal((await reopened.state(JOB_ID)).open_decisions.length, 1);
    const ports = { jobs: reopened.jobs, store, monotonic: () => 0, observe: async () => HOME };
    assert.equal(await resumeAnswered(ports, JOB_ID, 'agent'), false);
    assert.equal((await people.state(JOB_ID)).status, 'decision_needed');
  });
});
