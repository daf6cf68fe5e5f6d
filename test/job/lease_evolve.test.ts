import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import type { JobCommand } from '../../src/job/command.ts';
import { evolveStored } from '../../src/job/evolve.ts';
import type { Job } from '../../src/job/state.ts';
import {
  approve,
  ask,
  at,
  cancel,
  checkpoint,
  claim,
  decideAt,
  type Given,
  jobAfter,
  MINUTE,
  pause,
  release,
  renew,
  stop,
  submit,
  submitWith,
  under,
} from '../support/given.ts';
import { gaitError } from '../support/refusals.ts';

const WALL = 2.5 * MINUTE;
const BUDGET = { max_wall_ms: WALL, max_steps: 1, max_attempts: 2 };

const FREE = jobAfter(submit());
const HELD = jobAfter(submit(), claim('w1'));
const LIMITED = jobAfter(submitWith(BUDGET), claim('w1'));
const STEPPED = jobAfter(submitWith(BUDGET), claim('w1'), under(2, checkpoint('progress')));
const FINALS: Readonly<Record<string, Job>> = {
  completed: jobAfter(submit(), claim(), under(2, checkpoint('completed'))),
  cancelled: jobAfter(submit(), claim(), cancel),
  emergency_stopped: jobAfter(submit(), claim(), stop),
};

function eventOf(job: Job, command: JobCommand, when: { now?: string } = {}): JsonObject {
  const [event] = decideAt(job, command, when).events;
  assert.ok(event !== undefined);
  return event;
}

const ACQUIRED = eventOf(FREE, claim('w1'));
const TAKEN_OVER = eventOf(HELD, claim('w2'));
const RENEWED = eventOf(HELD, renew(2));
const RELEASED = eventOf(HELD, release(2));
const NOTED = eventOf(HELD, under(2, checkpoint('progress')));
const NOTED_FREELY = eventOf(FREE, checkpoint('progress'));
const OVER_STEPS = eventOf(STEPPED, under(2, checkpoint('progress')));
const OVER_WALL = eventOf(LIMITED, renew(2), at(MINUTE + WALL));
const TWICE: readonly Given[] = [submitWith(BUDGET), claim(), release(2), claim(), release(4)];
const OVER_ATTEMPTS = eventOf(jobAfter(...TWICE), claim());

/** The event with some members of its payload, or of itself, changed; `undefined` takes one out. */
function forged(event: JsonObject, payload: Record<string, unknown>, members: object = {}): JsonObject {
  const own = { ...(event['payload'] as JsonObject), ...payload };
  const kept = Object.entries(own).filter(([, value]) => value !== undefined);
  return { ...event, payload: Object.fromEntries(kept), ...members } as JsonObject;
}

function later(event: JsonObject, revision: number): JsonObject {
  return { ...event, revision };
}

const illegal = gaitError('illegal_event', 'verification_failed');

/** Each of these events cannot follow on the job, though the one that they are made from could. */
function refuses(title: string, job: Job, sound: JsonObject, forgeries: Record<string, JsonObject>): void {
  describe(title, () => {
    test('follows as it was decided', () => {
      const before = structuredClone([job, sound]);
      assert.equal(evolveStored(job, sound).revision, (job?.revision ?? 0) + 1);
      assert.deepEqual([job, sound], before, 'neither the job nor the event was changed');
    });
    for (const [name, event] of Object.entries(forgeries)) {
      test(`${name}: refused`, () => assert.throws(() => evolveStored(job, event), illegal));
    }
  });
}

const UNREAL_TIMES = ['2026-02-30T00:00:00Z', '2026-02-14T24:00:00Z', '2026-02-14T00:01:30.0Z', 'soon'];

