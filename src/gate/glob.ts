/** A part of a pattern: text as it is, one character of a set, any one but a slash, or any number of them. */
type Part =
  | { readonly kind: 'point'; readonly point: string }
  | {
      readonly kind: 'set';
      readonly negated: boolean;
      readonly ranges: readonly (readonly [string, string])[];
    }
  | { readonly kind: 'any' }
  /** `across`: slashes too. */
  | { readonly kind: 'many'; readonly across: boolean }
  /** Any number of folders, each with the slash behind it: two parts, so that there may be none. */
  | { readonly kind: 'folders' }
  | { readonly kind: 'inFolders' };

/** Tells whether a text is of a pattern. */
export type Glob = (text: string) => boolean;

/**
 * A glob: `*` and `?` stand for anything but a slash, `[a-z]` and `[^a-z]` for one of or not of a set, a backslash takes
 * the next character as it is. `deep`: two stars stand for anything at all, and as a folder for any number of them, also
 * none. Undefined for a malformed pattern. Takes no longer than the length of the text times that of the pattern.
 */
export function globOf(
  pattern: string,
  { deep = false }: { readonly deep?: boolean } = {},
): Glob | undefined {
  const parts = partsOf([...pattern], deep);
  return parts === undefined ? undefined : (text) => matches(parts, [...text]);
}

/** One pass over the text with the set of places in the pattern where it may be: no pattern makes it go back. */
function matches(parts: readonly Part[], text: readonly string[]): boolean {
  let places = reached(parts, new Set([0]));
  for (const point of text) {
    const next = new Set<number>();
    for (const place of places) {
      const part = parts[place];
      if (part === undefined || !takes(part, point)) continue;
      if (part.kind === 'many' || part.kind === 'inFolders') next.add(place);
      if (part.kind !== 'many' && (part.kind !== 'inFolders' || point === '/')) next.add(place + 1);
    }
    if (next.size === 0) return false;
    places = reached(parts, next);
  }
  return places.has(parts.length);
}

/** With the places behind what may stand for nothing. */
function reached(parts: readonly Part[], places: Set<number>): Set<number> {
  for (const place of places) {
    const kind = parts[place]?.kind;
    if (kind === 'many' || kind === 'folders') places.add(place + 1);
    if (kind === 'folders') places.add(place + 2);
  }
  return places;
}

function takes(part: Part, point: string): boolean {
  switch (part.kind) {
    case 'point':
      return part.point === point;
    case 'any':
      return point !== '/';
    case 'many':
      return part.across || point !== '/';
    case 'folders':
      return false;
    case 'inFolders':
      return true;
    case 'set':
      return part.negated !== part.ranges.some(([low, high]) => low <= point && point <= high);
  }
}

function partsOf(points: readonly string[], deep: boolean): Part[] | undefined {
  const parts: Part[] = [];
  for (let at = 0; at < points.length; at += 1) {
    const point = points[at] ?? '';
    if (point === '*') {
      const across = deep && points[at + 1] === '*';
      const isFolder = across && points[at + 2] === '/' && (at === 0 || points[at - 1] === '/');
      if (isFolder) parts.push({ kind: 'folders' }, { kind: 'inFolders' });
      else parts.push({ kind: 'many', across });
      at += isFolder ? 2 : across ? 1 : 0;
    } else if (point === '?') parts.push({ kind: 'any' });
    else if (point === '[') {
      const set = setOf(points, at + 1);
      if (set === undefined) return undefined;
      parts.push(set.part);
      at = set.end;
    } else if (point === '\\') {
      at += 1;
      const next = points[at];
      if (next === undefined) return undefined;
      parts.push({ kind: 'point', point: next });
    } else parts.push({ kind: 'point', point });
  }
  return parts;
}

function setOf(points: readonly string[], from: number): { part: Part; end: number } | undefined {
  const negated = points[from] === '^';
  const ranges: [string, string][] = [];
  let at = negated ? from + 1 : from;
  while (points[at] !== ']' || ranges.length === 0) {
    const low = pointAt(points, at);
    if (low === undefined) return undefined;
    const high = points[low.next] === '-' ? pointAt(points, low.next + 1) : low;
    if (high === undefined || low.point > high.point) return undefined;
    ranges.push([low.point, high.point]);
    at = high.next;
  }
  return { part: { kind: 'set', negated, ranges }, end: at };
}

/** One character of a set, a backslash before it taken away. */
function pointAt(points: readonly string[], at: number): { point: string; next: number } | undefined {
  const point = points[at];
  if (point === undefined || point === ']' || point === '-') return undefined;
  if (point !== '\\') return { point, next: at + 1 };
  const escaped = points[at + 1];
  return escaped === undefined ? undefined : { point: escaped, next: at + 2 };
}
