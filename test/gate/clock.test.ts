import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { verifyDecisions } from '../../src/gate/ledger/verify.ts';
import { policyOf } from '../support/gate.ts';
import { asking, gateWith, tickingClock } from '../support/gates.ts';

const ALLOWS = policyOf('rules:', '  - {name: all, effect: allow}');
const HOUR = 3_600_000;

describe('F12: a clock that is behind what the decision log knows', () => {
  test('blocks: what is over by the log would hold again', async () => {
    const { gate, store, clock } = gateWith();
    assert.equal((await gate.decide(asking(ALLOWS))).decision.verdict, 'allow');
    clock.advance(-HOUR);
    const { decision } = await gate.decide(asking(ALLOWS));
    assert.deepEqual([decision.verdict, decision.violations], ['block', ['clock_behind_log']]);
    const { findings } = await verifyDecisions(store);
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['clock_went_back'],
    );
    clock.advance(HOUR);
    assert.equal((await gate.decide(asking(ALLOWS))).decision.verdict, 'allow');
  });

  test('by less than a second is another machine, and none', async () => {
    const { gate, store } = gateWith();
    await gate.decide(asking(ALLOWS));
    const beside = gateWith({
      store,
      clock: tickingClock(new Date(Date.parse((await latest(store)) ?? '') - 900).toISOString()),
    });
    assert.equal((await beside.gate.decide(asking(ALLOWS))).decision.verdict, 'allow');
    assert.deepEqual((await verifyDecisions(store)).findings, []);
  });
});

async function latest(store: ReturnType<typeof gateWith>['store']): Promise<string | undefined> {
  const events = await store.events('decisions');
  return events.map(({ created_at }) => String(created_at)).at(-1);
}
