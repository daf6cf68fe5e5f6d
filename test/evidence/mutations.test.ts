import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../support/seed.ts';
import { tallied } from './kind.ts';
import { kinds, mutations } from './lane.ts';

/** `npm run test:mutations` tries 10,000. */
const COUNT = 200;
/** Far more than it takes to find one: one in some hundred of the hardest kind. */
const ENOUGH = 20_000;

test('H5: whoever has no key changes nothing that a verdict on signed evidence speaks of', async (t) => {
  const tallies = await mutations(COUNT, (line) => t.diagnostic(line));
  assert.deepEqual(
    tallies.flatMap(({ kind, changed }) => changed.map((told) => `${kind}: ${told}`)),
    [],
  );
});

test('and the forgeries are good: who asks for no signature, or believes the forger, is told what they say', async () => {
  for (const kind of await kinds()) {
    assert.ok(kind.honest.size > 1, `${kind.name}: the honest ones verify`);
    const p = seeded(`unasked ${kind.name}`);
    let found = 0;
    for (let tried = 0; found === 0 && tried < ENOUGH; tried += 1) {
      found = tallied(kind, 1, p, (from) => kind.unasked(from)).changed.length;
    }
    assert.equal(found, 1, kind.name);
  }
});
