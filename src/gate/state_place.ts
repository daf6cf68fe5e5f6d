import { dirname, join, parse, resolve } from 'node:path';
import { isThere } from '../files/file_source.ts';

/** Where a gate keeps what it must not forget, and whether somebody said so. */
export interface StatePlace {
  readonly dir: string;
  /** By a flag, an option or a variable, and not found from where one stands. */
  readonly isNamed: boolean;
}

const IN_OUTPUT = 'gate';
const OUTPUT = 'gait-out';

/**
 * What was said, else GAIT_GATE_STATE, else `gate` in GAIT_OUT_DIR, else that of the workspace: the next `gait-out/gate` from
 * the current folder upwards, as git finds its own; `./gait-out/gate` if there is none.
 */
export function gateStatePlace(
  said: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  from: string = process.cwd(),
): StatePlace {
  const named = said ?? env['GAIT_GATE_STATE'];
  if (named !== undefined) return { dir: named, isNamed: true };
  const out = env['GAIT_OUT_DIR'];
  if (out !== undefined && out !== '') return { dir: join(out, IN_OUTPUT), isNamed: true };
  const own = join(OUTPUT, IN_OUTPUT);
  const found = foldersUp(from).find((folder) => isThere(join(folder, own)));
  const dir = found === undefined || found === resolve(from) ? own : join(found, own);
  return { dir, isNamed: false };
}

function foldersUp(from: string): string[] {
  const found = [resolve(from)];
  const { root } = parse(found[0] ?? '/');
  for (let at = found[0] ?? root; at !== root; at = dirname(at)) found.push(dirname(at));
  return found;
}
