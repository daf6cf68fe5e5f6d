import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runShell } from './support/shell.ts';

const ROOT = process.env['GAIT_ROOT'] ?? process.cwd();

interface Step {
  readonly line: string;
  readonly output: string;
}

/** The `$ gait …` lines of the README, each with what is printed below it. */
function transcript(): Step[] {
  const blocks = readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^```\n(\$ [\s\S]*?)^```/gm);
  return [...blocks].flatMap(([, block = '']) =>
    block
      .split(/^\$ /m)
      .filter((part) => part !== '')
      .map((part) => {
        const end = part.indexOf('\n');
        return { line: part.slice(0, end), output: part.slice(end + 1) };
      }),
  );
}

/** Times, digests and sizes are another each time. Columns are padded to the length of a time. */
function masked(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z */g, '<time> ')
    .replace(/[0-9a-f]{64}/g, '<digest>')
    .replace(/\d+ bytes/, '<size> bytes')
    .replace(/ +$/gm, '');
}

test('the session in the README is what a reader gets', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'gait-readme-'));
  try {
    const steps = transcript();
    assert.ok(steps.length >= 9);
    for (const { line, output } of steps) {
      const gait = `"${process.execPath}" "${join(ROOT, 'bundle', 'main.cjs')}"`;
      const actual = await runShell(line.replace(/^gait /, `${gait} `), dir);
      assert.equal(masked(actual), masked(output), line);
    }
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('the example of the library in the README runs', async () => {
  const [, code = ''] = /^```ts\n([\s\S]*?)^```/m.exec(readFileSync(join(ROOT, 'README.md'), 'utf8')) ?? [];
  const dir = await mkdtemp(join(ROOT, 'build', 'readme-')); // inside the package, so that it can import itself
  try {
    await writeFile(join(dir, 'example.mjs'), code);
    const output = await runShell(`"${process.execPath}" example.mjs`, dir);
    assert.equal(output, 'running 2\n');
  } finally {
    await rm(dir, { recursive: true });
  }
});
