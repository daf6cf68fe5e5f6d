import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobCommand } from '../../src/job/command.ts';
import type { Job } from '../../src/job/state.ts';
import { ANN, BOB, CY, MALLORY, sign, submitFor } from '../support/approvers.ts';
import { approve, ask, at, decideAt, folded, jobAfter, MINUTE, pause, resume } from '../support/given.ts';
import fc from '../support/property.ts';

const KEYS = [ANN, BOB, CY, MALLORY] as const;
const APPROVERS = new Set([ANN.keyId, BOB.keyId, CY.keyId]);

type Turn =
  | { readonly does: 'ask' | 'pause' | 'resume' | 'nod' }
  | { readonly does: 'sign'; readonly key: number; readonly decision: number; readonly minutes: number };

const turn: fc.Arbitrary<Turn> = fc.oneof(
  fc.constantFrom('ask', 'pause', 'resume', 'resume', 'nod').map((does) => ({ does }) as Turn),
  fc.record({
    does: fc.constant('sign' as const),
    key: fc.integer({ min: 0, max: 3 }),
    decision: fc.integer({ min: 1, max: 3 }),
    minutes: fc.integer({ min: 1, max: 8 }),
  }),
);
/** What is done, and so many minutes after what was done before. */
type Step = readonly [does: Turn, minutes: number];
const steps: fc.Arbitrary<Step[]> = fc.array(fc.tuple(turn, fc.integer({ min: 0, max: 3 })), {
  maxLength: 25,
  size: 'max',
});

/** What counts, kept as simply as it can be: for each decision that waits, until when each key has signed. Minutes. */
type Model = Map<string, Map<string, number>>;

function commandOf(job: Job, does: Turn): JobCommand {
  if (does.does === 'sign') {
    const key = KEYS[does.key] ?? ANN;
    return sign(key, job?.revision ?? 0, does.minutes * MINUTE, `cp_000${does.decision}`);
  }
  return { ask: ask(), pause, resume: resume(), nod: approve() }[does.does];
}

/** How many keys count for a decision. */
function counted(signed: ReadonlyMap<string, number> | undefined, now: number): number {
  return [...(signed?.values() ?? [])].filter((until) => now < until).length;
}

/** True if the command should be obeyed: who signs, is an approver whose word is not given, on what waits for one. */
function allowed(model: Model, required: number, does: Turn, now: number): boolean {
  const enough = (signed: ReadonlyMap<string, number> | undefined): boolean =>
    counted(signed, now) >= required;
  if (does.does === 'resume') return [...model.values()].every(enough);
  if (does.does !== 'sign') return does.does !== 'nod';
  const signed = model.get(`cp_000${does.decision}`);
  const keyId = KEYS[does.key]?.keyId ?? '';
  return signed !== undefined && !enough(signed) && APPROVERS.has(keyId) && !(now < (signed.get(keyId) ?? 0));
}

function after(model: Model, job: Job, does: Turn, now: number): void {
  if (does.does === 'resume') model.clear();
  if (does.does === 'ask') model.set(job?.last_checkpoint?.checkpoint_id ?? '', new Map());
  if (does.does !== 'sign') return;
  model.get(`cp_000${does.decision}`)?.set(KEYS[does.key]?.keyId ?? '', now + does.minutes);
}

/** Takes every step and holds what is decided against the model; answers how often signatures let the job go on. */
function taken(required: number, all: readonly Step[]): number {
  const model: Model = new Map();
  let job = jobAfter(submitFor(required));
  let now = 10;
  let resumed = 0;
  for (const [does, minutes] of all) {
    now += minutes;
    const { events, refusal } = decideAt(job, commandOf(job, does), at(now * MINUTE));
    if (refusal?.code === 'transition_not_allowed') continue;
    assert.equal(refusal === undefined, allowed(model, required, does, now), refusal?.message);
    if (refusal !== undefined) continue;
    job = folded(job, events);
    if (does.does === 'resume' && model.size > 0) resumed += 1;
    after(model, job, does, now);
  }
  return resumed;
}

test('whoever signs whatever, when: what is decided folds, and a resume counts the keys that have not expired', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), steps, (required, all) => void taken(required, all)),
    { numRuns: 1000 },
  );
});

/**
 * A question, as many signatures as it needs, and a resume, with others who say what does not count in between. The
 * first signature ends `spare` minutes after the resume: for 0 or less it has expired by then.
 */
function signedOn(spare: fc.Arbitrary<number>): fc.Arbitrary<readonly [required: number, all: Step[]]> {
  const vain = fc.constantFrom<Turn>({ does: 'nod' }, { does: 'sign', key: 3, decision: 1, minutes: 8 });
  const wait = fc.integer({ min: 1, max: 3 });
  const signers = fc.shuffledSubarray([0, 1, 2], { minLength: 1 });
  const signed = fc.record({ signers, waits: fc.array(wait, { minLength: 4, maxLength: 4 }), vain, spare });
  return signed.map(({ signers: keys, waits, vain: aside, spare: left }) => {
    const until = waits.slice(1, keys.length + 1).reduce((sum, minutes) => sum + minutes, 0);
    const signs = keys.map((key, i): Step => {
      const minutes = i === 0 ? Math.max(1, until + left) : 20;
      return [{ does: 'sign', key, decision: 1, minutes }, waits[i] ?? 1];
    });
    const resumes: Step = [{ does: 'resume' }, waits[keys.length] ?? 1];
    return [
      keys.length,
      [[{ does: 'ask' }, 1], ...signs.flatMap((one) => [one, [aside, 0] as const]), resumes],
    ];
  });
}

test('a job goes on upon enough signatures, however little before they expire', () => {
  fc.assert(
    fc.property(signedOn(fc.integer({ min: 1, max: 5 })), ([required, all]) => {
      assert.equal(taken(required, all), 1);
    }),
  );
});

test('it does not once one of them has expired, however little before', () => {
  fc.assert(
    fc.property(signedOn(fc.integer({ min: -5, max: 0 })), ([required, all]) => {
      assert.equal(taken(required, all), 0);
    }),
  );
});
