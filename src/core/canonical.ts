import canonicalizeRfc8785 from 'canonicalize';
import { GaitError } from './errors.ts';
import type { Json } from './json.ts';
import { FEW_BYTES, LIST_WEIGHT, MAX_JSON_VALUES } from './limits.ts';

/** Deeper nesting than this is refused: recursion has an end. Arguments of tools are nested as deep as their makers like. */
export const MAX_DEPTH = 512;

/** Canonical text longer than this is refused unless the caller sets its own limit. UTF-16 code units. */
export const MAX_CANONICAL_LENGTH: number = 64 * 1024 * 1024;

/**
 * The canonical JSON of a value, RFC 8785: keys in UTF-16 order, numbers as ECMAScript prints them, no white space.
 *
 * Throws `not_canonicalizable` for anything that JSON cannot carry exactly: `undefined`, functions, symbols, bigint,
 * NaN and the infinities, sparse arrays, boxed or class instances, lone surrogates, cycles and too deep nesting.
 */
export function canonicalize(value: unknown, maxLength: number = MAX_CANONICAL_LENGTH): string {
  const survey: Survey = { ordered: true };
  const fault = findFault(value, 0, survey);
  if (fault !== undefined) throw refusal(fault.path, fault.why);
  // JSON.stringify prints strings and numbers as RFC 8785 §3.2.2 wants, and keys in the order that it finds them.
  const text = survey.ordered ? JSON.stringify(value) : canonicalizeRfc8785(value);
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
  if (bytes.length > FEW_BYTES) refuseValues(bytes);
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
  if (canonicalFormOf(value) !== text) {
    throw new GaitError({
      code: 'json_not_canonical',
      category: 'verification_failed',
      message:
        'JSON is not in canonical form (RFC 8785): keys out of order or doubled, white space, or another spelling',
    });
  }
  return value;
}

/** Throws `json_too_large` for text of which so many values would be made that they do not fit into memory. */
function refuseValues(bytes: Uint8Array): void {
  let values = 1;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfText(bytes, at);
    else if (byte === COMMA) values += 1;
    else if (byte === BRACKET || byte === BRACE) values += LIST_WEIGHT;
  }
  if (values <= MAX_JSON_VALUES) return;
  throw new GaitError({
    code: 'json_too_large',
    category: 'verification_failed',
    message: `JSON of more than ${MAX_JSON_VALUES} values`,
  });
}

/** Where the text that begins with a quotation mark ends: what stands in it makes no values. */
function endOfText(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

const [COMMA, BRACKET, BRACE, QUOTE, BACKSLASH] = [0x2c, 0x5b, 0x7b, 0x22, 0x5c];

/** Undefined for what JSON.parse lets in and canonical JSON does not have: lone surrogates, 1e400, too deep nesting. */
function canonicalFormOf(value: Json): string | undefined {
  try {
    return canonicalize(value);
  } catch {
    return undefined;
  }
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

/** What one pass over a value finds out beside its faults. */
interface Survey {
  /** Every object lists its keys in UTF-16 order already (RFC 8785 §3.2.3). */
  ordered: boolean;
}

interface Fault {
  readonly path: string;
  readonly why: string;
}

function findFault(value: unknown, depth: number, survey: Survey): Fault | undefined {
  switch (typeof value) {
    case 'boolean':
      return undefined;
    case 'string':
      return value.isWellFormed() ? undefined : faulty('holds a lone surrogate');
    case 'number':
      return Number.isFinite(value) ? undefined : faulty(`is ${value}, which JSON cannot carry`);
    case 'object':
      if (value === null) return undefined;
      if (depth >= MAX_DEPTH) return faulty(`is nested deeper than ${MAX_DEPTH}`);
      return Array.isArray(value) ? faultInArray(value, depth, survey) : faultInObject(value, depth, survey);
    default:
      return faulty(`is of type ${typeof value}`);
  }
}

function faultInArray(array: readonly unknown[], depth: number, survey: Survey): Fault | undefined {
  if (Object.getPrototypeOf(array) !== Array.prototype || hasToJson(array))
    return faulty('is not a plain array');
  // Object.keys leaves holes out and puts extra members in: either way the count is off.
  if (Object.keys(array).length !== array.length) return faulty('is a sparse array or has extra members');
  for (let i = 0; i < array.length; i += 1) {
    const fault = findFault(array[i], depth + 1, survey);
    if (fault !== undefined) return within(String(i), fault);
  }
  return undefined;
}

function faultInObject(object: object, depth: number, survey: Survey): Fault | undefined {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) return faulty('is not a plain object');
  if (hasToJson(object)) return faulty('has a method toJSON');
  let previous: string | undefined;
  for (const key of Object.keys(object)) {
    if (previous !== undefined && previous > key) survey.ordered = false;
    previous = key;
    if (!key.isWellFormed()) return faulty('has a key with a lone surrogate');
    const fault = findFault((object as Record<string, unknown>)[key], depth + 1, survey);
    if (fault !== undefined) return within(key, fault);
  }
  return undefined;
}

/** A method that would put something else in its place. Data may have a member of that name. */
function hasToJson(value: object): boolean {
  return typeof (value as { readonly toJSON?: unknown }).toJSON === 'function';
}

function faulty(why: string): Fault {
  return { path: '', why };
}

function within(key: string, { path, why }: Fault): Fault {
  return { path: `/${key}${path}`, why };
}

function refusal(path: string, why: string): GaitError {
  return new GaitError({
    code: 'not_canonicalizable',
    category: 'invalid_input',
    message: `value${path === '' ? '' : ` at ${path}`} ${why}`,
    details: { path },
  });
}
