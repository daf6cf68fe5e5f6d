import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Intent } from '../../src/gate/intent/intent.ts';
import { type Limit, limitsOf, windowEnd } from '../../src/gate/ledger/limits.ts';
import type { RateLimit } from '../../src/gate/policy/policy.ts';
import { NO_DUTIES } from '../../src/gate/rules/duties.ts';
import { intentOf } from '../support/gate.ts';
import fc from '../support/property.ts';

type Window = RateLimit['window'];
type Scope = RateLimit['scope'];

const CALL: Intent = intentOf();

function of(requests: number, window: Window = 'hour', scope: Scope = 'tool_identity'): RateLimit {
  return { requests, window, scope };
}

/** The limits of a call that was judged to be under these. */
function limitsUnder(rate_limits: readonly RateLimit[], intent: Intent, now: string): Limit[] {
  const duties = { ...NO_DUTIES, rate_limits };
  const judged = { verdict: 'allow' as const, reason_codes: [], violations: [], matched_rules: [], duties };
  return limitsOf(judged, intent, now);
}

function keysAt(now: string, limits: readonly RateLimit[] = [of(1)], intent: Intent = CALL): string[] {
  return limitsUnder(limits, intent, now).map(({ key }) => key);
}

describe('the key of a limit', () => {
  const at = '2026-05-01T12:34:56.789Z';
  const KEYS: readonly (readonly [Window, Scope, string])[] = [
    ['hour', 'tool_identity', 'hour|tool_identity|2026-05-01T12:00:00Z|tool.write|agent'],
    ['hour', 'tool', 'hour|tool|2026-05-01T12:00:00Z|tool.write'],
    ['minute', 'identity', 'minute|identity|2026-05-01T12:34:00Z|agent'],
  ];
  for (const [window, scope, key] of KEYS) {
    test(`${window} ${scope}, as in gate.md §2.6`, () => {
      assert.deepEqual(keysAt(at, [of(1, window, scope)]), [key]);
    });
  }

  test('is the same to the end of the window, and another behind it', () => {
    for (const [window, first, last, next] of [
      ['minute', '2026-05-01T12:34:00Z', '2026-05-01T12:34:59.999999999Z', '2026-05-01T12:35:00Z'],
      ['hour', '2026-05-01T12:00:00Z', '2026-05-01T12:59:59.999999999Z', '2026-05-01T13:00:00Z'],
    ] as const) {
      const [one, two, three] = [first, last, next].map((now) => keysAt(now, [of(1, window)])[0]);
      assert.equal(one, two);
      assert.notEqual(one, three);
      assert.equal(windowEnd(one ?? ''), Date.parse(next));
    }
  });

  test('says when its window ends, whoever it counts', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.integer({ min: 0, max: 4e12 }), (identity, ms) => {
        const intent = { ...CALL, context: { ...CALL.context, identity } };
        const now = new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z');
        const [key = ''] = keysAt(now, [of(1, 'minute')], intent);
        const end = windowEnd(key) ?? 0;
        assert.ok(end - 60_000 <= ms && ms < end, key);
      }),
    );
  });

  test('of what is no key has no end', () => {
    for (const text of ['', 'hour', 'day|tool|2026-05-01T12:00:00Z|x', 'hour|tool|soon|x']) {
      assert.equal(windowEnd(text), undefined);
    }
  });

  test('W-21: no two pairs of tool and identity have one between them', () => {
    const name = fc.string({
      unit: fc.constantFrom('a', '|', '%', '7', 'C', '2', '5', '\\', 'é'),
      maxLength: 6,
    });
    const pair = fc.tuple(name, name);
    const keyOf = ([tool_name, identity]: readonly [string, string], scope: Scope): string | undefined =>
      keysAt('2026-05-01T12:00:00Z', [of(1, 'hour', scope)], {
        ...CALL,
        tool_name,
        context: { ...CALL.context, identity },
      })[0];
    fc.assert(
      fc.property(
        pair,
        pair,
        fc.constantFrom<Scope>('tool_identity', 'tool', 'identity'),
        (one, other, scope) => {
          const counted = (tool: string, identity: string): string =>
            JSON.stringify(scope === 'tool' ? [tool] : scope === 'identity' ? [identity] : [tool, identity]);
          assert.equal(keyOf(one, scope) === keyOf(other, scope), counted(...one) === counted(...other));
        },
      ),
      { numRuns: 1000 },
    );
    assert.notEqual(keyOf(['a|b', 'c'], 'tool_identity'), keyOf(['a', 'b|c'], 'tool_identity'));
    assert.notEqual(keyOf(['a%7Cb', 'c'], 'tool_identity'), keyOf(['a|b', 'c'], 'tool_identity'));
  });
});

describe('several limits', () => {
  test('of one window and scope are one counter, and the smaller number holds, in whatever order', () => {
    for (const limits of [
      [of(5), of(2), of(9)],
      [of(2), of(9), of(5)],
    ]) {
      const [first, ...more] = limitsUnder(limits, CALL, '2026-05-01T12:00:00Z');
      assert.deepEqual([first?.requests, more], [2, []]);
    }
  });

  test('of two windows or two scopes count beside each other', () => {
    const limits = [of(5, 'minute'), of(9, 'hour'), of(7, 'hour', 'tool')];
    const each = limitsUnder(limits, CALL, '2026-05-01T12:00:00Z');
    assert.deepEqual(each.map(({ requests }) => requests).sort(), [5, 7, 9]);
    assert.equal(new Set(each.map(({ key }) => key)).size, 3);
  });

  test('of none is none', () => assert.deepEqual(limitsUnder([], CALL, '2026-05-01T12:00:00Z'), []));
});
