import { write } from 'node:fs';
import { styleText } from 'node:util';
import { type Clock, systemClock } from '../core/clock.ts';

/** What a command has of the world beside its flags. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** True when standard output is for a script: one line of canonical JSON. */
  readonly json: boolean;
  /** True when a person looks at standard output. */
  readonly terminal: boolean;
  /** Writes one line to standard output, for commands that answer as they go along. */
  print(line: string): void;
  /** Writes to standard output as it is: a part of a long line. */
  write(text: string): void;
  /** Writes one line to standard error: warnings, progress. */
  note(line: string): void;
  /** Writes to standard error beside whatever else goes on, and resolves when it is written, or nobody takes it. */
  aside(text: string): Promise<void>;
  /** Text in a colour, where colours are wanted. */
  paint(color: Color, text: string): string;
  /** Standard error as a terminal, where it is one: what is drawn there can be taken away again. */
  readonly screen: Screen | undefined;
  /** From here on nobody who stops reading ends this process: what it holds is worth more than what it prints. */
  outliveReaders(): void;
  /** What is open until the command is over. */
  readonly held: Held;
  /** Asks the person at the terminal; true for yes and for nothing else. Absent where nobody is there to ask. */
  ask?(question: string): Promise<boolean>;
}

export interface Screen {
  columns(): number;
  draw(text: string): void;
}

/** What is closed by whoever runs the command, however the command ends. */
export class Held {
  readonly #held: { close(): unknown }[] = [];

  keep<T extends { close(): unknown }>(opened: T): T {
    this.#held.push(opened);
    return opened;
  }

  async close(): Promise<void> {
    for (const opened of this.#held.splice(0).reverse()) await opened.close();
  }
}

export type Color = 'green' | 'red' | 'yellow' | 'cyan' | 'dim' | 'bold';

/** The process's own: for those that start commands, not for commands. Colour only on a terminal without NO_COLOR. */
export function processIo(json: boolean): Io {
  const { env, stdout, stderr } = process;
  const colored = !json && stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  return {
    env,
    clock: systemClock,
    json,
    terminal: stdout.isTTY === true,
    print: (line) => void stdout.write(`${line}\n`),
    write: (text) => void stdout.write(text),
    note: (line) => void stderr.write(`${line}\n`),
    aside: (text) => new Promise((done) => write(stderr.fd, text, () => done())),
    paint: (color, text) => (colored ? styleText(color, text) : text),
    screen:
      stderr.isTTY === true
        ? { columns: () => stderr.columns ?? 80, draw: (text) => void stderr.write(text) }
        : undefined,
    outliveReaders() {
      for (const stream of [stdout, stderr]) stream.on('error', () => {});
    },
    held: new Held(),
    ...(!json && process.stdin.isTTY === true && stderr.isTTY === true ? { ask } : {}),
  };
}

async function ask(question: string): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    const answer = await Promise.race([lines.question(`${question} [y/N] `), ended]);
    return /^(y|yes)$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
