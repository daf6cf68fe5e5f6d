import type { Command } from '@oclif/core';
import { toOclif } from './cli/oclif.ts';
import { TREE } from './tree.ts';

/** All commands, by the ids that oclif gives them. Named in package.json. */
export const COMMANDS: Readonly<Record<string, Command.Class>> = Object.fromEntries(
  await Promise.all(
    Object.entries(TREE).map(
      async ([name, load]) => [name.replaceAll(' ', ':'), toOclif((await load()).default)] as const,
    ),
  ),
);
