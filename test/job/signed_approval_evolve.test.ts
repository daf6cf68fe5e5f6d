import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { approvalFault } from '../../src/job/approval/signed.ts';
import { evolveStored } from '../../src/job/evolve.ts';
import { jobModel } from '../../src/job/model.ts';
import type { Job } from '../../src/job/state.ts';
import { evolveAt } from '../../src/log/fold.ts';
import { keyIdOf } from '../../src/signing/keys.ts';
import { ANN, approvalBy, BOB, HOUR, MALLORY, SOME_HASH, sign, submitFor } from '../support/approvers.ts';
import { approve, ask, at, decideAt, jobAfter, MINUTE, pause, resume, submit } from '../support/given.ts';
import { flipped } from '../support/keys.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';

type Change = Readonly<Record<string, unknown>>;

const illegal = gaitError('illegal_event', 'verification_failed');
const ASKED = jobAfter(submitFor(), ask());
const TWO_ASKED = jobAfter(submitFor(), ask(), ask());
const SIGNED = approvalBy(ASKED, sign(ANN, 2));

function forged(changes: Change, payload: Change = {}, signed: Change = {}): JsonObject {
  const signature = { ...SIGNED.payload.signed, ...signed };
  return {
    ...SIGNED,
    ...changes,
    payload: { ...SIGNED.payload, signed: signature, ...payload },
  } as unknown as JsonObject;
}

function refused(job: Job, event: JsonObject): void {
  assert.throws(() => evolveStored(job, event), illegal);
}

describe('evolve refuses a signed approval', () => {
  test('that is changed in anything; as it was made it is taken', () => {
    assert.equal(evolveStored(ASKED, forged({})).approval_count, 1);
    const { signature } = SIGNED.payload.signed ?? assert.fail();
    const ofBob = approvalBy(ASKED, sign(BOB, 2)).payload.signed?.signature;
    const changes: Readonly<Record<string, JsonObject>> = {
      'another actor': forged({ actor: 'mallory' }),
      'another time': forged({ created_at: '2026-02-14T00:01:59Z' }),
      'another reason': forged({}, { reason: 'looks fine' }),
      'another expiry': forged({}, {}, { expires_at: '2026-02-14T02:02:00Z' }),
      'another head': forged({}, {}, { head: { revision: 2, hash: 'cd'.repeat(32) } }),
      'another digest': forged({}, {}, { signature: { ...signature, signed_digest: SOME_HASH } }),
      'another key': forged({}, {}, { signature: { ...signature, key_id: BOB.keyId } }),
      'the signature of another': forged({}, {}, { signature: { ...signature, sig: ofBob?.sig } }),
      'no signature': forged({}, { signed: undefined }),
    };
    for (const [name, event] of Object.entries(changes))
      assert.throws(() => evolveStored(ASKED, JSON.parse(JSON.stringify(event))), illegal, name);
  });

  test('of which any bit is turned', () => {
    const { signature } = SIGNED.payload.signed ?? assert.fail();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 511 }), (bit) => {
        const sig = flipped(Buffer.from(signature.sig, 'base64'), bit).toString('base64');
        refused(ASKED, forged({}, {}, { signature: { ...signature, sig } }));
      }),
      { numRuns: 100 },
    );
  });

  test('that was moved to another checkpoint, another job, another revision', () => {
    const ofFirst = approvalBy(TWO_ASKED, sign(ANN, 3, HOUR, 'cp_0001'));
    const moved = { ...ofFirst, payload: { ...ofFirst.payload, checkpoint_id: 'cp_0002' } };
    refused(TWO_ASKED, moved as unknown as JsonObject);
    assert.ok(ASKED !== undefined);
    refused({ ...ASKED, job_id: 'other' }, forged({ job_id: 'other' }));
    refused({ ...ASKED, revision: 3 }, forged({ revision: 4 }));
  });

  test('by a key that the job does not name, and one on a job that names none', () => {
    const others = jobAfter(submitFor(1, [MALLORY]), ask());
    refused(ASKED, approvalBy(others, sign(MALLORY, 2)) as unknown as JsonObject);
    refused(jobAfter(submit(), ask()), forged({}));
  });

  test('and an unsigned one of a job that names approvers', () => {
    const [unsigned] = decideAt(jobAfter(submit(), ask()), approve()).events;
    refused(ASKED, unsigned ?? {});
  });

  test('by the same key twice, while the first one counts', () => {
    const job = jobAfter(submitFor(), ask(), sign(ANN, 2, 2 * MINUTE));
    const again = (now: { now: string }): JsonObject => {
      const before = jobAfter(submitFor(), ask(), [sign(BOB, 2), at(0)]);
      return decideAt(before, sign(ANN, 3), now).events[0] ?? {};
    };
    refused(job, again(at(4 * MINUTE - 1)));
    assert.equal(evolveStored(job, again(at(4 * MINUTE))).open_decisions[0]?.approvals?.length, 1);
  });

  test('that expires at no time, before it is made, or after more than thirty days', () => {
    const policy = ASKED?.approval_policy;
    for (const expires_at of ['2026-02-30T00:00:00Z', SIGNED.created_at, '2026-03-17T00:00:00Z']) {
      const event = forged({}, {}, { expires_at });
      refused(ASKED, event);
      assert.match(approvalFault(policy, event as never) ?? '', /expires at/);
    }
  });
});

