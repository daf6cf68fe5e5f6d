import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobCommand } from '../../src/job/command.ts';
import {
  approve,
  ask,
  at,
  cancel,
  checkpoint,
  claim,
  type Given,
  GRACE,
  given,
  jobAfter,
  pause,
  release,
  renew,
  resume,
  stop,
  submit,
  under,
} from '../support/given.ts';
import { CLAIMED, EXPIRES, LEASED } from '../support/leases.ts';

/** Lost to another worker: the live token is 3. */
const TAKEN_OVER: readonly Given[] = [...CLAIMED, claim('w2')];

describe('a writer that does not hold the lease', () => {
  const SITUATIONS: Readonly<Record<string, readonly [readonly Given[], readonly (number | undefined)[]]>> = {
    'under a lease': [CLAIMED, [undefined, 1, 3, 99]],
    'after a takeover': [TAKEN_OVER, [undefined, 2, 4]],
    'after a release': [
      [...CLAIMED, release(2)],
      [1, 2, 3],
    ],
    'where there never was a lease': [[submit()], [0, 1, 2]],
    'under a lease, paused': [LEASED.paused, [1, 3]],
    'after a takeover by itself': [[...CLAIMED, claim('w1')], [2]],
  };
  const WRITES: Readonly<Record<string, (token: number) => JobCommand>> = {
    renew,
    release,
    'checkpoint progress': (token) => under(token, checkpoint('progress')),
    'checkpoint plan': (token) => under(token, checkpoint('plan')),
  };
  for (const [situation, [commands, tokens]] of Object.entries(SITUATIONS)) {
    for (const token of tokens) {
      test(`${situation}, with the token ${token}, is refused and nothing is written`, () => {
        for (const write of Object.values(WRITES)) {
          // What renews and releases always has a token; only checkpoints are written without one.
          const command = token === undefined ? checkpoint('progress') : write(token);
          const { job, when } = given(...commands);
          const refusal = when(command).refused('lease_lost', 'state_contention');
          assert.equal(refusal.retryable, false);
          assert.deepEqual(refusal.details, {
            job_id: 'job_1',
            token: token ?? null,
            current_token: job?.lease?.token ?? null,
          });
        }
      });
    }
  }

  test('cannot end, ask or block either', () => {
    for (const command of [checkpoint('completed'), checkpoint('blocked'), ask()]) {
      given(...TAKEN_OVER)
        .when(under(2, command))
        .refused('lease_lost', 'state_contention');
      given(...TAKEN_OVER)
        .when(command)
        .refused('lease_lost', 'state_contention');
    }
  });

  test('is told that the job is final, where it is', () => {
    for (const end of [cancel, stop, under(2, checkpoint('completed'))]) {
      const ended = given(...CLAIMED, end);
      ended.when(under(2, checkpoint('progress'))).refused('transition_not_allowed');
      ended.when(renew(2)).refused('lease_lost', 'state_contention');
      ended.when(release(2)).refused('lease_lost', 'state_contention');
    }
  });
});

describe('under a lease', () => {
  test('a checkpoint keeps the token that it was written under', () => {
    const job = given(...CLAIMED)
      .when(under(2, checkpoint('progress', 'half')))
      .recorded({
        type: 'checkpoint_added',
        reason_code: 'checkpoint_progress',
        payload: {
          checkpoint_id: 'cp_0001',
          checkpoint_type: 'progress',
          summary: 'half',
          required_action: '',
          token: 2,
        },
      });
    assert.equal(job.lease?.token, 2);
  });

  const OPERATORS: readonly (readonly [string, readonly Given[], JobCommand])[] = [
    ['pause', CLAIMED, pause],
    ['approve', LEASED['decision_needed, open'], approve()],
    ['resume', LEASED.paused, resume()],
    ['cancel', CLAIMED, cancel],
    ['stop', CLAIMED, stop],
  ];
  for (const [name, commands, command] of OPERATORS) {
    test(`${name} needs no token`, () => {
      const { event, refusal } = given(...commands).when(command, { actor: 'bob' });
      assert.equal(refusal, undefined);
      assert.ok(!('token' in event.payload));
    });
  }

  for (const [name, end] of Object.entries({
    completed: under(2, checkpoint('completed')),
    cancelled: cancel,
    emergency_stopped: stop,
  })) {
    test(`a job that is ${name} is leased to nobody any more`, () => {
      const job = jobAfter(...CLAIMED, end);
      assert.deepEqual([job?.status, job?.lease], [name, null]);
    });
  }

  test('a job that is paused and resumed is still the holder’s', () => {
    const { job, when } = given(...CLAIMED, pause, resume());
    assert.deepEqual([job?.status, job?.lease?.token], ['running', 2]);
    when(claim('w2'), at(EXPIRES)).refused('lease_held', 'state_contention');
    assert.equal(when(under(2, checkpoint('progress'))).event.type, 'checkpoint_added');
    assert.equal(when(claim('w2'), at(EXPIRES + GRACE)).event.reason_code, 'lease_taken_over');
  });

  test('a decision can be asked, approved and resumed, and the work goes on', () => {
    const { job, when } = given(...CLAIMED, under(2, ask()), approve(), resume());
    assert.deepEqual([job?.status, job?.lease?.token], ['running', 2]);
    assert.equal(when(under(2, checkpoint('completed'))).event.type, 'checkpoint_added');
  });
});
