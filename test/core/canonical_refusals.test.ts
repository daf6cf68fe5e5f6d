import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canonicalBytes, canonicalize, MAX_DEPTH, parseCanonical } from '../../src/core/canonical.ts';
import { GaitError } from '../../src/core/errors.ts';
import { jsonValue, shuffled } from '../support/json.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';

const LONE_SURROGATE = '\ud83d';

class Point {
  readonly x = 1;
}

class Answer extends Array {
  toJSON(): string {
    return 'something else';
  }
}

function cycle(): object {
  const ring: { next?: object } = {};
  ring.next = { ring };
  return ring;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i += 1) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

function hiddenToJson(): unknown[] {
  return Object.defineProperty([1], 'toJSON', { value: () => 'something else' });
}

function sparse(): unknown[] {
  const array: unknown[] = [1];
  array[2] = 3;
  return array;
}

describe('the strict door to canonical JSON', () => {
  const REFUSED: Readonly<Record<string, unknown>> = {
    undefined: undefined,
    'a function': () => 1,
    'a symbol': Symbol('s'),
    'a bigint': 1n,
    NaN: Number.NaN,
    Infinity: Number.POSITIVE_INFINITY,
    '-Infinity': Number.NEGATIVE_INFINITY,
    'a sparse array': sparse(),
    'an array with a member beside its elements': Object.assign([1], { extra: 2 }),
    'a sparse array with as many members beside': Object.assign(sparse(), { extra: 2 }),
    'an array of a class of its own': Answer.from([1]),
    'an array with a hidden toJSON': hiddenToJson(),
    'a boxed string': Object('s'),
    'a boxed number': Object(1),
    'a boxed boolean': Object(true),
    'a class instance': new Point(),
    'a Map': new Map([['a', 1]]),
    'a Set': new Set([1]),
    'a Date': new Date(0),
    'a RegExp': /a/,
    'a Buffer': Buffer.from('a'),
    'an object with toJSON': { toJSON: () => 1 },
    'an object that inherits from another': Object.create({ a: 1 }),
    'a lone high surrogate': LONE_SURROGATE,
    'a lone low surrogate': 'a\ude00',
    'surrogates in the wrong order': '\ude00\ud83d',
    'a key with a lone surrogate': { [LONE_SURROGATE]: 1 },
    'a cycle': cycle(),
    'nesting that is too deep': nested(MAX_DEPTH + 1),
  };
  for (const [name, value] of Object.entries(REFUSED)) {
    test(`refuses ${name}, at any place`, () => {
      for (const place of [value, [value], { a: value }, { a: [{ b: value }] }]) {
        assert.throws(() => canonicalize(place), gaitError('not_canonicalizable', 'invalid_input'));
      }
    });
  }

  test('nests up to the limit, in objects and arrays alike', () => {
    assert.equal(MAX_DEPTH, 512);
    assert.equal(canonicalize(nested(MAX_DEPTH)), JSON.stringify(nested(MAX_DEPTH)));
  });

  test('lets data be called toJSON', () => {
    assert.equal(
      canonicalize({ toJSON: 'x', a: [{ toJSON: null }] }),
      '{"a":[{"toJSON":null}],"toJSON":"x"}',
    );
  });

  test('says where the fault is', () => {
    assert.throws(
      () => canonicalize({ a: [1, { b: Number.NaN }] }),
      (error) => error instanceof GaitError && error.details['path'] === '/a/1/b',
    );
  });

  test('a value that stands twice is no cycle', () => {
    const twice = { a: 1 };
    assert.equal(canonicalize([twice, twice]), '[{"a":1},{"a":1}]');
  });
});

