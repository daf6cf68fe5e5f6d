import type { FsPort } from '../../src/files/port.ts';
import type { Prng } from './prng.ts';

/** Which calls of the file system are counted. */
type Of = 'sync' | 'write' | 'any';

/**
 * What goes wrong in one operation. `at` counts the calls of the file system that are `of` this kind, from 1 on; of
 * `suspended` the calls of the store. One that lies past the operation's end does not happen.
 */
export type Trouble =
  | { readonly kind: 'none' }
  /** The process ends right before the call, or the power fails. */
  | { readonly kind: 'killed' | 'power failure'; readonly of: Of; readonly at: number }
  /** The call takes so long, in milliseconds. */
  | { readonly kind: 'slow'; readonly of: Of; readonly at: number; readonly ms: number }
  /** Another process begins its operation in the midst of this one. */
  | { readonly kind: 'overlapped'; readonly of: Of; readonly at: number }
  /** `after`: the call was made, and its error hides that. `lasting`: later ones fail too. */
  | {
      readonly kind: 'io error';
      readonly of: Of;
      readonly at: number;
      readonly after: boolean;
      readonly lasting: boolean;
      readonly errno: 'EIO' | 'ENOSPC';
    }
  /** The process is stopped, and goes on when it is told to. */
  | { readonly kind: 'suspended'; readonly at: number }
  /** The same, right after it got the lock of a log. */
  | { readonly kind: 'stopped with the lock' };

/** How often what goes wrong. */
export type Weather = Readonly<Record<Trouble['kind'], number>>;

export const NO_TROUBLE: Trouble = { kind: 'none' };

const CLIMATE: Weather = {
  none: 20,
  killed: 3,
  'power failure': 1.5,
  slow: 2,
  overlapped: 4,
  'io error': 3,
  suspended: 9,
  'stopped with the lock': 2,
};

/** Some things often and others never, so that each seed goes deep where another does not go. */
export function anyWeather(random: Prng): Weather {
  const weather = { ...CLIMATE };
  for (const kind of Object.keys(weather) as Trouble['kind'][]) {
    if (kind !== 'none') weather[kind] *= random.pick([0, 0.5, 1, 1, 4]);
  }
  return weather;
}

const CALLS = 18;

/** `leaseMs`: how long a lease lasts, more or less. */
export function anyTrouble(random: Prng, weather: Weather, leaseMs: number): Trouble {
  const kind = random.weighed(weather);
  if (kind === 'none' || kind === 'stopped with the lock') return { kind };
  if (kind === 'suspended') return { kind, at: 1 + random.below(4) };
  const of = random.weighed<Of>({ sync: 3, write: 2, any: 4 });
  const at = 1 + random.below(of === 'any' ? CALLS : 2);
  switch (kind) {
    case 'slow':
      return { kind, of, at, ms: random.below(2 * leaseMs) };
    case 'io error': {
      // A lasting failure of every call would leave the lock with a process that cannot give it back.
      const lasting = of !== 'any' && random.chance(0.3);
      return {
        kind,
        of,
        at,
        after: random.chance(0.4),
        lasting,
        errno: random.pick(['EIO', 'ENOSPC'] as const),
      };
    }
    default:
      return { kind, of, at };
  }
}

/** Whether this is a call that the trouble counts. */
export function counts(trouble: Trouble, name: keyof FsPort): boolean {
  return 'of' in trouble && (trouble.of === 'any' || trouble.of === name);
}
