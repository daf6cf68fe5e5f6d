import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import canonicalize from 'canonicalize';
import {
  claimOf,
  differences,
  type Environment,
  type EnvironmentClaim,
  fingerprintOf,
  fingerprintRules,
} from '../../src/job/fingerprint.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';

describe('fingerprint rules', () => {
  test('are os, arch and runtime by default', () => {
    assert.deepEqual(fingerprintRules([]), ['arch', 'os', 'runtime']);
  });

  test('are the default ones and those asked for, sorted, each once', () => {
    const asked = ['hostname', 'env:CI', 'file:b.lock', 'cwd', 'os', 'env:CI', 'file:a.lock'];
    assert.deepEqual(fingerprintRules(asked), [
      'arch',
      'cwd',
      'env:CI',
      'file:a.lock',
      'file:b.lock',
      'hostname',
      'os',
      'runtime',
    ]);
  });

  for (const rule of [
    'env:A',
    'env:_x9',
    'file:a b.txt',
    'file:/etc/os-release',
    'file:\u00e9',
    'file:env:A',
  ]) {
    test(`${rule} is one`, () => assert.ok(fingerprintRules([rule]).includes(rule)));
  }

  const REFUSED = [
    '',
    'OS',
    'user',
    'env:',
    'env:9A',
    'env:A-B',
    'env:A=1',
    'env: A',
    'file:',
    'os:linux',
    ' os',
    'constructor',
  ];
  for (const rule of REFUSED) {
    test(`${JSON.stringify(rule.slice(0, 20))} is none`, () => {
      assert.throws(() => fingerprintRules([rule]), gaitError('fingerprint_rule_invalid', 'invalid_input'));
    });
  }

  test('have at most 1024 characters', () => {
    const longest = `file:${'a'.repeat(1019)}`;
    assert.ok(fingerprintRules([longest]).includes(longest));
    assert.throws(() => fingerprintRules([`${longest}a`]), gaitError('fingerprint_rule_invalid'));
  });

  test('do not depend on the order in which they are asked for', () => {
    const rule = fc.constantFrom('hostname', 'cwd', 'os', 'env:A', 'env:B', 'file:x', 'file:y');
    fc.assert(
      fc.property(fc.array(rule), (rules) => {
        const expected = fingerprintRules(rules);
        assert.deepEqual(fingerprintRules([...rules].reverse()), expected);
        assert.deepEqual(fingerprintRules([...rules, ...expected]), expected);
      }),
    );
  });
});

const text = fc.string({ unit: 'grapheme', maxLength: 10 });

const environment: fc.Arbitrary<Environment> = fc
  .dictionary(
    text.map((name) => `file:${name}`),
    text,
  )
  .map((values) => ({ rules: Object.keys(values).sort(), values }));

function environmentOf(values: Readonly<Record<string, string>>): EnvironmentClaim {
  return claimOf({ rules: Object.keys(values).sort(), values });
}

describe('the fingerprint', () => {
  test('is envfp: and the SHA-256 of the canonical rules and values', () => {
    fc.assert(
      fc.property(environment, ({ rules, values }) => {
        const bytes = canonicalize({ values, rules }) ?? '';
        const digest = createHash('sha256').update(bytes, 'utf8').digest('hex');
        assert.equal(fingerprintOf({ rules, values }), `envfp:${digest}`);
      }),
    );
  });

  test('is the same everywhere', () => {
    const bytes = '{"rules":["arch","os","runtime"],"values":{"arch":"x64","os":"linux","runtime":"node20"}}';
    const digest = createHash('sha256').update(bytes).digest('hex');
    const { fingerprint } = environmentOf({ runtime: 'node20', os: 'linux', arch: 'x64' });
    assert.equal(fingerprint, `envfp:${digest}`);
  });
});

describe('differences', () => {
  const home = environmentOf({ runtime: 'node20', os: 'linux', arch: 'x64', 'env:CI': 'absent' });

  test('are none between equals', () => {
    assert.deepEqual(differences(home, structuredClone(home)), []);
  });

  test('name each rule whose value changed, sorted', () => {
    const away = environmentOf({ os: 'darwin', arch: 'x64', runtime: 'node22', 'env:CI': 'absent' });
    assert.deepEqual(differences(home, away), [
      { rule: 'os', expected: 'linux', actual: 'darwin' },
      { rule: 'runtime', expected: 'node20', actual: 'node22' },
    ]);
  });

  test('name a rule that only one side has', () => {
    const other = environmentOf({ os: 'linux', arch: 'x64', runtime: 'node20', hostname: 'h' });
    const found = differences(home, other);
    assert.deepEqual(
      found.map(({ rule, expected, actual }) => [rule, expected === 'absent', actual === 'h']),
      [
        ['env:CI', true, false],
        ['hostname', false, true],
      ],
    );
  });

  test('are the whole fingerprint where one side is not explained by rules', () => {
    const own: EnvironmentClaim = { fingerprint: 'mine' };
    const whole = { rule: 'fingerprint', expected: home.fingerprint, actual: 'mine' };
    assert.deepEqual(differences(home, own), [whole]);
    assert.deepEqual(differences(own, { fingerprint: 'mine' }), []);
  });

  test('are there exactly when the fingerprints differ', () => {
    fc.assert(
      fc.property(environment, environment, (a, b) => {
        const found = differences(claimOf(a), claimOf(b));
        assert.equal(found.length === 0, fingerprintOf(a) === fingerprintOf(b));
        for (const { rule } of found) assert.notEqual(a.values[rule], b.values[rule]);
      }),
    );
  });

  test('are there when only the fingerprints differ', () => {
    assert.notDeepEqual(differences(home, { ...home, fingerprint: 'mine' }), []);
  });
});
