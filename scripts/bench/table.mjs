// What the bench prints: a row for each figure, beside its rival.
const HEADER = ['what', 'gait', 'rival, same run', 'ratio', 'bar', 'reached'];
const rows = [];

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Notes a figure. `ratio` is undefined where there is nothing to compare with, `reached` where there is no bar. */
export function row(what, ours, rival, ratio, bar = '-', reached = undefined) {
  const verdict = reached === undefined ? '-' : reached ? 'yes' : 'NO';
  rows.push([what, ours, rival, ratio === undefined ? '-' : `${ratio.toFixed(2)} ×`, bar, verdict]);
}

export function printTable() {
  const table = [HEADER, HEADER.map(() => '---'), ...rows];
  const widths = HEADER.map((_, i) => Math.max(...table.map((cells) => cells[i].length)));
  for (const cells of table) console.log(`| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`);
}
