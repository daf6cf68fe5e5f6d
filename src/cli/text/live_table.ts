import type { Screen } from '../io.ts';
import { table } from './job.ts';

const EVERY_MS = 500;

/** Rows that are kept up to date at the bottom of the terminal, while lines are written above them. */
export interface LiveTable {
  note(line: string): void;
  end(): void;
}

/** A live table on the terminal of standard error; only its notes where there is none. `rows` answers what to show now. */
export function liveTable(
  rows: () => readonly (readonly string[])[],
  note: (line: string) => void,
  screen: Screen | undefined,
): LiveTable {
  if (screen === undefined) return { note, end: () => {} };
  let shown = 0;
  const draw = (...above: readonly string[]): void => {
    const width = Math.max(20, screen.columns()) - 1;
    const lines = table(rows()).map((line) => line.slice(0, width));
    screen.redraw(shown, [...above, ...lines]);
    shown = lines.length;
  };
  const timer = setInterval(draw, EVERY_MS);
  return {
    note: (line) => draw(line),
    end() {
      clearInterval(timer);
      screen.redraw(shown, []);
    },
  };
}
