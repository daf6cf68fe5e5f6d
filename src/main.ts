#!/usr/bin/env node
import { dispatch } from './cli/dispatch.ts';
import { type Io, processIo } from './cli/io.ts';
import { wantsJson } from './cli/run.ts';
import { TREE } from './tree.ts';

// A reader that closes the pipe early, such as head(1), is no failure.
process.stdout.on('error', (error) => {
  if ('code' in error && error.code === 'EPIPE') {
    // By then the command has set its exit code, unless it is one that goes on printing.
    setImmediate(() => process.exit(process.exitCode ?? 0));
    return;
  }
  processIo(false).note(`error: standard output: ${error.message}  [io_error, exit 1]`);
  process.exit(1);
});

const argv = process.argv.slice(2);

void dispatch(argv, TREE, { showHelp, runPlugin }, processIo(wantsJson(argv))).then((exitCode) => {
  process.exitCode = exitCode;
});

/** oclif is loaded only here, and below. */
async function showHelp(words: readonly string[], io: Io): Promise<void> {
  const help = await import('./help.ts');
  await help.showHelp(words, io);
}

async function runPlugin(words: readonly string[], io: Io): Promise<number> {
  const plugins = await import('./plugins.ts');
  return await plugins.runPlugin(words, io);
}
