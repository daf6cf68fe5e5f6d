import { strippedAtEnd } from './text.ts';
import { type Timestamp, timestamp } from './time.ts';

/** Where the current time comes from. Pure code never asks it; it is handed a {@link Timestamp}. */
export interface Clock {
  now(): Timestamp;
}

export const systemClock: Clock = { now: () => timestamp(Date.now()) };

/** A clock that stands still until told otherwise, for tests and simulations. */
export function manualClock(startMs: number): Clock & { advance(ms: number): void } {
  let current = startMs;
  return {
    now: () => timestamp(current),
    advance(ms) {
      current += ms;
    },
  };
}

/**
 * A clock whose instants tell decisions apart that fall into one millisecond: the digits below it are those of the
 * machine's steady clock, and say nothing more.
 */
export function fineClock(clock: Clock, steadyNs: () => bigint = process.hrtime.bigint): Clock {
  return {
    now() {
      const [instant = '', fraction = ''] = clock.now().slice(0, -1).split('.');
      const below = String(steadyNs() % 1_000_000n).padStart(6, '0');
      const digits = strippedAtEnd(`${fraction.slice(0, 3).padEnd(3, '0')}${below}`, '0');
      return digits === '' ? `${instant}Z` : `${instant}.${digits}Z`;
    },
  };
}
