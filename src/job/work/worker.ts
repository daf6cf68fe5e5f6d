import type { Clock } from '../../core/clock.ts';
import { GaitError } from '../../core/errors.ts';
import { epochMs } from '../../core/time.ts';
import type { Jobs } from '../jobs.ts';
import { claimable, type JobRow } from '../read/row.ts';
import { unexpected } from '../refusals.ts';
import type { RunnerPorts, RunOptions, RunResult } from './run_ports.ts';
import { runJob } from './runner.ts';
import { LeaseWatch } from './watch.ts';

export interface WorkOptions extends Omit<RunOptions, 'jobId' | 'complete' | 'interrupt' | 'watched'> {
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
  /** A job is taken up once nothing can run under the lease before. Told once for each lease. */
  waits?(jobId: string): void;
  /** The jobs could not be listed; they are, the next time. */
  troubled?(error: GaitError): void;
}

export interface WorkSummary {
  readonly claimed: number;
  readonly finished: number;
  readonly failed: number;
  readonly interrupted: number;
  /** Given back: their commands run again, here or elsewhere. */
  readonly given_up: number;
  readonly lost: number;
  /** Their commands ended, and the log could not be told. */
  readonly unrecorded: number;
}

/** Refusals of a claim that came too late. */
const OVERTAKEN: ReadonlySet<string> = new Set(['lease_held', 'lease_lost', 'transition_not_allowed']);

/** How long a job is left alone that could not be run, or whose end the log did not take. Milliseconds. */
const LEFT_ALONE_MS = 30_000;

/**
 * Claims runnable jobs, oldest first, and runs their commands, until it is told to drain, or, with `once`, until there
 * are none. Waits when there is nothing to do, and when all that it found was claimed by others.
 */
export async function work(
  jobs: Jobs,
  clock: Clock,
  options: WorkOptions,
  ports: RunnerPorts,
  events: WorkEvents = {},
): Promise<WorkSummary> {
  return new Worker(jobs, clock, options, ports, events).run();
}

class Worker {
  readonly #jobs: Jobs;
  readonly #clock: Clock;
  readonly #options: WorkOptions;
  readonly #ports: RunnerPorts;
  readonly #events: WorkEvents;
  readonly #tally = {
    ...{ claimed: 0, finished: 0, failed: 0, interrupted: 0 },
    ...{ given_up: 0, lost: 0, unrecorded: 0 },
  };
  readonly #running = new Map<string, Promise<void>>();
  /** Those of them that got the job: what is refused at once is nothing to wait for. */
  readonly #begun = new Set<string>();
  /** Jobs that could not be run, with when they are looked at again. */
  readonly #leftAlone = new Map<string, number>();
  readonly #watch: LeaseWatch;
  /** Jobs that are taken up later, by the tokens of their leases. */
  #later = new Map<string, number>();
  /** What was found to claim, oldest first. */
  #queue: string[] = [];
  /** Nothing was started since the last look at the jobs. */
  #idle = false;

  constructor(jobs: Jobs, clock: Clock, options: WorkOptions, ports: RunnerPorts, events: WorkEvents) {
    this.#jobs = jobs;
    this.#clock = clock;
    this.#options = options;
    this.#ports = ports;
    this.#events = events;
    this.#watch = new LeaseWatch(ports.monotonic);
  }

  async run(): Promise<WorkSummary> {
    const { drain, once, concurrency, idleMs } = this.#options;
    while (!drain.aborted) {
      if (this.#queue.length === 0) {
        if (this.#idle) await this.#wait(idleMs);
        if (drain.aborted) break;
        this.#queue = await this.#look();
        this.#idle = true;
        if (this.#queue.length + this.#running.size + this.#later.size === 0 && once) break;
      }
      for (const jobId of this.#queue.splice(0, concurrency - this.#running.size)) {
        const run = this.#run(jobId).finally(() => this.#forget(jobId));
        this.#running.set(jobId, run);
      }
      if (this.#running.size >= concurrency) await this.#wait();
    }
    await Promise.all(this.#running.values());
    return this.#tally;
  }

  #forget(jobId: string): void {
    this.#running.delete(jobId);
    this.#begun.delete(jobId);
  }

  async #run(jobId: string): Promise<void> {
    const onStart = (token: number): void => {
      this.#idle = false;
      this.#begun.add(jobId);
      this.#tally.claimed += 1;
      this.#events.started?.(jobId, token);
    };
    try {
      const result = await runJob(
        this.#jobs,
        {
          ...this.#options,
          jobId,
          complete: true,
          onlyWatched: true,
          onStart,
          watched: this.#watch.watched(jobId),
        },
        this.#ports,
      );
      this.#tally[result.outcome] += 1;
      if (result.givenBack === true || result.outcome === 'unrecorded') this.#leaveAlone(jobId);
      this.#events.ended?.(jobId, result);
    } catch (error) {
      const refusal = error instanceof GaitError ? error : unexpected(`job ${jobId} could not be run`, error);
      // Another worker was faster, or a person came between: that is how it is meant to be.
      if (OVERTAKEN.has(refusal.code)) return;
      this.#leaveAlone(jobId);
      this.#events.refused?.(jobId, refusal);
    }
  }

  #leaveAlone(jobId: string): void {
    this.#leftAlone.set(jobId, this.#ports.monotonic() + LEFT_ALONE_MS);
  }

  /** The jobs that may be claimed now, oldest first. A look that fails ends nothing: the next one may not. */
  async #look(): Promise<string[]> {
    const at = this.#ports.monotonic();
    const free = (id: string): boolean => !this.#running.has(id) && (this.#leftAlone.get(id) ?? 0) <= at;
    try {
      const found = (await this.#claimable()).filter(({ job_id }) => free(job_id));
      found.sort((a, b) => epochMs(a.created_at) - epochMs(b.created_at));
      return found.map(({ job_id }) => job_id);
    } catch (error) {
      if (!(error instanceof GaitError) || error.category === 'internal_failure') throw error;
      this.#events.troubled?.(error);
      return [];
    }
  }

  async #claimable(): Promise<JobRow[]> {
    const now = this.#clock.now();
    const found: JobRow[] = [];
    const later = new Map<string, number>();
    for await (const group of this.#jobs.rows()) {
      for (const { row } of group) {
        if (row instanceof GaitError) continue;
        const { job_id, lease_token: token, lease_renewed: renewed } = row;
        const watchedMs = token === null || renewed === null ? 0 : this.#watch.note(job_id, token, renewed);
        const when = claimable(row, now, this.#options.graceMs, watchedMs);
        if (when === 'now') found.push(row);
        if (when === 'later') later.set(job_id, token ?? 0);
      }
    }
    this.#watch.turn();
    for (const [jobId, token] of later) if (this.#later.get(jobId) !== token) this.#events.waits?.(jobId);
    this.#later = later;
    return found;
  }

  /** Until a job has ended, the time is over, or the worker is told to drain. */
  async #wait(ms?: number): Promise<void> {
    const over = new AbortController();
    const stop = (): void => over.abort();
    const { drain } = this.#options;
    drain.addEventListener('abort', stop, { once: true });
    const aborted = new Promise<void>((resolve) => over.signal.addEventListener('abort', () => resolve()));
    const first = ms === undefined ? aborted : this.#ports.sleep(ms, over.signal);
    const ends = [...this.#running].filter(([id]) => ms === undefined || this.#begun.has(id));
    await Promise.race([first, ...ends.map(([, run]) => run)]);
    over.abort();
    drain.removeEventListener('abort', stop);
  }
}
