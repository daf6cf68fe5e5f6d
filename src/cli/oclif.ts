import { Args, Command, Flags, type Interfaces } from '@oclif/core';
import type { CommandSpec, FlagSpec } from './command.ts';
import { processIo } from './io.ts';
import { COMMON_FLAGS } from './parse.ts';
import { runCommand, wantsJson } from './run.ts';

type OclifFlag = Interfaces.FlagInput[string];

/** A command as oclif knows it: for help, for the manifest, and for whoever loads gait as a plugin. */
export function toOclif(spec: CommandSpec): Command.Class {
  const flags = { ...spec.flags, ...COMMON_FLAGS };
  class OclifCommand extends Command {
    static override summary = spec.summary;
    static override description = spec.description ?? '';
    static override examples = spec.examples.map(({ says, line }) => {
      return { description: says, command: `<%= config.bin %> ${line}` };
    });
    /** What stands behind `--`; oclif has no word for it, and keeps it in the manifest. */
    static words = spec.words;
    static override flags = Object.fromEntries(
      Object.entries(flags).map(([name, flag]) => [name, toFlag(flag)]),
    );
    static override args = Object.fromEntries(
      (spec.args ?? []).map(({ name, summary, required }) => [
        name,
        Args.string({ description: summary, required }),
      ]),
    );

    async run(): Promise<void> {
      process.exitCode = await runCommand(spec, this.argv, processIo(wantsJson(this.argv)));
    }
  }
  return OclifCommand as unknown as Command.Class;
}

function toFlag(flag: FlagSpec): OclifFlag {
  const common = { summary: flag.summary, ...(flag.env === undefined ? {} : { env: flag.env }) };
  if (flag.type === 'boolean') return Flags.boolean(common);
  const value = { ...common, helpValue: flag.value };
  if (flag.type === 'count') return Flags.string(value);
  const options = flag.options === undefined ? {} : { options: [...flag.options] };
  if (flag.type === 'strings') return Flags.string({ ...value, ...options, multiple: true });
  const byDefault = flag.default === undefined ? {} : { default: flag.default };
  return Flags.string({ ...value, ...options, ...byDefault, required: flag.required === true });
}
