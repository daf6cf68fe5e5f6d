import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canonicalize, parseCanonical } from '../../src/core/canonical.ts';
import type { GaitError } from '../../src/core/errors.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { epochMs } from '../../src/core/time.ts';
import type { JobCommand } from '../../src/job/command.ts';
import type { Budget, JobEvent } from '../../src/job/events.ts';
import { type Job, jobFromSnapshot, jobToSnapshot } from '../../src/job/state.ts';
import { seal } from '../../src/log/record.ts';
import {
  approve,
  ask,
  at,
  cancel,
  checkpoint,
  claim,
  decideAt,
  folded,
  JOB_ID,
  MINUTE,
  pause,
  release,
  renew,
  resume,
  stop,
  submitWith,
  under,
} from '../support/given.ts';
import fc from '../support/property.ts';

const RUNS = { numRuns: 300 };
const WRITES = ['checkpoint', 'renew', 'release'];
const FINAL = ['completed', 'cancelled', 'emergency_stopped'];

/** What is said of a token: none, the live one, the one before it, the one that would come next, or some number. */
type Guess = 'none' | 'live' | 'before' | 'next' | number;

interface Step {
  /** What a worker writes gets the token that the guess makes. */
  readonly command: JobCommand;
  readonly guess: Guess;
  readonly actor: string;
  /** How much later than the step before; the clock may go back. Milliseconds. */
  readonly later: number;
}

const ttl = fc.constantFrom(1000, 5000, MINUTE, 10 * MINUTE);
const byWorkers = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constantFrom('w1', 'w2', 'w3'), ttl).map(([name, ms]) => claim(name, ms)),
  },
  { weight: 4, arbitrary: ttl.map((ms) => renew(0, ms)) },
  { weight: 2, arbitrary: fc.constant(release(0)) },
  {
    weight: 6,
    arbitrary: fc.constantFrom(checkpoint('progress'), checkpoint('plan'), checkpoint('blocked'), ask()),
  },
);
const byOperators = fc.constantFrom(pause, resume(), resume(), approve(), approve());
const ending = fc.constantFrom(cancel, stop, checkpoint('completed'));
const step: fc.Arbitrary<Step> = fc.record({
  command: fc.oneof(
    { weight: 12, arbitrary: byWorkers },
    { weight: 5, arbitrary: byOperators },
    { weight: 1, arbitrary: ending },
  ),
  guess: fc.oneof(
    { weight: 6, arbitrary: fc.constant<Guess>('live') },
    { weight: 2, arbitrary: fc.constantFrom<Guess>('none', 'before', 'next') },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 12 }) },
  ),
  actor: fc.constantFrom('w1', 'w2', 'alice'),
  later: fc.constantFrom(0, 1, 900, 4000, MINUTE, MINUTE + 2000, 11 * MINUTE, -MINUTE, -30 * MINUTE),
});
const limits = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
const budget: fc.Arbitrary<Budget> = fc
  .record(
    { max_wall_ms: limits(40 * MINUTE), max_steps: limits(6), max_attempts: limits(5) },
    { requiredKeys: [], noNullPrototype: true },
  )
  .map((all) => (Object.keys(all).length === 0 ? { max_steps: 1000 } : all));
const story = fc.tuple(budget, fc.array(step, { maxLength: 40, size: 'max' }));

interface Turn {
  readonly before: Job;
  readonly command: JobCommand;
  readonly events: readonly JsonObject[];
  readonly refusal: GaitError | undefined;
  readonly after: Job;
}

function guessed(job: Job, guess: Guess): number | undefined {
  const live = job?.lease?.token;
  if (guess === 'none') return undefined;
  if (guess === 'live') return live;
  if (guess === 'before') return Math.max(1, (live ?? 2) - 1);
  return guess === 'next' ? (job?.revision ?? 0) + 1 : guess;
}

function commandOf(job: Job, { command, guess }: Step): JobCommand {
  if (!WRITES.includes(command.kind)) return command;
  const token = guessed(job, guess);
  if (token !== undefined) return under(token, command);
  return command.kind === 'checkpoint' ? command : under(0, command);
}

/** What comes of each step. An event that decide makes and evolve refuses ends the run with an exception. */
function run([limit, steps]: readonly [Budget, readonly Step[]]): Turn[] {
  let now = 0;
  let before: Job = folded(undefined, decideAt(undefined, submitWith(limit), at(now)).events);
  return steps.map((wanted) => {
    const { actor, later } = wanted;
    now += later;
    const command = commandOf(before, wanted);
    const { events, refusal } = decideAt(before, command, { actor, ...at(now) });
    assert.ok(events.length > 0 || refusal !== undefined, 'neither an event nor a refusal');
    const turn = { before, command, events, refusal, after: folded(before, events) };
    before = turn.after;
    return turn;
  });
}

function whatever(check: (turns: readonly Turn[]) => void): void {
  fc.assert(
    fc.property(story, (made) => check(run(made))),
    RUNS,
  );
}

function eventsOf(turns: readonly Turn[]): JobEvent[] {
  return turns.flatMap(({ events }) => events as unknown as JobEvent[]);
}

/** What is counted of the events since the last resume. */
function counted(events: readonly JobEvent[]): { attempts: number; steps: number } {
  const since = events.slice(events.findLastIndex(({ type }) => type === 'resumed') + 1);
  const steps = since.filter(
    (event) => event.type === 'checkpoint_added' && event.payload.checkpoint_type === 'progress',
  );
  return { attempts: since.filter(({ type }) => type === 'lease_acquired').length, steps: steps.length };
}

