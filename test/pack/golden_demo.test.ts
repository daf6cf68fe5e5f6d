import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { memberOf, sealPack } from '../../src/pack/build.ts';
import { buildOlderJobPack, type OlderJob, readOlderJob } from '../../src/pack/kinds/job/older.ts';
import { type Document, jcs, sha256 } from './forge.ts';
import { chained, PROOF, recordOf, textOf } from './proof.ts';

/**
 * The durable demo of the Go programs: who said what, and when. Its values are those of their demo; that they are
 * right is shown by the digests of artifacts.md §15, which each of its files has to meet.
 */
const JOB = 'job_demo_durable';
const VERSION = '0.0.0-dev';
const FINGERPRINT = 'envfp:demo-durable';
const USER = 'demo.user';
const APPROVAL = { created_at: at(3), actor: 'demo.approver', reason: 'approved_for_resume' };
const DECISION = { checkpoint_id: 'cp_0001', type: 'decision-needed', required_action: 'security_review' };
const COMPLETED = { checkpoint_id: 'cp_0002', type: 'completed' };

function at(minute: number): string {
  return `2026-02-14T00:0${minute}:00Z`;
}

function eventOf(
  revision: number,
  minute: number,
  type: string,
  payload: Document,
  rest: Document,
): Document {
  const head = { schema_id: 'gait.job.event', schema_version: '1.0.0', job_id: JOB, created_at: at(minute) };
  return { ...head, revision, type, payload, actor: USER, ...rest };
}

function checkpointed(revision: number, minute: number, checkpoint: typeof COMPLETED): Document {
  const { type, required_action = '', checkpoint_id } = { required_action: undefined, ...checkpoint };
  const payload = { checkpoint_id, checkpoint_type: type, required_action };
  const reason_code = `checkpoint_${type.replace('-', '_')}`;
  return eventOf(revision, minute, 'checkpoint_added', payload, { reason_code });
}

function kept(minute: number, checkpoint: typeof COMPLETED, summary: string): Document {
  const reason_code = `checkpoint_${checkpoint.type.replace('-', '_')}`;
  return { ...checkpoint, created_at: at(minute), summary, reason_code, actor: USER };
}

/** The job's two files, as each version keeps them: what 1.4.0 adds is who is bound to the job, and its invariants. */
function demo(submitted: Document, resumed: Document, state: Document): OlderJob {
  const { created_at: _, reason, actor } = APPROVAL;
  const events = [
    eventOf(
      1,
      0,
      'submitted',
      { environment_fingerprint: FINGERPRINT, ...submitted },
      { reason_code: 'submitted' },
    ),
    checkpointed(2, 1, DECISION),
    eventOf(3, 3, 'approved', { reason }, { actor, reason_code: 'approval_recorded' }),
    eventOf(4, 4, 'resumed', { reason: 'approved_resume', ...resumed }, { reason_code: 'resumed' }),
    checkpointed(5, 5, COMPLETED),
  ];
  const whole = {
    ...{ schema_id: 'gait.job.runtime', schema_version: '1.0.0', producer_version: VERSION, job_id: JOB },
    ...{ status: 'completed', stop_reason: 'completed', status_reason_code: 'completed' },
    ...{ created_at: at(0), updated_at: at(5), environment_fingerprint: FINGERPRINT, revision: 5, ...state },
    checkpoints: [
      kept(1, DECISION, 'approval required to continue'),
      kept(5, COMPLETED, 'durable demo complete'),
    ],
    approvals: [APPROVAL],
  };
  const lines = events.map((event) => `${jcs(event)}\n`).join('');
  return readOlderJob(Buffer.from(jcs(whole)), Buffer.from(lines));
}

describe('golden values: the job pack of the durable demo', () => {
  const digestsOf = (job: OlderJob): string[] =>
    buildOlderJobPack(job, VERSION).manifest.contents.map(({ sha256: digest }) => digest);

  test('of 1.2.0: every member, and pack_id', () => {
    const job = demo({}, {}, {});
    assert.deepEqual(digestsOf(job), [
      '2e007b5c205c888512fa392f620296d245d467a871ea4341bc91c5a2a27d9c0c',
      'dc4e5a569b906133b1716470b52d76e5f032bde30ef28e9baae1dcffd9065339',
      '4d97443e781071a18aa6b9b5ac3e5ebe18108fafc9f01d2ad2e3a678e6a479bd',
    ]);
    const { pack_id } = buildOlderJobPack(job, VERSION).manifest;
    assert.equal(pack_id, '583d8299ee7d7c6da6a04db9abe62914b49bafd9224df55c749ba2df79a9f55e');
  });

  test('of 1.4.0, with proof records: every member, and pack_id', () => {
    const invariants = [
      'control_boundary=runtime_go',
      'default_privacy=reference_receipts',
      'fail_closed=true',
      `identity=${USER}`,
    ];
    const safety = sha256(Buffer.from(invariants.join('|'))).toString('hex');
    const job = demo(
      { identity: USER },
      {
        ...{ actual_fingerprint: FINGERPRINT, expected_fingerprint: FINGERPRINT },
        ...{ identity: USER, identity_validation_required: true },
      },
      {
        ...{ safety_invariant_version: '1', safety_invariant_hash: safety, safety_invariants: invariants },
        identity: USER,
      },
    );
    assert.deepEqual(digestsOf(job), [
      '6e56d3a4617799c322b2a4671e4a4cdb980efecd51c21ee71827722018fbfb3e',
      '0c27dacb1edeed0264b12a338bd8036ec78154eaeaaf9b1872d211dad1940e23',
      'b96636f00f77083c5f0fb5859ac81aac19b5cbd87b2ba6888e770e2cc906daad',
    ]);
    const { manifest, members } = buildOlderJobPack(job, VERSION);
    const own = members.filter(({ name }) => manifest.contents.some(({ path }) => path === name));
    const subject = { pack_type: 'job', source_ref: JOB, producer_version: VERSION };
    const records = own.map(({ name: path, sha256: digest, source }) => {
      const type = path.endsWith('.jsonl') ? 'jsonl' : 'json';
      return recordOf({ path, sha256: digest, type, size: source.size }, subject);
    });
    const proof = memberOf(PROOF, Buffer.from(textOf(chained(records))));
    const parts = { packType: 'job', sourceRef: JOB, producerVersion: VERSION } as const;
    const { pack_id } = sealPack({ ...parts, members: [...own, proof] }).manifest;
    assert.equal(pack_id, 'fbb9454754f2d8ebfc23fa20cf50a7549474aa468b3b37e5c661af231f2453e2');
  });
});
