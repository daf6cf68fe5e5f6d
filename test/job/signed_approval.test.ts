import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canonicalDigest } from '../../src/core/digest.ts';
import { approvalPolicyOf } from '../../src/job/approval_policy.ts';
import type { JobCommand } from '../../src/job/command.ts';
import { signDigest } from '../../src/signing/signature.ts';
import { ANN, approvalBy, BOB, CY, HOUR, MALLORY, SOME_HASH, sign, submitFor } from '../support/approvers.ts';
import {
  ACTOR,
  AWAY,
  approve,
  ask,
  at,
  checkpoint,
  given,
  JOB_ID,
  jobAfter,
  MINUTE,
  pause,
  resume,
  submit,
} from '../support/given.ts';

const EXIT_4 = 'approval_required';
const ids = (list: readonly { checkpoint_id: string }[] = []): string[] =>
  list.map(({ checkpoint_id }) => checkpoint_id);

describe('a job is submitted with approvers', () => {
  const keys = [ANN, BOB].map(({ publicKey }) => publicKey);
  const withApprovers = (approvers: unknown): JobCommand =>
    ({ ...submit(), approvers }) as unknown as JobCommand;

  test('their keys stand in its first event by id, each once, and in its state', () => {
    const { event, recorded } = given().when(withApprovers({ keys: [...keys, ...keys], required: 2 }));
    const { payload, type, reason_code } = event;
    const policy = payload['approval_policy'] as { required: number; keys: { key_id: string }[] };
    assert.equal(policy.required, 2);
    assert.deepEqual(
      policy.keys.map(({ key_id }) => key_id),
      [ANN.keyId, BOB.keyId].sort(),
    );
    assert.deepEqual(recorded({ type, reason_code, payload }).approval_policy, policy);
  });

  test('one approval is enough unless they say otherwise', () => {
    assert.equal(jobAfter(withApprovers({ keys }))?.approval_policy?.required, 1);
  });

  for (const [name, approvers] of Object.entries({
    'more approvals than keys': { keys, required: 3 },
    'more approvals than different keys': { keys: [keys[0], keys[0]], required: 2 },
    'no approval': { keys, required: 0 },
    'half an approval': { keys, required: 1.5 },
    'no keys': { keys: [] },
  })) {
    test(`refused: ${name}`, () => {
      given().when(withApprovers(approvers)).refused('approvers_invalid');
    });
  }

  test('refused: a key that anybody can sign for, or that is none', () => {
    const order4 = Buffer.alloc(32);
    for (const bad of [order4, Buffer.alloc(31, 1), 'key'])
      given()
        .when(withApprovers({ keys: [...keys, bad] }))
        .refused('key_untrustworthy');
  });

  test('without approvers nothing of them stands anywhere', () => {
    const job = jobAfter(submit(), ask(), approve());
    for (const member of ['approval_policy', 'approved_decisions']) assert.ok(!(member in (job ?? {})));
    assert.ok(!('approvals' in (jobAfter(submit(), ask())?.open_decisions[0] ?? {})));
  });
});

describe('an approval of a job with approvers', () => {
  const ASKED = [submitFor(), ask()];

  test('is signed over the job, the checkpoint, the head, its author and its times', () => {
    const { payload, created_at } = approvalBy(jobAfter(...ASKED), sign(ANN, 2, HOUR));
    const expires_at = '2026-02-14T01:02:00Z';
    const document = {
      schema_id: 'gait.job.approval',
      schema_version: '1.0.0',
      purpose: 'job_approval',
      ...{ job_id: JOB_ID, checkpoint_id: 'cp_0001', head: { revision: 2, hash: SOME_HASH } },
      ...{ actor: ACTOR, reason: 'approved', created_at, expires_at },
    };
    const { head } = document;
    const signature = signDigest(canonicalDigest(document), ANN);
    assert.deepEqual(payload.signed, { head, expires_at, signature });
  });

  test('leaves the decision open until enough different keys have signed', () => {
    const first = jobAfter(...ASKED, sign(ANN, 2));
    assert.deepEqual(ids(first?.open_decisions), ['cp_0001']);
    assert.deepEqual(first?.open_decisions[0]?.approvals, [
      { key_id: ANN.keyId, actor: ACTOR, expires_at: '2026-02-14T01:02:00Z' },
    ]);
    const second = jobAfter(...ASKED, sign(ANN, 2), sign(CY, 3));
    assert.deepEqual(second?.open_decisions, []);
    assert.deepEqual(ids(second?.approved_decisions), ['cp_0001']);
    assert.equal(second?.approval_count, 2);
  });

  test('refused without a signature, with a hint, and nothing is recorded', () => {
    const refusal = given(...ASKED)
      .when(approve())
      .refused('approval_unsigned', EXIT_4);
    assert.match(refusal.hint ?? '', /--private-key/);
  });

  test('refused with the key of somebody else', () => {
    given(...ASKED)
      .when(sign(MALLORY, 2))
      .refused('approver_unknown', EXIT_4);
  });

  test('refused by the same key twice, whoever says that it is theirs', () => {
    const twice = given(...ASKED, sign(ANN, 2)).when(sign(ANN, 3), { actor: 'bob' });
    twice.refused('approver_repeated');
  });

  test('refused once the decision has enough of them, and ahead of any decision', () => {
    given(...ASKED, sign(ANN, 2), sign(BOB, 3))
      .when(sign(CY, 4))
      .refused('nothing_to_approve');
    given(submitFor()).when(sign(ANN, 1)).refused('nothing_to_approve');
  });

  test('by the same key is taken for another decision', () => {
    const job = jobAfter(...ASKED, ask(), sign(ANN, 3, HOUR, 'cp_0001'), sign(ANN, 4, HOUR, 'cp_0002'));
    assert.deepEqual(
      job?.open_decisions.map(({ approvals }) => approvals?.length),
      [1, 1],
    );
  });

  test('counts from one second to thirty days, no shorter and no longer', () => {
    for (const ms of [0, 999, -1, 1000.5, Number.NaN, 30 * 24 * HOUR + 1])
      given(...ASKED)
        .when(sign(ANN, 2, ms))
        .refused('expiry_invalid');
    for (const ms of [1000, 30 * 24 * HOUR]) assert.ok(jobAfter(...ASKED, sign(ANN, 2, ms)));
  });

  test('of a job without approvers is refused if it is signed: nobody could check it', () => {
    given(submit(), ask()).when(sign(ANN, 2)).refused('approvers_missing');
  });
});

