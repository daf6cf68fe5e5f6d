import { dispatch } from '../../src/cli/dispatch.ts';
import { type Io, wordsTo } from '../../src/cli/io.ts';
import { wantsJson } from '../../src/cli/run.ts';
import { systemClock } from '../../src/core/clock.ts';
import { Held } from '../../src/host/host.ts';
import { TREE } from '../../src/tree.ts';

export interface Printed {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

let running = false;

/** True while a command runs here: a second one at the same time needs a process of its own. */
export function isRunning(): boolean {
  return running;
}

/** Runs a command line in this process, as main.ts does in one of its own that has neither terminal nor input. */
export async function runHere(
  dir: string,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Printed> {
  const before = process.cwd();
  const printed = { stdout: '', stderr: '' };
  running = true;
  try {
    process.chdir(dir);
    const exit = await dispatch(
      argv,
      TREE,
      { showHelp: help, runPlugin },
      collecting(printed, wantsJson(argv), env),
    );
    return { exit, ...printed };
  } finally {
    process.chdir(before);
    running = false;
  }
}

async function help(words: readonly string[], io: Io): Promise<void> {
  const { showHelp } = await import('../../src/help.ts');
  await showHelp(words, io);
}

async function runPlugin(words: readonly string[], io: Io): Promise<number> {
  const plugins = await import('../../src/plugins.ts');
  return await plugins.runPlugin(words, io);
}

/** What a command has where standard output and standard error are pipes. */
export function collecting(to: { stdout: string; stderr: string }, json: boolean, env: Io['env']): Io {
  const out = (text: string): void => {
    to.stdout += text.toWellFormed();
  };
  const err = (text: string): void => {
    to.stderr += text.toWellFormed();
  };
  return {
    env,
    clock: systemClock,
    json,
    terminal: false,
    ...wordsTo({ out, err, aside: async (text) => err(text), terminal: false, colored: false }),
    screen: undefined,
    outliveReaders: () => {},
    held: new Held(),
  };
}
