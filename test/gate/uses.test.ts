import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { timestamp } from '../../src/core/time.ts';
import { countOf, type UsesState, usesModel } from '../../src/gate/ledger/consumption.ts';
import { gaitError } from '../support/refusals.ts';
import { HOUR, MINUTE } from '../support/tokens.ts';
import { admit, call, given, limit, release, revoke, START, type Step, T1, T2, T3 } from '../support/uses.ts';

describe('what is used up', () => {
  const one = call(1, [T1, T2]);

  test('by an admission: every approval, and a place within every limit', () => {
    const { used, counts, revision } = given().recorded(
      admit(call(1, [T1, T2], [limit(2)])),
      'call_admitted',
    );
    assert.deepEqual(used, { [T1]: call(1).admission_id, [T2]: call(1).admission_id });
    assert.deepEqual([counts[limit(2).key], revision], [1, 1]);
  });

  test('W-1: an approval is used up by one call', () => {
    given(admit(one)).refused(admit(call(2, [T2, T3])));
    given(admit(one)).recorded(admit(call(2, [T3])), 'call_admitted');
  });

  test('W-1: nor twice by calls that have the same id', () => given(admit(one)).refused(admit(one)));

  test('all of it or nothing: a full limit uses no approval up', () => {
    const full = given(admit(call(1, [], [limit(1)])));
    full.refused(admit(call(2, [T1], [limit(1)])));
    assert.deepEqual(full.state.used, {});
    given(admit(one)).refused(admit(call(2, [T1], [limit(5)])));
  });

  test('one full limit of several is enough', () => {
    const minute = limit(1, 'minute');
    given(admit(call(1, [], [minute]))).refused(admit(call(2, [], [limit(9), minute])));
  });

  test('a call of several steps takes a place for each of them', () => {
    const three = { ...limit(4), amount: 3 };
    const { state, refused } = given(admit(call(1, [], [three])));
    assert.equal(countOf(state, three.key), 3);
    refused(admit(call(2, [], [three])));
  });

  test('a limit of nought lets nothing in', () => given().refused(admit(call(1, [], [limit(0)]))));

  test('a call that uses nothing up is let in', () => {
    given(admit(one)).recorded(admit(call(2)), 'call_admitted');
  });

  test('a new window begins empty', () => {
    const next = START + HOUR;
    const steps = [admit(call(1, [], [limit(1)]))];
    given(...steps).recorded(admit(call(2, [], [limit(1, 'hour', next)]), timestamp(next)), 'call_admitted');
  });

  test('counters that are long over are dropped, those of now are not', () => {
    const later = START + 4 * HOUR;
    const state = given(
      admit(call(1, [T1], [limit(1)])),
      admit(call(2, [], [limit(3, 'minute', later)]), timestamp(later)),
    ).state;
    assert.deepEqual(state.counts, { [limit(3, 'minute', later).key]: 1 });
    assert.deepEqual(Object.keys(state.used), [T1], 'an approval stays used up for ever');
  });

  test('a clock that is set back a little opens no window again', () => {
    const later = timestamp(START + HOUR + MINUTE);
    const moved = given(
      admit(call(1, [], [limit(1)])),
      admit(call(2, [], [limit(1, 'hour', START + HOUR)]), later),
    );
    moved.refused(admit(call(3, [], [limit(1)])));
  });
});

describe('what is given back', () => {
  const one = call(1, [T1], [limit(1)]);

  test('by a release: all of it', () => {
    const { used, counts } = given(admit(one)).recorded(release(one), 'admission_released');
    assert.deepEqual([used, counts[limit(1).key]], [{}, 0]);
    given(admit(one), release(one)).recorded(admit(call(2, [T1], [limit(1)])), 'call_admitted');
  });

  test('only by the call that used it up', () => {
    given(admit(one)).nothing(release(call(2, [T1], [limit(1)])));
    given(admit(one), release(one), admit(call(2, [T1], [limit(1)]))).nothing(release(one));
  });

  test('an approval that was not used up is not given back', () => given().nothing(release(one)));

  test('a place within a limit is given back once', () => {
    const [a, b] = [call(1, [], [limit(2)]), call(2, [], [limit(2)])];
    const { state } = given(admit(a), admit(b), release(a), release(a));
    assert.equal(countOf(state, limit(2).key), 1, 'b still has its place');
  });

  test('a place that nobody took is not given back', () => {
    const { state } = given(admit(call(1, [], [limit(1)])), release(call(2, [], [limit(1)])));
    assert.equal(countOf(state, limit(1).key), 1);
  });
});

