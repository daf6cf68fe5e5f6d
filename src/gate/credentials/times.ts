import { epochMs, inUtc, NEVER, type Timestamp, timestamp, zonedTime } from '../../core/time.ts';

/** From when until when a credential counts. What nobody said and what does not follow is not there. */
export interface CredentialTimes {
  readonly issued_at?: Timestamp;
  readonly expires_at?: Timestamp;
  readonly ttl_seconds?: number;
}

/** An instant that a broker wrote: undefined for what is none, empty for the first of year 1, which stands for none. */
export function instantIn(text: string): { readonly at?: Timestamp } | undefined {
  const zoned = zonedTime(text);
  if (zoned === undefined) return undefined;
  const at = inUtc(zoned);
  if (at === NEVER) return {};
  // Nobody issued anything before 1970; what says so is counting from somewhere else.
  return epochMs(at) < 0 ? undefined : { at };
}

/**
 * The times of a credential with those that follow from them. One that says its end alone is issued now. What would lead
 * out of the years from 1970 to 9999 is left out.
 */
export function completedTimes(said: CredentialTimes, now: Timestamp): CredentialTimes {
  const { ttl_seconds: ttl } = said;
  const issued_at = said.issued_at ?? beginOf(said, now);
  const expires_at =
    said.expires_at ?? (issued_at === undefined || !lives(ttl) ? undefined : later(issued_at, ttl));
  const ttl_seconds =
    ttl ?? (issued_at === undefined || expires_at === undefined ? undefined : between(issued_at, expires_at));
  return {
    ...(issued_at === undefined ? {} : { issued_at }),
    ...(expires_at === undefined ? {} : { expires_at }),
    ...(ttl_seconds === undefined ? {} : { ttl_seconds }),
  };
}

function beginOf({ expires_at, ttl_seconds: ttl }: CredentialTimes, now: Timestamp): Timestamp | undefined {
  if (expires_at === undefined) return undefined;
  if (ttl === undefined) return now;
  return lives(ttl) ? later(expires_at, -ttl) : undefined;
}

function lives(ttl: number | undefined): ttl is number {
  return ttl !== undefined && ttl > 0;
}

/** Whole seconds from one instant to the other. */
function between(from: Timestamp, to: Timestamp): number {
  return Math.floor((epochMs(to) - epochMs(from)) / 1000);
}

const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59);

/** So many seconds later, to the same fraction; undefined outside of the years from 1970 to 9999. */
function later(time: Timestamp, seconds: number): Timestamp | undefined {
  const [, fraction = ''] = /(\.\d+)?Z$/.exec(time) ?? [];
  const ms = Date.parse(time.replace(`${fraction}Z`, 'Z')) + seconds * 1000;
  if (ms < 0 || ms > LAST_MS) return undefined;
  return timestamp(ms).replace('Z', `${fraction}Z`);
}
