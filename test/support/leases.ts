import { approve, ask, checkpoint, claim, type Given, MINUTE, pause, submit, under } from './given.ts';

/** Milliseconds that a claim lasts here. */
export const TTL: number = MINUTE / 2;

/** Claimed at the first minute, with the token 2. */
export const CLAIMED: readonly Given[] = [submit(), claim('w1')];

/** When it expires, in milliseconds after the first event. */
export const EXPIRES: number = MINUTE + TTL;

/** Every way for a job to be under the lease 2, and not final. */
export const LEASED: Readonly<
  Record<
    'running' | 'paused' | 'decision_needed, open' | 'decision_needed, approved' | 'blocked',
    readonly Given[]
  >
> = {
  running: CLAIMED,
  paused: [...CLAIMED, pause],
  'decision_needed, open': [...CLAIMED, under(2, ask())],
  'decision_needed, approved': [...CLAIMED, under(2, ask()), approve()],
  blocked: [...CLAIMED, under(2, checkpoint('blocked'))],
};
