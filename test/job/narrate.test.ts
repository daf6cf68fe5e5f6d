import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobEvent } from '../../src/job/events.ts';
import { describeEvents } from '../../src/job/read/describe.ts';
import {
  checkpoint,
  claim,
  decideAt,
  folded,
  type Given,
  pause,
  release,
  renew,
  submitWith,
  under,
} from '../support/given.ts';

function eventsOf(...commands: readonly Given[]): JobEvent[] {
  const events: JobEvent[] = [];
  commands.reduce<Parameters<typeof decideAt>[0]>((job, step) => {
    const [command, author] = 'kind' in step ? [step, {}] : step;
    const decided = decideAt(job, command, author).events;
    events.push(...(decided as unknown as JobEvent[]));
    return folded(job, decided);
  }, undefined);
  return events;
}

function told(...commands: readonly Given[]): string[] {
  return describeEvents(eventsOf(...commands)).map(({ event, text }) => `${event.revision} ${text}`);
}

const SUBMITTED = submitWith({ max_steps: 1 });

describe('narrate', () => {
  test('tells a run of renewals by its last one, and how many there were', () => {
    assert.deepEqual(told(SUBMITTED, claim(), renew(2), renew(2), renew(2), pause).slice(1), [
      '2 claimed by w1, token 2, until 2026-02-14T00:01:30Z',
      '5 lease 2 renewed until 2026-02-14T00:04:30Z, 3 times by now',
      '6 paused',
    ]);
  });

  test('tells runs apart that something came between', () => {
    const story = told(SUBMITTED, claim(), renew(2), pause, renew(2), renew(2), release(2));
    assert.deepEqual(story.slice(2), [
      '3 lease 2 renewed until 2026-02-14T00:02:30Z',
      '4 paused',
      '6 lease 2 renewed until 2026-02-14T00:05:30Z, 2 times by now',
      '7 lease 2 released: given up',
    ]);
  });

  test('tells the last run though nothing follows, and nothing of nothing', () => {
    assert.equal(
      told(SUBMITTED, claim(), renew(2), renew(2)).at(-1),
      '4 lease 2 renewed until 2026-02-14T00:03:30Z, 2 times by now',
    );
    assert.deepEqual(describeEvents([]), []);
  });

  test('tells how a lease ended, and whose it was', () => {
    const ended = { ...release(4, 'failed'), exitCode: 2, signal: 'SIGTERM' } as Given;
    const story = told(SUBMITTED, claim('w1'), claim('w2'), [claim('w3'), {}], [
      ended,
      { reason: 'why' },
    ] as Given);
    assert.deepEqual(story.slice(2), [
      '3 claimed by w2, token 3, until 2026-02-14T00:02:30Z, taken over from w1 (token 2)',
      '4 claimed by w3, token 4, until 2026-02-14T00:03:30Z, taken over from w2 (token 3)',
      '5 lease 4 released: failed, exit 2, SIGTERM: why',
    ]);
  });

  test('tells which budget was used up', () => {
    const step = under(2, checkpoint('progress'));
    assert.equal(told(SUBMITTED, claim(), step, step).at(-1), '4 budget of steps exceeded: 1 of 1');
  });
});
