import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestamp } from '../../src/core/time.ts';
import { type Admission, countOf, decideAdmission, NO_USES } from '../../src/gate/ledger/consumption.ts';
import fc from '../support/property.ts';
import { MINUTE } from '../support/tokens.ts';
import { admit, after, call, limit, release, revoke, START, T1, T2, T3 } from '../support/uses.ts';

test('over any course of several callers, no approval serves two at once and no limit is exceeded', () => {
  const tokens = fc.subarray([T1, T2, T3]);
  const wants = fc.record({
    caller: fc.integer({ min: 0, max: 3 }),
    act: fc.constantFrom('admit', 'admit', 'release', 'revoke'),
    tokens,
    limited: fc.subarray([limit(2), limit(1, 'minute')]),
    pause: fc.constantFrom(0, 0, 1, MINUTE),
  });
  fc.assert(
    fc.property(fc.array(wants, { maxLength: 40 }), (steps) => {
      let [state, clock, calls] = [NO_USES, START, 0];
      const inside = new Map<number, Admission>();
      const revoked = new Set<string>();
      for (const { caller, act, tokens: shown, limited, pause } of steps) {
        clock += pause;
        const now = timestamp(clock);
        const held = inside.get(caller);
        if (act === 'revoke') {
          for (const token of shown.slice(0, 1)) {
            state = after(state, revoke(token));
            revoked.add(token);
          }
        } else if (act === 'release' && held !== undefined) {
          state = after(state, release(held, now));
          inside.delete(caller);
        } else if (act === 'admit' && held === undefined) {
          calls += 1;
          const limits = limited.map(({ key, requests }) =>
            limit(requests, key.startsWith('hour') ? 'hour' : 'minute', clock),
          );
          const admission = call(calls, shown, limits);
          const { events, refusal } = decideAdmission(state, admission, now);
          assert.equal(events.length === 1, refusal === undefined);
          if (events.length === 0) continue;
          assert.ok(!shown.some((token) => revoked.has(token)), 'taken back');
          state = after(state, admit(admission, now));
          inside.set(caller, admission);
        }
        const used = [...inside.values()].flatMap((one) => one.tokens);
        assert.equal(new Set(used).size, used.length, 'one approval serves two');
        assert.deepEqual(Object.keys(state.used).sort(), used.sort());
        const places = [...inside.values()].flatMap((one) => one.limits);
        for (const { key, requests } of places) {
          const taken = places.filter((one) => one.key === key).length;
          assert.ok(taken <= requests && countOf(state, key) === taken, `${key}: ${taken}`);
        }
      }
    }),
    { numRuns: 400 },
  );
});
