import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readHistory } from '../../src/job/read/history.ts';
import { verifyJob } from '../../src/job/read/verify.ts';
import { type Expected, seal } from '../../src/log/record.ts';
import { FileStore } from '../../src/log/stores/file_store.ts';
import { buildJobPack } from '../../src/pack/kinds/job/build.ts';
import { verifyPack } from '../../src/pack/verify.ts';
import { openContainer } from '../../src/zip/reader.ts';
import { zipOf } from '../../src/zip/writer.ts';
import { statusesOf } from '../support/pack.ts';
import { chainHead, sha256 } from './forge.ts';

const FIXTURES = join(process.env['GAIT_ROOT'] ?? process.cwd(), 'fixtures', 'job');
const JOB = 'golden';
const LOG = join(FIXTURES, JOB, 'log.ndjson');
const PACK = join(FIXTURES, 'golden.pack.zip');

const LOG_SHA256 = '09a20796b581f99d738d76149cacbe741e13fed3a95c86982143cc7ba0a517cb';
const PACK_SHA256 = '7538058be78d05f154f4f218fa78a91a563c4cfcac5977f888539aee90537c7e';
const PACK_ID = '195b078659a9f78bc1bdbde121d244536b1240a1a30ee56d6d5d7953acb14439';
const HEAD = { revision: 15, hash: '5b4ef3416fa410ec45725920899ff57738288c25304dc6884953563d662b3fe7' };
const AWAY = 'envfp:d4db5347151b7402ff7ee3c334f2fa9bcc316c9b52f321263c87d20ad3f0f2cf';

function store(): FileStore {
  return new FileStore({ root: FIXTURES, idField: 'job_id' });
}

describe('the golden log', () => {
  test('is the one that was made', () => {
    assert.equal(sha256(readFileSync(LOG)).toString('hex'), LOG_SHA256);
  });

  test('verifies strictly', async () => {
    assert.deepEqual(await verifyJob(store(), JOB), {
      events_checked: 15,
      head: HEAD,
      snapshot: 'absent',
      torn_tail_bytes: 0,
      findings: [],
    });
  });

  test('folds to the same job', async () => {
    const { job, checkpoints, approvals } = await readHistory(store(), JOB);
    const { status, status_reason_code, environment_fingerprint, open_decisions, updated_at } = job;
    assert.deepEqual([status, status_reason_code, open_decisions], ['completed', 'completed', []]);
    assert.deepEqual([environment_fingerprint, updated_at], [AWAY, '2026-02-14T06:51:03.5Z']);
    assert.deepEqual(
      checkpoints.map(({ type }) => type),
      ['plan', 'progress', 'decision-needed', 'decision-needed', 'blocked', 'completed'],
    );
    assert.deepEqual(
      approvals.map(({ checkpoint_id, actor }) => [checkpoint_id, actor]),
      [
        ['cp_0004', 'bob'],
        ['cp_0003', 'carol'],
      ],
    );
  });

  test('holds every type of event but two ends', async () => {
    const { records } = await readHistory(store(), JOB);
    // A job ends once, so no log holds `cancelled` and `emergency_stop_acknowledged` beside `completed`.
    assert.deepEqual([...new Set(records.map(({ event }) => event['type']))].sort(), [
      'approved',
      'checkpoint_added',
      'paused',
      'repaired',
      'resume_refused',
      'resumed',
      'submitted',
    ]);
  });

  test('is sealed to the same bytes', async () => {
    const { records } = await readHistory(store(), JOB);
    let expected: Expected = 'none';
    const lines = records.map(({ event }) => {
      const batch = seal(JOB, 'job_id', expected, [event]);
      expected = batch.head;
      return Buffer.concat(batch.records.map(({ line }) => line));
    });
    assert.ok(Buffer.concat(lines).equals(readFileSync(LOG)));
    assert.equal(chainHead(records.map(({ text }) => text)), HEAD.hash);
  });
});

describe('the golden pack', () => {
  test('is the one that was made', () => {
    assert.equal(sha256(readFileSync(PACK)).toString('hex'), PACK_SHA256);
  });

  test('is built again from the log, to the byte', async () => {
    const { manifest, members } = buildJobPack(await readHistory(store(), JOB), 'golden-1');
    assert.equal(manifest.pack_id, PACK_ID);
    assert.ok((await zipOf(members)).equals(readFileSync(PACK)));
  });

  test('verifies, and holds the head of the log', async () => {
    const container = await openContainer(PACK);
    try {
      const { verification, history } = verifyPack(container);
      assert.deepEqual(verification.findings, []);
      assert.ok(!Object.values(statusesOf(verification)).includes('not_reached'));
      assert.equal(verification.pack_id, PACK_ID);
      assert.deepEqual([history?.position.revision, history?.position.hash], [HEAD.revision, HEAD.hash]);
    } finally {
      container.close();
    }
  });
});
