import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = process.env['GAIT_ROOT'] ?? process.cwd();

/** The codes that a source file gives to errors by name. */
function codesIn(text: string): string[] {
  const named = [/invalidInput\(\s*'([a-z0-9_]+)'/g, /new GaitError\(\{\s*code: '([a-z0-9_]+)'/g];
  const plain = named.flatMap((form) => [...text.matchAll(form)].map(([, code = '']) => code));
  const chosen = [...text.matchAll(/new GaitError\(\{\s*code: \w+ \? ([^,]+),/g)].flatMap(([, choice = '']) =>
    [...choice.matchAll(/[?:] '([a-z0-9_]+)'|^'([a-z0-9_]+)'/g)].map(
      ([, later, first]) => later ?? first ?? '',
    ),
  );
  return [...plain, ...chosen];
}

test('every code of an error that the source names is in docs/contracts/errors.md', () => {
  const page = readFileSync(join(ROOT, 'docs/contracts/errors.md'), 'utf8');
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const codes = files
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => codesIn(readFileSync(join(ROOT, 'src', name), 'utf8')));
  assert.ok(codes.length > 100);
  const missing = [...new Set(codes)].filter((code) => !page.includes(`\`${code}\``));
  assert.deepEqual(missing.sort(), []);
});
