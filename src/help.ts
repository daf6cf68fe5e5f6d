import { Config } from '@oclif/core';
import type { Io } from './cli/io.ts';
import { GaitHelp } from './cli/oclif_help.ts';

/** Shows the help of a command or topic, as `oclif.manifest.json` has it: no command is loaded for that. */
export async function showHelp(words: readonly string[], io: Io): Promise<void> {
  const config = await Config.load(import.meta.url);
  await new GaitHelp(config, io).showHelp(words.length === 0 ? [] : [words.join(':')]);
}