describe('what is taken back', () => {
  test('W-2: an approval that was taken back is used up by nobody', () => {
    given(revoke(T1)).refused(admit(call(1, [T1])));
    given(revoke(T1)).recorded(admit(call(1, [T2])), 'call_admitted');
  });

  test('twice is once', () => given(revoke(T1)).nothing(revoke(T1)));

  test('what was used before stays used', () => {
    const { state } = given(admit(call(1, [T1])), revoke(T1));
    assert.deepEqual(Object.keys(state.used), [T1]);
    given(admit(call(1, [T1])), revoke(T1), release(call(1, [T1]))).refused(admit(call(2, [T1])));
  });
});

describe('an event that is illegal is refused by the reducer', () => {
  const before = given(admit(call(1, [T1], [limit(2)]))).state;
  const eventOf = (step: Step, state: UsesState = before): JsonObject => {
    const [event] = step(state).events;
    assert.ok(event !== undefined);
    return event;
  };
  const next = eventOf(admit(call(2, [T2])));
  const payload = next['payload'] as JsonObject;
  const ILLEGAL: Readonly<Record<string, JsonObject>> = {
    'an approval a second time': { ...next, payload: { ...payload, tokens: [T1] } },
    'an approval given back by another': {
      ...next,
      type: 'admission_released',
      payload: { ...payload, tokens: [T1] },
    },
    'an approval given back that nobody used': { ...next, type: 'admission_released' },
    'a revision twice': { ...next, revision: 1 },
    'a revision left out': { ...next, revision: 3 },
    'another schema': { ...next, schema_id: 'gait.gate.decision_event' },
    'another version': { ...next, schema_version: '2.0.0' },
    'an unknown type': { ...next, type: 'all_forgotten' },
    'an unknown member': { ...next, payload: { ...payload, uses: 2 } },
    'a token that is no digest': { ...next, payload: { ...payload, tokens: ['*'] } },
    'an id that is none': { ...next, payload: { ...payload, admission_id: 'me' } },
    'a revocation without a reason': { ...next, type: 'token_revoked', payload: { token: T1, reason: '' } },
    'no payload': { ...next, payload: {} },
  };
  for (const [name, event] of Object.entries(ILLEGAL)) {
    test(name, () => {
      assert.throws(() => usesModel.evolve(before, event), gaitError('illegal_event', 'verification_failed'));
    });
  }

  test('an approval twice in one event', () => {
    const twice = { ...next, payload: { ...payload, tokens: [T2, T2] } };
    assert.throws(() => usesModel.evolve(before, twice), gaitError('illegal_event'));
  });
});

test('a snapshot is the state, or is not used', () => {
  const { state } = given(admit(call(1, [T1], [limit(2)])), revoke(T3));
  const { save, load } = usesModel.snapshot;
  const kept = JSON.parse(JSON.stringify(save(state))) as JsonObject;
  assert.deepEqual(load(kept, 'uses', 2), state);
  for (const damaged of [
    { ...kept, used: null },
    { ...kept, counts: [] },
    { ...kept, revoked: 'x' },
  ]) {
    assert.equal(load(damaged, 'uses', 2), undefined);
  }
  assert.equal(load(kept, 'uses', 3), undefined);
});

test('a snapshot whose counters are no numbers is not used', () => {
  const kept = { revision: 1, used: {}, revoked: {}, counts: { [limit(1).key]: 'many' } };
  assert.equal(usesModel.snapshot.load(kept, 'uses', 1), undefined);
});
