import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { environmentHere } from '../../src/job/environment.ts';
import type { JobWorkspace } from '../../src/job/open.ts';
import type { LeasedJob } from '../../src/job/work/leased_job.ts';
import { JOB_ID, resumeAnyway } from '../support/given.ts';
import { aFewLooks, GRACE, OTHER, QUESTION, SCENES, type Scene, TTL, until } from '../support/leased.ts';
import { gaitError } from '../support/refusals.ts';

const NAME = 'GAIT_TEST_DECISION_ENVIRONMENT';

const YES = { by: 'alice', reason: 'tested on the copy' };

for (const [kind, scene] of SCENES) {
  const asked = (scene: Scene, times: number): Promise<void> =>
    until(`${times} questions are asked`, async () => (await scene.askings()) === times);

  /** The process of an agent ends without a word, and its lease runs out. */
  const dies = async (scene: Scene, workspace: JobWorkspace): Promise<void> => {
    await workspace.close();
    scene.clock.advance(TTL + GRACE);
  };

  const claimedAgain = (scene: Scene): Promise<LeasedJob> =>
    scene.workspace('agent').claim(JOB_ID, { ttlMs: TTL, graceMs: GRACE, wait: true });

  describe(`a decision in a ${kind}`, () => {
    scene('is answered by whoever approves it, and the job runs again', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      const decision = job.decision(QUESTION);
      await asked(scene, 1);
      assert.equal((await job.state()).status, 'decision_needed');
      await scene.workspace('alice').approve(JOB_ID, YES);
      assert.deepEqual(await decision, {
        checkpointId: 'cp_0001',
        approvedBy: 'alice',
        reason: 'tested on the copy',
      });
      assert.equal((await job.state()).status, 'running');
      assert.deepEqual((await scene.types()).slice(2), ['checkpoint_added', 'approved', 'resumed']);
    });

    scene('is answered too when the person resumes the job as well', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      const decision = job.decision(QUESTION);
      await asked(scene, 1);
      const alice = scene.workspace('alice');
      await alice.approve(JOB_ID, YES);
      const { environment, environment_fingerprint: fingerprint } = await alice.state(JOB_ID);
      assert.ok(environment !== null);
      const order = {
        kind: 'resume',
        claim: { fingerprint, environment },
        allowEnvMismatch: false,
      } as const;
      await alice.jobs.execute(JOB_ID, { actor: 'alice' }, order).catch(gaitError('transition_not_allowed'));
      await decision;
      assert.equal(await scene.count('resumed'), 1);
      assert.equal((await job.complete('done')).status, 'completed');
    });

    scene('that is asked twice at once is one question', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      const both = [job.decision(QUESTION), job.decision({ ...QUESTION, summary: ` ${QUESTION.summary}\n` })];
      await asked(scene, 1);
      await scene.workspace('alice').approve(JOB_ID, YES);
      const [one, two] = await Promise.all(both);
      assert.deepEqual(one, two);
      assert.equal(await scene.askings(), 1);
    });

    scene('may be one of many at once, without a warning', async (scene) => {
      const warnings: Error[] = [];
      const onWarning = (warning: Error): void => void warnings.push(warning);
      process.on('warning', onWarning);
      const job = await scene.leased(scene.workspace('agent'));
      const many = Array.from({ length: 20 }, (_, i) => job.decision({ ...QUESTION, summary: `table ${i}` }));
      await asked(scene, many.length);
      const alice = scene.workspace('alice');
      for (const { checkpoint_id: checkpointId } of (await job.state()).open_decisions) {
        await alice.approve(JOB_ID, { ...YES, checkpointId });
      }
      const answers = await Promise.all(many);
      process.off('warning', onWarning);
      assert.equal(new Set(answers.map(({ checkpointId }) => checkpointId)).size, many.length);
      assert.equal((await job.state()).status, 'running');
      assert.deepEqual(warnings, []);
    });

    scene('is answered while another is still open; the job runs again after both', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      const first = job.decision(QUESTION);
      const second = job.decision(OTHER);
      await asked(scene, 2);
      const alice = scene.workspace('alice');
      const { open_decisions } = await alice.state(JOB_ID);
      const idOf = (summary: string): string =>
        open_decisions.find((open) => open.summary === summary)?.checkpoint_id ?? '';
      await alice.approve(JOB_ID, { ...YES, checkpointId: idOf(OTHER.summary) });
      assert.equal((await second).checkpointId, idOf(OTHER.summary));
      assert.equal((await job.state()).status, 'decision_needed');
      await alice.approve(JOB_ID, { ...YES, checkpointId: idOf(QUESTION.summary) });
      assert.equal((await first).checkpointId, idOf(QUESTION.summary));
      assert.equal((await job.state()).status, 'running');
    });

    scene('is not asked again by an agent that was killed while it was open', async (scene) => {
      const workspace = scene.workspace('agent');
      const job = await scene.leased(workspace);
      const lost = job.decision(QUESTION);
      await asked(scene, 1);
      await dies(scene, workspace);
      await assert.rejects(lost);
      const again = claimedAgain(scene);
      await scene.workspace('alice').approve(JOB_ID, YES);
      const next = await again;
      assert.ok(next.token > job.token);
      assert.equal((await next.decision(QUESTION)).approvedBy, 'alice');
      assert.equal(await scene.askings(), 1);
      assert.equal((await next.complete('done')).status, 'completed');
    });

    scene('that was answered while nobody held the job is not asked again', async (scene) => {
      const workspace = scene.workspace('agent');
      void (await scene.leased(workspace)).decision(QUESTION);
      await asked(scene, 1);
      await dies(scene, workspace);
      await scene.workspace('alice').approve(JOB_ID, YES);
      const next = await claimedAgain(scene);
      assert.equal((await next.decision(QUESTION)).checkpointId, 'cp_0001');
      assert.equal(await scene.askings(), 1);
    });

    scene('is another question after a checkpoint of the work', async (scene) => {
      const workspace = scene.workspace('agent');
      const job = await scene.leased(workspace);
      const first = job.decision(QUESTION);
      await asked(scene, 1);
      const alice = scene.workspace('alice');
      await alice.approve(JOB_ID, YES);
      await first;
      await job.checkpoint('moved it');
      await dies(scene, workspace);
      const next = await claimedAgain(scene);
      const second = next.decision(QUESTION);
      await asked(scene, 2);
      await alice.approve(JOB_ID, { ...YES, checkpointId: 'cp_0003' });
      assert.equal((await second).checkpointId, 'cp_0003');
    });

    scene(
      'asked once more in the same process is another question, with an answer of its own',
      async (scene) => {
        const workspace = scene.workspace('agent');
        const job = await scene.leased(workspace);
        const alice = scene.workspace('alice');
        for (const times of [1, 2]) {
          const decision = job.decision(QUESTION);
          await asked(scene, times);
          await alice.approve(JOB_ID, { ...YES, checkpointId: `cp_000${times}`, reason: `yes, ${times}` });
          assert.equal((await decision).reason, `yes, ${times}`);
        }
        await dies(scene, workspace);
        const next = await claimedAgain(scene);
        assert.equal((await next.decision(QUESTION)).reason, 'yes, 1');
        assert.equal((await next.decision(QUESTION)).reason, 'yes, 2');
        assert.equal(await scene.askings(), 2);
      },
    );

    scene('rejects when a person pauses the job, and goes on after the resume', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      const decision = job.decision(QUESTION);
      await asked(scene, 1);
      const alice = scene.workspace('alice');
      await alice.jobs.execute(JOB_ID, { actor: 'alice' }, { kind: 'pause' });
      await assert.rejects(decision, gaitError('work_interrupted'));
      await job.release('interrupted');
      assert.deepEqual(
        (await alice.state(JOB_ID)).open_decisions.map(({ checkpoint_id }) => checkpoint_id),
        ['cp_0001'],
      );
      const again = claimedAgain(scene);
      await alice.approve(JOB_ID, YES);
      const { environment, environment_fingerprint: fingerprint } = await alice.state(JOB_ID);
      assert.ok(environment !== null);
      await alice.jobs.execute(
        JOB_ID,
        { actor: 'alice' },
        { kind: 'resume', claim: { fingerprint, environment }, allowEnvMismatch: false },
      );
      assert.equal((await (await again).decision(QUESTION)).approvedBy, 'alice');
      assert.equal(await scene.askings(), 1);
    });

    for (const order of ['cancel', 'stop'] as const) {
      scene(`rejects for good when a person orders: ${order}`, async (scene) => {
        const job = await scene.leased(scene.workspace('agent'));
        const decision = job.decision(QUESTION);
        await asked(scene, 1);
        await scene.workspace('alice').jobs.execute(JOB_ID, { actor: 'alice' }, { kind: order });
        await assert.rejects(decision, gaitError('work_interrupted'));
        await assert.rejects(job.decision(QUESTION), gaitError('work_interrupted'));
        await assert.rejects(claimedAgain(scene), gaitError('transition_not_allowed'));
        assert.equal(await scene.askings(), 1);
      });
    }

    scene(
      'is refused in an environment that the job is not bound to, once, until a person accepts it',
      async (scene) => {
        delete process.env[NAME];
        const workspace = scene.workspace('agent');
        await workspace.submit(JOB_ID, { rules: [`env:${NAME}`] });
        const job = await workspace.claim(JOB_ID, { ttlMs: TTL });
        process.env[NAME] = 'changed';
        const decision = job.decision(QUESTION);
        await asked(scene, 1);
        const alice = scene.workspace('alice');
        await alice.approve(JOB_ID, YES);
        await assert.rejects(decision, gaitError('environment_mismatch', 'policy_blocked'));
        assert.equal(await scene.count('resume_refused'), 1);
        const order = resumeAnyway(await environmentHere((await alice.state(JOB_ID)).environment?.rules));
        await alice.jobs.execute(JOB_ID, { actor: 'alice', reason: 'moved' }, order);
        assert.equal((await job.decision(QUESTION)).approvedBy, 'alice');
        assert.equal(await scene.askings(), 1);
      },
    );
  });

  describe(`a claim that waits in a ${kind}`, () => {
    scene('gets the job when the lease of a dead worker has run out', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      const again = claimedAgain(scene);
      let got = false;
      void again.then(() => {
        got = true;
      });
      await aFewLooks();
      assert.equal(got, false, 'its time is not over');
      scene.clock.advance(TTL + GRACE);
      assert.ok((await again).token > job.token);
    });

    scene('does not resume for a holder that is still there', async (scene) => {
      const job = await scene.leased(scene.workspace('agent'));
      const decision = job.decision(QUESTION);
      await asked(scene, 1);
      const enough = new AbortController();
      const waiting = scene
        .workspace('other')
        .claim(JOB_ID, { ttlMs: TTL, graceMs: GRACE, wait: true, signal: enough.signal });
      await scene.workspace('alice').approve(JOB_ID, YES);
      await decision;
      const resumed = (await scene.events()).find(({ type }) => type === 'resumed');
      assert.equal(resumed?.actor, 'agent');
      enough.abort();
      await assert.rejects(waiting, gaitError('wait_aborted'));
    });

    scene('ends with its signal, or its workspace', async (scene) => {
      await scene.leased(scene.workspace('agent'));
      const other = scene.workspace('other');
      const signal = AbortSignal.abort();
      await assert.rejects(other.claim(JOB_ID, { wait: true, signal }), gaitError('wait_aborted'));
      const waiting = other.claim(JOB_ID, { wait: true });
      await other.close();
      await assert.rejects(waiting, gaitError('wait_aborted'));
    });

    scene('throws what waiting does not change', async (scene) => {
      const workspace = scene.workspace('agent');
      await assert.rejects(workspace.claim('nobody', { wait: true }), gaitError('job_not_found'));
      await (await scene.leased(workspace)).complete('done');
      await assert.rejects(workspace.claim(JOB_ID, { wait: true }), gaitError('transition_not_allowed'));
    });
  });
}
