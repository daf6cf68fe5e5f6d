import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allowing, callOf, callOn, decide } from './asking.ts';
import { held, PROPERTIES } from './properties.ts';

/** At least so many calls are judged for each; `npm run test:oracle` judges 200,000 in all. */
const CALLS = 240;

describe('the oracle of the gate', () => {
  for (const property of PROPERTIES)
    test(property.name, () => assert.equal(held(property, CALLS / property.asks).fault, undefined));
});

describe('what the generator found', () => {
  test('O10: a rule for calls from outside does not hide a target that no rule lets the user touch', () => {
    const rules = [
      { name: 'outside', priority: 0, effect: 'allow', match: { provenance_sources: ['external'] } },
      { name: 'reads', priority: 0, effect: 'allow', match: { endpoint_classes: ['fs.read'] } },
    ];
    const targets = ['read', 'write'].map((operation) => ({ kind: 'path', value: '/srv/a', operation }));
    const verdict = (...sources: string[]): string => {
      const arg_provenance = sources.map((source, at) => ({ arg_path: `$.a${at}`, source }));
      const args = Object.fromEntries(sources.map((_, at) => [`a${at}`, 1]));
      const call = callOf({ args, arg_provenance, targets });
      return decide({ policy: { default_verdict: 'block', rules }, call }).verdict;
    };
    assert.equal(verdict('external'), 'allow');
    assert.equal(verdict('user'), 'block');
    assert.equal(verdict('user', 'external'), 'block');
  });

  test('O11: a host that ends in several dots is in no list that grants, and in each that denies', () => {
    for (const value of ['good.com..', 'good.com../', 'http://good.com../', 'good.com%2e%2e'])
      for (const list of ['domain_allowlist', 'domain_denylist'])
        assert.equal(
          decide({ policy: allowing({ [list]: ['good.com'] }), call: callOn('host', value) }).verdict,
          'block',
        );
    const call = callOn('host', 'good.com.');
    assert.equal(decide({ policy: allowing({ domain_allowlist: ['good.com'] }), call }).verdict, 'allow');
  });

  test('O14: a target that shows a higher risk does not hide the lower one of another', () => {
    const fail_closed = { enabled: true, risk_classes: ['medium'], required_fields: ['endpoint_class'] };
    const stop = {
      name: 'stop',
      effect: 'block',
      match: { risk_classes: ['medium'], target_kinds: ['bucket'] },
    };
    const writes = { kind: 'path', value: '/home/u/work/a', operation: 'write' };
    const unknown = { kind: 'bucket', value: 'b', operation: 'read' };
    const above = { kind: 'path', value: '/home/u', operation: 'read' };
    for (const policy of [
      { default_verdict: 'allow', fail_closed },
      { default_verdict: 'allow', rules: [stop] },
    ])
      for (const targets of [
        [writes, unknown],
        [writes, unknown, above],
      ])
        assert.equal(decide({ policy, call: callOf({ targets }) }).verdict, 'block');
  });
});
