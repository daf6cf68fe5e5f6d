import { DIGEST_PATTERN } from '../../core/digest.ts';
import { type GaitError, invalidInput } from '../../core/errors.ts';
import type { Fields } from '../../core/fields.ts';
import { byBytes, lowered, trimmed } from '../../core/text.ts';

/** Without the members that are empty. */
export function filled<T extends Readonly<Record<string, string>>>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== '')) as Partial<T>;
}

export function needed(fields: Fields, name: string): string {
  const text = trimmed(fields.text(name) ?? '');
  if (text !== '') return text;
  fields.need(name); // says that it is missing
  throw invalid(`${fields.at(name)} is empty`);
}

export function word(fields: Fields, name: string): string {
  return lowered(trimmed(fields.text(name) ?? ''));
}

export function texts(fields: Fields, name: string): string[] {
  return (fields.list(name) ?? []).map((item) => {
    if (typeof item === 'string') return item;
    throw invalid(`${fields.at(name)} holds what is no text`);
  });
}

export function digestIn(fields: Fields, name: string, place: string): string {
  const digest = word(fields, name);
  if (digest === '' || DIGEST_PATTERN.test(digest)) return digest;
  throw invalid(`${place}.${name} is no SHA-256 in hexadecimal`);
}

export function oneOf<T extends string>(allowed: readonly T[], value: string, place: string): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw invalid(`${place} is ${JSON.stringify(value)}`, `Possible: ${allowed.join(', ')}.`);
}

/** Each once, in the order of these texts. */
export function sortedOnce<T>(items: readonly T[], order: (item: T) => readonly string[]): T[] {
  const keyed = new Map(items.map((item) => [JSON.stringify(order(item)), item]));
  const sorted = [...keyed.values()].map((item) => ({ item, by: order(item) }));
  sorted.sort((a, b) => {
    const at = a.by.findIndex((text, index) => text !== b.by[index]);
    return at === -1 ? 0 : byBytes(a.by[at] ?? '', b.by[at] ?? '');
  });
  return sorted.map(({ item }) => item);
}

export function invalid(message: string, hint?: string): GaitError {
  return invalidInput('intent_invalid', message, hint);
}

export function ambiguous(message: string): GaitError {
  return invalidInput('record_ambiguous', message, 'Readers differ in which of the two counts. Keep one.');
}