describe('a job with approvers is resumed', () => {
  const BOTH = [submitFor(), ask(), sign(ANN, 2), sign(BOB, 3)];

  test('once enough of them signed; then the approvals are used', () => {
    const job = given(...BOTH)
      .when(resume())
      .recorded({
        type: 'resumed',
        reason_code: 'resumed',
        payload: { reason: 'resume' },
      });
    assert.deepEqual(job.approved_decisions, []);
    assert.equal(job.status, 'running');
  });

  test('not before, and the refusal says how many there are', () => {
    const refusal = given(submitFor(), ask(), sign(ANN, 2)).when(resume()).refused(EXIT_4, EXIT_4);
    assert.match(refusal.message, /cp_0001 has 1 of 2 signed approvals/);
    assert.deepEqual(refusal.details?.['approvals_required'], 2);
  });

  test('not when one has expired by then; the refusal says which', () => {
    const lapsing = [submitFor(), ask(), sign(ANN, 2, 2 * MINUTE), [sign(BOB, 3), { actor: 'bob' }]] as const;
    const before = given(...lapsing).when(resume(), at(4 * MINUTE - 1));
    assert.equal(before.refusal, undefined);
    const refusal = given(...lapsing)
      .when(resume(), at(4 * MINUTE))
      .refused(EXIT_4, EXIT_4);
    assert.match(refusal.message, /1 of 2 signed approvals, that of alice expired at 2026-02-14T00:04:00Z/);
    const told = refusal.details?.['approvals'] as { actor: string; expired: boolean }[];
    assert.deepEqual(
      told.map(({ actor, expired }) => [actor, expired]),
      [
        ['alice', true],
        ['bob', false],
      ],
    );
  });

  test('after an expired approval was made again, by the same key', () => {
    const lapsing = [submitFor(), ask(), sign(ANN, 2, MINUTE), sign(BOB, 3, HOUR)];
    given(...lapsing)
      .when(sign(BOB, 4))
      .refused('approver_repeated');
    const again = jobAfter(...lapsing, sign(ANN, 4));
    assert.deepEqual(again?.open_decisions, []);
    assert.equal(given(...lapsing, sign(ANN, 4)).when(resume()).refusal, undefined);
  });

  test('an expired one alone leaves the decision open again, with what still counts', () => {
    const lapsing = [
      submitFor(3),
      ask(),
      sign(ANN, 2, 3 * MINUTE),
      sign(BOB, 3, 2 * MINUTE),
      sign(CY, 4, HOUR),
    ];
    assert.deepEqual(ids(jobAfter(...lapsing)?.approved_decisions), ['cp_0001']);
    const again = jobAfter(...lapsing, [sign(ANN, 5), at(6 * MINUTE)]);
    assert.deepEqual(ids(again?.approved_decisions), []);
    assert.deepEqual(
      again?.open_decisions[0]?.approvals?.map(({ key_id }) => key_id),
      [CY.keyId, ANN.keyId],
    );
  });

  test('what it was resumed on stays decided, however long ago', () => {
    const later = given(...BOTH, resume(), pause).when(resume(), at(100 * HOUR));
    assert.equal(later.refusal, undefined);
    const done = given(...BOTH, resume()).when(checkpoint('completed'), at(100 * HOUR));
    assert.equal(done.refusal, undefined);
  });

  test('is refused for its environment only once it is approved', () => {
    given(submitFor(), ask(), sign(ANN, 2)).when(resume(AWAY)).refused(EXIT_4, EXIT_4);
    given(...BOTH)
      .when(resume(AWAY), at(10 * HOUR))
      .refused(EXIT_4, EXIT_4);
    assert.equal(given(...BOTH).when(resume(AWAY)).refusal?.code, 'environment_mismatch');
  });

  test('the decisions that wait are bounded, approved or not', () => {
    const asked = Array.from({ length: 64 }, () => ask());
    const job = [submitFor(1), ...asked, sign(ANN, 65, HOUR, 'cp_0001')];
    given(...job)
      .when(ask())
      .refused('too_many_decisions');
  });
});

test('the policy of approvers is the same in whatever order they are named', () => {
  const keys = [ANN, BOB, CY].map(({ publicKey }) => publicKey);
  const reversed = approvalPolicyOf({ keys: [...keys].reverse() });
  assert.deepEqual(reversed, approvalPolicyOf({ keys }));
});
