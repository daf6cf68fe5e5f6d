import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { VERSION } from '../src/core/version.ts';
import { faultsOf, type House, importsOf, loadedWith, readHouse, sourceFiles } from './support/house.ts';
import { faultsOfTest } from './support/suite.ts';

const ROOT = process.env['GAIT_ROOT'] ?? process.cwd();
const SRC = join(ROOT, 'src');
const MAX_LINES = 300;

describe('the house', () => {
  test('imports run downward, in no circle, and only some folders touch files', () => {
    const house = readHouse(SRC);
    assert.ok(house.size > 20, `only ${house.size} source files in ${SRC}`);
    assert.deepEqual(faultsOf(house), []);
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

/** A made-up house: `'job/a.ts': './b.ts type:../core/c.ts'`. */
function houseOf(files: Readonly<Record<string, string>>): House {
  return new Map(
    Object.entries(files).map(([file, imports]) => [
      file,
      imports.split(' ').map((text) => ({
        specifier: text.replace('type:', ''),
        typeOnly: text.startsWith('type:'),
      })),
    ]),
  );
}

describe('the check of the house', () => {
  const SOUND: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'an import of the same folder': { 'job/a.ts': './b.ts', 'job/b.ts': '../core/c.ts' },
    'imports over several floors': { 'commands/job/a.ts': '../../core/a.ts ../../cli/b.ts' },
    'a file directly in src/': { 'index.ts': './commands/a.ts ./core/b.ts' },
    'files where they may be touched': { 'log/a.ts': 'node:fs', 'zip/b.ts': 'node:fs/promises' },
    'a circle of types only': { 'job/a.ts': './b.ts', 'job/b.ts': 'type:./a.ts' },
    'a diamond': { 'job/a.ts': './b.ts ./c.ts', 'job/b.ts': './d.ts', 'job/c.ts': './d.ts' },
  };
  for (const [name, files] of Object.entries(SOUND)) {
    test(`accepts ${name}`, () => assert.deepEqual(faultsOf(houseOf(files)), []));
  }

  const UNSOUND: readonly [name: string, files: Readonly<Record<string, string>>, fault: RegExp][] = [
    ['an import that runs up', { 'log/a.ts': '../job/b.ts' }, /log\/a\.ts imports job\/b\.ts/],
    ['a type import that runs up', { 'core/a.ts': 'type:../log/b.ts' }, /core\/a\.ts imports log\/b\.ts/],
    ['an import of a neighbour on the same floor', { 'run/a.ts': '../job/b.ts' }, /not below it/],
    ['an import of a file directly in src/', { 'cli/a.ts': '../index.ts' }, /cli\/a\.ts imports index\.ts/],
    ['a folder that the design does not name', { 'utils/a.ts': './b.ts' }, /utils has no place/],
    ['an import of such a folder', { 'cli/a.ts': '../utils/b.ts' }, /not below it/],
    ['files touched elsewhere', { 'job/a.ts': 'node:fs/promises' }, /job\/a\.ts imports node:fs\/promises/],
    ['files touched in a file directly in src/', { 'main.ts': 'fs' }, /main\.ts imports fs/],
    ['a file that imports itself', { 'job/a.ts': './a.ts' }, /circle: job\/a\.ts -> job\/a\.ts/],
    [
      'a circle of three, though entered from outside',
      { 'job/a.ts': './b.ts', 'job/b.ts': './c.ts', 'job/c.ts': './d.ts', 'job/d.ts': './b.ts' },
      /^a circle: job\/b\.ts -> job\/c\.ts -> job\/d\.ts -> job\/b\.ts$/,
    ],
  ];
  for (const [name, files, fault] of UNSOUND) {
    test(`refuses ${name}`, () => {
      const faults = faultsOf(houseOf(files));
      assert.equal(faults.length, 1, faults.join('\n'));
      assert.match(faults[0] ?? '', fault);
    });
  }

  test('sees every way to import', () => {
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
    `;
    assert.deepEqual(
      importsOf(source).map(({ specifier, typeOnly }) => [specifier, typeOnly]),
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
  });
});