describe('whatever workers and operators do, whenever', () => {
  test('tokens strictly grow, and each is the revision of its event', () => {
    whatever((turns) => {
      let last = 0;
      for (const event of eventsOf(turns)) {
        if (event.type !== 'lease_acquired') continue;
        assert.equal(event.payload.token, event.revision);
        assert.ok(event.payload.token > last);
        last = event.payload.token;
      }
    });
  });

  test('there is one lease at most, the one that was acquired last and not given back', () => {
    whatever((turns) => {
      let holder: number | undefined;
      for (const { events, after } of turns) {
        for (const event of events as unknown as JobEvent[]) {
          if (event.type === 'lease_acquired') {
            assert.equal(event.payload.taken_over?.token, holder, 'it names whom it replaces');
            holder = event.payload.token;
          }
          if (event.type === 'lease_released') holder = undefined;
        }
        if (FINAL.includes(after?.status ?? '')) holder = undefined;
        assert.equal(after?.lease?.token, holder);
      }
    });
  });

  test('nobody takes over what has not expired', () => {
    whatever((turns) => {
      for (const { before, events } of turns) {
        for (const event of events as unknown as JobEvent[]) {
          if (event.type !== 'lease_acquired' || before?.lease == null) continue;
          assert.ok(epochMs(event.created_at) >= epochMs(before.lease.expires_at) + 2000);
        }
      }
    });
  });

  test('whoever wrote as a worker held the live token', () => {
    whatever((turns) => {
      for (const { before, events } of turns) {
        for (const event of events as unknown as JobEvent[]) {
          const writes = ['checkpoint_added', 'lease_renewed', 'lease_released'].includes(event.type);
          if (!writes) continue;
          const { token } = event.payload as { token?: number };
          assert.equal(token, before?.lease?.token);
        }
      }
    });
  });

  test('whoever did not was refused with lease_lost, and wrote nothing', () => {
    whatever((turns) => {
      for (const { before, command, events, refusal } of turns) {
        const { token } = command as { token?: number };
        if (!WRITES.includes(command.kind) || token === before?.lease?.token) continue;
        assert.deepEqual(events, []);
        // A checkpoint that the status does not allow is refused for that, whoever writes it.
        const codes =
          command.kind === 'checkpoint' ? ['lease_lost', 'transition_not_allowed'] : ['lease_lost'];
        assert.ok(codes.includes(refusal?.code ?? ''), refusal?.code);
      }
    });
  });

  test('what is used of a budget is what is in the log, and never more than there is', () => {
    whatever((turns) => {
      for (const [index, { after }] of turns.entries()) {
        const { attempts, steps } = counted(eventsOf(turns.slice(0, index + 1)));
        assert.deepEqual([after?.usage.attempts, after?.usage.steps], [attempts, steps]);
        assert.ok(attempts <= (after?.budget?.max_attempts ?? attempts));
      }
    });
  });

  test('a budget that is used up blocks a running job, with a reason of its own', () => {
    whatever((turns) => {
      for (const { before, events, refusal, after } of turns) {
        const [event] = events as unknown as JobEvent[];
        const already = before?.stop_reason === 'budget_steps_exceeded';
        const said = refusal?.code === 'budget_exceeded';
        assert.equal(event?.type === 'budget_exceeded', said && (!already || event !== undefined));
        if (event?.type !== 'budget_exceeded') continue;
        const { budget: name, limit, used } = event.payload;
        assert.ok(used >= limit);
        assert.deepEqual([after?.status, after?.stop_reason], ['blocked', `budget_${name}_exceeded`]);
        assert.deepEqual(after?.lease, before?.lease);
      }
    });
  });

  test('final is final', () => {
    whatever((turns) => {
      for (const { before, after } of turns) {
        if (FINAL.includes(before?.status ?? '')) assert.equal(after, before);
        if (FINAL.includes(after?.status ?? '')) assert.equal(after?.lease, null);
      }
    });
  });
});

describe('the log of whatever workers and operators did', () => {
  test('can be sealed as one chain, and folds to the same job', () => {
    fc.assert(
      fc.property(story, (made) => {
        const submitted = decideAt(undefined, submitWith(made[0]), at(0)).events;
        const turns = run(made);
        const { records } = seal(JOB_ID, 'job_id', 'none', [
          ...submitted,
          ...turns.flatMap(({ events }) => events),
        ]);
        const stored = records.map(({ text }) => parseCanonical(Buffer.from(text)) as JsonObject);
        const last = turns.at(-1)?.after ?? folded(undefined, submitted);
        assert.equal(canonicalize(folded(undefined, stored)), canonicalize(last));
      }),
      RUNS,
    );
  });

  test('is the same from any snapshot on', () => {
    whatever((turns) => {
      for (const [index, { after }] of turns.entries()) {
        if (index % 5 !== 0) continue;
        const kept = parseCanonical(Buffer.from(canonicalize(jobToSnapshot(after)))) as JsonObject;
        const restored = jobFromSnapshot(kept, JOB_ID, after?.revision ?? 0);
        assert.deepEqual(restored, after);
        const rest = turns.slice(index + 1).flatMap(({ events }) => events);
        assert.deepEqual(folded(restored, rest), turns.at(-1)?.after);
      }
    });
  });
});
