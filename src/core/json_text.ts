import { decodeUtf8, MAX_DEPTH } from './canonical.ts';
import { GaitError, invalidInput } from './errors.ts';
import { isJsonObject, type Json } from './json.ts';

/**
 * Parses JSON that people and other programs wrote: one document in UTF-8, in any spelling, but with no key twice in
 * an object, no byte-order mark, and nothing that canonical JSON could not carry on. Throws `json_malformed` or
 * `json_ambiguous` (invalid_input).
 */
export function parseJson(bytes: Uint8Array, what: string): Json {
  const text = textOf(bytes, what);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw invalidInput('json_malformed', `${what} is not JSON: ${why}`);
  }
  if (keysIn(text) !== keysOf(value, what)) {
    const hint = 'Readers differ in which of the two counts. Keep one.';
    throw invalidInput('json_ambiguous', `${what} has a key twice in the same object`, hint);
  }
  return value;
}

function textOf(bytes: Uint8Array, what: string): string {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
    throw invalidInput('json_malformed', `${what} is not UTF-8`);
  }
}

/** How many keys stand in the text of a document that is known to be JSON: strings with a colon behind them. */
function keysIn(text: string): number {
  let count = 0;
  for (let start = text.indexOf('"'); start !== -1; ) {
    let end = text.indexOf('"', start + 1);
    while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
    let after = end + 1;
    while (WHITE_SPACE.has(text.charCodeAt(after))) after += 1;
    if (text[after] === ':') count += 1;
    start = text.indexOf('"', end + 1);
  }
  return count;
}

const WHITE_SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** True if an odd number of backslashes stands before the quotation mark. */
function isEscaped(text: string, quote: number): boolean {
  let at = quote;
  while (text[at - 1] === '\\') at -= 1;
  return (quote - at) % 2 === 1;
}

/** How many members the objects of a value have. Throws for one that is nested deeper than canonical JSON may be. */
function keysOf(value: Json, what: string): number {
  let count = 0;
  const open: { readonly value: Json; readonly depth: number }[] = [{ value, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value: inner, depth } = next;
    if (typeof inner !== 'object' || inner === null) continue;
    if (depth >= MAX_DEPTH)
      throw invalidInput('not_canonicalizable', `${what} is nested deeper than ${MAX_DEPTH}`);
    const members: readonly Json[] = Array.isArray(inner) ? inner : Object.values(inner);
    if (isJsonObject(inner)) count += members.length;
    for (const member of members) open.push({ value: member, depth: depth + 1 });
  }
  return count;
}
