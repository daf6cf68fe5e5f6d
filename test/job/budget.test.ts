import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobCommand } from '../../src/job/command.ts';
import type { Budget, JobTask } from '../../src/job/events.ts';
import {
  approve,
  ask,
  at,
  checkpoint,
  claim,
  type ExpectedEvent,
  type Given,
  given,
  HOME,
  jobAfter,
  MINUTE,
  pause,
  release,
  renew,
  resume,
  submit,
  submitWith,
  under,
} from '../support/given.ts';

const step = checkpoint('progress');

function exceeded(budget: string, limit: number, used: number): ExpectedEvent {
  const reason_code = `budget_${budget}_exceeded`;
  return { type: 'budget_exceeded', reason_code, payload: { budget, limit, used } };
}

/** The command is refused, and the job blocked for it. */
function assertBlocks(
  commands: readonly Given[],
  [command, now]: readonly [JobCommand, { now?: string }],
  event: ExpectedEvent,
): void {
  const outcome = given(...commands).when(command, now);
  const job = outcome.recordedAndRefused(event, 'budget_exceeded', 'policy_blocked');
  const { reason_code } = event;
  assert.deepEqual(
    [job.status, job.stop_reason, job.status_reason_code],
    ['blocked', reason_code, reason_code],
  );
  assert.deepEqual(outcome.refusal?.details, { job_id: 'job_1', ...event.payload });
  assert.equal(outcome.refusal?.retryable, false);
}

describe('a budget of steps', () => {
  const three: readonly Given[] = [submitWith({ max_steps: 3 }), step, step, step];

  test('is the number of progress checkpoints there may be', () => {
    assert.equal(jobAfter(...three)?.status, 'running');
    assertBlocks(three, [step, {}], exceeded('steps', 3, 3));
  });

  test('blocks the checkpoint of a lease, which stays the holder’s', () => {
    const leased: readonly Given[] = [submitWith({ max_steps: 1 }), claim(), under(2, step)];
    assertBlocks(leased, [under(2, step), {}], exceeded('steps', 1, 1));
    const { job, when } = given(...leased, under(2, step));
    assert.equal(job?.lease?.token, 2);
    assert.equal(when(release(2, 'failed')).event.type, 'lease_released');
  });

  test('is not used by a stale writer', () => {
    given(submitWith({ max_steps: 1 }), claim(), under(2, step))
      .when(under(1, step))
      .refused('lease_lost', 'state_contention');
  });

  test('counts no other checkpoints', () => {
    const others = [checkpoint('plan'), ask(), approve(), resume()];
    assert.equal(jobAfter(submitWith({ max_steps: 1 }), ...others)?.usage.steps, 0);
    assert.equal(given(...three).when(checkpoint('plan')).refusal, undefined);
    assert.equal(given(...three).when(checkpoint('completed')).refusal, undefined);
  });

  test('blocks a job that waits for a decision too', () => {
    assertBlocks([...three, ask()], [step, {}], exceeded('steps', 3, 3));
  });

  for (const [status, stopped] of [
    ['paused', pause],
    ['blocked', checkpoint('blocked')],
  ] as const) {
    test(`leaves a job as it is that is ${status} already: its notes are taken`, () => {
      const { event, refusal } = given(...three, stopped).when(step);
      assert.deepEqual([event.type, refusal], ['checkpoint_added', undefined]);
    });
  }

  test('starts anew with a resume', () => {
    const resumed: readonly Given[] = [...three, step, resume()];
    assert.deepEqual(jobAfter(...resumed)?.usage, { attempts: 0, steps: 0, started_at: null });
    assert.equal(jobAfter(...resumed, step, step, step)?.usage.steps, 3);
    assertBlocks([...resumed, step, step, step], [step, {}], exceeded('steps', 3, 3));
  });
});

