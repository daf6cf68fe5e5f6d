import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canonicalize } from '../../src/core/canonical.ts';
import type { Json } from '../../src/core/json.ts';
import { parseJson } from '../../src/core/json_text.ts';
import { anyCharacter, jsonValue } from '../support/json.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';

function parse(text: string | Buffer): Json {
  return parseJson(Buffer.from(text), 'the input');
}

describe('JSON that is accepted, in any spelling', () => {
  const table: Readonly<Record<string, Json>> = {
    ' \t\r\n{ "b" : 1 , "a" : [ ] } \n': { b: 1, a: [] },
    '{"a\\u0062":"\\/"}': { ab: '/' },
    '{"a":{"a":{"a":[{"a":1},{"a":2}]}}}': { a: { a: { a: [{ a: 1 }, { a: 2 }] } } },
    '[{"a":1},{"a":1}]': [{ a: 1 }, { a: 1 }],
    '{"a":"\\"b\\":1","b":"{\\"a\\":1,\\"a\\":2}"}': { a: '"b":1', b: '{"a":1,"a":2}' },
    '{"a\\\\":1,"a":"\\\\"}': { 'a\\': 1, a: '\\' },
    '["a\\\\\\\\:",":",":\\"",{"":":"}]': ['a\\\\:', ':', ':"', { '': ':' }],
    '{"a":1,"A":2,"\u00e1":3,"a\u0301":4}': { a: 1, A: 2, '\u00e1': 3, 'a\u0301': 4 },
    '{"\\u0000":1,"0":2,"constructor":3,"toString":4}': { '\0': 1, 0: 2, constructor: 3, toString: 4 },
    '1e2': 100,
    null: null,
    '"a"': 'a',
  };
  for (const [text, value] of Object.entries(table)) {
    test(text.trim(), () => assert.deepEqual(parse(text), value));
  }

  test('a key __proto__ is a key like others', () => {
    const value = parse('{"__proto__":{"a":1}}');
    assert.deepEqual(Object.keys(value as object), ['__proto__']);
    assert.equal(canonicalize(value), '{"__proto__":{"a":1}}');
  });

  test('whatever any value is printed as', () => {
    fc.assert(
      fc.property(jsonValue(), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, (_, each) => (isLarge(each) ? 1 : each), indent);
        assert.equal(canonicalize(parse(text)), canonicalize(JSON.parse(text)));
      }),
      { numRuns: 500 },
    );
  });
});

/** A number of so many digits that it stands for its neighbours too. */
function isLarge(value: unknown): boolean {
  return Math.abs(Number(value)) > Number.MAX_SAFE_INTEGER && /\d{16}/.test(String(value).replace('.', ''));
}

describe('the third attack on the evidence, 4: a number that two readers take for two is refused: json_ambiguous', () => {
  const LOST = ['9007199254740993', '-9007199254740993', '123456789012345678', '0.1234567890123456789'];
  for (const number of LOST) {
    test(number, () => {
      for (const text of [number, `[${number}]`, `{"a":{"b":[1,${number} ]}}`])
        assert.throws(() => parse(text), gaitError('json_ambiguous', 'invalid_input'));
      assert.deepEqual(parse(`{"a":"${number}"}`), { a: number });
    });
  }

  test('none that is kept', () => {
    for (const number of ['9007199254740991', '1e21', '0.30000000000000004', '100000000000000000000', '-0.1'])
      assert.equal(parse(number), Number(number));
  });
});

