/** Unicode's White_Space, which is not what ECMAScript trims: U+0085 is in, U+FEFF is not. */
const WHITE_SPACE: ReadonlySet<number> = new Set([
  ...[0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000],
  ...Array.from({ length: 11 }, (_, index) => 0x2000 + index),
]);

/** A text without the white space around it. */
export function trimmed(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && WHITE_SPACE.has(text.charCodeAt(start))) start += 1;
  while (end > start && WHITE_SPACE.has(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/** Without these characters around it. */
export function stripped(text: string, characters: string): string {
  let start = 0;
  while (start < text.length && characters.includes(text.charAt(start))) start += 1;
  return strippedAtEnd(text.slice(start), characters);
}

/** Without these characters at its end. */
export function strippedAtEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

/** In small letters, code point by code point: no rule that looks at the letters beside it, such as that of the final sigma. */
export function lowered(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is the fast path
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase();
  return Array.from(text, (point) => (point === 'İ' ? 'i' : point.toLowerCase())).join('');
}

/** A name as people would take it: in letters of any case or width, without marks that do not show. */
export function sameName(name: string): string {
  return lowered(trimmed(name.normalize('NFKC').replace(/\p{Cf}|\p{Cc}/gu, '')));
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
