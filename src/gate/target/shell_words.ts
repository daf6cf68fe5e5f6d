/** A command as a shell takes it apart. */
export interface ShellText {
  /** Without their quotes. What is in them is as much a pattern as what is not: some shell reads it again. */
  readonly words: readonly string[];
  /** What was in quotes and is more than one word: a command, where a shell is told to run it. */
  readonly quoted: readonly string[];
}

const ENDS_WORD = /[\s;|&<>()]/;
const MANY = /[\s'"`;|&<>()$\\]/;

/** `@(a|b)` and its like (bash, `extglob`): no bracket that joins commands. */
const OPENS_CHOICE: ReadonlySet<string> = new Set('?*+@!');

/** A variable stands for any text. */
const ANYTHING = '$_';

const ESCAPED: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  e: '\x1b',
  a: '\x07',
  b: '\b',
};

/** The words of a text (POSIX XCU 2.2, 2.3; bash for `$'…'`), each quote closed by the end at the latest. Takes no longer than the text is. */
export function shellText(text: string): ShellText {
  const words: string[] = [];
  const quoted: string[] = [];
  let word = '';
  let last = '';
  let isWord = false;
  let choices = 0;
  const end = (): void => {
    if (isWord) words.push(word);
    [word, last, isWord, choices] = ['', '', false, 0];
  };
  const take = (more: string): void => {
    word += more;
    last = more.slice(-1); // of a long word it would be the whole of it that is asked
    isWord = true;
  };
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (letter === '\\') {
      at += 1;
      const next = text.charAt(at);
      if (next !== '\n') take(next); // a line that goes on
      continue;
    }
    const inner = substitution(text, at);
    if (inner !== undefined) {
      const isName = letter === '$' && /^\w+$/.test(inner);
      if (!isName) quoted.push(inner);
      take(isName ? `\${${inner}}` : ANYTHING);
      at += inner.length + (letter === '$' ? 2 : 1); // and what closes it
      continue;
    }
    const isAnsi = letter === '$' && text[at + 1] === "'";
    if (isAnsi || (letter === '$' && text[at + 1] === '"')) at += 1;
    const quote = text.charAt(at);
    if (quote === "'" || quote === '"') {
      const close = closing(text, at, quote === '"' || isAnsi);
      const raw = text.slice(at + 1, close);
      const inner = isAnsi ? ansi(raw) : quote === '"' ? raw.replaceAll(/\\(?:\n|([$`"\\]))/g, '$1') : raw;
      if (MANY.test(inner)) quoted.push(inner);
      take(quote === '"' ? inner.replaceAll(/\$\([^)]*\)?|`[^`]*`?/g, ANYTHING) : inner);
      at = close;
    } else if (letter === '(' && OPENS_CHOICE.has(last)) {
      choices += 1;
      take(letter);
    } else if (choices > 0 && /[()|]/.test(letter)) {
      choices += letter === '(' ? 1 : letter === ')' ? -1 : 0;
      take(letter);
    } else if (ENDS_WORD.test(letter)) end();
    else take(letter);
  }
  end();
  return { words, quoted };
}

/** What a shell runs, or looks up, and puts the outcome in its place: `$(…)`, `${…}`, backticks. Its inside. */
function substitution(text: string, at: number): string | undefined {
  if (text[at] === '`') return upTo(text, at + 1, '`');
  if (text[at] !== '$') return undefined;
  if (text[at + 1] === '(') return upTo(text, at + 2, ')');
  return text[at + 1] === '{' ? upTo(text, at + 2, '}') : undefined;
}

/** To the end of the text if nothing closes it. */
function upTo(text: string, from: number, close: string): string {
  const end = text.indexOf(close, from);
  return text.slice(from, end === -1 ? text.length : end);
}

/** Where the quote that opens at a place ends: at the end of the text if nothing closes it. */
function closing(text: string, open: number, escapes: boolean): number {
  const quote = text.charAt(open);
  for (let at = open + 1; at < text.length; at += 1) {
    if (text[at] === quote) return at;
    if (escapes && text[at] === '\\') at += 1;
  }
  return text.length;
}

/** What `$'…'` stands for. */
function ansi(text: string): string {
  return text.replaceAll(
    /\\(?:x([0-9a-f]{1,2})|u([0-9a-f]{1,4})|([0-7]{1,3})|([\s\S]))/gi,
    (_, hex?: string, unicode?: string, octal?: string, letter = '') => {
      const code = hex ?? unicode;
      if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      return ESCAPED[letter] ?? letter;
    },
  );
}
