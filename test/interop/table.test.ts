import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Difference, describeDifference, idOf } from './difference.ts';
import { blanked, differingPlaces, filledIn } from './json_values.ts';
import { judge, parseTable } from './table.ts';

const HEAD = '| case | what | 1.2.0 / 1.4.0 | gait | why |\n|---|:--|---|---|---|\n';

function exitOf(place: string, go: string, gait: string): Difference {
  return { kind: 'k', place, what: 'exit', go, gait, note: '' };
}

function otherValue(place: string, what: string): Difference {
  return { kind: 'k', place, what, go: '1 / 1', gait: '2', note: 'so' };
}

test('a difference is named by its case, what differs, and the exit codes', () => {
  const exit = exitOf('verify-pack.bad-crc', '6 / 6', '2');
  assert.equal(idOf(exit), 'verify-pack.bad-crc exit 2 (1.2.0: 6, 1.4.0: 6)');
  const value = otherValue('run-diff.same', 'stdout /summary/refs_changed');
  assert.equal(
    describeDifference(value),
    'run-diff.same stdout /summary/refs_changed | go: 1 / 1 | gait: 2 | so',
  );
});

test('a row covers what its patterns match, and an exit only with its codes', () => {
  const rows = parseTable(
    `text\n| a | b |\n\n${HEAD}| \`pack.bad-*\`, \`pack.cut\` | exit | 6 / 6 | 2 | why \\| not |\n| run.x | file * | any | any | y |\n`,
  );
  assert.deepEqual(
    rows.map(({ line, case: pattern }) => [line, pattern]),
    [
      [6, 'pack.bad-*'],
      [6, 'pack.cut'],
      [7, 'run.x'],
    ],
  );
  const covered = [exitOf('pack.bad-crc', '6 / 6', '2'), otherValue('run.x#3', 'file out/a.zip run.json')];
  const open = [
    exitOf('pack.bad-crc', '6 / 0', '2'),
    exitOf('pack.good', '6 / 6', '2'),
    otherValue('run.xy', 'file a'),
  ];
  const { uncovered, stale } = judge(rows, [...covered, ...open]);
  assert.deepEqual(uncovered, open);
  assert.deepEqual(
    stale.map(({ case: pattern }) => pattern),
    ['pack.cut'],
  );
});

test('a row that says nothing, or of nothing known, is refused', () => {
  assert.throws(() => parseTable(`${HEAD}| a | exit | 6 / 6 | 2 |  |\n`), /line 3: a row has five cells/);
  assert.throws(() => parseTable(`${HEAD}| a | output | 6 / 6 | 2 | why |\n`), /line 3: output/);
});

test('volatile places never differ while they are there and of the same shape; other places do', () => {
  const left = { a: [{ 't/s': '2026-01-01T00:00:00Z', v: 2 }], n: 1, gone: 1 };
  const right = { a: [{ 't/s': '2026-01-01T00:00:00.5Z', v: 3 }], n: '1' };
  const pointers = ['/a/0/t~1s', '/a/7', '/b/c', '/n', '/gone'];
  const places = [
    ['/a/0/v', '2', '3'],
    ['/gone', '"(number)"', 'absent'],
    ['/n', '"(number)"', '"(text)"'],
  ];
  assert.deepEqual(differingPlaces(blanked(left, pointers), blanked(right, pointers)), places);
  assert.deepEqual(filledIn(left, pointers, right), {
    a: [{ 't/s': '2026-01-01T00:00:00.5Z', v: 2 }],
    n: 1,
    gone: 1,
  });
});
