import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { sha256Hex } from '../../src/core/digest.ts';
import { Jobs } from '../../src/job/jobs.ts';
import { readHistory } from '../../src/job/read/history.ts';
import { verifyJob } from '../../src/job/read/verify.ts';
import { planRepair, repair } from '../../src/job/repair/repair.ts';
import type { FileStore } from '../../src/log/stores/file_store.ts';
import { cancel, checkpoint, JOB_ID, pause, submit } from '../support/given.ts';
import { fileStores, testClock } from '../support/job_stores.ts';
import { gaitError } from '../support/refusals.ts';

const AUTHOR = { actor: 'alice', reason: 'the disk was replaced' };
const NOW = '2026-02-14T12:00:00Z';

interface Scene {
  readonly log: string;
  open(): FileStore;
  jobs(): Jobs;
}

/** A job of four events, on files; `damage` alters the text of its log. */
function withDamage(
  title: string,
  damage: (log: string) => string,
  body: (scene: Scene) => Promise<void>,
): void {
  test(title, async () => {
    const stores = await fileStores();
    const log = join(stores.root, 'jobs', JOB_ID, 'log.ndjson');
    const scene: Scene = { log, open: stores.open, jobs: () => new Jobs(stores.open(), testClock()) };
    try {
      const jobs = scene.jobs();
      for (const command of [
        submit(),
        checkpoint('plan', 'first'),
        checkpoint('progress', 'second'),
        pause,
      ]) {
        await jobs.execute(JOB_ID, { actor: 'alice' }, command);
      }
      await writeFile(log, damage(await readFile(log, 'utf8')));
      await body(scene);
    } finally {
      await stores.dispose();
    }
  });
}

const spoilSecond = (log: string) => log.replace('"second"', '"second?"');

describe('repair', () => {
  withDamage('of a sound log has nothing to do', String, async ({ open }) => {
    assert.equal(await planRepair(open(), JOB_ID), undefined);
  });

  test('of a job that does not exist is refused', async () => {
    const stores = await fileStores();
    try {
      await assert.rejects(planRepair(stores.open(), JOB_ID), gaitError('job_not_found', 'invalid_input'));
    } finally {
      await stores.dispose();
    }
  });

  withDamage('first shows what it would cut, and changes nothing', spoilSecond, async ({ open, log }) => {
    const before = await readFile(log);
    const plan = await planRepair(open(), JOB_ID);
    const kept = before.toString().split('\n').slice(0, 2).join('\n').length + 1;
    assert.deepEqual([plan?.keep.revision, plan?.keep.offset, plan?.damage.revision], [2, kept, 3]);
    const { bytes, lines, sha256 } = plan?.cut ?? {};
    const cut = before.subarray(kept);
    assert.deepEqual([bytes, lines, sha256], [cut.length, 2, sha256Hex(cut)]);
    assert.deepEqual([plan?.job?.status, plan?.after?.status], ['running', 'blocked']);
    assert.deepEqual(await readFile(log), before);
  });

  withDamage('cuts, keeps what it cut beside the log, and records it', spoilSecond, async (scene) => {
    const before = await readFile(scene.log);
    const store = scene.open();
    const plan = await planRepair(store, JOB_ID);
    assert.ok(plan !== undefined);
    const { cut, after } = await repair(store, JOB_ID, plan, AUTHOR, NOW);
    const keptBytes = await readFile(join(dirname(scene.log), cut.keptAs));
    assert.deepEqual(keptBytes, before.subarray(plan.keep.offset));
    assert.equal(cut.sha256, sha256Hex(keptBytes));

    const { job, records } = await readHistory(scene.open(), JOB_ID);
    assert.deepEqual([job.status, job.revision, job.checkpoint_count], ['blocked', 3, 1]);
    const { type, actor, payload } = records[2]?.event ?? {};
    assert.deepEqual([type, actor], ['repaired', 'alice']);
    assert.deepEqual(payload, {
      cut_bytes: keptBytes.length,
      cut_sha256: cut.sha256,
      kept_as: cut.keptAs,
      after,
      reason: AUTHOR.reason,
    });
    assert.deepEqual((await verifyJob(scene.open(), JOB_ID)).findings, []);
    assert.equal((await scene.jobs().execute(JOB_ID, AUTHOR, cancel)).state.status, 'cancelled');
  });

  withDamage(
    'that would leave nothing is refused',
    (log) => `x${log}`,
    async (scene) => {
      const before = await readFile(scene.log);
      const store = scene.open();
      const plan = await planRepair(store, JOB_ID);
      assert.ok(plan !== undefined);
      const repaired = repair(store, JOB_ID, plan, AUTHOR, NOW);
      await assert.rejects(repaired, gaitError('repair_would_empty', 'unsafe_operation'));
      assert.deepEqual(await readFile(scene.log), before);
    },
  );

  withDamage('with a bad author cuts nothing', spoilSecond, async (scene) => {
    const before = await readFile(scene.log);
    const store = scene.open();
    const plan = await planRepair(store, JOB_ID);
    assert.ok(plan !== undefined);
    const repaired = repair(store, JOB_ID, plan, { actor: '' }, NOW);
    await assert.rejects(repaired, gaitError('actor_invalid', 'invalid_input'));
    assert.deepEqual(await readFile(scene.log), before);
  });
});