describe('a budget of attempts', () => {
  const twice: readonly Given[] = [submitWith({ max_attempts: 2 }), claim(), release(2), claim()];

  test('is the number of claims there may be, however each of them ended', () => {
    assert.equal(jobAfter(...twice)?.usage.attempts, 2);
    assertBlocks([...twice, release(4)], [claim(), {}], exceeded('attempts', 2, 2));
    assertBlocks(twice, [claim('w2'), {}], exceeded('attempts', 2, 2));
  });

  test('is not used by a claim that is refused', () => {
    given(...twice)
      .when(claim('w2'), at(3 * MINUTE))
      .refused('lease_held', 'state_contention');
    given(...twice, pause)
      .when(claim('w2'))
      .refused('transition_not_allowed');
  });

  test('is not used by renewals', () => {
    assert.equal(jobAfter(...twice, renew(4), renew(4))?.usage.attempts, 2);
  });

  test('starts anew with a resume', () => {
    const resumed = jobAfter(...twice, claim('w2'), resume());
    assert.deepEqual([resumed?.status, resumed?.usage.attempts], ['running', 0]);
    const again: readonly Given[] = [...twice, release(4), claim(), resume(), claim(), release(8), claim()];
    assert.equal(jobAfter(...again)?.usage.attempts, 2);
    assertBlocks([...again, release(10)], [claim(), {}], exceeded('attempts', 2, 2));
  });
});

describe('a budget of time', () => {
  const wall = 5 * MINUTE;
  /** Claimed at the first minute, so it has until the sixth. */
  const started: readonly Given[] = [submitWith({ max_wall_ms: wall }), claim('w1', 10 * MINUTE)];
  const end = MINUTE + wall;
  const WRITES: Readonly<Record<string, JobCommand>> = {
    'a renewal': renew(2),
    'a progress checkpoint': under(2, step),
  };

  for (const [name, command] of Object.entries(WRITES)) {
    test(`lets ${name} pass until it is used up, and from then on blocks`, () => {
      assert.equal(given(...started).when(command, at(end - 1)).refusal, undefined);
      assertBlocks(started, [command, at(end)], exceeded('wall', wall, wall));
      assertBlocks(started, [command, at(end + 1)], exceeded('wall', wall, wall + 1));
    });
  }

  test('blocks a claim', () => {
    const back: readonly Given[] = [...started, release(2)];
    assert.equal(given(...back).when(claim('w2'), at(end - 1)).event.type, 'lease_acquired');
    assertBlocks(back, [claim('w2'), at(end)], exceeded('wall', wall, wall));
  });

  test('does not run before the first claim', () => {
    const { event } = given(submitWith({ max_wall_ms: wall })).when(claim(), at(100 * wall));
    assert.equal(event.type, 'lease_acquired');
    const steps = given(submitWith({ max_wall_ms: wall })).when(step, at(100 * wall));
    assert.equal(steps.refusal, undefined);
  });

  test('goes on while nobody holds the lease', () => {
    const job = jobAfter(...started, release(2), claim('w2'));
    assert.equal(job?.usage.started_at, at(MINUTE).now);
  });

  test('lets a job end, ask or be blocked all the same', () => {
    for (const command of [checkpoint('completed'), checkpoint('blocked'), checkpoint('plan'), ask()]) {
      assert.equal(given(...started).when(under(2, command), at(2 * end)).refusal, undefined);
    }
    assert.equal(given(...started).when(release(2), at(2 * end)).refusal, undefined);
  });

  test('blocks a job that waits for a decision, but not one that a person paused or that is blocked', () => {
    assertBlocks([...started, under(2, ask())], [renew(2), at(end)], exceeded('wall', wall, wall));
    for (const stopped of [pause, under(2, checkpoint('blocked'))]) {
      const { event } = given(...started, stopped).when(renew(2), at(2 * end));
      assert.equal(event.type, 'lease_renewed');
    }
  });

  test('starts anew with the first claim after a resume', () => {
    const resumed: readonly Given[] = [...started, release(2), pause, [resume(), at(2 * end)]];
    assert.equal(jobAfter(...resumed)?.usage.started_at, null);
    assert.equal(jobAfter(...resumed, [claim(), at(3 * end)])?.usage.started_at, at(3 * end).now);
  });

  test('starts anew with the resume itself, where the lease is still held', () => {
    const resumed: readonly Given[] = [...started, pause, [resume(), at(2 * end)]];
    assert.deepEqual(jobAfter(...resumed)?.usage, { attempts: 0, steps: 0, started_at: at(2 * end).now });
    assert.equal(given(...resumed).when(renew(2), at(2 * end + wall - 1)).refusal, undefined);
    assertBlocks(resumed, [renew(2), at(2 * end + wall)], exceeded('wall', wall, wall));
  });

  test('is not used by a clock that goes back', () => {
    assert.equal(given(...started).when(renew(2), at(-end)).event.type, 'lease_renewed');
    const renewed: readonly Given[] = [...started, [renew(2), at(-end)]];
    assertBlocks(renewed, [renew(2), at(end)], exceeded('wall', wall, wall));
  });
});

