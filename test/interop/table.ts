import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/cli.ts';
import type { Difference } from './difference.ts';

/** A deliberate difference: one pattern of the first column, with the rest of its line. */
export interface Row {
  readonly line: number;
  readonly case: string;
  readonly what: string;
  readonly go: string;
  readonly gait: string;
}

const HEADER = ['case', 'what', '1.2.0 / 1.4.0', 'gait', 'why'];

export function readTable(): Row[] {
  return parseTable(readFileSync(join(ROOT, 'docs', 'contracts', 'interop.md'), 'utf8'));
}

/** The rows of every table whose header is `case | what | 1.2.0 / 1.4.0 | gait | why`. */
export function parseTable(markdown: string): Row[] {
  const rows: Row[] = [];
  let inside = false;
  for (const [index, text] of markdown.split('\n').entries()) {
    const cells = cellsOf(text);
    if (cells === undefined) inside = false;
    else if (HEADER.every((name, column) => cells[column] === name)) inside = true;
    else if (inside && !cells.every((cell) => /^:?-+:?$/.test(cell))) rows.push(...rowsOf(cells, index + 1));
  }
  return rows;
}

function rowsOf(cells: readonly string[], line: number): Row[] {
  const [cases = '', what = '', go = '', gait = '', why = ''] = cells;
  if (cells.length !== HEADER.length || cells.includes('')) {
    throw new Error(`line ${line}: a row has five cells, none of them empty`);
  }
  if (!/^(exit|stdout .+|file .+)$/.test(what)) throw new Error(`line ${line}: ${what} (${why})`);
  return cases.split(/,\s*/).map((pattern) => ({ line, case: pattern, what, go, gait }));
}

function cellsOf(text: string): string[] | undefined {
  const inner = /^\|(.*)\|\s*$/.exec(text)?.[1];
  const cells = inner?.split(/(?<!\\)\|/);
  return cells?.map((cell) => cell.replaceAll('\\|', '|').replaceAll('`', '').trim());
}

/** `*` in a row stands for any text. A row that names a flow covers all its steps. */
export function covers(row: Row, { place, what, go, gait }: Difference): boolean {
  const names = [place, place.replace(/#\d+$/, '')];
  if (!names.some((name) => matches(row.case, name)) || !matches(row.what, what)) return false;
  return what !== 'exit' || (row.go === go && row.gait === gait);
}

export interface Judgement {
  readonly uncovered: Difference[];
  /** Rows that cover nothing. */
  readonly stale: Row[];
}

export function judge(rows: readonly Row[], differences: readonly Difference[]): Judgement {
  return {
    uncovered: differences.filter((difference) => !rows.some((row) => covers(row, difference))),
    stale: rows.filter((row) => !differences.some((difference) => covers(row, difference))),
  };
}

function matches(pattern: string, text: string): boolean {
  const escaped = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`, 's').test(text);
}
