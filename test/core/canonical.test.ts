import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import reference from 'canonicalize';
import { canonicalBytes, canonicalize, decodeUtf8 } from '../../src/core/canonical.ts';
import { canonicalDigest, sha256Hex } from '../../src/core/digest.ts';
import { jsonValue, shuffled } from '../support/json.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';

describe('canonical numbers (RFC 8785 §3.2.2.3)', () => {
  const NUMBERS: readonly [number, string][] = [
    [0, '0'],
    [-0, '0'],
    [1, '1'],
    [-1.5, '-1.5'],
    [1e21, '1e+21'],
    [1e20, '100000000000000000000'],
    [123456789012345680000, '123456789012345680000'],
    [1e-6, '0.000001'],
    [1e-7, '1e-7'],
    [1e30, '1e+30'],
    [4.5, '4.5'],
    [2e-3, '0.002'],
    [0.000000000000000000000000001, '1e-27'],
    [5e-324, '5e-324'],
    [-5e-324, '-5e-324'],
    [2.2250738585072014e-308, '2.2250738585072014e-308'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [-1.7976931348623157e308, '-1.7976931348623157e+308'],
    [Number('333333333.33333329'), '333333333.3333333'],
    [Number('333333333.3333333'), '333333333.3333333'],
    [Number('333333333.33333343'), '333333333.33333343'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
    [2 ** 53 + 1, '9007199254740992'],
    [295147905179352830000, '295147905179352830000'],
    [999999999999999900000, '999999999999999900000'],
    [Number('9.999999999999997e22'), '9.999999999999997e+22'],
  ];
  for (const [number, text] of NUMBERS) {
    test(`${text} is how ${number} is written`, () => {
      assert.equal(canonicalize(number), text);
      assert.equal(canonicalize({ n: [number] }), `{"n":[${text}]}`);
    });
  }
});

describe('canonical strings (RFC 8785 §3.2.2.2)', () => {
  const STRINGS: readonly [name: string, string, string][] = [
    ['the two-character escapes', '\b\t\n\f\r"\\', String.raw`"\b\t\n\f\r\"\\"`],
    ['other control characters, in lower-case hex', '\0\x01\x0b\x1f', String.raw`"\u0000\u0001\u000b\u001f"`],
    ['the solidus raw', '</script>', '"</script>"'],
    ['markup raw', "<>&'", '"<>&\'"'],
    ['DEL raw', '\x7f', '"\x7f"'],
    ['U+2028 and U+2029 raw', '\u2028\u2029', '"\u2028\u2029"'],
    ['non-ASCII raw and not normalized', 'e\u0301 \u00e9 \u20ac', '"e\u0301 \u00e9 \u20ac"'],
    ['a byte-order mark inside raw', '\ufeff', '"\ufeff"'],
    ['a surrogate pair raw', '\u{1f600}', '"\u{1f600}"'],
    ['noncharacters raw', '\ufffe\uffff', '"\ufffe\uffff"'],
  ];
  for (const [name, value, text] of STRINGS) {
    test(`writes ${name}`, () => {
      assert.equal(canonicalize(value), text);
      assert.equal(canonicalize({ [value]: 1 }), `{${text}:1}`);
    });
  }

  test('the bytes are UTF-8', () => {
    assert.deepEqual([...canonicalBytes('\u{1f600}')], [0x22, 0xf0, 0x9f, 0x98, 0x80, 0x22]);
    assert.equal(canonicalDigest({ b: 1, a: '\u20ac' }), sha256Hex('{"a":"\u20ac","b":1}'));
  });
});

describe('canonical key order (RFC 8785 §3.2.3)', () => {
  test('the example of the RFC: order by UTF-16 code units, so an emoji goes before U+FB33', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\u{1f600}': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    const keys = [...canonicalize(value).matchAll(/"([^"]+)":/g)].map(([, key]) => key);
    assert.deepEqual(keys, ['\\r', '1', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33']);
  });

  test('keys that look like integers are ordered as text', () => {
    assert.equal(canonicalize({ '9': 1, '10': 2, '1': 3 }), '{"1":3,"10":2,"9":1}');
  });

  test('nested objects are ordered, arrays are left as they are', () => {
    const value = { b: [{ z: 1, a: 2 }, 'y', 'x'], a: { d: null, c: true } };
    assert.equal(canonicalize(value), '{"a":{"c":true,"d":null},"b":[{"a":2,"z":1},"y","x"]}');
  });

  test('a key is before any longer one that it begins; the empty key is first', () => {
    assert.equal(canonicalize({ ab: 1, a: 2, '': 3 }), '{"":3,"a":2,"ab":1}');
  });

  test('__proto__ and constructor are keys as any other', () => {
    const value: unknown = JSON.parse('{"constructor":1,"__proto__":{"x":2},"a":3}');
    assert.equal(canonicalize(value), '{"__proto__":{"x":2},"a":3,"constructor":1}');
  });

  test('an object without a prototype is plain', () => {
    assert.equal(canonicalize(Object.assign(Object.create(null), { b: 1, a: 2 })), '{"a":2,"b":1}');
  });
});

describe('canonical JSON of any value', () => {
  test('is what the reference implementation writes, in whatever order the keys come', () => {
    fc.assert(
      fc.property(jsonValue(), fc.nat(), (value, seed) => {
        const expected = reference(value);
        assert.equal(canonicalize(value), expected);
        assert.equal(canonicalize(shuffled(value, seed)), expected);
      }),
      { numRuns: 1000 },
    );
  });

  test('writes every double so that it reads back as the same', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        const text = canonicalize(number);
        assert.equal(text, reference(number));
        assert.equal(JSON.parse(text), number === 0 ? 0 : number);
      }),
      { numRuns: 1000 },
    );
  });

  test('is refused when it is longer than the limit', () => {
    assert.equal(canonicalize('abc', 5), '"abc"');
    assert.throws(() => canonicalize('abc', 4), gaitError('not_canonicalizable', 'invalid_input'));
  });
});

test('decodeUtf8 refuses what is not UTF-8 and keeps a byte-order mark', () => {
  assert.equal(decodeUtf8(Buffer.from('\ufeffa')), '\ufeffa');
  assert.throws(
    () => decodeUtf8(Buffer.from([0xc0, 0x80])),
    gaitError('utf8_malformed', 'verification_failed'),
  );
});
