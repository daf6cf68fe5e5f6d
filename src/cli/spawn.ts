import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import type { Observe } from '../job/environment.ts';
import type { JobTask } from '../job/events.ts';
import type { Ended, RunnerPorts, TaskProcess } from '../job/runner.ts';

/** A timer of Node that is set for longer goes off at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Variables of the worker that every command gets. */
const ALWAYS_PASSED: readonly string[] = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'];

/** Where the output of a command goes: through to ours, or all of it to standard error. */
export type OutputTo = 'both' | 'stderr';

/**
 * What starts the commands of jobs. Each runs in a process group of its own, so that what it starts ends with it, and is
 * watched over by a guard: a shell that kills the group when the worker is gone, or has not renewed the lease in time.
 * So a worker that is killed, or stopped past its lease, leaves nothing running.
 */
export function realPorts(env: NodeJS.ProcessEnv, output: OutputTo, observe: Observe): RunnerPorts {
  return {
    start: (task, own, ms) => startGuarded(task, { ...passedOn(task, env), ...own }, ms, output),
    monotonic: () => performance.now(),
    observe,
    sleep: (ms, signal) => wait(Math.min(ms, MAX_TIMER_MS), undefined, { signal }).catch(() => {}),
  };
}

function passedOn({ pass_env }: JobTask, env: NodeJS.ProcessEnv): Record<string, string> {
  const names = [...ALWAYS_PASSED, ...pass_env];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/** Waits for its guard before it becomes the command; if the worker dies before, it never does. */
const GATE = 'read -r GAIT_GATE <&3 || exit 125; unset GAIT_GATE; exec 3<&-; exec "$@"';

/**
 * The guard of the group $1: kills it after $2 seconds, unless it hears how many more it has, and when the worker is
 * gone. The timers are processes of the guard's own group, and end with it.
 */
const GUARD = [
  'arm() { (sleep "$2"; kill -s KILL -- "-$1") & timer=$!; }',
  'arm "$1" "$2"',
  'while read -r word <&3; do',
  '  kill "$timer"; [ "$word" = done ] && { trap "" TERM; kill -TERM 0; exit 0; }',
  '  arm "$1" "$word"',
  'done 2>/dev/null',
  'kill -s KILL -- "-$1" 2>/dev/null; trap "" TERM; kill -TERM 0',
].join('\n');

function startGuarded(
  { argv, cwd }: JobTask,
  env: Readonly<Record<string, string>>,
  ms: number,
  output: OutputTo,
): TaskProcess {
  const stdin = process.stdin.isTTY === true ? 'ignore' : 'inherit';
  const stdout = output === 'both' ? 'inherit' : 2;
  const options: SpawnOptions = {
    cwd,
    env: { ...env },
    detached: true,
    stdio: [stdin, stdout, 'inherit', 'pipe'],
  };
  const child = started(['-c', GATE, 'sh', ...argv], options);
  if (child instanceof Error) return neverRan(Promise.resolve(notStarted(child)));
  const ended = endOf(child);
  if (child.pid === undefined) return neverRan(ended);
  const group = child.pid;
  const guard = spawn('/bin/sh', ['-c', GUARD, 'sh', String(group), seconds(ms)], {
    env: { PATH: '/usr/bin:/bin' },
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const say = (to: ChildProcess, word: string): void => void writable(to)?.write(`${word}\n`);
  let over = false;
  const endUnguarded = (): void => {
    if (!over) killGroup(group, 'SIGKILL');
  };
  guard.on('error', endUnguarded).on('exit', endUnguarded);
  guard.on('spawn', () => say(child, 'go'));
  for (const one of [child, guard]) writable(one)?.on('error', () => {});
  void ended.finally(() => {
    killGroup(group, 'SIGKILL'); // what it left behind
    over = true;
    say(guard, 'done');
  });
  return { ended, kill: (signal) => killGroup(group, signal), beat: (more) => say(guard, seconds(more)) };
}

/** A shell, or why there is none: some refusals of the system are thrown, others come as events. */
function started(args: readonly string[], options: SpawnOptions): ChildProcess | Error {
  try {
    return spawn('/bin/sh', args, options);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return error;
    throw error;
  }
}

function neverRan(ended: Promise<Ended>): TaskProcess {
  return { ended, kill: () => {}, beat: () => {} };
}

function notStarted({ message }: Error): Ended {
  return { exitCode: null, signal: null, error: message };
}

/** Whole, as every `sleep` takes them, and rather too few than too many. */
function seconds(ms: number): string {
  return String(Math.max(1, Math.floor(ms / 1000)));
}

function writable(child: ChildProcess): NodeJS.WritableStream | undefined {
  const stream = child.stdio[3];
  return stream !== null && stream !== undefined && 'write' in stream ? stream : undefined;
}

function endOf(child: ChildProcess): Promise<Ended> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(notStarted(error)));
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
}

export function killGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // it is gone
  }
}
