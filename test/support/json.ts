import type { Json } from '../../src/core/json.ts';
import fc from './property.ts';

/**
 * Any character that can stand alone: what fast-check calls `binary`, for which it makes a table of a million characters
 * each time a string is described.
 */
export const anyCharacter: fc.Arbitrary<string> = fc
  .integer({ min: 0, max: 0x10ffff - 0x800 })
  .map((index) => String.fromCodePoint(index < 0xd800 ? index : index + 0x800));

/** Any JSON value whose strings and keys are well-formed, integer-like and awkward keys among them. */
export function jsonValue(): fc.Arbitrary<Json> {
  const text = fc.oneof(
    fc.string({ unit: anyCharacter, maxLength: 12 }),
    fc.string({ unit: fc.constantFrom('\0', '\n', '"', '\\', '\x7f', '\u2028', '\ufb33', '\u{1f600}', 'a') }),
  );
  const key = fc.oneof(
    text,
    fc.nat(30).map(String),
    fc.constantFrom('__proto__', 'constructor', '', 'length'),
  );
  const number = fc.double({ noNaN: true, noDefaultInfinity: true });
  const { value } = fc.letrec<{ value: Json; object: Json; array: Json }>((tie) => ({
    object: fc
      .uniqueArray(fc.tuple(key, tie('value')), { selector: ([name]) => name, maxLength: 8 })
      .map((members) => Object.fromEntries(members)),
    array: fc.array(tie('value'), { maxLength: 6 }),
    value: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(fc.constantFrom(null, true, false), fc.integer(), number, text),
      tie('object'),
      tie('array'),
    ),
  }));
  const foreign = fc.jsonValue({ maxDepth: 4, stringUnit: anyCharacter }) as fc.Arbitrary<Json>;
  return fc.oneof(value, foreign);
}

/** The same value with the keys of every object in another order. */
export function shuffled(value: Json, seed: number): Json {
  if (Array.isArray(value)) return value.map((element) => shuffled(element, seed));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([key, member]) => [key, shuffled(member, seed)] as const);
  const by = seed % (members.length + 1);
  const turned = [...members.slice(by), ...members.slice(0, by)];
  return Object.fromEntries(seed % 2 === 0 ? turned : turned.reverse());
}
