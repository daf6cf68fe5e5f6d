import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { wordsTo } from '../../src/cli/io.ts';
import { painted, printable, printableJson, terminalLine } from '../../src/cli/terminal.ts';
import { workspace } from '../support/cli.ts';
import { sourceFiles } from '../support/house.ts';
import fc from '../support/property.ts';

const SRC = join(process.env['GAIT_ROOT'] ?? process.cwd(), 'src');

/** What must reach no terminal: written from Unicode's categories and ECMA-48, not from the code. */
const OBEYED =
  /\u034f|[\u180b-\u180f]|[\ufe00-\ufe0e]|[\p{Cc}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u115f\u1160\u17b4\u17b5\u2060-\u206f\u2800\u3164\uffa0\ud800-\udfff\ufeff\ufff9-\ufffb\u{e0001}\u{e0020}-\u{e007f}]/u;

/** Select Graphic Rendition, ECMA-48 §8.3.117. */
const COLOR = new RegExp(`${String.fromCharCode(0x1b)}\\[[0-9;]*m`, 'g');

/** Escapes, ends of lines, marks that turn text around, halves of characters, our own marks for colours. */
const EVIL = [
  ...[
    '\u001b]0;x\u0007',
    '\u001b[2K\u001b[1A',
    '\u009b31m',
    '\r\nok  verified',
    '\u202e',
    '\u2066',
    '\u200b',
    '\u2028',
  ],
  ...['\ud800', '\ufdd0', '\ufdd0red\ufdd1', '\u{e0041}', '\u007f', '\u0000', '\t', '\ufeff'],
];
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...EVIL), fc.string({ unit: 'binary' }), fc.string()), {
    minLength: 1,
    maxLength: 5,
  })
  .map((parts) => parts.join(''));

