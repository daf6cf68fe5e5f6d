/** Unicode's White_Space, which is not what ECMAScript trims: U+0085 is in, U+FEFF is not. */
const EDGES =
  /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/g;

/** A text without the white space around it. */
export function trimmed(text: string): string {
  return text.replace(EDGES, '');
}

/** In small letters, code point by code point: no rule that looks at the letters beside it, such as that of the final sigma. */
export function lowered(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is the fast path
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase();
  return Array.from(text, (point) => (point === 'İ' ? 'i' : point.toLowerCase())).join('');
}

/** The order of UTF-8 bytes. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Trimmed, without empty ones, each once, in the order of bytes. */
export function wordList(words: readonly string[]): string[] {
  return [...new Set(words.map(trimmed).filter((word) => word !== ''))].sort(byBytes);
}

/** {@link wordList} in small letters. */
export function loweredList(words: readonly string[]): string[] {
  return wordList(words.map((word) => lowered(trimmed(word))));
}
