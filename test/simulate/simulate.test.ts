import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sized } from '../support/sized.ts';
import { MUTANTS } from './mutants.ts';
import { type Simulation, simulate } from './simulate.ts';
import { addTally, newTally } from './tally.ts';

const SEEDS = sized(1000, 150);
/** It found that a simulated engine decided by another time than the real one. */
const ONCE_BROKEN = [243];
/** Each mutant is found within so many seeds. */
const SEEDS_PER_MUTANT = 300;

/** All that can befall a job, which the seeds may not leave out. */
const MUST_HAPPEN = [
  'takeovers',
  'staleWritesRefused',
  'conflicts',
  'unknown',
  'suspended',
  'stoppedWithLock',
  'busy',
  'processesKilled',
  'powerFailures',
  'damagedLogs',
  'repairs',
  'ioErrors',
  'slowCalls',
  'clockJumps',
  'snapshotsChecked',
] as const;

describe('workers and operators on a simulated disk', () => {
  test(`${SEEDS} seeds: every promise holds after every step`, async (t) => {
    const tally = newTally();
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0; // refusals are many, and nobody reads where they arose
    t.after(() => {
      Error.stackTraceLimit = stackTraceLimit;
    });
    for (const seed of [...Array.from({ length: SEEDS }, (_, index) => index + 1), ...ONCE_BROKEN]) {
      const { failure, tally: one } = await simulate(seed);
      addTally(tally, one);
      assert.equal(failure, undefined, `npm run simulate -- --seed ${seed} --trace: ${failure?.message}`);
    }
    for (const name of MUST_HAPPEN) assert.ok(tally[name] > 0, `no seed came to ${name}`);
    t.diagnostic(JSON.stringify(tally));
  });

  test('the same seed gives the same trace and the same logs, another seed others', async () => {
    const digests = new Set<string>();
    const seeds = [3, 17, 2026];
    for (const seed of seeds) {
      const [first, again] = [await simulate(seed), await simulate(seed)];
      assert.deepEqual(again, first);
      digests.add(first.digest);
    }
    assert.equal(digests.size, seeds.length);
  });

  test('also when others run at the same time', async () => {
    const alone = [await simulate(5), await simulate(6)];
    const together = await Promise.all([simulate(5), simulate(6)]);
    assert.deepEqual(together, alone);
  });
});

describe('what the simulator finds', () => {
  for (const [name, mutant] of Object.entries(MUTANTS)) {
    test(name, async (t) => {
      const found = await firstFailure(mutant);
      assert.ok(found?.failure !== undefined, `not found in ${SEEDS_PER_MUTANT} seeds`);
      t.diagnostic(`seed ${found.seed}, step ${found.failure.step}: ${found.failure.message}`);
      const again = await simulate(found.seed, mutant);
      assert.deepEqual(again.failure, found.failure, 'the seed does not replay the failure');
    });
  }
});

async function firstFailure(mutant: Parameters<typeof simulate>[1]): Promise<Simulation | undefined> {
  for (let seed = 1; seed <= SEEDS_PER_MUTANT; seed += 1) {
    const found = await simulate(seed, mutant);
    if (found.failure !== undefined) return found;
  }
  return undefined;
}