describe('M2: what is written to a terminal', () => {
  test('is one line, in which nothing is obeyed', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        for (const shown of [
          printable(text),
          terminalLine(text),
          terminalLine(painted('red', text)).replaceAll(COLOR, ''),
        ])
          assert.doesNotMatch(shown, OBEYED);
      }),
      { numRuns: 2000 },
    );
  });

  test('has our colours, also within one another, and nobody else’s', () => {
    const line = terminalLine(`a ${painted('bold', `b ${painted('red', 'c')} d`)} e`);
    assert.equal(line, 'a \u001b[1mb \u001b[31mc\u001b[39m d\u001b[22m e');
    assert.equal(terminalLine('\ufdd0red\ufdd1x'), '\\u{fdd0}red\\u{fdd1}x');
  });

  test('JSON stays the same JSON', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const json = JSON.stringify({ [text]: text });
        const shown = printableJson(json);
        assert.doesNotMatch(shown, OBEYED);
        assert.deepEqual(JSON.parse(shown), JSON.parse(json));
      }),
      { numRuns: 2000 },
    );
  });

  test('whichever word of a command it is', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        let written = '';
        const out = (more: string): void => {
          written += more;
        };
        const words = wordsTo({
          out,
          err: out,
          aside: async (more) => out(more),
          terminal: true,
          colored: false,
        });
        words.print(text);
        words.note(text);
        words.printAll([text, text]);
        void words.aside([text]);
        words.printJson(`${JSON.stringify(text)}\n`);
        const lines = written.split('\n');
        assert.equal(lines.length, 7, 'a line each');
        for (const line of lines) assert.doesNotMatch(line, OBEYED);
        written = '';
        words.printHelp(text.replaceAll('\n', ''));
        assert.equal(written.split('\n').length, 2);
        // Help is ours, and coloured: colours are all that it may have.
        assert.doesNotMatch(written.trimEnd().replaceAll(COLOR, ''), OBEYED);
      }),
      { numRuns: 500 },
    );
  });

  test('nothing writes past it, and nothing else knows a control character', () => {
    const strangers: string[] = [];
    for (const path of sourceFiles(SRC)) {
      if (/^(?:cli\/(?:io|terminal)|host\/process\/guard_main|gate\/target\/shell_words)\.ts$/.test(path))
        continue;
      const text = readFileSync(join(SRC, path), 'utf8');
      const writes =
        /\b(?:console\.\w+|std(?:out|err)\.write|styleText)\b|process\.std(?:out|err)\b(?!\.on\()/.exec(text);
      const knows = /\\(?:u00(?:1b|9b)|u\{1b\}|x1b|x9b|033|e\[)|fromCharCode\((?:27|155|0x[19]b)\)/i.exec(
        text,
      );
      const beside = /\bwrite(?:Sync|v|vSync)?\((?:1|2|std\w+\.fd)\b|['"]\/dev\/(?:tty|std\w+|fd\/)/.exec(
        text,
      );
      for (const found of [writes, knows, beside]) if (found !== null) strangers.push(`${path}: ${found[0]}`);
    }
    assert.deepEqual(strangers, []);
  });

  const text = EVIL.slice(0, 8).join('');
  test('commands on files with hostile text in every place', async (t) => {
    const w = await workspace(t);
    const intent = { intent_id: text, tool_name: text, args: { [text]: text } };
    const run = {
      run: { run_id: 'r', env: { a: text } },
      intents: [intent],
      results: [{ intent_id: text, status: text, result: { a: text } }],
      [text]: 1,
    };
    await writeFile(w.path('run.json'), JSON.stringify(run));
    const rule = JSON.stringify({
      rules: [{ name: text, effect: 'block', match: { tool_names: [text] } }],
      default_verdict: 'allow',
    });
    await writeFile(w.path('p.yaml'), printableJson(rule)); // YAML has line ends of its own
    const context = { identity: text, workspace: `/w/${text}`, risk_class: 'low' };
    const targets = [
      { kind: 'path', value: text },
      { kind: 'url', value: text },
    ];
    await writeFile(
      w.path('c.json'),
      JSON.stringify({ tool_name: text, args: { [text]: text }, targets, context }),
    );
    await writeFile(w.path('bad.json'), `{"${'a'.repeat(10)}": ${text}`);
    await writeFile(w.path('bad.yaml'), `rules:\n  - ${text}: 1\n`);
    const lines = [
      'run record run.json --capture-mode raw',
      'run inspect r',
      'run receipt r',
      'run diff r r',
      'run reduce r --out-dir reduced',
      'run replay r',
      'verify r',
      'pack build r --out r.zip',
      'pack inspect r.zip',
      'pack verify r.zip',
      'pack diff r.zip r.zip',
      'policy test p.yaml c.json',
      'policy explain p.yaml c.json',
      'policy validate p.yaml',
      'policy simulate --policy p.yaml --baseline p.yaml --fixtures c.json',
      'policy validate bad.yaml',
      'trace verify bad.json --public-key x',
      'verify session-chain bad.json',
      'gate eval --policy p.yaml --intent c.json',
      'job submit --id j --actor agent',
      'job log --id j',
      'job list',
      'job verify --id j',
    ].map((line) => line.split(' '));
    const withWords = [
      ['job', 'pause', '--id', 'j', '--actor', 'bob', '--reason', text],
      ['kill-switch', 'add', '--all', '--reason', text],
      ['kill-switch', 'list'],
      ['pack', 'verify', text],
      ['run', 'inspect', text],
      ['job', 'submit', '--id', text],
      ['job', 'list', `--${text}`],
      [text],
    ];
    const shown = new Set<string>();
    for (const argv of [...lines, ...withWords]) {
      const { stdout, stderr } = await w.gait(argv);
      const all = `${stdout}\n${stderr}`;
      if (all.includes('\\u{1b}')) shown.add(argv.slice(0, 2).join(' '));
      for (const line of all.split('\n')) assert.doesNotMatch(line, OBEYED, argv.join(' ').slice(0, 60));
    }
    // It got as far as these, and was shown there.
    for (const command of [
      'run inspect',
      'policy explain',
      'policy test',
      'gate eval',
      'kill-switch list',
      'pack verify',
    ])
      assert.ok(shown.has(command), `${command} of ${[...shown].join()}`);
  });
});