describe('a key twice in the same object is refused: json_ambiguous', () => {
  const texts: readonly string[] = [
    '{"a":1,"a":1}',
    '{"a":1,"b":2,"a":3}',
    '{"a":1,"\\u0061":2}',
    '{"\\u0061":1,"\\u0061":2}',
    '{"/":1,"\\/":2}',
    '{"\\n":1,"\\u000a":2}',
    '{"é":1,"\\u00e9":2}',
    '{"\u{1f600}":1,"\\ud83d\\ude00":2}',
    '{"\\"":1,"\\u0022":2}',
    '{"a\\\\":1,"a\\u005c":2}',
    '{"":1,"":2}',
    '{"1":1,"1":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"a":{"b":[1,{"c":1,"c":1}]}}',
    '[[[{"a":null,"a":null}]]]',
    '{"a" \n:\t1 , "a"\r\n: 2}',
    '{"a":"\\"a\\":","a":2}',
    '{"a":{"a":1},"a":{"a":1}}',
  ];
  for (const text of texts) {
    test(text.replaceAll('\n', '␊'), () => {
      assert.throws(() => parse(text), gaitError('json_ambiguous', 'invalid_input'));
    });
  }

  test('wherever it stands in any value, and however it is escaped', () => {
    const keys = fc.uniqueArray(fc.string({ unit: anyCharacter, minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(
        keys,
        fc.nat(),
        fc.array(fc.constantFrom('[', '{"k":'), { maxLength: 6 }),
        jsonValue(),
        (names, nth, around, value) => {
          const twin = names[nth % names.length] ?? '';
          const escaped = [...twin].map((char) => escapeOf(char)).join('');
          const text = JSON.stringify(value);
          const members = [...names.map((name) => `${JSON.stringify(name)}:${text}`), `"${escaped}":1`];
          const closing = around
            .map((open) => (open === '[' ? ']' : '}'))
            .reverse()
            .join('');
          const whole = `${around.join('')}{${members.join(',')}}${closing}`;
          assert.throws(() => parse(whole), gaitError('json_ambiguous'));
        },
      ),
    );
  });
});

function escapeOf(char: string): string {
  return char
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

describe('what is not one JSON document is refused: json_malformed', () => {
  const table: Readonly<Record<string, string | Buffer>> = {
    nothing: '',
    'white space': ' \n',
    'a byte-order mark': '\ufeff{}',
    'UTF-16': Buffer.from('{}', 'utf16le'),
    'a second value': '{}{}',
    'a second value on a line of its own': '{}\n{}',
    'a word after': '{} x',
    'a NUL after': '{}\0',
    'a comma at the end': '{"a":1,}',
    'a comment': '{} // no',
    'single quotes': "{'a':1}",
    'a key without quotes': '{a:1}',
    NaN: '{"a":NaN}',
    'a leading zero': '01',
    'a plus sign': '+1',
    'a control character in a string': '"a\nb"',
    'an escape that there is not': '"\\x41"',
    'cut short': '{"a":[1,2',
    'a lone byte of Latin-1': Buffer.from([0x22, 0xe9, 0x22]),
    'an overlong encoding': Buffer.from([0x22, 0xc0, 0xaf, 0x22]),
    'a surrogate in UTF-8': Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]),
    'other white space': '\u00a0{}',
  };
  for (const [what, text] of Object.entries(table)) {
    test(what, () => assert.throws(() => parse(text), gaitError('json_malformed', 'invalid_input')));
  }
});

describe('what only canonical JSON refuses', () => {
  for (const text of ['"\\ud800"', '{"\\udc00":1}', '[1e400]', '"\\ude00\\ud83d"']) {
    test(`${text} is parsed, and not_canonicalizable`, () => {
      const value = parse(text);
      assert.throws(() => canonicalize(value), gaitError('not_canonicalizable'));
    });
  }

  test('two lone surrogates that differ are two keys', () => {
    assert.equal(Object.keys(parse('{"\\ud800":1,"\\ud801":2}') as object).length, 2);
  });
});

describe('a document that is meant to hurt', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    test(`nested a hundred thousand deep in ${open}: refused as input, no crash`, () => {
      const text = `${open.repeat(100_000)}1${close.repeat(100_000)}`;
      assert.throws(() => canonicalize(parse(text)), gaitError('not_canonicalizable', 'invalid_input'));
    });
  }

  // If each were looked at anew for every one before it, this would not end today.
  test('a million backslashes, quotes and keys are read as a few are', () => {
    const million = 1_000_000;
    assert.equal(parse(`"${'\\\\'.repeat(million)}"`), '\\'.repeat(million));
    assert.equal(parse(`"${'\\"'.repeat(million)}"`), '"'.repeat(million));
    const members = Array.from({ length: million }, (_, i) => `"${i}":"\\\\"`);
    assert.equal(Object.keys(parse(`{${members.join(',')}}`) as object).length, million);
    assert.throws(() => parse(`{${members.join(',')},"7":1}`), gaitError('json_ambiguous'));
  });
});
