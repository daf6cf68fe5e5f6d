import type { Json, JsonObject } from '../../core/json.ts';
import { loweredList, trimmed, wordList } from '../../core/text.ts';
import type { PolicyFields } from './fields.ts';
import { choice, countIn, known, saysNothing } from './values.ts';

/** A member of a map of a policy: how it is read, and what it is in the digest. */
export interface Row<V> {
  /** What the policy calls it, where that is not what the code calls it. */
  readonly name?: string;
  /** What the digest calls it. */
  readonly digest: string;
  /** It stands in the digest even where it says nothing. Of members that the programs before this one always wrote. */
  readonly always?: boolean;
  /** `grants`: it is of a rule that lets something through. Throws `policy_invalid`. */
  read(fields: PolicyFields, name: string, grants: boolean): V;
  /** What stands in the digest, where that is not the value itself. */
  digested?(value: V): Json;
  /** Whether it says something, where that does not show: then it stands in the digest. */
  says?(value: V): boolean;
}

/** Members that stand among those of the map around them. */
export interface Among<V> {
  readonly among: Rows<V>;
}

/** The members of a map by what the code calls them, in the order in which policies are written. */
export type Rows<T> = { readonly [K in keyof T]-?: Row<T[K]> | Among<T[K]> };

/** Reads every member of a map. Throws `policy_invalid` for one that is not of its type; strangers are for whoever ends the map. */
export function readRows<T>(rows: Rows<T>, fields: PolicyFields, grants = false): T {
  const read = entries(rows).map(([key, row]) => {
    const value =
      'among' in row ? readRows(row.among, fields, grants) : row.read(fields, row.name ?? key, grants);
    return [key, value];
  });
  return Object.fromEntries(read) as T;
}

/** What of a map stands in the digest: a member that says nothing is left out, so that a policy which does not use a feature has the digest of before it. */
export function digestedRows<T>(rows: Rows<T>, values: T): JsonObject {
  const members = entries(rows).flatMap(([key, row]) => {
    const value = values[key as keyof T];
    if ('among' in row) return Object.entries(digestedRows(row.among, value));
    const said = row.digested === undefined ? (value as Json) : row.digested(value);
    const says = row.says === undefined ? !saysNothing(said) : row.says(value);
    return row.always === true || says ? [[row.digest, said] as const] : [];
  });
  return Object.fromEntries(members);
}

/** What policies call the members, in the order in which they are written. */
export function namesOf<T>(rows: Rows<T>): readonly string[] {
  return entries(rows).flatMap(([key, row]) => ('among' in row ? namesOf(row.among) : [row.name ?? key]));
}

type AnyRow = Row<unknown> | Among<unknown>;

function entries<T>(rows: Rows<T>): [key: string, row: AnyRow][] {
  return Object.entries(rows) as [string, AnyRow][];
}

type More = { readonly name?: string; readonly always?: true };

export const ALWAYS: More = { always: true };

/** Words in small letters, sorted, each once. */
export function words(digest: string, more: More = {}): Row<string[]> {
  return { digest, ...more, read: (fields, name) => loweredList(fields.texts(name)) };
}

/** Words whose case counts, sorted, each once. */
export function exactWords(digest: string, more: More = {}): Row<string[]> {
  return { digest, ...more, read: (fields, name) => wordList(fields.texts(name)) };
}

/** Only words of these, sorted, each once. */
export function knownWords<T extends string>(
  digest: string,
  allowed: readonly T[],
  more: More = {},
): Row<T[]> {
  return { digest, ...more, read: (fields, name) => known(fields, name, allowed) };
}

/** One of these words, or none. */
export function oneWord<T extends string>(
  digest: string,
  allowed: readonly T[],
  more: More = {},
): Row<T | ''> {
  return { digest, ...more, read: (fields, name) => choice(fields, name, allowed) };
}

export function text(digest: string, more: More = {}): Row<string> {
  return { digest, ...more, read: (fields, name) => trimmed(fields.text(name)) };
}

export function flag(digest: string, more: More = {}): Row<boolean> {
  return { digest, ...more, read: (fields, name) => fields.flag(name) };
}

/** A whole number of 0 or more; 0 for none. */
export function amount(digest: string, more: More = {}): Row<number> {
  return { digest, ...more, read: (fields, name) => countIn(fields, name) };
}

/** A map that is read and digested by its own rows; null in the digest where `says` is false. */
export function map<T>(
  digest: string,
  read: (fields: PolicyFields, grants: boolean) => T,
  rows: Rows<T>,
  says: (value: T) => boolean = () => true,
  more: More = {},
): Row<T> {
  return {
    digest,
    ...more,
    read: (fields, name, grants) => read(fields.inside(name), grants),
    digested: (value) => (says(value) ? digestedRows(rows, value) : null),
  };
}
