import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, workspace } from './support/cli.ts';
import { installGuide, readGuide, startProgram } from './support/examples.ts';

const GUIDE = readFileSync(join(ROOT, 'docs/guides/gate.md'), 'utf8');

test('the guide for the gate: its files are in their usual form, its commands and its program answer as it says', async (t) => {
  const w = await workspace(t);
  const files = [...GUIDE.matchAll(/^```(?:json|yaml) (\S+)\n([\s\S]*?)^```/gm)];
  assert.deepEqual(
    files.map(([, name]) => name),
    ['shop.yaml', 'write.json'],
  );
  for (const [, name = '', text = ''] of files) await writeFile(w.path(name), text);
  assert.deepEqual((await w.ok('policy validate shop.yaml')).findings, []);
  assert.equal((await w.ok('policy fmt shop.yaml')).changed, false);

  const transcripts = [...GUIDE.matchAll(/^\$ gait (.*)\n((?:(?!\$|```).*\n)*)/gm)];
  assert.equal(transcripts.length, 8);
  const exits: number[] = [];
  for (const [, line = '', shown = ''] of transcripts) {
    const { stdout, stderr, exit } = await w.gait(line);
    exits.push(exit);
    for (const expected of shown.trimEnd().split('\n')) {
      assert.ok(stdout.split('\n').includes(expected), `${line}: no line ${expected} in\n${stdout}${stderr}`);
    }
  }
  assert.deepEqual(exits, [0, 0, 4, 0, 0, 4, 0, 0]);

  await installGuide(readGuide('gate.md'), w.dir);
  const program = startProgram(w.dir, 'ask.mjs');
  assert.equal(await program.ended, 0, program.output());
  const [, printed] = /It prints\n\n```\n([\s\S]*?)```/.exec(GUIDE) ?? [];
  assert.equal(program.output(), printed);
});
