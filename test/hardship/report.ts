import type { Row } from './calls.ts';

/** Told now and then, for people who wait. */
export type Say = (line: string) => void;

/** A hard place: what was done there, what must hold, and whether it did. */
export interface PlaceRow {
  readonly place: string;
  readonly done: string;
  readonly must: string;
  /** Why it could not be had, or what did not hold; undefined if all is well. */
  readonly skipped?: string;
  readonly faults: readonly string[];
}

const COUNTED = ['calls', 'failed', 'killed', 'missed', 'lost', 'doubled', 'misreported', 'stuck'] as const;

export function tableOfCalls(rows: readonly Row[]): string[] {
  const sum = (name: (typeof COUNTED)[number]): number => rows.reduce((all, row) => all + row[name], 0);
  return table([
    ['command', ...COUNTED],
    ['---', ...COUNTED.map(() => '---:')],
    ...rows.map((row) => [row.command, ...COUNTED.map((name) => String(row[name]))]),
    ['all', ...COUNTED.map((name) => String(sum(name)))],
  ]);
}

export function tableOfPlaces(rows: readonly PlaceRow[]): string[] {
  return table([
    ['place', 'what was done', 'what must hold', 'held'],
    ['---', '---', '---', '---'],
    ...rows.map(({ place, done, must, skipped, faults }) => [
      ...[place, done, must],
      skipped === undefined ? (faults.length === 0 ? 'yes' : 'NO') : `skipped: ${skipped}`,
    ]),
  ]);
}

/** True if nothing is there that must not be, and something was tried. */
export function sound(calls: readonly Row[], places: readonly PlaceRow[]): boolean {
  const wrong = calls.some((row) => row.lost + row.doubled + row.misreported + row.stuck > 0);
  const nothing = calls.some(({ failed, killed }) => failed + killed === 0);
  return !wrong && !nothing && places.every(({ faults }) => faults.length === 0);
}

function table(cells: readonly (readonly string[])[]): string[] {
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)));
  return cells.map((line) => `| ${line.map((text, i) => text.padEnd(widths[i] ?? 0)).join(' | ')} |`);
}
