import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobCommand } from '../../src/job/decide.ts';
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
const turns = fc.array(fc.tuple(turn, fc.integer({ min: 0, max: 3 })), { maxLength: 25, size: 'max' });

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

test('whoever signs whatever, when: what is decided folds, and a resume counts the keys that have not expired', () => {
  let resumed = 0;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), turns, (required, steps) => {
      const model: Model = new Map();
      let job = jobAfter(submitFor(required));
      let now = 10;
      for (const [does, minutes] of steps) {
        now += minutes;
        const { events, refusal } = decideAt(job, commandOf(job, does), at(now * MINUTE));
        if (refusal?.code === 'transition_not_allowed') continue;
        assert.equal(refusal === undefined, allowed(model, required, does, now), refusal?.message);
        if (refusal !== undefined) continue;
        job = folded(job, events);
        if (does.does === 'resume' && model.size > 0) resumed += 1;
        after(model, job, does, now);
      }
    }),
    { numRuns: 1000 },
  );
  assert.ok(resumed > 20, `only ${resumed} resumes on signatures`);
});
