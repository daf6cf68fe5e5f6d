import { existsSync, readFileSync } from 'node:fs';
import { type Answer, gait, type How, has } from './gait.ts';

/** One system call of a whole command: the nth of its name among those that touch the workspace, in its thread. */
export interface Call {
  readonly name: string;
  readonly nth: number;
}

export interface Recording {
  readonly answer: Answer;
  readonly calls: readonly Call[];
  /** All that these calls name. */
  readonly paths: readonly string[];
}

export type Fault = 'EIO' | 'ENOSPC' | 'KILL';

export interface Injected {
  readonly answer: Answer;
  /** How many calls were failed, or killed before. With several processes of one command it may be more than one. */
  readonly hits: number;
}

/** What cannot name a path of the workspace, only tell one. */
const NO_PATH: ReadonlySet<string> = new Set(['getcwd', 'readlink', 'execve']);

export function straceHere(): boolean {
  return process.platform === 'linux' && has('strace', '-o', '/dev/null', 'true');
}

/** Runs a command, and notes each of its system calls that names a path at or below `dir`. */
export async function record(
  words: readonly string[],
  how: How,
  dir: string,
  note: string,
): Promise<Recording> {
  const answer = await traced(words, how, note, ['-e', 'trace=%file,%desc', '--seccomp-bpf']);
  const [calls, paths, counted] = [new Map<string, Call>(), new Set<string>(), new Map<string, number>()];
  for (const line of readFileSync(note, 'utf8').split('\n')) {
    const [, thread, name = '', rest = ''] = /^(\d+) +(\w+)\((.*)$/.exec(line) ?? [];
    const path = pathIn(rest, dir);
    if (path === undefined || NO_PATH.has(name)) continue;
    paths.add(path);
    const nth = (counted.get(`${thread} ${name}`) ?? 0) + 1;
    counted.set(`${thread} ${name}`, nth);
    calls.set(`${name} ${nth}`, { name, nth });
  }
  return { answer, calls: [...calls.values()], paths: [...paths] };
}

/** Runs a command anew, with one of its calls failed or its process killed before that call. */
export async function inject(
  words: readonly string[],
  how: How,
  { name, nth }: Call,
  fault: Fault,
  paths: readonly string[],
  note: string,
): Promise<Injected> {
  // With seccomp-bpf strace cannot send a signal along with the call.
  const what = fault === 'KILL' ? ['signal=KILL'] : [`error=${fault}`];
  const fast = fault === 'KILL' ? [] : ['--seccomp-bpf'];
  const only = paths.flatMap((path) => ['-P', path]);
  const rule = ['-e', `trace=${name}`, '-e', `inject=${name}:${what}:when=${nth}`];
  const answer = await traced(words, how, note, [...only, ...rule, ...fast]);
  const lines = existsSync(note) ? readFileSync(note, 'utf8').split('\n') : [];
  const hits = lines.filter((line) => line.endsWith('(INJECTED)')).length;
  return { answer, hits: fault === 'KILL' ? Number(answer.exit === undefined) : hits };
}

/** One thread in libuv's pool: then the calls of the pool come in one order. */
function traced(words: readonly string[], how: How, note: string, flags: readonly string[]): Promise<Answer> {
  const strace = ['strace', '-f', '-y', '-s', '0', '--quiet=all', '-o', note, ...flags];
  return gait(words, { ...how, env: { ...how.env, UV_THREADPOOL_SIZE: '1' }, through: strace });
}

function pathIn(rest: string, dir: string): string | undefined {
  const named = rest.replace(/AT_FDCWD<[^>]*>/g, '');
  const [before] = named.split(') = ');
  return [...(before ?? '').matchAll(/[<"](\/[^>"]*)[>"]/g)]
    .map(([, path]) => path)
    .find((path) => path === dir || path?.startsWith(`${dir}/`) === true);
}
