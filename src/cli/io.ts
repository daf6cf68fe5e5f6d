import { write } from 'node:fs';
import { systemClock } from '../core/clock.ts';
import { Held, type Host } from '../host/host.ts';
import { type Color, helpLines, inPlace, painted, printableJson, redrawn, terminalLine } from './terminal.ts';

/** What a command has of the world beside its flags. */
export interface Io extends Host {
  /** True when standard output is for a script: one line of canonical JSON. */
  readonly json: boolean;
  /** True when a person looks at standard output. */
  readonly terminal: boolean;
  /** Writes one line to standard output: what a terminal would obey is shown. */
  print(line: string): void;
  /** The same for many lines at once. */
  printAll(lines: readonly string[]): void;
  /** Writes JSON to standard output, or a part of it. To a terminal what it would obey goes as escapes. */
  printJson(text: string): void;
  /** Writes the help of a command, which is ours. */
  printHelp(text: string): void;
  /** Writes one line to standard error: warnings, progress. */
  note(line: string): void;
  /** Writes lines to standard error beside whatever else goes on, and resolves when they are written, or nobody takes them. */
  aside(lines: readonly string[]): Promise<void>;
  /** Text in a colour, where colours are wanted. */
  paint(color: Color, text: string): string;
  /** Standard error as a terminal, where it is one: what is drawn there can be taken away again. */
  readonly screen: Screen | undefined;
  /** From here on nobody who stops reading ends this process: what it holds is worth more than what it prints. */
  outliveReaders(): void;
  /** Asks the person at the terminal; true for yes and for nothing else. Absent where nobody is there to ask. */
  ask?(question: string): Promise<boolean>;
}

export interface Screen {
  columns(): number;
  /** Draws lines in the place of so many that were drawn before. */
  redraw(before: number, lines: readonly string[]): void;
  /** Draws one line in the place of the one before; an empty one takes it away. */
  inPlace(line: string): void;
}

/** The streams that a command's words go to, and what is known of them. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly aside: (text: string) => Promise<void>;
  readonly terminal: boolean;
  readonly colored: boolean;
}

/** The one way from text to a stream: nothing gets there that a terminal would obey, but our own colours. */
export function wordsTo({ out, err, aside, terminal, colored }: Streams): Words {
  const lines = (all: readonly string[]): string => all.map((line) => `${terminalLine(line)}\n`).join('');
  return {
    print: (line) => out(lines([line])),
    printAll: (all) => out(lines(all)),
    printJson: (text) => out(terminal ? printableJson(text) : text),
    printHelp: (text) => out(`${helpLines(text).join('\n')}\n`),
    note: (line) => err(lines([line])),
    aside: (all) => aside(lines(all)),
    paint: (color, text) => (colored ? painted(color, text) : text),
  };
}

type Words = Pick<Io, 'print' | 'printAll' | 'printJson' | 'printHelp' | 'note' | 'aside' | 'paint'>;

/** The process's own: for those that start commands, not for commands. Colour only on a terminal without NO_COLOR. */
export function processIo(json: boolean): Io {
  const { env, stdout, stderr } = process;
  const terminal = stdout.isTTY === true;
  const colored = !json && terminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  const streams = {
    out: (text: string) => void stdout.write(text),
    err: (text: string) => void stderr.write(text),
    aside: (text: string) => new Promise<void>((done) => write(stderr.fd, text, () => done())),
  };
  return {
    env,
    clock: systemClock,
    json,
    terminal,
    ...wordsTo({ ...streams, terminal, colored }),
    screen: stderr.isTTY === true ? screenOn(streams.err, () => stderr.columns ?? 80) : undefined,
    outliveReaders() {
      for (const stream of [stdout, stderr]) stream.on('error', () => {});
    },
    held: new Held(),
    ...(!json && process.stdin.isTTY === true && stderr.isTTY === true ? { ask } : {}),
  };
}

function screenOn(err: (text: string) => void, columns: () => number): Screen {
  return {
    columns,
    redraw: (before, lines) => err(redrawn(before, lines)),
    inPlace: (line) => err(inPlace(line)),
  };
}

async function ask(question: string): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    const answer = await Promise.race([lines.question(`${terminalLine(question)} [y/N] `), ended]);
    return /^(y|yes)$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
