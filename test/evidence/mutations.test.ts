import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../support/seed.ts';
import { tallied } from './kind.ts';
import { kinds, lineOf, mutations } from './lane.ts';

/** `npm run test:mutations` tries 10,000. */
const COUNT = 200;

test('H5: whoever has no key changes nothing that a verdict on signed evidence speaks of', async (t) => {
  const tallies = await mutations(COUNT, (line) => t.diagnostic(line));
  assert.deepEqual(
    tallies.flatMap(({ kind, changed }) => changed.map((told) => `${kind}: ${told}`)),
    [],
  );
});

test('and the forgeries are good: who asks for no signature is told what they say', async (t) => {
  for (const kind of await kinds()) {
    const { unasked } = kind;
    assert.ok(kind.honest.size > 1, `${kind.name}: the honest ones verify`);
    if (unasked === undefined) continue;
    const tally = tallied(kind, COUNT, seeded(`unasked ${kind.name}`), unasked);
    t.diagnostic(lineOf(tally));
    assert.ok(tally.changed.length > 0, kind.name);
  }
});
