import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, workspace } from './support/cli.ts';

const GUIDE = readFileSync(join(ROOT, 'docs/guides/policy.md'), 'utf8');

const POLICIES = [
  'shop.yaml',
  'better.yaml',
  'freeze.yaml',
  'agents.yaml',
  'credentials.yaml',
  'claims.yaml',
  'budget.yaml',
  'scripts.yaml',
] as const;

test('the guide for policies: its files are valid and formatted, and its commands answer as it says', async (t) => {
  const w = await workspace(t);
  const files = [...GUIDE.matchAll(/^```(?:json|yaml) (\S+)\n([\s\S]*?)^```/gm)];
  assert.deepEqual(files.map(([, name]) => name).sort(), ['call.json', ...POLICIES, 'script.json'].sort());
  for (const [, name = '', text = ''] of files) await writeFile(w.path(name), text);
  for (const name of POLICIES) {
    const { findings, ok } = await w.ok(`policy validate ${name}`);
    assert.deepEqual([ok, findings], [true, []], name);
    assert.equal((await w.ok(`policy fmt ${name}`)).changed, false, `${name} is in its usual form`);
  }
  const transcripts = [...GUIDE.matchAll(/^\$ gait (.*)\n((?:(?!\$|```).*\n)*)/gm)];
  assert.equal(transcripts.length, 14);
  for (const [, line = '', shown = ''] of transcripts) {
    const { stdout } = await w.gait(line);
    for (const expected of shown.trimEnd().split('\n')) {
      assert.ok(stdout.split('\n').includes(expected), `${line}: no line ${expected} in\n${stdout}`);
    }
  }
});
