import type { Json } from '../../core/json.ts';
import { lowered, loweredList, trimmed } from '../../core/text.ts';
import type { PolicyFields } from './fields.ts';

/** What may only be this, or be left out. */
export function exactly<T extends string>(fields: PolicyFields, name: string, value: T): T {
  const text = trimmed(fields.text(name));
  if (text === '' || text === value) return value;
  throw fields.wrong(name, `is ${JSON.stringify(text)}`, `Write ${value}, or leave it out.`);
}

/** One of these words, in any case; empty for none. */
export function choice<T extends string>(fields: PolicyFields, name: string, allowed: readonly T[]): T | '' {
  const text = lowered(trimmed(fields.text(name)));
  const found = text === '' ? '' : allowed.find((one) => one === text);
  if (found !== undefined) return found;
  throw fields.wrong(name, `is ${JSON.stringify(text)}`, `Possible: ${allowed.join(', ')}.`);
}

/** Only these words. */
export function known<T extends string>(fields: PolicyFields, name: string, allowed: readonly T[]): T[] {
  const list = loweredList(fields.texts(name));
  const found = list.flatMap((word) => allowed.find((one) => one === word) ?? []);
  const strange = list.find((word) => !found.some((one) => one === word));
  if (strange === undefined) return found;
  throw fields.wrong(name, `names ${JSON.stringify(strange)}`, `Possible: ${allowed.join(', ')}.`);
}

/** A whole number of 0 or more; 0 for none. */
export function countIn(fields: PolicyFields, name: string): number {
  const value = fields.whole(name) ?? 0;
  if (value < 0) throw fields.wrong(name, 'is below 0');
  return value;
}

/** True for what says nothing. */
export function saysNothing(value: Json): boolean {
  return (
    value === null ||
    value === '' ||
    value === 0 ||
    value === false ||
    (Array.isArray(value) && value.length === 0)
  );
}
