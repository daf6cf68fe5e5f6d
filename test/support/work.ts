import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import type { Budget, JobEvent, JobEventOf, JobEventType } from '../../src/job/events.ts';
import { type JobWorkspace, openWorkspace } from '../../src/job/open.ts';
import { eventOf, readHistory } from '../../src/job/read/history.ts';
import { verifyJob } from '../../src/job/read/verify.ts';
import type { JobState } from '../../src/job/state.ts';
import { BINARY, type Line, type Running, type Workspace } from './cli.ts';
import { processState } from './stopped.ts';
import { until } from './until.ts';

export { until };

/** How a command of a job calls the binary. */
export const GAIT: string = `"${process.execPath}" "${BINARY}"`;

/** The library on the same jobs as the binary of a workspace. */
export function library(w: Workspace): JobWorkspace {
  return openWorkspace({ dir: w.path('gait-out'), actor: 'tester' });
}

/** Submits a job whose command is a script of the shell, run in the directory of the workspace. */
export function submit(w: Workspace, id: string, script: string, budget?: Budget): Promise<JobState> {
  const task = { argv: ['sh', '-c', script], cwd: w.dir, pass_env: [] };
  return library(w).submit(id, { task, ...(budget === undefined ? {} : { budget }) });
}

/** The words of `gait job run` for a script of the shell. */
export function runLine(id: string, script: string, ...flags: readonly string[]): Line {
  return ['job', 'run', '--json', '--id', id, ...flags, '--', 'sh', '-c', script];
}

/** A worker that looks for jobs often. Its lease outlasts whatever else the machine does, unless it is to run out. */
export function startWorker(w: Workspace, name: string, ...flags: readonly string[]): Running {
  return w.start(['job', 'work', '--json', '--worker', name, '--idle', '100ms', ...flags]);
}

/** The lease of a worker that is going to be killed or stopped: as short as one may be. */
export const BRIEF: readonly string[] = ['--ttl', '1s'];

export function appeared(w: Workspace, file: string): Promise<void> {
  return until(`${file} is there`, () => existsSync(w.path(file)) && linesIn(w, file).length > 0);
}

/** The whole lines of a file that commands write to. */
export function linesIn(w: Workspace, file: string): string[] {
  return existsSync(w.path(file)) ? readFileSync(w.path(file), 'utf8').split('\n').slice(0, -1) : [];
}

/** The process whose id stands in a file, once it does. */
export async function pidIn(w: Workspace, file: string): Promise<number> {
  await appeared(w, file);
  return Number(linesIn(w, file).at(-1));
}

/** False also for a process that has ended and that nobody has asked about yet. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return processState(pid) !== 'Z';
}

export function gone(pid: number): Promise<void> {
  return until(`the process ${pid} has ended`, () => !lives(pid));
}

export async function stateOf(w: Workspace, id: string): Promise<JobState> {
  return library(w).state(id);
}

export function becomes(w: Workspace, id: string, is: (job: JobState) => boolean): Promise<void> {
  return until(`${id}: ${is}`, async () => is(await stateOf(w, id)));
}

/** Every event of a job, read strictly from the first one. */
export async function eventsOf(w: Workspace, id: string): Promise<JobEvent[]> {
  return (await readHistory(library(w).store, id)).records.map(eventOf);
}

export async function eventsOfType<T extends JobEventType>(
  w: Workspace,
  id: string,
  type: T,
): Promise<JobEventOf<T>[]> {
  return (await eventsOf(w, id)).filter((event) => event.type === type) as JobEventOf<T>[];
}

/** The last event of a lease, without its token. */
export async function releaseOf(w: Workspace, id: string): Promise<Record<string, unknown>> {
  const payload = (await eventsOfType(w, id, 'lease_released')).at(-1)?.payload;
  assert.ok(payload !== undefined, `no lease of ${id} was released`);
  const { token: _, ...rest } = payload;
  return rest;
}

export async function assertSound(w: Workspace, id: string): Promise<void> {
  assert.deepEqual((await verifyJob(library(w).store, id)).findings, [], id);
}
