import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { trimmed } from '../../src/core/text.ts';
import { parseIntent } from '../../src/gate/intent/reader.ts';
import { globOf } from '../../src/gate/target/glob.ts';
import { callOn, policyOf, verdictOf } from '../support/gate.ts';

describe('globs', () => {
  for (const [pattern, text, is] of [
    ['a*c', 'abbc', true],
    ['a*c', 'a/c', false],
    ['a?c', 'abc', true],
    ['a?c', 'a/c', false],
    ['[a-c]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    ['[^a-c]x', 'dx', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['*a*a*b', 'xaxaxb', true],
    ['*', '', true],
    ['**', 'a/b', false],
    ['žá*', 'žába', true],
    ['?', '🐎', true],
    ['a.c', 'abc', false],
  ] as const) {
    test(`${pattern} is ${is ? '' : 'not '}${JSON.stringify(text)}`, () =>
      assert.equal(globOf(pattern)?.(text), is));
  }

  test('two stars are anything at all, where they may be', () => {
    const deep = globOf('/a/**/z', { deep: true }) ?? assert.fail();
    assert.deepEqual(['/a/b/z', '/a/b/c/z', '/a/b/y', '/a/bz'].map(deep), [true, true, false, false]);
    const two = globOf('**/x/**/y/**/z', { deep: true }) ?? assert.fail();
    const none = ['x/y/z', '/x/y/a/z', 'a/x/b/y/z', 'x/a/b/y/c/d/z', 'x/ay/z', 'x/z'];
    assert.deepEqual(
      none.map(two),
      [true, true, true, true, false, false],
      'a folder of two stars may be none',
    );
  });

  for (const malformed of ['[', '[a', '[]', '[z-a]', '[a-', 'a\\', '[-a]']) {
    test(`${malformed} is malformed`, () => assert.equal(globOf(malformed), undefined));
  }

  // Where a matcher goes back, each of these takes longer than anybody waits.
  test('no pattern takes long on a long text', () => {
    for (const [pattern, text] of [
      ['/logs/*-*-*.txt', `/logs/${'-'.repeat(100_000)}`],
      [`${'*a'.repeat(30)}`, `${'a'.repeat(20_000)}b`],
      [`${'*?'.repeat(30)}`, `${'a'.repeat(20_000)}/`],
    ] as const) {
      assert.equal(globOf(pattern)?.(text), false);
    }
  });

  test('nor does trimming a text of much white space', () => {
    assert.equal(trimmed(` a${' '.repeat(500_000)}a `).length, 500_002);
  });

  test('nor does a domain of dots, a number of zeros, or a path of marks', () => {
    const lists = 'endpoint: {domain_denylist: [x.test], path_denylist: [/x]}';
    const policy = policyOf('rules:', `  - {name: r, effect: allow, ${lists}}`);
    for (const [kind, value] of [
      ['host', `a${'.'.repeat(500_000)}a`],
      ['path', `a${'\u0301\u0316'.repeat(150_000)}`],
    ] as const) {
      assert.equal(verdictOf(policy, callOn(kind, value)), 'block');
    }
    const number = `10000000000000000.${'0'.repeat(900_000)}1`;
    const bytes = Buffer.from(`{"tool_name":"a","args":{"n":${number}},"context":{}}`);
    assert.throws(() => parseIntent(bytes, 'it'), { code: 'json_ambiguous' });
  });

  test('nor does a policy that is nested deep, or of many aliases', () => {
    const aliases = `a: &a x\nb: [${'*a , '.repeat(10_000)}]`;
    for (const text of ['- '.repeat(20_000), `rules: ${'['.repeat(100_000)}`, aliases]) {
      assert.throws(() => policyOf(text), { code: 'policy_invalid' });
    }
  });
});
