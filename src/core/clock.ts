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
