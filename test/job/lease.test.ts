import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobCommand } from '../../src/job/command.ts';
import type { Lease } from '../../src/job/state.ts';
import {
  approve,
  ask,
  at,
  cancel,
  checkpoint,
  claim,
  decideAt,
  type Given,
  GRACE,
  given,
  jobAfter,
  MINUTE,
  pause,
  release,
  renew,
  stop,
  submit,
  under,
} from '../support/given.ts';
import { CLAIMED, EXPIRES, LEASED, TTL } from '../support/leases.ts';

const DAY = 24 * 60 * MINUTE;

function leaseAfter(...commands: readonly Given[]): Lease | null | undefined {
  return jobAfter(...commands)?.lease;
}

describe('claim', () => {
  test('of a running job that nobody holds', () => {
    const job = given(submit())
      .when(claim('w1'), { actor: 'w1' })
      .recorded({
        type: 'lease_acquired',
        reason_code: 'lease_acquired',
        payload: { worker_id: 'w1', token: 2, ttl_ms: TTL, expires_at: '2026-02-14T00:01:30Z' },
      });
    assert.deepEqual(job.lease, {
      worker_id: 'w1',
      token: 2,
      acquired_at: '2026-02-14T00:01:00Z',
      renewed_at: '2026-02-14T00:01:00Z',
      expires_at: '2026-02-14T00:01:30Z',
      renewed_revision: 2,
    });
    assert.deepEqual([job.status, job.stop_reason, job.status_reason_code], ['running', 'none', 'submitted']);
    assert.deepEqual(job.usage, { attempts: 1, steps: 0, started_at: '2026-02-14T00:01:00Z' });
  });

  const NOT_CLAIMABLE: Readonly<Record<string, readonly Given[]>> = {
    paused: [submit(), pause],
    decision_needed: [submit(), ask()],
    'decision_needed with all approved': [submit(), ask(), approve()],
    blocked: [submit(), checkpoint('blocked')],
    completed: [submit(), checkpoint('completed')],
    cancelled: [submit(), cancel],
    emergency_stopped: [submit(), stop],
    'paused under an expired lease': [...CLAIMED, pause],
  };
  for (const [status, commands] of Object.entries(NOT_CLAIMABLE)) {
    test(`of a job that is ${status} is refused`, () => {
      const { details } = given(...commands)
        .when(claim('w2'))
        .refused('transition_not_allowed');
      assert.deepEqual(details['allowed_from'], ['running']);
    });
  }

  test('of a job that does not exist is refused', () => {
    given().when(claim()).refused('job_not_found');
  });

  for (const ms of [MINUTE, EXPIRES - 1, EXPIRES, EXPIRES + GRACE - 1]) {
    test(`${ms - EXPIRES} ms after the lease expired is refused, and says who has it`, () => {
      const refusal = given(...CLAIMED)
        .when(claim('w2'), at(ms))
        .refused('lease_held', 'state_contention');
      assert.equal(refusal.retryable, true);
      assert.deepEqual(refusal.details, {
        job_id: 'job_1',
        worker_id: 'w1',
        token: 2,
        expires_at: '2026-02-14T00:01:30Z',
      });
    });
  }

  test('is refused to the holder as well: two processes may have one name', () => {
    given(...CLAIMED)
      .when(claim('w1'), at(EXPIRES))
      .refused('lease_held', 'state_contention');
  });

  for (const ms of [EXPIRES + GRACE, EXPIRES + DAY]) {
    test(`${ms - EXPIRES} ms after the lease expired takes it over, and names whose it was`, () => {
      const job = given(...CLAIMED)
        .when(claim('w2', 1000), at(ms))
        .recorded({
          type: 'lease_acquired',
          reason_code: 'lease_taken_over',
          payload: {
            worker_id: 'w2',
            token: 3,
            ttl_ms: 1000,
            expires_at: at(ms + 1000).now,
            taken_over: { worker_id: 'w1', token: 2 },
          },
        });
      assert.deepEqual([job.lease?.worker_id, job.lease?.token, job.usage.attempts], ['w2', 3, 2]);
    });
  }

  test('respects no lease for less than its time, whatever grace is asked for', () => {
    for (const grace of [0, -1, -DAY, Number.NaN, Number.NEGATIVE_INFINITY]) {
      given(...CLAIMED)
        .when(claim('w2', TTL, grace), at(EXPIRES - 1))
        .refused('lease_held', 'state_contention');
    }
    const { event } = given(...CLAIMED).when(claim('w2', TTL, 0), at(EXPIRES));
    assert.equal(event.reason_code, 'lease_taken_over');
  });

  test('makes a new token each time, also for the same worker', () => {
    const again: readonly Given[] = [...CLAIMED, release(2), claim('w1'), claim('w1')];
    assert.deepEqual(
      [2, 4, 5].map((events) => leaseAfter(...again.slice(0, events))?.token),
      [2, 4, 5],
    );
    assert.equal(leaseAfter(...again.slice(0, 3)), null);
  });

  for (const ttl of [1000, DAY]) {
    test(`a lease may last ${ttl} ms`, () => {
      assert.equal(given(submit()).when(claim('w1', ttl)).event.payload['ttl_ms'], ttl);
      const { event } = given(...CLAIMED).when(renew(2, ttl));
      assert.equal(event.payload['expires_at'], at(2 * MINUTE + ttl).now);
    });
  }

  for (const ttl of [999, DAY + 1, 0, -1, 1500.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    test(`a lease may not last ${ttl} ms`, () => {
      given(submit()).when(claim('w1', ttl)).refused('ttl_invalid');
      given(...CLAIMED)
        .when(renew(2, ttl))
        .refused('ttl_invalid');
    });
  }

  test('a worker has a name of 1 to 256 characters', () => {
    for (const name of ['', ' ', 'w'.repeat(257), 'w\ud83d']) {
      given(submit()).when(claim(name), { actor: 'w' }).refused('worker_invalid');
    }
    const name = '\u{1f600}'.repeat(256);
    assert.equal(given(submit()).when(claim(name), { actor: 'w' }).event.payload['worker_id'], name);
  });
});

describe('renew and release', () => {
  for (const [status, commands] of Object.entries(LEASED)) {
    test(`a job that is ${status} stays so, and its lease lasts longer`, () => {
      const { job, when } = given(...commands);
      const now = at(10 * MINUTE);
      const expires_at = at(10 * MINUTE + TTL).now;
      const renewed = when(renew(2), now).recorded({
        type: 'lease_renewed',
        reason_code: 'lease_renewed',
        payload: { token: 2, expires_at },
      });
      const { revision, updated_at, lease, ...rest } = renewed;
      assert.ok(job !== undefined && job.lease !== null && lease !== null);
      assert.deepEqual(lease, { ...job.lease, renewed_at: now.now, expires_at, renewed_revision: revision });
      assert.deepEqual({ ...job, ...rest }, job, 'nothing else changed');
      assert.deepEqual([revision, updated_at], [job.revision + 1, now.now]);
    });

    test(`a job that is ${status} stays so when the lease is given back`, () => {
      const { job, when } = given(...commands);
      const after = when(release(2, 'interrupted'), { reason: 'told to stop' }).recorded({
        type: 'lease_released',
        reason_code: 'lease_released',
        payload: { token: 2, outcome: 'interrupted', reason: 'told to stop' },
      });
      assert.deepEqual([after.status, after.lease], [job?.status, null]);
      assert.deepEqual(after.usage, job?.usage);
    });
  }

  test('a release says how the process ended', () => {
    const { event } = given(...CLAIMED).when({
      ...{ kind: 'release', token: 2, outcome: 'failed' },
      ...{ exitCode: 137, signal: 'SIGKILL' },
    } as JobCommand);
    assert.deepEqual(event.payload, { token: 2, outcome: 'failed', exit_code: 137, signal: 'SIGKILL' });
  });

  test('the lease is the holder’s after it has expired too, until it is taken over', () => {
    const late = at(EXPIRES + DAY);
    assert.equal(given(...CLAIMED).when(renew(2), late).event.type, 'lease_renewed');
    assert.equal(
      given(...CLAIMED).when(under(2, checkpoint('progress')), late).event.type,
      'checkpoint_added',
    );
    given(...CLAIMED, [renew(2), late])
      .when(claim('w2'), late)
      .refused('lease_held', 'state_contention');
  });

  test('what was given back can be claimed by another at once', () => {
    const job = given(...CLAIMED, [release(2), at(MINUTE)])
      .when(claim('w2'), at(MINUTE))
      .recorded({
        type: 'lease_acquired',
        reason_code: 'lease_acquired',
        payload: { worker_id: 'w2', token: 4, ttl_ms: TTL, expires_at: at(MINUTE + TTL).now },
      });
    assert.equal(job.lease?.token, 4);
  });
});

describe('a clock that goes back', () => {
  test('gives a lease the time that it was acquired at, and tokens still grow', () => {
    const { job, when } = given(...CLAIMED, [release(2), at(-DAY)], [claim('w2'), at(-DAY)]);
    assert.deepEqual([job?.lease?.token, job?.lease?.expires_at], [4, at(TTL - DAY).now]);
    assert.equal(when(claim('w3'), at(MINUTE)).event.reason_code, 'lease_taken_over');
  });

  test('between two claims takes nothing over', () => {
    given(...CLAIMED)
      .when(claim('w2'), at(-DAY))
      .refused('lease_held', 'state_contention');
  });

  test('lets a renewal end earlier than the lease did: whoever takes over kills its token', () => {
    const renewed = given(...CLAIMED, [renew(2), at(0)]);
    assert.equal(renewed.job?.lease?.expires_at, at(TTL).now);
    const taken = jobAfter(...CLAIMED, [renew(2), at(0)], [claim('w2'), at(TTL + GRACE)]);
    assert.equal(taken?.lease?.token, 4);
    assert.equal(decideAt(taken, renew(2)).refusal?.code, 'lease_lost');
  });
});
