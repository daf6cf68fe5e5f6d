import { type Case, KINDS } from './corpus.ts';
import { type Difference, describeDifference } from './difference.ts';

/** All differences, by kind; those that the table does not cover are marked OPEN. */
export function reportOf(
  cases: readonly Case[],
  differences: readonly Difference[],
  uncovered: readonly Difference[],
): string {
  const open = new Set(uncovered);
  const sections = KINDS.flatMap((kind) => {
    const total = cases.filter((one) => one.kind === kind).length;
    const mine = differences.filter((difference) => difference.kind === kind);
    const differing = new Set(mine.map(({ place }) => place.replace(/#\d+$/, ''))).size;
    const openHere = mine.filter((difference) => open.has(difference)).length;
    const title = `## ${kind}: ${differing} of ${total} cases differ, ${mine.length} differences, ${openHere} open`;
    const lines = mine.map((one) => `${open.has(one) ? 'OPEN   ' : 'covered'} ${describeDifference(one)}`);
    return [title, ...lines.map((line) => line.replaceAll('\n', ' ')), ''];
  });
  return `${sections.join('\n')}\n`;
}
