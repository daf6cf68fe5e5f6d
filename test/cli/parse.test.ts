import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CommandSpec, command } from '../../src/cli/command.ts';
import { parseCommandLine } from '../../src/cli/parse.ts';
import { editDistance, nearest } from '../../src/cli/suggest.ts';
import { GaitError } from '../../src/core/errors.ts';
import { anyCharacter } from '../support/json.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';
import { shellWords } from './shell_words.ts';

const spec: CommandSpec = command({
  output: { schemaId: 'gait.output', operation: 'test' },
  summary: 'A command with a flag of every type.',
  examples: [],
  args: [{ name: 'PATH', summary: 'a path', required: false }],
  flags: {
    id: { type: 'string', value: 'ID', required: true, summary: 'Required.' },
    root: { type: 'string', value: 'DIR', summary: 'Optional.' },
    type: {
      type: 'string',
      value: 'TYPE',
      default: 'plan',
      options: ['plan', 'progress'],
      summary: 'One of.',
    },
    rule: { type: 'strings', value: 'RULE', summary: 'Repeatable.' },
    at: { type: 'count', value: 'N', summary: 'A number.' },
    yes: { type: 'boolean', summary: 'A switch.' },
  },
  run: async () => ({ fields: {}, lines: [] }),
});

const NOTHING = { root: undefined, type: 'plan', rule: [], at: undefined, yes: false };

/** The flags that a command line gives beside those that nobody gave, and its arguments. */
function parsed(line: string | readonly string[]): unknown {
  const { flags, args } = parseCommandLine(spec, typeof line === 'string' ? shellWords(line) : line);
  const given = Object.entries(flags).filter(([name, value]) => {
    return JSON.stringify(value) !== JSON.stringify(NOTHING[name as keyof typeof NOTHING]);
  });
  return { ...Object.fromEntries(given), ...(args.length === 0 ? {} : { args }) };
}

const GOOD: readonly (readonly [line: string | readonly string[], flags: Record<string, unknown>])[] = [
  ['--id a', { id: 'a' }],
  ['--id=a', { id: 'a' }],
  [['--id', ''], { id: '' }],
  [['--id', 'two words'], { id: 'two words' }],
  ['--id=--root', { id: '--root' }],
  ['--id -a', { id: '-a' }],
  ['--id=a=b', { id: 'a=b' }],
  ['--yes --id a', { id: 'a', yes: true }],
  ['--id a --yes=true', { id: 'a', yes: true }],
  ['--id a --json', { id: 'a', json: true }],
  ['--id a --rule x --rule y', { id: 'a', rule: ['x', 'y'] }],
  ['--id a --type progress', { id: 'a', type: 'progress' }],
  ['--id a --at 0', { id: 'a', at: 0 }],
  ['--id a --at 007', { id: 'a', at: 7 }],
  ['path --id a', { id: 'a', args: ['path'] }],
  ['--id a path', { id: 'a', args: ['path'] }],
  ['--id a --yes path', { id: 'a', yes: true, args: ['path'] }],
  ['--id a -- --root', { id: 'a', args: ['--root'] }],
  ['--id a -- -h', { id: 'a', args: ['-h'] }],
  ['--id a -', { id: 'a', args: ['-'] }],
];

const BAD: readonly (readonly [line: string | readonly string[], code: string, says?: RegExp])[] = [
  ['', 'flag_missing', /--id/],
  ['--id', 'flag_value_missing', /--id/],
  ['--id --yes', 'flag_value_missing', /--id=VALUE/],
  ['--ids a', 'flag_unknown', /Did you mean --id\?/],
  ['--id a --tpye plan', 'flag_unknown', /Did you mean --type\?/],
  ['--id a --zzzzzz', 'flag_unknown', /--help/],
  ['--id a -x', 'flag_unknown', /-x/],
  ['--id a -yes', 'flag_unknown'],
  ['--id a --no-yes', 'flag_unknown'],
  ['--id a --constructor', 'flag_unknown'],
  ['--id a --__proto__ x', 'flag_unknown'],
  ['--id a --toString=1', 'flag_unknown'],
  ['--id a --yes=no', 'flag_value_invalid'],
  ['--id a --yes=', 'flag_value_invalid'],
  ['--id a --type plans', 'flag_value_invalid', /Did you mean plan\?/],
  ['--id a --type zzzzzzzzzzz', 'flag_value_invalid', /Allowed: plan, progress/],
  ['--id a --at x', 'flag_value_invalid'],
  ['--id a --at -1', 'flag_value_invalid'],
  ['--id a --at 1.5', 'flag_value_invalid'],
  ['--id a --at 1e3', 'flag_value_invalid'],
  ['--id a --at 9999999999999999', 'flag_value_invalid'],
  [['--id', 'a', '--at', ''], 'flag_value_invalid'],
  ['--id a one two', 'argument_unexpected', /two/],
  ['--id a one -- --two', 'argument_unexpected', /--two/],
];

