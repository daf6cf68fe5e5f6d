import canonicalizeRfc8785 from 'canonicalize';
import { GaitError } from './errors.ts';
import type { Json } from './json.ts';

/** Deeper nesting than this is refused: no document of gait needs it, and recursion has an end. */
export const MAX_DEPTH = 64;

/** Canonical text longer than this is refused unless the caller sets its own limit. UTF-16 code units. */
export const MAX_CANONICAL_LENGTH: number = 64 * 1024 * 1024;

/**
 * The canonical JSON of a value, RFC 8785: keys in UTF-16 order, numbers as ECMAScript prints them, no white space.
 *
 * Throws `not_canonicalizable` for anything that JSON cannot carry exactly: `undefined`, functions, symbols, bigint,
 * NaN and the infinities, sparse arrays, boxed or class instances, lone surrogates, cycles and too deep nesting.
 */
export function canonicalize(value: unknown, maxLength: number = MAX_CANONICAL_LENGTH): string {
  assertPlainJson(value, 0, '');
  const text = canonicalizeRfc8785(value);
  if (text === undefined) throw refusal('', 'has no JSON form');
  if (text.length > maxLength) {
    throw refusal('', `is ${text.length} characters long; the limit is ${maxLength}`);
  }
  return text;
}

/** {@link canonicalize}, as UTF-8 bytes. */
export function canonicalBytes(value: unknown, maxLength?: number): Buffer {
  return Buffer.from(canonicalize(value, maxLength), 'utf8');
}

/**
 * Parses bytes that must be canonical JSON: valid UTF-8, one document, and byte for byte what {@link canonicalize}
 * would write. That one comparison refuses duplicate keys, byte-order marks, white space, a second document, and
 * every other spelling of a number or a string.
 */
export function parseCanonical(bytes: Uint8Array): Json {
  const text = decodeUtf8(bytes);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw new GaitError({
      code: 'json_malformed',
      category: 'verification_failed',
      message: `not JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
    });
  }
  if (canonicalize(value) !== text) {
    throw new GaitError({
      code: 'json_not_canonical',
      category: 'verification_failed',
      message:
        'JSON is not in canonical form (RFC 8785): keys out of order or doubled, white space, or another spelling',
    });
  }
  return value;
}

/** Decodes UTF-8 strictly; throws `utf8_malformed`. A byte-order mark is kept, so that JSON.parse refuses it. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    throw new GaitError({
      code: 'utf8_malformed',
      category: 'verification_failed',
      message: 'bytes are not valid UTF-8',
    });
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function assertPlainJson(value: unknown, depth: number, path: string): void {
  switch (typeof value) {
    case 'boolean':
      return;
    case 'string':
      if (!value.isWellFormed()) throw refusal(path, 'holds a lone surrogate');
      return;
    case 'number':
      if (!Number.isFinite(value)) throw refusal(path, `is ${value}, which JSON cannot carry`);
      return;
    case 'object':
      if (value === null) return;
      if (depth >= MAX_DEPTH) throw refusal(path, `is nested deeper than ${MAX_DEPTH}`);
      if (Array.isArray(value)) assertPlainArray(value, depth, path);
      else assertPlainObject(value, depth, path);
      return;
    default:
      throw refusal(path, `is of type ${typeof value}`);
  }
}

function assertPlainArray(array: readonly unknown[], depth: number, path: string): void {
  // Object.keys leaves holes out and puts extra members in: either way the count is off.
  if (Object.keys(array).length !== array.length)
    throw refusal(path, 'is a sparse array or has extra members');
  for (let i = 0; i < array.length; i += 1) assertPlainJson(array[i], depth + 1, `${path}/${i}`);
}

function assertPlainObject(object: object, depth: number, path: string): void {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) throw refusal(path, 'is not a plain object');
  for (const [key, member] of Object.entries(object)) {
    if (!key.isWellFormed()) throw refusal(path, 'has a key with a lone surrogate');
    assertPlainJson(member, depth + 1, `${path}/${key}`);
  }
}

function refusal(path: string, why: string): GaitError {
  return new GaitError({
    code: 'not_canonicalizable',
    category: 'invalid_input',
    message: `value${path === '' ? '' : ` at ${path}`} ${why}`,
    details: { path },
  });
}
