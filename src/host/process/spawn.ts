import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import type { Observe } from '../../job/environment.ts';
import type { JobTask } from '../../job/events.ts';
import type { Ended, RunnerPorts, TaskProcess } from '../../job/work/run_ports.ts';
import { Guard } from './guard.ts';
import { uptime } from './guard_watches.ts';
import { started } from './started.ts';
import { whyNotStarted } from './working_folder.ts';

/** A timer of Node that is set for longer goes off at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Variables of the worker that every command gets. */
const ALWAYS_PASSED: readonly string[] = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'];

/** Where the output of a command goes: through to ours, or all of it to standard error. */
export type OutputTo = 'both' | 'stderr';

/**
 * What starts the commands of jobs. Each runs in a process group of its own, so that what it starts ends with it, and all
 * are watched over by one guard: a process that kills the group when the worker is gone, or has not renewed the lease in
 * time. So a worker that is killed, or stopped past its lease, leaves nothing running.
 */
export function realPorts(
  env: NodeJS.ProcessEnv,
  output: OutputTo,
  observe: Observe,
  watchMs?: number,
): RunnerPorts {
  const guard = new Guard(env, watchMs);
  return {
    start: (task, own, ms) =>
      startGuarded(guard, task, { ...passedOn(task, env), ...own }, uptime() + ms, output),
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

function startGuarded(
  guard: Guard,
  { argv, cwd }: JobTask,
  env: Readonly<Record<string, string>>,
  end: number,
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
  const child = started('/bin/sh', ['-c', GATE, 'sh', ...argv], options);
  if (child instanceof Error) return neverRan(whyNotStarted(child, cwd));
  const ended = endOf(child, cwd);
  if (child.pid === undefined) return neverRan(ended);
  const gate = gateOf(child);
  const guarded = guard.watch(child.pid, end, () => void gate?.write('go\n'));
  return {
    ended: ended.then((how) => guarded.finish(how)),
    kill: (signal) => guarded.kill(signal),
    beat: (ms) => guarded.beat(ms),
  };
}

function neverRan(ended: Promise<Ended>): TaskProcess {
  return { ended, kill: () => {}, beat: () => {} };
}

function gateOf(child: ChildProcess): NodeJS.WritableStream | undefined {
  const stream = child.stdio[3];
  if (stream === null || stream === undefined || !('write' in stream)) return undefined;
  return stream.on('error', () => {});
}

function endOf(child: ChildProcess, cwd: string): Promise<Ended> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(whyNotStarted(error, cwd)));
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
}
