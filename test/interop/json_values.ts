export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export function isObject(value: Json | undefined): value is { [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** The document of a `.json` file, or the list of those in a `.jsonl` file; undefined when it is not JSON. */
export function parseFile(name: string, bytes: Buffer): Json | undefined {
  const text = bytes.toString();
  if (name.endsWith('.json')) return parseJson(text);
  if (!name.endsWith('.jsonl')) return undefined;
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const documents = lines.map(parseJson);
  return documents.includes(undefined) ? undefined : (documents as Json[]);
}

/** The value at an RFC 6901 pointer. */
export function at(value: Json | undefined, pointer: string): Json | undefined {
  return tokensOf(pointer).reduce(step, value);
}

/** The same document with another value at those of the pointers that are in it. */
function replaced(
  document: Json,
  pointers: readonly string[],
  by: (value: Json, pointer: string) => Json,
): Json {
  const copy = structuredClone(document);
  for (const pointer of pointers) {
    const tokens = tokensOf(pointer);
    const last = tokens.pop();
    const parent = tokens.reduce<Json | undefined>(step, copy);
    const value = last === undefined ? undefined : step(parent, last);
    if (last === undefined || value === undefined) continue;
    if (Array.isArray(parent)) parent[Number(last)] = by(value, pointer);
    else if (isObject(parent)) parent[last] = by(value, pointer);
  }
  return copy;
}

/** The document with the mere shape of what it has at each of the pointers, so that only what is fixed can differ. */
export function blanked(document: Json, pointers: readonly string[]): Json {
  return replaced(document, pointers, (value) => `(${shapeOf(value)})`);
}

/** The document with what `other` has at each of the pointers, as far as that is of the same shape. */
export function filledIn(document: Json, pointers: readonly string[], other: Json | undefined): Json {
  return replaced(document, pointers, (value, pointer) => {
    const theirs = at(other, pointer);
    return theirs !== undefined && shapeOf(theirs) === shapeOf(value) ? theirs : value;
  });
}

function shapeOf(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value !== 'string') return typeof value;
  if (/^[0-9a-f]{64}$/.test(value)) return 'digest';
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?(Z|[+-]\d\d:\d\d)$/;
  return time.test(value) ? 'time' : 'text';
}

/** The places at which two documents differ, as deep as both have a like structure, each with both values as text. */
export function differingPlaces(
  left: Json | undefined,
  right: Json | undefined,
  pointer = '',
): (readonly [pointer: string, left: string, right: string])[] {
  const names = namesIn(left, right);
  if (names === undefined) {
    const [l, r] = [left, right].map((value) => (value === undefined ? 'absent' : JSON.stringify(value)));
    return l === r ? [] : [[pointer, l ?? '', r ?? '']];
  }
  return names.flatMap((name) => {
    const below = `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return differingPlaces(step(left, name), step(right, name), below);
  });
}

/** The names of all members of two objects, or of all items of two lists; undefined for anything else. */
function namesIn(left: Json | undefined, right: Json | undefined): string[] | undefined {
  if (Array.isArray(left) && Array.isArray(right)) {
    return Array.from({ length: Math.max(left.length, right.length) }, (_, i) => String(i));
  }
  if (!isObject(left) || !isObject(right)) return undefined;
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].sort();
}

function step(value: Json | undefined, token: string): Json | undefined {
  if (Array.isArray(value)) return value[Number(token)];
  return isObject(value) && Object.hasOwn(value, token) ? value[token] : undefined;
}

function tokensOf(pointer: string): string[] {
  const tokens = pointer.split('/').slice(1);
  return tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}
