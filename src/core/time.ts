import { GaitError } from './errors.ts';
import { strippedAtEnd } from './text.ts';

/**
 * An instant as RFC 3339 text in UTC with trailing zeros of the fraction cut: `2026-02-14T00:00:00Z`,
 * `2026-02-14T00:00:00.1Z`. Kept as text everywhere, since re-formatting would change digests.
 */
export type Timestamp = string;

/** How the programs before this one wrote a time that nobody set. */
export const NEVER: Timestamp = '0001-01-01T00:00:00Z';

const FORM = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(\.\d{0,8}[1-9])?Z$/;

/** The timestamp of a number of milliseconds since 1970-01-01T00:00:00Z. */
export function timestamp(epochMs: number): Timestamp {
  const iso = new Date(epochMs).toISOString();
  return iso.replace(/\.?0{0,3}Z$/, 'Z');
}

/** True for the one accepted spelling: UTC, real calendar date, at most nine digits of fraction, none of them trailing zeros. */
export function isTimestamp(text: string): text is Timestamp {
  const parts = FORM.exec(text);
  if (parts === null) return false;
  const [, year, month, day, hour, minute, second] = parts.map(Number) as [number, ...number[]];
  if (hour === undefined || hour > 23 || minute === undefined || minute > 59) return false;
  if (second === undefined || second > 59 || month === undefined || year === undefined) return false;
  const date = new Date(Date.UTC(2000, 0, 1));
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** The later of two times; the first of two of one millisecond. */
export function later(a: Timestamp, b: Timestamp): Timestamp {
  return epochMs(a) < epochMs(b) ? b : a;
}

/** Milliseconds since 1970-01-01T00:00:00Z, the fraction cut to milliseconds. */
export function epochMs(time: Timestamp): number {
  if (!isTimestamp(time)) {
    throw new GaitError({
      code: 'timestamp_malformed',
      category: 'invalid_input',
      message: `not a timestamp of the form 2026-02-14T00:00:00.1Z: ${time}`,
    });
  }
  return Date.parse(time);
}

const ZONED = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:[.,](\d+))?(Z|[+-]\d{2}:\d{2})$/;

/**
 * RFC 3339 text in the spelling of run documents: its offset kept, `+00:00` as `Z`, at most nine digits of fraction
 * with no trailing zeros. Undefined for what is no instant.
 */
export function zonedTime(text: string): string | undefined {
  const parts = ZONED.exec(text);
  if (parts === null) return undefined;
  const [, instant = '', fraction = '', offset = ''] = parts;
  const digits = strippedAtEnd(fraction.slice(0, 9), '0');
  const [hours = 0, minutes = 0] = offset === 'Z' ? [] : offset.slice(1).split(':').map(Number);
  if (!isTimestamp(`${instant}Z`) || hours > 23 || minutes > 59) return undefined;
  const zone = hours === 0 && minutes === 0 ? 'Z' : offset;
  // In UTC too it must be within the years that the form can say.
  const year = new Date(Date.parse(`${instant}${zone}`)).getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) return undefined;
  return `${instant}${digits === '' ? '' : `.${digits}`}${zone}`;
}

/** True for text as {@link zonedTime} spells it. */
export function isZonedTime(text: string): boolean {
  return zonedTime(text) === text;
}

/** The same instant in UTC, to the same fraction. */
export function inUtc(zoned: string): Timestamp {
  if (zoned.endsWith('Z')) return zoned;
  const [, instant = '', fraction = '', offset = ''] = ZONED.exec(zoned) ?? [];
  const iso = new Date(Date.parse(`${instant}${offset}`)).toISOString().replace('.000Z', '');
  return `${iso}${fraction === '' ? '' : `.${fraction}`}Z`;
}
