import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, workspace } from './support/cli.ts';
import { putJson, runInput } from './support/run_inputs.ts';

const GUIDE = readFileSync(join(ROOT, 'docs/guides/keys.md'), 'utf8');

/** Times and digests are others each time, and columns as wide as they are. */
function masked(text: string): string {
  return text
    .replace(/\b[0-9a-f]{64}\b/g, '<digest>')
    .replace(/\b[0-9a-f]{16}\b/g, '<short>')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>')
    .replace(/ +/g, ' ');
}

test('the guide for keys: its commands answer as it says, in its order', async (t) => {
  const w = await workspace(t);
  await putJson(w, 'run.json', runInput());
  const transcripts = [...GUIDE.matchAll(/^\$ gait (.*)\n((?:(?!\$|```).*\n)*)/gm)];
  assert.equal(transcripts.length, 10);
  /** The ids of the guide, each with the one that takes its place here. */
  const ids = new Map<string, string>();
  for (const [, written = '', shown = ''] of transcripts) {
    const line = [...ids].reduce(
      (text, [old, now]) => text.replace(old.slice(0, 16), now.slice(0, 16)),
      written,
    );
    const { stdout, stderr } = await w.gait(line);
    const [, old] = /^key id +([0-9a-f]{64})$/m.exec(shown) ?? [];
    const [, now] = /^key id +([0-9a-f]{64})$/m.exec(stdout) ?? [];
    if (old !== undefined && now !== undefined) {
      assert.equal(ids.get(old) ?? now, now, `${line}: the same key as before`);
      ids.set(old, now);
    }
    const printed = masked(stdout + stderr).split('\n');
    for (const expected of masked(shown.trimEnd()).split('\n')) {
      assert.ok(printed.includes(expected), `${line}: no line ${expected} in\n${stdout}${stderr}`);
    }
  }
  assert.equal(ids.size, 2);
});
