import { GaitError } from '../../core/errors.ts';

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

/** Steps that matching may take yet. What decides about one call shares one of these. */
export interface Work {
  left: number;
}

/** More steps than this takes nothing that people write; on any machine they are less than a second. */
const MAX_STEPS = 10_000_000;

/** What it takes to go on by one character in two patterns at once. */
const MEETING_STEPS = 5;

export function someWork(): Work {
  return { left: MAX_STEPS };
}

/** Thrown where matching would go on for too long: what cannot be judged is not let through. */
export class TooMuchWork extends GaitError {
  constructor() {
    super({
      code: 'evaluation_failed',
      category: 'policy_blocked',
      message: 'matching the call with the patterns of the policy takes too long',
      hint: 'Write fewer patterns, or shorter ones; or call with fewer targets.',
    });
  }
}

/** The texts that a pattern stands for. */
export class Pattern {
  readonly #parts: readonly Part[];
  /** The characters that all of them begin with: most texts begin otherwise. */
  readonly #head: string;

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
    const end = parts.findIndex(({ kind }) => kind !== 'point');
    const literal = end === -1 ? parts : parts.slice(0, end);
    this.#head = literal.map((part) => (part.kind === 'point' ? part.point : '')).join('');
  }

  /** One pass over the text with the set of places in the pattern where it may be: no pattern makes it go back. */
  fits(text: string, work: Work = someWork()): boolean {
    const parts = this.#parts;
    const head = this.#head;
    spend(work, 1);
    if (!text.startsWith(head)) return false;
    let places = reached(parts, new Set([[...head].length]));
    for (const point of text.slice(head.length)) {
      const next = new Set<number>();
      for (const place of places) {
        const part = parts[place];
        if (part === undefined || !takes(part, point)) continue;
        for (const one of behind(part, place, point)) next.add(one);
      }
      spend(work, places.size);
      if (next.size === 0) return false;
      places = reached(parts, next);
    }
    return places.has(parts.length);
  }

  /** True if there is a text that both stand for. */
  meets(other: Pattern, work: Work = someWork()): boolean {
    const [a, b] = [this.#parts, other.#parts];
    spend(work, 1);
    if (!this.#head.startsWith(other.#head) && !other.#head.startsWith(this.#head)) return false;
    const width = b.length + 1;
    const seen = new Set<number>();
    const open: number[] = [];
    const add = (i: Iterable<number>, j: readonly number[]): void => {
      for (const left of i)
        for (const right of j) {
          const pair = left * width + right;
          if (seen.has(pair)) continue;
          spend(work, 1);
          seen.add(pair);
          open.push(pair);
        }
    };
    add(reached(a, new Set([0])), [...reached(b, new Set([0]))]);
    for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
      const [i, j] = [Math.floor(pair / width), pair % width];
      if (i === a.length && j === b.length) return true;
      const [left, right] = [a[i], b[j]];
      if (left === undefined || right === undefined) continue;
      for (const point of pointsOfBoth(left, right)) {
        spend(work, MEETING_STEPS);
        const [to, too] = [new Set(behind(left, i, point)), new Set(behind(right, j, point))];
        add(reached(a, to), [...reached(b, too)]);
      }
    }
    return false;
  }
}

export function spend(work: Work, steps: number): void {
  work.left -= steps;
  if (work.left < 0) throw new TooMuchWork();
}

/** Where a pattern may be after a part took a character. */
function behind({ kind }: Part, place: number, point: string): number[] {
  if (kind === 'many') return [place];
  if (kind === 'inFolders') return point === '/' ? [place, place + 1] : [place];
  return [place + 1];
}

/** Characters that both parts take: enough of them to tell apart all ways in which they do. */
function pointsOfBoth(a: Part, b: Part): string[] {
  const candidates = new Set(['/', '\u{10ffff}', ...edges(a), ...edges(b)]);
  return [...candidates].filter((point) => takes(a, point) && takes(b, point));
}

/** Where a part begins or ceases to take characters. */
function edges(part: Part): string[] {
  if (part.kind === 'point') return [part.point];
  if (part.kind !== 'set') return [];
  return part.ranges.flatMap(([low, high]) => [low, high, beside(low, -1), beside(high, 1)]);
}

function beside(point: string, step: 1 | -1): string {
  const code = (point.codePointAt(0) ?? 0) + step;
  return String.fromCodePoint(Math.min(Math.max(code, 0), 0x10ffff));
}

/**
 * A glob: `*` and `?` stand for anything but a slash, `[a-z]` and `[^a-z]` for one of or not of a set, a backslash takes
 * the next character as it is. `deep`: two stars stand for anything at all, and as a folder for any number of them, also
 * none. Undefined for a malformed pattern. Takes no longer than the length of the text times that of the pattern.
 */
export function patternOf(
  pattern: string,
  { deep = false }: { readonly deep?: boolean } = {},
): Pattern | undefined {
  const parts = partsOf([...pattern], deep);
  return parts === undefined ? undefined : new Pattern(parts);
}

/** A pattern of texts as they are, between which anything at all may stand. */
export function between(texts: readonly string[]): Pattern {
  return new Pattern(
    texts.flatMap((text, index): Part[] => [
      ...(index === 0 ? [] : [{ kind: 'many', across: true } as const]),
      ...[...text].map(pointOf),
    ]),
  );
}

/** {@link patternOf} as a function. */
export function globOf(pattern: string, options: { readonly deep?: boolean } = {}): Glob | undefined {
  const made = patternOf(pattern, options);
  return made === undefined ? undefined : (text) => made.fits(text);
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
      parts.push(pointOf(next));
    } else parts.push(pointOf(point));
  }
  return parts;
}

/** The part for a character; one for all of its places, since there may be many. */
function pointOf(point: string): Part {
  const known = POINTS.get(point);
  if (known !== undefined) return known;
  const part: Part = { kind: 'point', point };
  if (POINTS.size < MAX_POINTS) POINTS.set(point, part);
  return part;
}

const POINTS = new Map<string, Part>();
const MAX_POINTS = 4096;

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