describe('parseCanonical', () => {
  const REFUSED: readonly [name: string, string | Uint8Array, string][] = [
    ['no document', '', 'json_malformed'],
    ['white space inside', '{"a": 1}', 'json_not_canonical'],
    ['white space before', ' 1', 'json_not_canonical'],
    ['a newline after', '1\n', 'json_not_canonical'],
    ['a byte-order mark', '\ufeff1', 'json_malformed'],
    ['two documents', '1 2', 'json_malformed'],
    ['two objects', '{}{}', 'json_malformed'],
    ['a half document', '{"a":1', 'json_malformed'],
    ['a trailing comma', '[1,]', 'json_malformed'],
    ['a duplicate key', '{"a":1,"a":1}', 'json_not_canonical'],
    ['a duplicate key, spelled in another way', String.raw`{"a":1,"\u0061":1}`, 'json_not_canonical'],
    ['a duplicate __proto__', '{"__proto__":1,"__proto__":1}', 'json_not_canonical'],
    ['keys out of order', '{"b":1,"a":2}', 'json_not_canonical'],
    ['integer-like keys in numeric order', '{"9":1,"10":2}', 'json_not_canonical'],
    ['keys in code-point order', '{"\ufb33":1,"\u{1f600}":2}', 'json_not_canonical'],
    ['1.0', '1.0', 'json_not_canonical'],
    ['1e0', '1e0', 'json_not_canonical'],
    ['1E21', '1E21', 'json_not_canonical'],
    ['1e21', '1e21', 'json_not_canonical'],
    ['-0', '-0', 'json_not_canonical'],
    ['0.0000001', '0.0000001', 'json_not_canonical'],
    ['more digits than a double has', '333333333.33333329', 'json_not_canonical'],
    ['an integer past 2^53', '9007199254740993', 'json_not_canonical'],
    ['NaN', 'NaN', 'json_malformed'],
    ['an escaped letter', String.raw`"\u0061"`, 'json_not_canonical'],
    ['an escaped non-ASCII character', String.raw`"\u20ac"`, 'json_not_canonical'],
    ['an escaped U+2028', String.raw`"\u2028"`, 'json_not_canonical'],
    ['an escaped surrogate pair', String.raw`"\ud83d\ude00"`, 'json_not_canonical'],
    ['an escaped solidus', String.raw`"\/"`, 'json_not_canonical'],
    ['a long escape where a short one is due', String.raw`"\u000a"`, 'json_not_canonical'],
    ['an upper-case escape', String.raw`"\u001F"`, 'json_not_canonical'],
    ['a raw control character', '"\x01"', 'json_malformed'],
    ['an overlong UTF-8 sequence', Buffer.from([0x22, 0xc0, 0x80, 0x22]), 'utf8_malformed'],
    ['a UTF-8 encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0xbd, 0x22]), 'utf8_malformed'],
    ['a cut UTF-8 sequence', Buffer.from([0x22, 0xe2, 0x82, 0x22]), 'utf8_malformed'],
  ];
  for (const [name, document, code] of REFUSED) {
    test(`refuses ${name}`, () => {
      const bytes = typeof document === 'string' ? Buffer.from(document) : document;
      assert.throws(() => parseCanonical(bytes), gaitError(code, 'verification_failed'));
    });
  }

  const BEYOND_JSON: Readonly<Record<string, string>> = {
    'an escaped lone surrogate': String.raw`"\ud83d"`,
    'a number past every double': '1e400',
    'nesting that is too deep': `${'['.repeat(MAX_DEPTH + 1)}${']'.repeat(MAX_DEPTH + 1)}`,
  };
  for (const [name, document] of Object.entries(BEYOND_JSON)) {
    test(`${name} in stored bytes is a failed verification, not the caller's mistake`, () => {
      assert.throws(
        () => parseCanonical(Buffer.from(document)),
        (error) => error instanceof GaitError && error.category === 'verification_failed',
      );
    });
  }

  test('accepts what canonicalize writes, and gives the value back', () => {
    fc.assert(
      fc.property(jsonValue(), (value) => {
        const bytes = canonicalBytes(value);
        assert.deepEqual(canonicalBytes(parseCanonical(bytes)), bytes);
      }),
      { numRuns: 500 },
    );
  });

  test('accepts of all orders and spellings only the canonical one', () => {
    fc.assert(
      fc.property(jsonValue(), fc.nat(), fc.constantFrom(0, 1), (value, seed, indent) => {
        const text = JSON.stringify(shuffled(value, seed), undefined, indent);
        const parse = () => parseCanonical(Buffer.from(text));
        if (text === canonicalize(value)) parse();
        else assert.throws(parse, gaitError('json_not_canonical'));
      }),
      { numRuns: 500 },
    );
  });
});