function title(line: string | readonly string[]): string {
  return JSON.stringify(typeof line === 'string' ? line : line.join(' '));
}

describe('parsing a command line', () => {
  for (const [line, expected] of GOOD) {
    test(`${title(line)} is ${JSON.stringify(expected)}`, () => assert.deepEqual(parsed(line), expected));
  }

  for (const [line, code, says] of BAD) {
    test(`${title(line)} is refused: ${code}`, () => {
      assert.throws(
        () => parsed(line),
        (error: GaitError) => {
          if (says !== undefined) assert.match(`${error.message} ${error.hint}`, says);
          return gaitError(code, 'invalid_input')(error);
        },
      );
    });
  }

  test('a positional that is required and missing is named', () => {
    const strict = { ...spec, args: [{ name: 'PATH', summary: 'the pack', required: true }] };
    assert.throws(
      () => parseCommandLine(strict, ['--id', 'a']),
      gaitError('argument_missing', 'invalid_input'),
    );
  });
});

const word = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 8 }),
  fc.constantFrom(
    '--id',
    '--root',
    '--type',
    '--rule',
    '--at',
    '--yes',
    '--json',
    '--help',
    '--',
    '-',
    '',
    '-h',
  ),
  fc.constantFrom(
    '--id=',
    '--at=1',
    '--yes=false',
    '--type=plan',
    '--__proto__',
    '--no-id',
    '---',
    '--=',
    '=x',
  ),
);

test('any argument list is parsed, or refused as invalid input; what is parsed has the types of its flags', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
      try {
        const { flags, args } = parseCommandLine(spec, argv);
        assert.equal(typeof flags['id'], 'string');
        assert.ok(flags['at'] === undefined || Number.isSafeInteger(flags['at']));
        assert.ok(['plan', 'progress'].includes(String(flags['type'])));
        assert.equal(typeof flags['yes'], 'boolean');
        assert.ok(Array.isArray(flags['rule']) && args.length <= 1);
      } catch (error) {
        assert.ok(error instanceof GaitError, String(error));
        assert.equal(error.category, 'invalid_input');
      }
    }),
    { numRuns: 2000 },
  );
});

test('a value survives, however awkward it is', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: anyCharacter }),
      fc.array(fc.string({ unit: anyCharacter })),
      (id, rules) => {
        const argv = [`--id=${id}`, ...rules.map((rule) => `--rule=${rule}`)];
        const { flags } = parseCommandLine(spec, argv);
        assert.deepEqual([flags['id'], flags['rule']], [id, rules]);
      },
    ),
  );
});

describe('suggesting what was meant', () => {
  const WORDS = ['status', 'submit', 'stop', 'checkpoint add', 'log'];

  test('the nearest word is the one that was mistyped by a letter or two', () => {
    const typed = ['statsu', 'sumbit', 'stp', 'chekpoint ad', 'lgo', 'status'];
    assert.deepEqual(
      typed.map((mistyped) => nearest(mistyped, WORDS)),
      ['status', 'submit', 'stop', 'checkpoint add', 'log', 'status'],
    );
  });

  test('what is near to nothing has no suggestion', () => {
    assert.equal(nearest('frobnicate', WORDS), undefined);
    assert.equal(nearest('x', []), undefined);
  });

  test('the distance counts changed, added, dropped and swapped letters', () => {
    const pairs: readonly (readonly [string, string, number])[] = [
      ['', '', 0],
      ['', 'abc', 3],
      ['kitten', 'sitting', 3],
      ['ab', 'ba', 1],
      ['abcd', 'acbd', 1],
      ['flag', 'flags', 1],
    ];
    for (const [a, b, distance] of pairs) assert.equal(editDistance(a, b), distance, `${a} ${b}`);
  });

  test('the distance is nothing for the same word, the same in both directions, and never more than the longer word', () => {
    const text = fc.string({ maxLength: 10 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const distance = editDistance(a, b);
        assert.equal(distance === 0, a === b);
        assert.equal(distance, editDistance(b, a));
        assert.ok(distance <= Math.max(a.length, b.length));
      }),
    );
  });
});
