import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { CommandSpec } from '../../src/cli/command.ts';
import { COMMON_FLAGS, parseCommandLine } from '../../src/cli/parse.ts';
import { TREE } from '../../src/tree.ts';
import { ROOT, sharedWorkspace } from '../support/cli.ts';
import { shellWords } from './shell_words.ts';

const NAMES = Object.keys(TREE);

/** Every word or two that commands stand under: `job`, `job checkpoint`, `pack`. */
const TOPICS = [
  ...new Set(
    NAMES.flatMap((name) => {
      const words = name.split(' ');
      return words.slice(1).map((_, i) => words.slice(0, i + 1).join(' '));
    }),
  ),
];

async function specOf(name: string): Promise<CommandSpec> {
  const load = TREE[name];
  assert.ok(load !== undefined);
  return (await load()).default;
}

/** Help as running text: where a line breaks, by a backslash or without, does not matter. */
function flowing(text: string): string {
  return text.replaceAll(/(\s\\)?\s+/g, ' ');
}

/** Lines that end in a backslash within quotes: a shell would keep the backslash and the break in the word. */
function brokenWithinQuotes(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.endsWith('\\'));
  return lines.filter((line) => (line.split("'").length - 1) % 2 === 1);
}

function childrenOf(topic: string): string[] {
  const prefix = topic === '' ? '' : `${topic} `;
  return NAMES.filter((name) => name.startsWith(prefix)).map(
    (name) => name.slice(prefix.length).split(' ')[0] ?? '',
  );
}

describe('help', () => {
  const shared = sharedWorkspace(async () => {});
  const help = async (line: string) => shared().text(line);
  const helps = async (lines: readonly string[]): Promise<string[]> => {
    const texts: string[] = [];
    for (const line of lines) texts.push(await help(line));
    return texts;
  };

  test('of gait itself, however it is asked for, names the topics', async () => {
    const texts = await helps(['--help', '-h', 'help', '']);
    for (const text of texts) {
      assert.equal(text, texts[0]);
      for (const topic of childrenOf('')) assert.match(text, new RegExp(`^ +${topic} `, 'm'));
    }
  });

  for (const topic of TOPICS) {
    test(`of ${topic}, however it is asked for, names its commands`, async () => {
      // A topic that is a command itself asks for its arguments when it is given none.
      const bare = NAMES.includes(topic) ? [] : [topic];
      const lines = [`${topic} --help`, `help ${topic}`, ...bare];
      const texts = await helps(lines);
      for (const text of texts) {
        assert.equal(text, texts[0]);
        for (const child of childrenOf(topic)) assert.match(text, new RegExp(`^ +${topic} ${child} `, 'm'));
      }
    });
  }

  for (const name of NAMES) {
    test(`of ${name} describes every flag and shows an example`, async () => {
      const spec = await specOf(name);
      const text = await help(`${name} --help`);
      const running = flowing(text);
      for (const [flag, { summary }] of Object.entries({ ...spec.flags, ...COMMON_FLAGS })) {
        assert.match(text, new RegExp(`^ +(-., )?--${flag}\\b`, 'm'), flag);
        assert.ok(running.includes(flowing(summary)), `--${flag} is described: ${summary}`);
      }
      for (const { summary } of spec.args ?? []) assert.ok(running.includes(flowing(summary)));
      assert.ok(running.includes(flowing(spec.summary)));
      assert.ok(spec.examples.length > 0, 'an example');
      for (const { says, line } of spec.examples) {
        assert.ok(running.includes(flowing(says)));
        assert.ok(running.includes(`gait ${flowing(line)}`), line);
      }
      assert.deepEqual(brokenWithinQuotes(text), [], 'an example can be pasted as it is shown');
    });
  }

  test('asked for by -h, by help and behind other words is the same', async () => {
    const name = 'job checkpoint add';
    const lines = [`${name} --help`, `${name} -h`, `help ${name}`, `${name} --id x --nonsense --help`];
    const texts = await helps(lines);
    assert.deepEqual(new Set(texts).size, 1);
  });

  test('of what there is not is refused, with the nearest', async () => {
    for (const line of ['jbo --help', 'help jbo', 'help job submitt']) {
      const { exit, stdout, stderr } = await shared().gait(line);
      assert.deepEqual({ exit, stdout }, { exit: 6, stdout: '' }, line);
      assert.match(stderr, /Did you mean: gait job/, line);
    }
  });

  test('has no colour in a pipe, nor has anything else, with NO_COLOR or without', async () => {
    const w = shared();
    await w.ok('job submit --id demo');
    for (const env of [{}, { NO_COLOR: '1' }, { TERM: 'xterm-256color' }]) {
      const lines = [
        '--help',
        'job --help',
        'job submit --help',
        'job status --id demo',
        'job list',
        'job lst',
      ];
      const running = lines.map((line) => w.gait(line, { env, real: true }));
      for (const { stdout, stderr } of await Promise.all(running))
        assert.ok(!`${stdout}${stderr}`.includes('\u001b'), stdout);
    }
  });

  test('the version is told, in words and as JSON', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    for (const line of ['--version', '-v', 'version']) {
      assert.equal(await help(line), `gait ${version}\n`);
      const output = await shared().ok(line);
      assert.deepEqual(
        [output.schema_id, output.operation, output.version],
        ['gait.output', 'version', version],
      );
    }
  });
});

describe('the examples of help', () => {
  for (const name of NAMES) {
    test(`of ${name} are command lines of it`, async () => {
      const spec = await specOf(name);
      for (const { line } of spec.examples) {
        assert.ok(line.startsWith(`${name} `) || line === name, line);
        parseCommandLine(spec, shellWords(line.slice(name.length)));
      }
    });
  }
});

/** Its family, and what it does there. Sessions are a family of their own; a family may be a command itself. */
function outputOf(name: string): { schemaId: string; operation: string } {
  const [family = '', ...words] = name.replace(/^run session /, 'run.session ').split(' ');
  return { schemaId: `gait.${family}.output`, operation: words.length === 0 ? family : words.join(' ') };
}

describe('the commands', () => {
  test('are the files of src/commands', () => {
    const files = readdirSync(join(ROOT, 'src', 'commands'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => file.slice(0, -'.ts'.length).split(/[/\\]/).join(' '));
    assert.deepEqual(files.sort(), [...NAMES].sort());
  });

  test('say in their output which they are', async () => {
    for (const name of NAMES) {
      const { output } = await specOf(name);
      assert.deepEqual(output, outputOf(name));
    }
  });

  test('are described by the committed oclif.manifest.json as they are now', async () => {
    const { manifestText } = (await import(pathToFileURL(join(ROOT, 'scripts', 'manifest.mjs')).href)) as {
      manifestText(): Promise<string>;
    };
    const committed = readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8');
    assert.ok(committed === (await manifestText()), '`npm run build` writes oclif.manifest.json anew');
    const { commands } = JSON.parse(committed) as { commands: Record<string, unknown> };
    assert.deepEqual(Object.keys(commands).sort(), NAMES.map((name) => name.replaceAll(' ', ':')).sort());
  });
});
