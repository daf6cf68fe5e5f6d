import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sized } from '../support/sized.ts';
import { chaos } from './lane.ts';
import { broken, tableOf } from './table.ts';

/** Its commands ask /proc for the time, and flock(1) for a lock. */
const SKIP: boolean = process.platform !== 'linux';

test('workers killed and stopped, operators who do what they like: every job once, nothing lost', {
  skip: SKIP,
}, async (t) => {
  const plan = {
    kills: sized(30, 10),
    jobs: sized(20, 8),
    firstKills: 6,
    perStorm: sized(30, 10),
    openJobs: sized(30, 12),
    killers: 5,
    stoppers: 2,
    together: true,
  };
  const outcome = await chaos(plan, () => {});
  for (const line of tableOf(outcome)) t.diagnostic(line);
  assert.deepEqual([...outcome.faults, ...broken(outcome)], []);
  const { first, storms } = outcome;
  assert.ok(first.kills + storms.kills + storms.stops >= plan.kills, 'it goes on until there were so many');
  assert.deepEqual([first.completed, first.once], [first.jobs, first.jobs]);
  assert.ok(first.takeovers > 0, 'of the job whose worker died at work');
});
