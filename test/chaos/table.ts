import type { Figures } from './examine.ts';
import type { Outcome } from './lane.ts';

/** Each line of the table: what was counted, and what it must be, where there is something that it must be. */
const ROWS: readonly [what: string, figure: (of: Figures) => number, must?: (of: Figures) => number][] = [
  ['jobs', (of) => of.jobs],
  ['… completed', (of) => of.completed],
  ['… cancelled by an operator', (of) => of.cancelled],
  ['… that never came to an end', (of) => of.stuck, () => 0],
  ['workers killed (SIGKILL)', (of) => of.kills],
  ['… while a command of theirs ran', (of) => of.killsAtWork],
  ['workers stopped past their lease, then continued', (of) => of.stops],
  ["operators' commands killed (SIGKILL)", (of) => of.operatorKills],
  ['leases taken over', (of) => of.takeovers],
  ['runs given up by their worker: lease lost', (of) => of.lost],
  ['writes refused after a lost lease', (of) => of.refusedWrites],
  ['writes accepted after a lost lease', (of) => of.acceptedLate, () => 0],
  ['times a command was started', (of) => of.started],
  ['times a command ran to its end', (of) => of.ended],
  [
    'completed jobs whose command ended once under the last token that ran it',
    (of) => of.once,
    (of) => of.completed,
  ],
  ['commands of one job that ran at the same time', (of) => of.overlaps, () => 0],
  ['events in the logs', (of) => of.events],
  ['events acknowledged', (of) => of.acknowledged],
  ['… and lost', (of) => of.missing, () => 0],
  ['… and doubled', (of) => of.doubled, () => 0],
  ['logs that verify', (of) => of.verified, (of) => of.jobs],
];

/** The lines of the table, in Markdown. */
export function tableOf({ first, storms }: Outcome): string[] {
  const cell = (of: Figures, row: (typeof ROWS)[number]): string => {
    const [, figure, must] = row;
    const value = figure(of);
    return must === undefined || must(of) === value ? String(value) : `${value}, not ${must(of)}`;
  };
  const cells = [
    ['counted', 'two workers, one killed', 'storms'],
    ['---', '---:', '---:'],
    ...ROWS.map((row) => [row[0], cell(first, row), cell(storms, row)]),
  ];
  const widths = [0, 1, 2].map((i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)));
  return cells.map((line) => `| ${line.map((text, i) => text.padEnd(widths[i] ?? 0)).join(' | ')} |`);
}

/** The lines of the table whose figure is not what it must be. */
export function broken({ first, storms }: Outcome): string[] {
  return ROWS.filter(([, figure, must]) =>
    [first, storms].some((of) => must !== undefined && must(of) !== figure(of)),
  ).map(([what]) => what);
}
