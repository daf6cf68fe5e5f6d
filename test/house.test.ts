import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { VERSION } from '../src/core/version.ts';
import {
  faultsOf,
  type House,
  loadedWith,
  MAX_FILES,
  type Rooms,
  readHouse,
  roomsOf,
  sourceFiles,
  sourceOf,
} from './support/house.ts';
import { faultsOfTest } from './support/suite.ts';

const ROOT = process.env['GAIT_ROOT'] ?? process.cwd();
const SRC = join(ROOT, 'src');
const MAX_LINES = 300;

describe('the house', () => {
  test('is as its table of rooms says', () => {
    const house = readHouse(SRC);
    const rooms = roomsOf(readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8'));
    assert.ok(house.size > 20, `only ${house.size} source files in ${SRC}`);
    assert.deepEqual(faultsOf(house, rooms), []);
    const folders = new Set(
      [...house.keys()].filter((file) => file.includes('/')).map((file) => file.split('/')[0]),
    );
    assert.deepEqual([...rooms.keys()].sort(), [...folders].sort());
  });

  test('what scripts and the kit take from the library is there', () => {
    for (const folder of ['scripts', 'tck']) {
      const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
      for (const name of names.filter((each) => each.endsWith('.mjs'))) {
        const text = readFileSync(join(ROOT, folder, name), 'utf8');
        const taken = text.matchAll(
          /\{([^{}]+)\} (?:=|from)(?: await import\()? ?'(?:\.\.\/)+dist\/([\w/]+)\.js'/g,
        );
        for (const [, members = '', file = ''] of taken) {
          const { exports } = sourceOf(readFileSync(join(SRC, `${file}.ts`), 'utf8'));
          for (const member of members.split(',')) {
            const [exported = ''] = member.trim().split(/[ :]/);
            assert.ok(
              exported === '' || exports.includes(exported),
              `${folder}/${name}: ${exported} of ${file}`,
            );
          }
        }
      }
    }
  });

  test(`no source file has more than ${MAX_LINES} lines`, () => {
    const long = sourceFiles(SRC)
      .map((file) => [file, lineCount(readFileSync(join(SRC, file), 'utf8'))] as const)
      .filter(([, lines]) => lines > MAX_LINES);
    assert.deepEqual(long, []);
  });

  test('a command on a job loads no code of zips, packs and runs: it starts in little more than the time of Node', () => {
    const house = readHouse(SRC);
    const commands = [...house.keys()].filter((file) => file.startsWith('commands/job/'));
    assert.ok(commands.length > 15);
    for (const command of commands) {
      const foreign = [...loadedWith(house, command)].filter((file) => /^(zip|pack|run)\//.test(file));
      assert.deepEqual(foreign, [], command);
    }
  });

  test('the version in the code is the version of the package', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    assert.equal(VERSION, version);
  });
});

describe('the suite', () => {
  test('leaves nothing to a chance that cannot be repeated, nor to how fast or large a machine is', () => {
    const tests = join(ROOT, 'test');
    const files = sourceFiles(tests);
    assert.ok(files.includes('house.test.ts'));
    const faults = files.flatMap((file) => faultsOfTest(file, readFileSync(join(tests, file), 'utf8')));
    assert.deepEqual(faults, []);
  });

  const PROPERTY = 'fc.assert(fc.property(fc.nat(), (n) => void (sum += n)));';
  const UNSOUND: readonly (readonly [text: string, fault: RegExp])[] = [
    ["import fc from 'fast-check';", /import fc from/],
    ['const at = Math.random() * 8;', /`seeded`/],
    ["import { randomInt } from 'node:crypto';", /`seeded`/],
    ['fc.configureGlobal({ seed: 1 });', /the seed is set/],
    [`test('x', () => { let sum = 0; ${PROPERTY} assert.ok(sum > 50); });`, /make those inputs/],
    ["test('x', { todo: 'later' }, () => {});", /unseen/],
    ["test.todo('x');", /unseen/],
    ['assert.ok(process.memoryUsage().heapUsed < 100);', /by counting/],
    ['const started = performance.now();', /`until`/],
  ];
  for (const [text, fault] of UNSOUND) {
    test(`has no ${text}`, () => {
      const faults = faultsOfTest('job/a.test.ts', `\n${text}`);
      assert.match(faults.join('\n'), fault);
      assert.ok(faults.every((line) => line.startsWith('job/a.test.ts:2: ')));
    });
  }

  test('may do what is sound', () => {
    const text = `
      import fc from '../support/property.ts';
      // Math.random and a todo in a comment
      test('x', () => { assert.ok(SOME.length > 3); ${PROPERTY} });
      test('y', () => assert.ok(Date.now() > expires, 'performance.now'));
    `;
    assert.deepEqual(faultsOfTest('job/a.test.ts', text), []);
  });
});

function lineCount(text: string): number {
  return text.trimEnd().split('\n').length;
}

const ROOMS: Rooms = roomsOf(`
| floor | room | what is in it | what touches the machine |
|---|---|---|---|
| 1 | \`core/\` | the ground | |
| 2 | \`log/\` | streams; \`stores/\` | \`a.ts\`, \`stores/b.ts\` |
| 3 | \`job/\` | jobs | |
| 3 | \`run/\` | runs | |
| 4 | \`cli/\` | the command line | |
| 5 | \`commands/\` | commands | |
`);

/** Imports of a made-up file (`./b.ts type:../core/c.ts`), and after `=>` the names that it exports. */
function made(text: string): House extends ReadonlyMap<string, infer Source> ? Source : never {
  const [imports = '', exports = ''] = text.split('=>').map((part) => part.trim());
  return {
    imports: imports
      .split(' ')
      .map((each) => ({ specifier: each.replace('type:', ''), typeOnly: each.startsWith('type:') })),
    exports: exports === '' ? [] : exports.split(' '),
  };
}

/** The files of {@link ROOMS} that touch the machine do so unless it is said otherwise. */
function houseOf(files: Readonly<Record<string, string>>): House {
  const all = { 'log/a.ts': 'node:fs', 'log/stores/b.ts': 'node:http', ...files };
  return new Map(Object.entries(all).map(([file, text]) => [file, made(text)]));
}

function crowd(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`run/f${i}.ts`, '']));
}

