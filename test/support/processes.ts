import { readdirSync, readFileSync } from 'node:fs';
import { until } from './work.ts';

/** A process as /proc shows it. */
export interface Shown {
  readonly pid: number;
  readonly parent: number;
  /** `Z`: it has ended, and its parent has not asked about it. */
  readonly state: string;
  readonly command: string;
}

/** Every process that can be seen. */
export function processes(): Shown[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => shown(Number(name)) ?? []);
}

function shown(pid: number): Shown | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
    return { pid, parent: Number(parent), state, command };
  } catch {
    return undefined; // it ended meanwhile
  }
}

export function childrenOf(pid: number): Shown[] {
  return processes().filter(({ parent }) => parent === pid);
}

/** The process that guards the commands of a worker, once there is one. */
export async function guardOf(worker: number): Promise<number> {
  const guard = (): Shown | undefined =>
    childrenOf(worker).find(({ state, command }) => state !== 'Z' && /guard_main\.(cjs|js)$/.test(command));
  await until(`${worker} has a guard`, () => guard() !== undefined);
  return guard()?.pid ?? 0;
}
