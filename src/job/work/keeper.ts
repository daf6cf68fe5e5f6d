import { setMaxListeners } from 'node:events';
import { GaitError } from '../../core/errors.ts';
import type { Jobs } from '../jobs.ts';
import { leaseLost, unexpected } from '../refusals.ts';
import type { JobState } from '../state.ts';
import { FINAL_STATUSES } from '../transitions.ts';
import { type HeldLease, notRenewed } from './held_lease.ts';
import { nodeTimers, type Timers } from './timers.ts';

/** How often the log is looked at, at most. Milliseconds. */
const LOOK_MS = 250;

/**
 * Renews a lease in the background and looks at the job's log, until it is ended: by whom it belongs to, or because the
 * work under it has to stop. Nothing of it keeps the process alive, and nothing of it rejects.
 */
export class LeaseKeeper {
  readonly #jobs: Jobs;
  readonly #lease: HeldLease;
  readonly #ended = new AbortController();
  readonly #stopTicking: () => void;
  #tending: Promise<void> | undefined;
  /** The owner is about to end it: what the log shows of that is no reason of its own. */
  #leaving = 0;

  constructor(jobs: Jobs, lease: HeldLease, timers: Timers = nodeTimers) {
    this.#jobs = jobs;
    this.#lease = lease;
    this.#stopTicking = timers.every(Math.min(LOOK_MS, lease.terms.ttlMs / 12), () => this.#tick());
    setMaxListeners(0, this.signal); // one for each question that waits
  }

  /** Aborts when the work has to stop; its `reason` is a GaitError. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  end(why: GaitError): void {
    this.#stopTicking();
    if (!this.signal.aborted) this.#ended.abort(why);
  }

  /** Resolves when nothing of it runs any more. To be called once it was ended. */
  async settled(): Promise<void> {
    await this.#tending;
  }

  /** Does what gives the lease up, and ends with `why` if it did. */
  async leave<T>(act: () => Promise<T>, why: GaitError): Promise<T> {
    this.#leaving += 1;
    try {
      const done = await act();
      this.end(why);
      return done;
    } finally {
      this.#leaving -= 1;
    }
  }

  /** The job as its log has it now; ends the work if that says so. Throws what the store throws. */
  async look(): Promise<JobState> {
    const { state } = await this.#jobs.load(this.#lease.terms.jobId);
    this.#judge(state);
    return state;
  }

  #tick(): void {
    // Before anything else: a renewal that hangs in a slow disk must not hide that the time is over.
    if (this.#lease.remaining() === 0) this.end(notRenewed(this.#lease.terms.jobId));
    else
      this.#tending ??= this.#tend().finally(() => {
        this.#tending = undefined;
      });
  }

  async #tend(): Promise<void> {
    try {
      if (this.#lease.renewalIn() === 0) await this.#lease.renew();
      const { state } = await this.#jobs.load(this.#lease.terms.jobId);
      if (this.#leaving === 0) this.#judge(state);
    } catch (error) {
      this.#judgeError(error);
    }
  }

  #judge(job: JobState): void {
    const { status, lease } = job;
    if (FINAL_STATUSES.has(status)) this.end(workInterrupted(job));
    else if (lease?.token !== this.#lease.token)
      this.end(leaseLost(job, this.#lease.token, this.#lease.terms.workerId));
    else if (status === 'paused' || status === 'blocked') this.end(workInterrupted(job));
  }

  /** What the disk, or others, did not let through is tried again, until the lease runs out. Anything else is the end. */
  #judgeError(error: unknown): void {
    if (this.#leaving > 0) return;
    if (!(error instanceof GaitError)) this.end(unexpected('the lease could not be kept', error));
    else if (error.category !== 'io_failure' && !error.retryable) this.end(error);
  }
}

/** Somebody paused or ended the job, or a budget blocked it: its work has to stop. */
export function workInterrupted({ job_id, status, stop_reason }: JobState): GaitError {
  const hint = FINAL_STATUSES.has(status)
    ? 'Stop the work: the job is over.'
    : 'Stop the work and release the lease. Once a person has resumed the job, it can be claimed again.';
  return new GaitError({
    code: 'work_interrupted',
    category: 'state_contention',
    message: `job ${job_id} is ${status} (${stop_reason})`,
    hint,
    details: { job_id, status, stop_reason },
  });
}
