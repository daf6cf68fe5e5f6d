import { Config, run } from '@oclif/core';
import type { Io } from './cli/io.ts';
import { answer } from './cli/run.ts';
import { invalidInput } from './core/errors.ts';

/** Runs a command of one of oclif's plugins; answers the exit code. */
export async function runPlugin(argv: readonly string[], io: Io): Promise<number> {
  const config = await Config.load(import.meta.url);
  try {
    await run([...argv], config);
    return 0;
  } catch (error) {
    const { message = String(error), oclif } = error as { message?: string; oclif?: { exit?: number } };
    if (oclif?.exit === 0) return 0;
    const hint = `\`gait help ${argv[0] ?? ''}\` shows what it takes.`;
    return answer(
      { schemaId: 'gait.output', operation: argv[0] ?? '' },
      {},
      {
        fields: {},
        lines: [],
        failure: invalidInput('arguments_invalid', message.split('\n')[0] ?? '', hint),
      },
      io,
    );
  }
}
