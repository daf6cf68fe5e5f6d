import { type Command, Config } from '@oclif/core';
import { toOclif } from './cli/oclif.ts';
import { GaitHelp } from './cli/oclif_help.ts';
import { TREE } from './tree.ts';

/** All commands, by the ids that oclif gives them. Named in package.json. */
export const COMMANDS: Readonly<Record<string, Command.Class>> = Object.fromEntries(
  await Promise.all(
    Object.entries(TREE).map(
      async ([name, load]) => [name.replaceAll(' ', ':'), toOclif((await load()).default)] as const,
    ),
  ),
);

/** Shows the help of a command or topic. */
export async function showHelp(words: readonly string[]): Promise<void> {
  const config = await Config.load(import.meta.url);
  await new GaitHelp(config).showHelp(words.length === 0 ? [] : [words.join(':')]);
}
