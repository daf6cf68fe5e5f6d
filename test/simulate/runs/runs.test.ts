import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sized, THOROUGH } from '../../support/sized.ts';
import { RUN_MUTANTS } from './mutants.ts';
import { type RunSimulation, simulateRuns } from './simulate_runs.ts';
import type { RunSubject } from './subject.ts';
import { newTally, type Tally } from './tally.ts';

const SEEDS = sized(60, 12);
/** They found that a log went on whose end was gone, and that a command started while nobody could read what was said. */
const ONCE_BROKEN = [195, 250];
/** Each mutant is found within so many seeds; those that take long are tried first where they were found last. */
const SEEDS_PER_MUTANT = 300;
const FOUND_AT: Readonly<Record<string, number>> = {
  ...{ 'C2: what': 35, C3: 30, H1: 29, A5: 24, M4: 118, 'a worker': 212 },
};
/** Takes too many seeds for every run; test/cli/persons_word.test.ts holds the rule. */
const NOT_HERE = 'A4: an approval';

/** All that can befall a job that is worked on, which the seeds may not leave out. */
const MUST_HAPPEN: readonly (keyof Tally)[] = [
  ...(['commandsStarted', 'killedByGuard', 'finished', 'failed', 'interrupted', 'givenUp', 'lost'] as const),
  ...(['unrecorded', 'waitedForDecision', 'takeovers', 'watchedTakeovers', 'agentsDone', 'freezes'] as const),
  ...(['workersKilled', 'clockJumps', 'ioErrors', 'damages', 'repairs', 'restored', 'lossesTold'] as const),
  ...([
    'personsObeyed',
    'revisionsMoved',
    'unnamedRefused',
    'foreignRefused',
    'automaticResumes',
    'finalJobs',
  ] as const),
];

describe('runners, agents and persons on virtual time', () => {
  test(`${SEEDS} seeds: every promise holds at every moment, and every job comes to its end`, async (t) => {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0; // refusals are many, and nobody reads where they arose
    t.after(() => {
      Error.stackTraceLimit = stackTraceLimit;
    });
    const tally = newTally();
    for (const seed of [...Array.from({ length: SEEDS }, (_, index) => index + 1), ...ONCE_BROKEN]) {
      const { failure, tally: one } = await simulateRuns(seed);
      for (const name of Object.keys(tally) as (keyof Tally)[]) tally[name] += one[name];
      assert.equal(
        failure,
        undefined,
        `npm run simulate -- --only runs --seed ${seed} --trace: ${failure?.message}`,
      );
    }
    for (const name of THOROUGH ? MUST_HAPPEN : []) assert.ok(tally[name] > 0, `no seed came to ${name}`);
    t.diagnostic(JSON.stringify(tally));
  });

  test('the same seed gives the same trace and the same logs, also when another runs beside it', async () => {
    const alone = [await simulateRuns(5), await simulateRuns(6)];
    const together = await Promise.all([simulateRuns(5), simulateRuns(6)]);
    assert.deepEqual(together, alone);
    assert.notEqual(alone[0]?.digest, alone[1]?.digest);
  });
});

describe('what the simulator of runs finds', () => {
  for (const [name, mutant] of Object.entries(RUN_MUTANTS)) {
    if (name.startsWith(NOT_HERE)) continue;
    test(name, async (t) => {
      const [, hint = 1] = Object.entries(FOUND_AT).find(([start]) => name.startsWith(start)) ?? [];
      const found = await firstFailure(mutant, hint);
      assert.ok(found?.failure !== undefined, `not found in ${SEEDS_PER_MUTANT} seeds`);
      t.diagnostic(`seed ${found.seed}, at ${found.failure.step} ms: ${found.failure.message}`);
    });
  }
});

async function firstFailure(mutant: Partial<RunSubject>, hint: number): Promise<RunSimulation | undefined> {
  for (let tries = 0; tries <= SEEDS_PER_MUTANT; tries += 1) {
    const found = await simulateRuns(tries === 0 ? hint : tries, mutant);
    if (found.failure !== undefined) return found;
  }
  return undefined;
}
