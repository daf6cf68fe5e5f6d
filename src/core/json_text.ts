import { decodeUtf8, MAX_DEPTH } from './canonical.ts';
import { GaitError, invalidInput } from './errors.ts';
import { isJsonObject, type Json } from './json.ts';
import { strippedAtEnd } from './text.ts';

/**
 * Parses JSON that people and other programs wrote: one document in UTF-8, in any spelling, but with no key twice in
 * an object, no number that two readers could take for two, no byte-order mark, and nothing that canonical JSON could
 * not carry on. Throws `json_malformed` or
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
  refuseInexactNumbers(text, what);
  return value;
}

/** JSON keeps numbers of any length, its readers do not: two of them may see two numbers in one text. */
function refuseInexactNumbers(text: string, what: string): void {
  let from = 0;
  let inexact: string | undefined;
  for (const [start, end] of stringsIn(text)) {
    inexact ??= inexactIn(text.slice(from, start));
    from = end;
  }
  inexact ??= inexactIn(text.slice(from));
  if (inexact === undefined) return;
  const message = `${what} has the number ${inexact}, which is not exact in every reader of JSON`;
  throw invalidInput('json_ambiguous', message, 'Write it as a string.');
}

function inexactIn(text: string): string | undefined {
  const numbers = text.match(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g) ?? [];
  return numbers.find(
    (number) => isLong(number) && (Math.abs(Number(number)) > Number.MAX_SAFE_INTEGER || !isKept(number)),
  );
}

/** True for a number that prints back as what it is: no other of its length comes to the same double. */
function isKept(number: string): boolean {
  return plainDigits(number) === plainDigits(String(Number(number)));
}

/** The digits of a number without zeros around them, and where its point is. */
function plainDigits(number: string): string {
  const [mantissa = '', exponent = '0'] = number.toLowerCase().replace(/^-/, '').split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const kept = strippedAtEnd(digits, '0');
  if (kept === '') return '0';
  return `${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`;
}

/** True for a number of more digits than every reader keeps. */
function isLong(number: string): boolean {
  const [mantissa = ''] = number.split(/[eE]/);
  const digits = mantissa.replace(/[-.]/g, '').replace(/^0+/, '');
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  return end > 15;
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
  for (const [, end] of stringsIn(text)) {
    let after = end;
    while (WHITE_SPACE.has(text.charCodeAt(after))) after += 1;
    if (text[after] === ':') count += 1;
  }
  return count;
}

/** Where the strings of a document that is known to be JSON begin and end, their quotation marks included. */
function* stringsIn(text: string): Generator<readonly [start: number, end: number]> {
  for (let start = text.indexOf('"'); start !== -1; ) {
    let end = text.indexOf('"', start + 1);
    while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
    yield [start, end + 1];
    start = text.indexOf('"', end + 1);
  }
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
