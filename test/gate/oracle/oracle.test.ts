import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { faultOf, PROPERTIES, type Tally } from './properties.ts';

/** So many of each; `npm run test:oracle` asks at least 200,000 in all. */
const RUNS = 120;

describe('the oracle of the gate', () => {
  for (const property of PROPERTIES)
    test(property.name, () => {
      const tally: Tally = {};
      assert.equal(faultOf(property, RUNS, tally), undefined);
    });
});