describe('the check of the house', () => {
  test('reads the table of rooms', () => {
    assert.deepEqual(ROOMS.get('log'), { floor: 2, edges: ['log/a.ts', 'log/stores/b.ts'] });
    assert.deepEqual(ROOMS.get('core'), { floor: 1, edges: [] });
    assert.equal(ROOMS.size, 6);
  });

  const SOUND: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'an import of the same room': { 'job/a.ts': './b.ts', 'job/b.ts': '../core/c.ts' },
    'imports over several floors': { 'commands/job/a.ts': '../../core/a.ts ../../cli/b.ts' },
    'a file directly in src/': { 'index.ts': './commands/a.ts ./core/b.ts' },
    'a type of what touches the machine': { 'job/a.ts': 'type:node:fs' },
    'a diamond': { 'job/a.ts': './b.ts ./c.ts', 'job/b.ts': './d.ts', 'job/c.ts': './d.ts' },
    'a folder that is just full': crowd(MAX_FILES),
    'commands of one name': { 'commands/a.ts': '=> command', 'commands/b.ts': '=> command' },
  };
  for (const [name, files] of Object.entries(SOUND)) {
    test(`accepts ${name}`, () => assert.deepEqual(faultsOf(houseOf(files), ROOMS), []));
  }

  const UNSOUND: readonly [name: string, files: Readonly<Record<string, string>>, fault: RegExp][] = [
    ['an import that runs up', { 'log/c.ts': '../job/b.ts' }, /log\/c\.ts imports job\/b\.ts/],
    ['a type import that runs up', { 'core/a.ts': 'type:../log/b.ts' }, /core\/a\.ts imports log\/b\.ts/],
    ['an import of a neighbour on the same floor', { 'run/a.ts': '../job/b.ts' }, /not below it/],
    ['an import of a file directly in src/', { 'cli/a.ts': '../index.ts' }, /cli\/a\.ts imports index\.ts/],
    ['a room that the table does not have', { 'utils/a.ts': './b.ts' }, /does not have utils/],
    ['an import of such a room', { 'cli/a.ts': '../utils/b.ts' }, /not below it/],
    ['files touched elsewhere', { 'job/a.ts': 'node:fs/promises' }, /job\/a\.ts imports node:fs\/promises/],
    ['processes started elsewhere', { 'cli/a.ts': 'child_process' }, /cli\/a\.ts imports child_process/],
    ['files touched in a file directly in src/', { 'main.ts': 'fs' }, /main\.ts imports fs/],
    ['a file that the table names for nothing', { 'log/a.ts': '' }, /log\/a\.ts touches no machine/],
    ['a file that imports itself', { 'job/a.ts': './a.ts' }, /circle: job\/a\.ts -> job\/a\.ts/],
    ['a circle of types', { 'job/a.ts': './b.ts', 'job/b.ts': 'type:./a.ts' }, /circle: job\/a\.ts/],
    ['a crowd', crowd(MAX_FILES + 1), /^run has 21 files side by side$/],
    ['two homes', { 'job/a.ts': '=> x', 'run/a.ts': '=> x' }, /^x has homes: job\/a\.ts,run\/a\.ts$/],
    [
      'a circle of three, though entered from outside',
      { 'job/a.ts': './b.ts', 'job/b.ts': './c.ts', 'job/c.ts': './d.ts', 'job/d.ts': './b.ts' },
      /^a circle: job\/b\.ts -> job\/c\.ts -> job\/d\.ts -> job\/b\.ts$/,
    ],
  ];
  for (const [name, files, fault] of UNSOUND) {
    test(`refuses ${name}`, () => {
      const faults = faultsOf(houseOf(files), ROOMS);
      assert.equal(faults.length, 1, faults.join('\n'));
      assert.match(faults[0] ?? '', fault);
    });
  }

  test('sees every way to import and to export', () => {
    const source = `
      import a, { type B } from './a.ts';
      import type { C } from './c.ts';
      import './d.ts';
      export * from './e.ts';
      export type { F } from './f.ts';
      const g = await import('./g.ts');
      type H = import('./h.ts').H;
      // import './not.ts';
      const text = "import './not.ts'";
      export const i = 1, j = 2;
      export function k(): void {}
      export class L {}
      export interface M {}
      export type N = string;
    `;
    const { imports, exports } = sourceOf(source);
    assert.deepEqual(
      imports.map(({ specifier, typeOnly }) => [specifier, typeOnly]),
      [
        ['./a.ts', false],
        ['./c.ts', true],
        ['./d.ts', false],
        ['./e.ts', false],
        ['./f.ts', true],
        ['./g.ts', false],
        ['./h.ts', true],
      ],
    );
    assert.deepEqual(exports, ['i', 'j', 'k', 'L', 'M', 'N']);
  });
});