describe('several budgets', () => {
  const all = submitWith({ max_wall_ms: 2 * MINUTE, max_steps: 1, max_attempts: 1 });

  test('the one of the command is named before the time', () => {
    assertBlocks([all, claim(), under(2, step)], [under(2, step), {}], exceeded('steps', 1, 1));
    assertBlocks([all, claim(), release(2)], [claim(), at(9 * MINUTE)], exceeded('attempts', 1, 1));
  });

  test('the time is named where the others are not used up', () => {
    assertBlocks([all, claim()], [under(2, step), at(3 * MINUTE)], exceeded('wall', 2 * MINUTE, 2 * MINUTE));
  });
});

describe('what is submitted with a job', () => {
  const task: JobTask = { argv: ['make', 'all'], cwd: '/srv', pass_env: ['MODEL'] };

  function submitting(budget: unknown, command: unknown = task): JobCommand {
    return {
      ...{ kind: 'submit', claim: HOME, producerVersion: '0.1.0' },
      ...{ budget: budget as Budget, task: command as JobTask },
    } as JobCommand;
  }

  test('is kept: the command, and what it may use', () => {
    const budget = { max_wall_ms: 1, max_steps: 1, max_attempts: 1 };
    const job = given()
      .when(submitting(budget))
      .recorded({
        type: 'submitted',
        reason_code: 'submitted',
        payload: {
          environment_fingerprint: HOME.fingerprint,
          environment: HOME.environment,
          producer_version: '0.1.0',
          command: task,
          budget,
        },
      });
    assert.deepEqual([job.command, job.budget], [task, budget]);
  });

  test('is nothing of both, where nothing was said', () => {
    const job = jobAfter(submit());
    assert.deepEqual([job?.command, job?.budget], [null, null]);
  });

  for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '3']) {
    test(`a budget of ${limit} is the caller’s mistake`, () => {
      for (const name of ['max_wall_ms', 'max_steps', 'max_attempts']) {
        given()
          .when(submitting({ [name]: limit }))
          .refused('budget_invalid');
      }
    });
  }

  test('a budget that limits nothing is the caller’s mistake', () => {
    given().when(submitting({})).refused('budget_invalid');
    given()
      .when(submitting({ max_wal_ms: 5 }))
      .refused('budget_invalid');
  });

  const BAD_TASKS: Readonly<Record<string, Partial<JobTask>>> = {
    'no words': { argv: [] },
    'an empty first word': { argv: ['', 'all'] },
    'a word with a NUL': { argv: ['make', 'a\0b'] },
    'a word with a lone surrogate': { argv: ['make', 'a\ud83d'] },
    'more words than an event may carry': { argv: Array.from({ length: 4097 }, () => 'x') },
    'a folder that is not absolute': { cwd: 'srv' },
    'a folder with a NUL': { cwd: '/s\0' },
    'a folder of 5,000 characters': { cwd: `/${'s'.repeat(5000)}` },
    'a variable with no name': { pass_env: [''] },
    'a variable with a value': { pass_env: ['A=b'] },
    'a variable of 300 characters': { pass_env: ['A'.repeat(300)] },
    'more variables than an event may carry': { pass_env: Array.from({ length: 257 }, (_, i) => `A${i}`) },
  };
  for (const [name, fault] of Object.entries(BAD_TASKS)) {
    test(`a command with ${name} is the caller’s mistake`, () => {
      given()
        .when(submitting({ max_steps: 1 }, { ...task, ...fault }))
        .refused('command_invalid');
    });
  }
});