refuses('a lease of a free job', FREE, ACQUIRED, {
  'a token before its revision': forged(ACQUIRED, { token: 1 }),
  'a token after its revision': forged(ACQUIRED, { token: 3 }),
  'a token that is no number': forged(ACQUIRED, { token: '2' }),
  'another time than it says': forged(ACQUIRED, { ttl_ms: 30_001 }),
  'an end a millisecond later': forged(ACQUIRED, { expires_at: '2026-02-14T00:01:30.001Z' }),
  'an end in the past': forged(ACQUIRED, { expires_at: '2026-02-13T00:00:00Z' }),
  'a takeover from nobody': forged(ACQUIRED, { taken_over: { worker_id: 'w0', token: 1 } }),
  'the reason code of a takeover': { ...ACQUIRED, reason_code: 'lease_taken_over' },
  'too short a time': forged(ACQUIRED, { ttl_ms: 999, expires_at: '2026-02-14T00:01:00.999Z' }),
  'too long a time': forged(ACQUIRED, { ttl_ms: 86_400_001, expires_at: '2026-02-15T00:01:00.001Z' }),
  'no worker': forged(ACQUIRED, { worker_id: '' }),
  'a member too many': forged(ACQUIRED, { grace_ms: 1 }),
  ...Object.fromEntries(
    UNREAL_TIMES.map((time) => [`the end ${time}`, forged(ACQUIRED, { expires_at: time })]),
  ),
});

refuses('a takeover', HELD, TAKEN_OVER, {
  'one that names nobody': forged(TAKEN_OVER, { taken_over: undefined }),
  'one that names another worker': forged(TAKEN_OVER, { taken_over: { worker_id: 'w9', token: 2 } }),
  'one that names another token': forged(TAKEN_OVER, { taken_over: { worker_id: 'w1', token: 1 } }),
  'the token of the lease before': forged(TAKEN_OVER, { token: 2 }),
  'the reason code of a lease of a free job': { ...TAKEN_OVER, reason_code: 'lease_acquired' },
  'one before the lease expired': forged(
    TAKEN_OVER,
    { expires_at: '2026-02-14T00:01:59.999Z' },
    { created_at: '2026-02-14T00:01:29.999Z' },
  ),
});

refuses('a renewal', HELD, RENEWED, {
  'of a lease that was taken over': forged(RENEWED, { token: 1 }),
  'of a lease that is not there yet': forged(RENEWED, { token: 3 }),
  'for less than a second': forged(RENEWED, { expires_at: '2026-02-14T00:02:00.999Z' }),
  'for more than a day': forged(RENEWED, { expires_at: '2026-02-15T00:02:00.001Z' }),
  'into the past': forged(RENEWED, { expires_at: '2026-02-14T00:01:30Z' }),
  'with another worker': forged(RENEWED, { worker_id: 'w2' }),
  ...Object.fromEntries(UNREAL_TIMES.map((time) => [`until ${time}`, forged(RENEWED, { expires_at: time })])),
});

refuses('a release', HELD, RELEASED, {
  'of another’s lease': forged(RELEASED, { token: 1 }),
  'with an unknown outcome': forged(RELEASED, { outcome: 'lost' }),
  'with an exit code that no process has': forged(RELEASED, { exit_code: 256 }),
  'with no token': forged(RELEASED, { token: undefined }),
});

refuses('a checkpoint under a lease', HELD, NOTED, {
  'without its token': forged(NOTED, { token: undefined }),
  'with an older token': forged(NOTED, { token: 1 }),
  'with a token that was never given': forged(NOTED, { token: 3 }),
});

refuses('a checkpoint of a free job', FREE, NOTED_FREELY, {
  'with a token': forged(NOTED_FREELY, { token: 1 }),
  'with the token it would have if it were a lease': forged(NOTED_FREELY, { token: 2 }),
});

refuses('a budget of steps that is exceeded', STEPPED, OVER_STEPS, {
  'another limit': forged(OVER_STEPS, { limit: 2, used: 2 }),
  'a lower limit': forged(OVER_STEPS, { limit: 0 }),
  'more used than was counted': forged(OVER_STEPS, { used: 2 }),
  'another budget': forged(OVER_STEPS, { budget: 'attempts' }, { reason_code: 'budget_attempts_exceeded' }),
  'an unknown budget': forged(OVER_STEPS, { budget: 'money' }),
});

refuses('a budget of time that is exceeded', LIMITED, OVER_WALL, {
  'too early': { ...OVER_WALL, created_at: at(MINUTE + WALL - 1).now },
  'another time than was used': forged(OVER_WALL, { used: WALL + 1 }),
});

