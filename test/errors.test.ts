import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ERROR_CODES } from '../src/core/error_codes.ts';

const ROOT = process.env['GAIT_ROOT'] ?? process.cwd();

/** The codes in the table of docs/contracts/errors.md. */
function documented(): string[] {
  const page = readFileSync(join(ROOT, 'docs/contracts/errors.md'), 'utf8');
  const rows = [...page.matchAll(/^\| \d \| ((?:`[a-z0-9_]+`(?:, )?)+) \|$/gm)];
  return rows.flatMap(([, codes = '']) =>
    [...codes.matchAll(/`([a-z0-9_]+)`/g)].map(([, code = '']) => code),
  );
}

test('the codes of errors are those of docs/contracts/errors.md, each once', () => {
  const codes = documented();
  assert.ok(codes.length > 100);
  assert.deepEqual([...codes].sort(), [...ERROR_CODES]);
});

test('every code has a place in the source that gives it', () => {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const sources = files.filter(
    (name) => name.endsWith('.ts') && !name.endsWith('error_codes.ts') && !name.includes('generated'),
  );
  const text = sources.map((name) => readFileSync(join(ROOT, 'src', name), 'utf8')).join('\n');
  const named = new Set([...text.matchAll(/'([a-z0-9_]+)'/g)].map(([, code]) => code));
  const made = /^(?:summary|required_action|reason|fingerprint|actor|worker)_invalid$/;
  assert.deepEqual(
    ERROR_CODES.filter((code) => !named.has(code) && !made.test(code)),
    [],
  );
});
