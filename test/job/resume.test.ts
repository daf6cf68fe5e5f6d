import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { claimOf, type EnvironmentClaim } from '../../src/job/fingerprint.ts';
import {
  AWAY,
  approve,
  ask,
  cancel,
  type ExpectedEvent,
  given,
  HOME,
  pause,
  resume,
  resumeAnyway,
  submit,
} from '../support/given.ts';

const DIFFERENCES = [
  { rule: 'arch', expected: 'x64', actual: 'arm64' },
  { rule: 'os', expected: 'linux', actual: 'darwin' },
];

const PRINTS = { expected_fingerprint: HOME.fingerprint, actual_fingerprint: AWAY.fingerprint };

const REFUSED_AWAY: ExpectedEvent = {
  type: 'resume_refused',
  reason_code: 'env_fingerprint_mismatch',
  payload: { ...PRINTS, differences: DIFFERENCES },
};

function resumed(reason: string): ExpectedEvent {
  return { type: 'resumed', reason_code: 'resumed', payload: { reason } };
}

describe('resume asks in this order', () => {
  test('first whether it is allowed from here', () => {
    given(submit()).when(resume(AWAY)).refused('transition_not_allowed');
    given(submit(), ask(), cancel).when(resume(AWAY)).refused('transition_not_allowed');
  });

  test('then whether every decision is approved, and names those that are not', () => {
    const waiting = given(submit(), ask('deploy'), ask('announce'), approve('cp_0001'), pause);
    const refusal = waiting.when(resume(AWAY)).refused('approval_required', 'approval_required');
    assert.deepEqual(refusal.details['open_decisions'], ['cp_0002']);
    waiting.when(resumeAnyway(AWAY)).refused('approval_required', 'approval_required');
  });

  test('then whether the environment is the same', () => {
    given(submit(), ask(), approve())
      .when(resume(AWAY))
      .recordedAndRefused(REFUSED_AWAY, 'environment_mismatch', 'policy_blocked');
  });

  test('and then runs', () => {
    const job = given(submit(), ask(), approve()).when(resume(), { reason: 'approved' });
    assert.equal(job.recorded(resumed('approved')).status, 'running');
  });
});

describe('a changed environment', () => {
  test('is recorded with the fields that differ, and refused with them', () => {
    const outcome = given(submit(), pause).when(resume(AWAY), { reason: 'try' });
    const event = { ...REFUSED_AWAY, payload: { ...REFUSED_AWAY.payload, reason: 'try' } };
    const job = outcome.recordedAndRefused(event, 'environment_mismatch', 'policy_blocked');
    assert.equal(job.status, 'paused');
    assert.equal(job.stop_reason, 'env_fingerprint_mismatch');
    assert.equal(job.environment_fingerprint, HOME.fingerprint);
    assert.deepEqual(outcome.refusal?.details['differences'], DIFFERENCES);
  });

  test('is recorded each time, and the old environment still resumes', () => {
    const refusedTwice = given(submit(), pause, resume(AWAY), resume(AWAY));
    assert.equal(refusedTwice.job?.revision, 4);
    const job = refusedTwice.when(resume()).recorded(resumed('resume'));
    assert.equal(job.status, 'running');
    assert.equal(job.stop_reason, 'none');
  });

  test('is overridden only with a reason', () => {
    given(submit(), pause).when(resumeAnyway(AWAY)).refused('reason_required');
    given(submit(), pause).when(resumeAnyway(AWAY), { reason: '' }).refused('reason_invalid');
  });

  test('is overridden only with an actor', () => {
    given(submit(), pause).when(resumeAnyway(AWAY), { actor: '', reason: 'moved' }).refused('actor_invalid');
  });

  test('once overridden is what the job is bound to', () => {
    const job = given(submit(), pause)
      .when(resumeAnyway(AWAY), { reason: 'moved' })
      .recorded({
        type: 'resumed',
        reason_code: 'resumed_with_env_override',
        payload: { ...PRINTS, reason: 'moved', environment: AWAY.environment },
      });
    assert.equal(job.environment_fingerprint, AWAY.fingerprint);
    assert.deepEqual(job.environment, AWAY.environment);
  });

  test('needs no override the next time, and the first environment is then the changed one', () => {
    const moved = given(submit(), pause, [resumeAnyway(AWAY), { reason: 'moved' }], pause);
    assert.equal(moved.when(resume(AWAY)).recorded(resumed('resume')).status_reason_code, 'resumed');
    const back = moved.when(resume(HOME));
    assert.equal(back.refusal?.code, 'environment_mismatch');
    assert.deepEqual(back.event.payload['expected_fingerprint'], AWAY.fingerprint);
  });

  test('an override where nothing changed is a plain resume', () => {
    given(submit(), pause).when(resumeAnyway(HOME), { reason: 'sure' }).recorded(resumed('sure'));
  });
});

describe("a caller's own fingerprint", () => {
  const mine: EnvironmentClaim = { fingerprint: 'image:sha-1' };
  const other: EnvironmentClaim = { fingerprint: 'image:sha-2' };

  test('is kept and compared as given', () => {
    given(submit(mine), pause).when(resume(mine)).recorded(resumed('resume'));
  });

  for (const [name, bound, now] of [
    ['another string', mine, other],
    ['one that gait computed', mine, HOME],
    ['a string where gait computed one', HOME, other],
  ] as const) {
    test(`differs as a whole from ${name}`, () => {
      const prints = { expected_fingerprint: bound.fingerprint, actual_fingerprint: now.fingerprint };
      const difference = { rule: 'fingerprint', expected: bound.fingerprint, actual: now.fingerprint };
      given(submit(bound), pause)
        .when(resume(now))
        .recordedAndRefused(
          {
            type: 'resume_refused',
            reason_code: 'env_fingerprint_mismatch',
            payload: { ...prints, differences: [difference] },
          },
          'environment_mismatch',
          'policy_blocked',
        );
    });
  }

  test('can take the place of a computed one, which is then gone', () => {
    const job = given(submit(), pause)
      .when(resumeAnyway(mine), { reason: 'moved' })
      .recorded({
        type: 'resumed',
        reason_code: 'resumed_with_env_override',
        payload: {
          expected_fingerprint: HOME.fingerprint,
          actual_fingerprint: 'image:sha-1',
          reason: 'moved',
        },
      });
    assert.equal(job.environment, null);
  });

  test('that is not the digest of the environment beside it is no match', () => {
    const forged: EnvironmentClaim = { fingerprint: 'image:sha-1', ...environmentOf(HOME) };
    assert.notEqual(given(submit(), pause).when(resume(forged)).refusal, undefined);
  });

  test('the same rules and values are the same fingerprint, in whatever order they were gathered', () => {
    const values = { runtime: 'node20', os: 'linux', arch: 'x64' };
    const again = claimOf({ rules: ['arch', 'os', 'runtime'], values });
    given(submit(), pause).when(resume(again)).recorded(resumed('resume'));
  });
});

function environmentOf({ environment }: EnvironmentClaim): Pick<EnvironmentClaim, 'environment'> {
  return environment === undefined ? {} : { environment };
}
