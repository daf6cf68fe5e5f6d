/**
 * True if a text matches a glob: `*` and `?` stand for anything but a slash, `[a-z]` and `[^a-z]` for one of or not of a
 * set, a backslash takes the next character as it is. A malformed pattern matches nothing.
 */
export function globMatches(pattern: string, text: string): boolean {
  const source = expressionOf([...pattern]);
  return source !== undefined && new RegExp(`^${source}$`, 'su').test(text);
}

function expressionOf(points: readonly string[]): string | undefined {
  let source = '';
  for (let at = 0; at < points.length; at += 1) {
    const point = points[at] ?? '';
    if (point === '*') source += '[^/]*';
    else if (point === '?') source += '[^/]';
    else if (point === '[') {
      const set = setOf(points, at + 1);
      if (set === undefined) return undefined;
      source += set.source;
      at = set.end;
    } else if (point === '\\') {
      at += 1;
      const next = points[at];
      if (next === undefined) return undefined;
      source += literal(next);
    } else source += literal(point);
  }
  // Stars in a row are one, so that no pattern takes long.
  return source.replace(/(?:\[\^\/\]\*){2,}/g, '[^/]*');
}

function setOf(points: readonly string[], from: number): { source: string; end: number } | undefined {
  let at = from;
  const negated = points[at] === '^';
  if (negated) at += 1;
  let ranges = '';
  while (points[at] !== ']' || ranges === '') {
    const low = pointAt(points, at);
    if (low === undefined) return undefined;
    at = low.next;
    let high = low;
    if (points[at] === '-') {
      const upper = pointAt(points, at + 1);
      if (upper === undefined) return undefined;
      high = upper;
      at = upper.next;
    }
    if (low.point > high.point) return undefined;
    ranges += `${literal(low.point)}-${literal(high.point)}`;
  }
  return { source: negated ? `[^${ranges}]` : `[${ranges}]`, end: at };
}

/** One character of a set, a backslash before it taken away. */
function pointAt(points: readonly string[], at: number): { point: string; next: number } | undefined {
  const point = points[at];
  if (point === undefined || point === ']' || point === '-') return undefined;
  if (point !== '\\') return { point, next: at + 1 };
  const escaped = points[at + 1];
  return escaped === undefined ? undefined : { point: escaped, next: at + 2 };
}

function literal(point: string): string {
  return `\\u{${(point.codePointAt(0) ?? 0).toString(16)}}`;
}
