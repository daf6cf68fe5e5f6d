import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/** A process, or why there is none: some refusals of the system are thrown, others come as events. */
export function started(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess | Error {
  try {
    return spawn(command, args, options);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return error;
    throw error;
  }
}
