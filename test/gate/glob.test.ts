import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { globOf } from '../../src/gate/glob.ts';
import { trimmed } from '../../src/gate/words.ts';

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
    assert.deepEqual(['/a/b/z', '/a/b/c/z', '/a/z', '/a/b/y'].map(deep), [true, true, false, false]);
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
});
