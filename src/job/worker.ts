import type { Clock } from '../core/clock.ts';
import { GaitError } from '../core/errors.ts';
import type { Jobs } from './jobs.ts';
import { isRunnable, type RunnerPorts, type RunOptions, type RunResult, runJob } from './runner.ts';
import type { JobState } from './state.ts';

export interface WorkOptions extends Omit<RunOptions, 'jobId' | 'complete' | 'interrupt'> {
  /** How many jobs at the same time. */
  readonly concurrency: number;
  /** End when there is nothing to claim and nothing runs any more. */
  readonly once: boolean;
  /** How long to wait when there is nothing to claim. Milliseconds. */
  readonly idleMs: number;
  /** Aborted: claim nothing more, and let what runs come to its end. */
  readonly drain: AbortSignal;
  /** Aborted: end what runs as well. */
  readonly interrupt: AbortSignal;
}

/** What a worker tells as it goes along. */
export interface WorkEvents {
  started?(jobId: string, token: number): void;
  ended?(jobId: string, result: RunResult): void;
  /** A job that could not be run: its log is damaged, or its claim was refused for good. */
  refused?(jobId: string, error: GaitError): void;
}

export interface WorkSummary {
  readonly claimed: number;
  readonly finished: number;
  readonly failed: number;
  readonly interrupted: number;
  readonly lost: number;
}

/**
 * Claims runnable jobs, oldest first, and runs their commands, until it is told to drain, or, with `once`, until there
 * are none. Waits when there is nothing to do.
 */
export async function work(
  jobs: Jobs,
  clock: Clock,
  options: WorkOptions,
  ports: RunnerPorts,
  events: WorkEvents = {},
): Promise<WorkSummary> {
  const tally = { claimed: 0, finished: 0, failed: 0, interrupted: 0, lost: 0 };
  const running = new Map<string, Promise<void>>();
  const refused = new Map<string, number>();
  const runOne = async (jobId: string): Promise<void> => {
    const onStart = (token: number): void => {
      tally.claimed += 1;
      events.started?.(jobId, token);
    };
    try {
      const result = await runJob(jobs, { ...options, jobId, complete: true, onStart }, ports);
      tally[result.outcome === 'given_up' ? 'failed' : result.outcome] += 1;
      events.ended?.(jobId, result);
    } catch (error) {
      if (!(error instanceof GaitError)) throw error;
      // Another worker was faster, or a person came between: that is how it is meant to be.
      if (error.code === 'lease_held' || error.code === 'transition_not_allowed') return;
      refused.set(jobId, (refused.get(jobId) ?? 0) + 1);
      events.refused?.(jobId, error);
    } finally {
      running.delete(jobId);
    }
  };
  while (!options.drain.aborted) {
    const free = options.concurrency - running.size;
    const found = free > 0 ? await runnable(jobs, clock.now(), options.graceMs) : [];
    const next = found.filter(({ job_id }) => !running.has(job_id) && !refused.has(job_id)).slice(0, free);
    for (const { job_id } of next) running.set(job_id, runOne(job_id));
    if (next.length === 0 && running.size === 0 && options.once) break;
    await pause(next.length > 0 ? options.pollMs : options.idleMs, running, options, ports);
  }
  await Promise.all(running.values());
  return tally;
}

/** Until a job has ended, some time has passed, or the worker is told to drain. */
async function pause(
  ms: number,
  running: ReadonlyMap<string, Promise<void>>,
  { drain }: WorkOptions,
  ports: RunnerPorts,
): Promise<void> {
  const over = new AbortController();
  const stop = (): void => over.abort();
  drain.addEventListener('abort', stop, { once: true });
  await Promise.race([ports.sleep(ms, over.signal), ...running.values()]);
  over.abort();
  drain.removeEventListener('abort', stop);
}

/** The jobs that may be claimed now, oldest first. */
async function runnable(jobs: Jobs, now: string, graceMs: number): Promise<readonly JobState[]> {
  const found: JobState[] = [];
  for await (const { job } of jobs.list()) {
    if (!(job instanceof GaitError) && isRunnable(job, now, graceMs)) found.push(job);
  }
  return found.sort((a, b) => (a.created_at < b.created_at ? -1 : a.created_at > b.created_at ? 1 : 0));
}
