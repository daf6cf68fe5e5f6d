export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

const VOLATILE = '(volatile)';

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
  if (!name.endsWith('.jsonl')) return parseJson(text);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const documents = lines.map(parseJson);
  return documents.includes(undefined) ? undefined : (documents as Json[]);
}

/** The value at an RFC 6901 pointer. */
export function at(value: Json | undefined, pointer: string): Json | undefined {
  return tokensOf(pointer).reduce(step, value);
}

/** The same document with one placeholder at each of these pointers, so that only what is fixed can differ. */
export function blanked(document: Json, pointers: readonly string[]): Json {
  const copy = structuredClone(document);
  for (const pointer of pointers) {
    const tokens = tokensOf(pointer);
    const last = tokens.pop();
    const parent = tokens.reduce<Json | undefined>(step, copy);
    if (last === undefined) continue;
    if (Array.isArray(parent) && Number(last) < parent.length) parent[Number(last)] = VOLATILE;
    else if (isObject(parent)) parent[last] = VOLATILE;
  }
  return copy;
}

/** The leaves of a document by pointer; lists of scalars and empty values are leaves. */
export function leavesOf(value: Json, pointer = ''): Map<string, string> {
  const inner = Array.isArray(value)
    ? [...value.entries()]
    : isObject(value)
      ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
      : [];
  const isLeaf = inner.length === 0 || (Array.isArray(value) && value.every((item) => !isObject(item)));
  if (isLeaf) return new Map([[pointer, JSON.stringify(value)]]);
  return new Map(inner.flatMap(([name, item]) => [...leavesOf(item, `${pointer}/${name}`)]));
}

/** The pointers at which two documents differ, each with both values. */
export function differingLeaves(left: Json, right: Json): string[] {
  const [ours, theirs] = [leavesOf(left), leavesOf(right)];
  const pointers = [...new Set([...ours.keys(), ...theirs.keys()])];
  return pointers
    .filter((pointer) => ours.get(pointer) !== theirs.get(pointer))
    .map((pointer) => `${pointer}: ${theirs.get(pointer) ?? 'absent'} → ${ours.get(pointer) ?? 'absent'}`);
}

function step(value: Json | undefined, token: string): Json | undefined {
  if (Array.isArray(value)) return value[Number(token)];
  return isObject(value) && Object.hasOwn(value, token) ? value[token] : undefined;
}

function tokensOf(pointer: string): string[] {
  const tokens = pointer.split('/').slice(1);
  return tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}
