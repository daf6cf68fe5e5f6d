/** A deflated stream that is none: RFC 1951. */
export class InflateFault extends Error {}

export const FAST_BITS = 9;
export const MAX_BITS = 15;

/** The codes of an alphabet: by their first bits for those that are short, in order of length for all. */
export interface Codes {
  /** `symbol << 4 | length`; 0 where the code is longer. */
  readonly fast: Uint16Array;
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

/** RFC 1951 §3.2.2. Too few codes are taken only if there is at most one, `loose`, as zlib does. */
export function codesOf(lengths: readonly number[], loose = false): Codes {
  const counts = new Uint16Array(MAX_BITS + 1);
  for (const length of lengths) counts[length] = (counts[length] ?? 0) + 1;
  const used = lengths.length - (counts[0] ?? 0);
  counts[0] = 0;
  let left = 1;
  const next = new Uint16Array(MAX_BITS + 2);
  const offsets = new Uint16Array(MAX_BITS + 2);
  for (let length = 1; length <= MAX_BITS; length += 1) {
    const count = counts[length] ?? 0;
    left = left * 2 - count;
    if (left < 0) throw new InflateFault('more codes than there is room for');
    next[length + 1] = ((next[length] ?? 0) + count) << 1;
    offsets[length + 1] = (offsets[length] ?? 0) + count;
  }
  const single = used === 0 || (loose && used === 1 && counts[1] === 1);
  if (left > 0 && !single) throw new InflateFault('fewer codes than there is room for');
  const symbols = new Uint16Array(used);
  const fast = new Uint16Array(1 << FAST_BITS);
  for (const [symbol, length] of lengths.entries()) {
    if (length === 0) continue;
    symbols[offsets[length] ?? 0] = symbol;
    offsets[length] = (offsets[length] ?? 0) + 1;
    const code = next[length] ?? 0;
    next[length] = code + 1;
    if (length > FAST_BITS) continue;
    let reversed = 0;
    for (let bit = 0; bit < length; bit += 1) reversed |= ((code >> bit) & 1) << (length - 1 - bit);
    for (let at = reversed; at < fast.length; at += 1 << length) fast[at] = (symbol << 4) | length;
  }
  return { fast, counts, symbols };
}

/** RFC 1951 §3.2.6. */
export const FIXED_LITERALS: Codes = codesOf(
  Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)),
);
/** 30 and 31 have codes, and are no distances. */
export const FIXED_DISTANCES: Codes = codesOf(Array.from({ length: 32 }, () => 5));
