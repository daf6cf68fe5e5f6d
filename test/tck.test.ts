import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { runShell } from './support/shell.ts';

const ROOT = process.env['GAIT_ROOT'] ?? process.cwd();
const TCK = join(ROOT, 'tck');

interface Maker {
  makeVectors(): Promise<{ name: string; bytes: Buffer }[]>;
  listOf(vectors: readonly unknown[]): string;
}

test('the vectors are exactly what tck/make.mjs makes', async () => {
  const { makeVectors, listOf } = (await import(pathToFileURL(join(TCK, 'make.mjs')).href)) as Maker;
  const vectors = await makeVectors();
  for (const { name, bytes } of vectors) {
    assert.ok(bytes.equals(readFileSync(join(TCK, 'v1', `${name}.zip`))), name);
  }
  assert.equal(readFileSync(join(TCK, 'v1', 'vectors.json'), 'utf8'), listOf(vectors));
  const files = readdirSync(join(TCK, 'v1')).filter((name) => name.endsWith('.zip'));
  assert.equal(files.length, vectors.length);
});

test('gait passes its own kit, findings included', async () => {
  const output = await runShell(`"${process.execPath}" "${join(TCK, 'run.mjs')}" --findings`, ROOT);
  assert.match(output, /\n\d+ passed, 0 failed\n$/, output);
});

test('the kit fails a command that accepts everything', async () => {
  const lax = `sh -c 'echo "{\\"ok\\":true}"' lax`;
  const output = await runShell(`"${process.execPath}" "${join(TCK, 'run.mjs')}" -- ${lax}`, ROOT);
  assert.match(output, /\n10 passed, [1-9]\d* failed\n$/, output);
});