test('a resume on approvals that are too few, or have expired, cannot follow', () => {
  const [resumed = {}] = decideAt(jobAfter(submit(), ask(), approve(), pause), resume()).events;
  const at = (revision: number, created_at: string): JsonObject => ({ ...resumed, revision, created_at });
  const one = jobAfter(submitFor(), ask(), sign(ANN, 2));
  refused(one, at(4, '2026-02-14T00:04:00Z'));
  const both = jobAfter(submitFor(), ask(), sign(ANN, 2, 3 * MINUTE), sign(BOB, 3));
  refused(both, at(5, '2026-02-14T00:05:00Z'));
  assert.equal(evolveStored(both, at(5, '2026-02-14T00:04:59Z')).status, 'running');
});

test('nor one that is dated back to when they had not', () => {
  const both = jobAfter(
    ...[submitFor(), ask(), sign(ANN, 2, 3 * MINUTE), sign(BOB, 3)],
    ...([[pause, at(9 * MINUTE)]] as const),
  );
  const [resumed = {}] = decideAt(jobAfter(submit(), ask(), approve(), pause), resume()).events;
  for (const created_at of ['2026-02-14T00:04:59Z', '2026-02-14T00:09:00Z'])
    refused(both, { ...resumed, revision: 6, created_at });
  assert.ok(both !== undefined);
  const back = evolveStored(jobAfter(submit(), [ask(), at(9 * MINUTE)]), {
    ...(decideAt(jobAfter(submit(), ask()), pause).events[0] ?? {}),
    created_at: '2026-02-14T00:04:59Z',
  });
  assert.equal(back.updated_at, '2026-02-14T00:09:00Z');
});

test('a fold compares the signed head with the hash that the log has', () => {
  const behind = (hash: string): unknown =>
    evolveAt(jobModel, { state: ASKED, position: { revision: 2, hash } }, forged({}));
  assert.ok(behind(SOME_HASH));
  assert.throws(() => behind('cd'.repeat(32)), illegal);
});

test('a log names no approvers that a job cannot be submitted with', () => {
  const [submitted = {}] = decideAt(undefined, submitFor()).events;
  const payload = submitted['payload'] as JsonObject;
  const { required, keys } = payload['approval_policy'] as { required: number; keys: JsonObject[] };
  const [first = {}, ...rest] = keys;
  const smallOrder = { ...first, public_key: Buffer.alloc(32).toString('base64') };
  const policies: readonly unknown[] = [
    { required: 4, keys },
    { required: 0, keys },
    { required: 1, keys: [] },
    { required, keys: [...keys].reverse() },
    { required, keys: [first, ...keys] },
    { required, keys: [{ ...first, key_id: SOME_HASH }, ...rest] },
    { required: 1, keys: [smallOrder] },
    { required: 1, keys: [{ key_id: keyIdOf(Buffer.alloc(32)), public_key: smallOrder.public_key }] },
  ];
  assert.ok(evolveStored(undefined, submitted));
  for (const approval_policy of policies)
    refused(undefined, { ...submitted, payload: { ...payload, approval_policy } } as unknown as JsonObject);
});
