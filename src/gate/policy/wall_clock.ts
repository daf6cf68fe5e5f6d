import { isTimestamp } from '../../core/time.ts';

/** The first and the last instant that a clock on a wall shows a time at. Milliseconds since 1970-01-01T00:00:00Z. */
export interface Instants {
  readonly earliest: number;
  readonly latest: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** True for a name of the IANA time zone database that this machine knows. */
export function isZone(name: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name) && clockOf(name) !== undefined;
}

/** True for `2026-12-24T18:00:00`: a date of the calendar, 1900 and later, and a time of day, without a zone. */
export function isWallTime(text: string): boolean {
  return /^(?:19|[2-9]\d)\d{2}-[^Z.]*$/.test(text) && isTimestamp(`${text}Z`);
}

/**
 * When a clock in a zone shows a time: once; twice where it is set back; and where it is set forward over that time,
 * before and after by either of its offsets. As in ECMA-262's Temporal the offsets of the days around it are tried. Throws for a
 * zone or a time that is none.
 */
export function instantsOf(wall: string, zone: string): Instants {
  const clock = clockOf(zone);
  if (clock === undefined || !isWallTime(wall)) throw new Error(`no such time: ${wall} in ${zone}`);
  const shown = Date.parse(`${wall}Z`);
  const offset = (at: number): number => shownBy(clock, at) - at;
  const tried = [offset(shown - DAY_MS), offset(shown + DAY_MS)].map((one) => shown - one);
  const exact = tried.filter((at) => shownBy(clock, at) === shown);
  const instants = exact.length > 0 ? exact : tried;
  return { earliest: Math.min(...instants), latest: Math.max(...instants) };
}

const CLOCKS = new Map<string, Intl.DateTimeFormat | undefined>();

function clockOf(zone: string): Intl.DateTimeFormat | undefined {
  if (!CLOCKS.has(zone)) CLOCKS.set(zone, newClock(zone));
  return CLOCKS.get(zone);
}

function newClock(timeZone: string): Intl.DateTimeFormat | undefined {
  const two = '2-digit';
  try {
    return new Intl.DateTimeFormat('en-US', {
      ...{ timeZone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23' },
      ...{ year: 'numeric', month: two, day: two, hour: two, minute: two, second: two },
    });
  } catch {
    return undefined; // a RangeError: no such zone
  }
}

/** What the clock shows at an instant, as the milliseconds at which a clock in UTC shows the same. */
function shownBy(clock: Intl.DateTimeFormat, at: number): number {
  const parts = new Map(clock.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? Number.NaN;
  const day = [part('year'), part('month') - 1, part('day')] as const;
  return Date.UTC(...day, part('hour'), part('minute'), part('second'));
}
