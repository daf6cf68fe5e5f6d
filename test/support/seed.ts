import { type Prng, prng } from '../simulate/prng.ts';

/** What `npm test` runs with, CI too: the same inputs each time. `npm run test:random` takes another one. */
export const FIXED_SEED = 20261130;

const BELOW = 2 ** 31;

/** The seed that a text of the environment names; the fixed one where there is none. */
export function seedOf(text: string | undefined): number {
  if (text === undefined || text === '') return FIXED_SEED;
  const seed = Number(text);
  if (!/^\d{1,10}$/.test(text) || seed >= BELOW)
    throw new Error(`GAIT_SEED=${text} is no seed: give a whole number from 0 to ${BELOW - 1}`);
  return seed;
}

/** All that tests leave to chance follows from it: `GAIT_SEED=… npm test` makes the same choices again. */
export const SEED: number = seedOf(process.env['GAIT_SEED']);

/** Choices that follow from the seed, for each name others: who draws first takes nothing from anybody else. */
export function seeded(name: string): Prng {
  let mixed = SEED;
  for (const char of name) mixed = Math.imul(mixed ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return prng(mixed);
}
