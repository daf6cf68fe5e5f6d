import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';

export type Color = 'green' | 'red' | 'yellow' | 'cyan' | 'dim' | 'bold';

/**
 * What a terminal does something for, or shows as something else than it is: controls (C0, C1, DEL), marks that do not show
 * or turn text around (bidi, zero width, tags), fillers (but for the mark behind an emoji), ends of lines that are none, halves
 * of characters, noncharacters.
 */
const ACTIVE =
  /(?<!\p{Extended_Pictographic})\ufe0f|[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\u2800\ufdd0-\ufdef\ufffe\uffff]|(?!\ufe0f)\p{Default_Ignorable_Code_Point}/gu;

/** Text of somebody else on one line: what a terminal would obey is shown. */
export function printable(text: string): string {
  return text.replace(ACTIVE, (point) => `\\u{${(point.codePointAt(0) ?? 0).toString(16)}}`);
}

/** The same in JSON, which stays the same JSON; between its values an end of line is one. */
export function printableJson(json: string): string {
  return json.replace(ACTIVE, (point) => {
    if (point === '\n') return point;
    const units = Array.from({ length: point.length }, (_, i) => point.charCodeAt(i));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
  });
}

/** Colours stand between marks that nobody can write who does not know this word: it is another in each process. */
const WORD = randomBytes(9).toString('hex');
const [OPEN, CLOSE] = ['\ufdd0', '\ufdd1'];
const MARK = new RegExp(`${OPEN}${WORD}([a-z]*)${CLOSE}`, 'u');

/** A text in a colour, for {@link terminalLine}. */
export function painted(color: Color, text: string): string {
  return `${OPEN}${WORD}${color}${CLOSE}${text}${OPEN}${WORD}${CLOSE}`;
}

/** One line as it may be written to a stream: our own colours, and nothing else that is not seen. */
export function terminalLine(text: string): string {
  const open: Color[] = [];
  const pieces = text.split(MARK);
  return pieces
    .map((piece, index) => {
      if (index % 2 === 0) return printable(piece);
      if (piece === '') return sgr(open.pop(), 1);
      open.push(piece as Color);
      return sgr(piece as Color, 0);
    })
    .join('');
}

function sgr(color: Color | undefined, side: 0 | 1): string {
  return color === undefined ? '' : `\u001b[${inspect.colors[color]?.[side] ?? 0}m`;
}

/** Help as oclif colours it: text of ours, line by line. */
export function helpLines(text: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
  const colors = /(\u001b\[[0-9;]*m)/;
  return text.split('\n').map((line) =>
    line
      .split(colors)
      .map((piece, index) => (index % 2 === 1 ? piece : printable(piece)))
      .join(''),
  );
}

/** Lines that take the place of so many that were drawn before. */
export function redrawn(before: number, lines: readonly string[]): string {
  const rewind = before === 0 ? '' : `\u001b[${before}A\r\u001b[J`;
  return `${rewind}${lines.map((line) => `${terminalLine(line)}\n`).join('')}`;
}

/** A line that takes the place of the one that the cursor stands in. */
export function inPlace(line: string): string {
  return `\r${terminalLine(line)}\u001b[K`;
}
