#!/usr/bin/env node
import { dispatch } from './cli/dispatch.ts';
import { TREE } from './tree.ts';

// A reader that closes the pipe early, such as head(1), is no failure.
process.stdout.on('error', (error) => {
  if ('code' in error && error.code === 'EPIPE') {
    // By then the command has set its exit code, unless it is one that goes on printing.
    setImmediate(() => process.exit(process.exitCode ?? 0));
    return;
  }
  process.stderr.write(`error: standard output: ${error.message}  [io_error, exit 1]\n`);
  process.exit(1);
});

void dispatch(process.argv.slice(2), TREE, async (words) => {
  const { showHelp } = await import('./help.ts');
  await showHelp(words);
}).then((exitCode) => {
  process.exitCode = exitCode;
});
