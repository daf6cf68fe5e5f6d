import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkSync } from 'recheck';
import ts from 'typescript';
import { sourceFiles } from './support/house.ts';

const SRC = join(process.env['GAIT_ROOT'] ?? process.cwd(), 'src');

/** Every pattern that a source text has, as `/source/flags`. */
function patternsOf(source: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) found.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('source.ts', source, ts.ScriptTarget.ES2023));
  return found;
}

/** How long a pattern takes, by a text on which it takes longest: a pattern that backtracks more than linearly is `vulnerable`. */
function costOf(pattern: string): string {
  const end = pattern.lastIndexOf('/');
  const found = checkSync(pattern.slice(1, end), pattern.slice(end + 1), { timeout: null, randomSeed: 1 });
  return found.status === 'vulnerable' ? `${pattern} on ${found.attack.pattern}` : found.status;
}

// What a caller or a file may say is held against them: 1 MB of it takes no longer for being made with care.
test('every pattern takes time in proportion to its text, by another program that knows what patterns cost', () => {
  const files = sourceFiles(SRC);
  const patterns = new Set(files.flatMap((file) => patternsOf(readFileSync(join(SRC, file), 'utf8'))));
  assert.ok(patterns.size > 100);
  const costs = [...patterns].map(costOf).filter((cost) => cost !== 'safe');
  assert.deepEqual(costs, []);
});

test('that program knows one that does not', () => {
  for (const pattern of ['/^(a|a)*$/', '/0+$/', String.raw`/^[^/]+\.[^/]+$/`, '/a*a*b/'])
    assert.match(costOf(pattern), / on /, pattern);
});
