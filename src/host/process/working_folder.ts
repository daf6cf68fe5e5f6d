import { access, constants, stat } from 'node:fs/promises';
import type { Ended } from '../../job/work/run_ports.ts';

/** The system says of a folder that cannot be entered that the program in it could not be found, or run. */
export async function whyNotStarted({ message }: Error, cwd: string): Promise<Ended> {
  const trouble = await troubleWith(cwd);
  const error = trouble === undefined ? message : `the working folder ${cwd} ${trouble}`;
  return { exitCode: null, signal: null, error };
}

async function troubleWith(folder: string): Promise<string | undefined> {
  try {
    if (!(await stat(folder)).isDirectory()) return 'is not a folder';
    await access(folder, constants.X_OK);
    return undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    return TROUBLES[code] ?? `cannot be entered: ${code}`;
  }
}

const TROUBLES: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there: a part of its path is not a folder',
  EACCES: 'cannot be entered: access is denied',
};