refuses('a budget of attempts that is exceeded', jobAfter(...TWICE), OVER_ATTEMPTS, {
  'a claim beyond it': {
    ...later(ACQUIRED, 6),
    created_at: '2026-02-14T00:02:00Z',
    payload: { worker_id: 'w1', token: 6, ttl_ms: 1000, expires_at: '2026-02-14T00:02:01Z' },
  },
});

describe('evolve refuses', () => {
  test('a budget exceeded that was not, or that the job does not have', () => {
    assert.throws(() => evolveStored(LIMITED, forged(OVER_STEPS, {}, { revision: 3 })), illegal);
    assert.throws(() => evolveStored(LIMITED, forged(OVER_STEPS, { used: 0 }, { revision: 3 })), illegal);
    assert.throws(() => evolveStored(HELD, forged(OVER_STEPS, {}, { revision: 3 })), illegal);
    assert.throws(() => evolveStored(FREE, forged(OVER_WALL, {}, { revision: 2 })), illegal);
    const unclaimed = jobAfter(submitWith(BUDGET));
    assert.throws(() => evolveStored(unclaimed, forged(OVER_WALL, {}, { revision: 2 })), illegal);
  });

  test('a budget exceeded whose reason code is of another', () => {
    for (const [event, other] of [
      [OVER_STEPS, 'budget_wall_exceeded'],
      [OVER_WALL, 'budget_steps_exceeded'],
    ] as const) {
      const job = event === OVER_STEPS ? STEPPED : LIMITED;
      assert.throws(() => evolveStored(job, { ...event, reason_code: other }), illegal);
    }
  });

  test('going on beyond a budget', () => {
    const step = forged(NOTED, { checkpoint_id: 'cp_0002' }, { revision: 4 });
    assert.throws(() => evolveStored(STEPPED, step), illegal);
    const late = at(MINUTE + WALL).now;
    const expires_at = at(2 * MINUTE + WALL).now;
    assert.throws(() => evolveStored(LIMITED, { ...NOTED, created_at: late }), illegal);
    assert.throws(
      () => evolveStored(LIMITED, forged(RENEWED, { expires_at }, { created_at: late })),
      illegal,
    );
  });

  test('a budget exceeded of a job that waits for a person already', () => {
    for (const stopped of [pause, under(2, checkpoint('blocked'))]) {
      const job = jobAfter(submitWith(BUDGET), claim(), under(2, checkpoint('progress')), stopped);
      assert.throws(() => evolveStored(job, later(OVER_STEPS, 5)), illegal);
    }
  });

  test('a claim of a job that is not running', () => {
    for (const more of [[pause], [under(2, ask())], [under(2, ask()), approve()]]) {
      const job = jobAfter(submit(), claim('w1'), ...more);
      const revision = (job?.revision ?? 0) + 1;
      const claimed = forged(TAKEN_OVER, { token: revision }, { revision });
      assert.throws(() => evolveStored(job, claimed), illegal);
    }
  });

  for (const [status, job] of Object.entries(FINALS)) {
    test(`what is of a lease, on a job that is ${status}`, () => {
      const revision = (job?.revision ?? 0) + 1;
      for (const event of [forged(ACQUIRED, { token: revision }), RENEWED, RELEASED, OVER_STEPS]) {
        assert.throws(() => evolveStored(job, later(event, revision)), illegal);
      }
    });
  }

  test('a renewal, a release or a checkpoint with a token where nobody holds a lease', () => {
    const released = jobAfter(submit(), claim('w1'), release(2));
    for (const event of [RENEWED, RELEASED, NOTED]) {
      assert.throws(() => evolveStored(released, later(event, 4)), illegal);
      assert.throws(() => evolveStored(FREE, later(event, 2)), illegal);
    }
  });

  test('limits and commands that no job may have', () => {
    const sound = eventOf(undefined, submitWith(BUDGET));
    assert.equal(evolveStored(undefined, sound).budget?.max_steps, 1);
    for (const budget of [{}, { max_steps: 0 }, { max_steps: 1.5 }, { max_money: 1 }]) {
      assert.throws(() => evolveStored(undefined, forged(sound, { budget })), illegal);
    }
    for (const command of [
      { argv: [], cwd: '/', pass_env: [] },
      { argv: ['x'], cwd: '/' },
    ]) {
      assert.throws(() => evolveStored(undefined, forged(sound, { command })), illegal);
    }
  });
});
