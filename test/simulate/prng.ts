/** A stream of choices that its seed determines. */
export interface Prng {
  /** 0 ≤ x < 1. */
  real(): number;
  /** 0 to `below` - 1. */
  below(below: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly [T, ...T[]]): T;
  /** One of the names, as often as its weight says. */
  weighed<K extends string>(weights: Readonly<Record<K, number>>): K;
}

/** The same seed, the same choices. The generator is SplitMix32: 2^32 states, each of which follows from a counter. */
export function prng(seed: number): Prng {
  let counter = seed >>> 0;
  const real = (): number => {
    counter = (counter + 0x9e3779b9) >>> 0;
    let mixed = counter;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(real() * limit);
  return {
    real,
    below,
    chance: (probability) => real() < probability,
    pick: (from) => from[below(from.length)] ?? from[0],
    weighed<K extends string>(weights: Readonly<Record<K, number>>): K {
      const entries = Object.entries(weights) as [K, number][];
      let at = real() * entries.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [name, weight] of entries) {
        at -= weight;
        if (at < 0) return name;
      }
      return (entries.at(-1) as [K, number])[0];
    },
  };
}
