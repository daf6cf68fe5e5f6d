import { GaitError } from '../../core/errors.ts';
import { epochMs } from '../../core/time.ts';
import { isBoundHere } from '../bound_environment.ts';
import type { JobTask } from '../events.ts';
import type { Jobs } from '../jobs.ts';
import { nothingToRun } from '../refusals.ts';
import type { JobState } from '../state.ts';
import { FINAL_STATUSES } from '../transitions.ts';
import { claimLease, type HeldLease, unsettledFor } from './held_lease.ts';
import type { Ended, RunnerPorts, RunOptions, RunResult, TaskProcess } from './run_ports.ts';
import { maySucceedLater, NOT_STARTED, Recording } from './run_recording.ts';

/**
 * Holds the lease of a job while a process runs for it: renews it at a third of its time, watches the log, and ends the
 * process when the job is paused, cancelled or stopped, or the lease is lost. A lease that could not be renewed in time
 * counts as lost, by a monotonic clock: the process is dead before anyone else may start. What it answers stands in the
 * log. Throws what a claim is refused with.
 */
export async function runJob(jobs: Jobs, options: RunOptions, ports: RunnerPorts): Promise<RunResult> {
  const { jobId, watched } = options;
  const { state } = await jobs.load(jobId);
  const task = options.task ?? state.command;
  if (task === null) throw nothingToRun(jobId);
  const { lease, job } = await claimLease(jobs, options, ports, watched);
  const runner = new Runner(jobs, options, ports, lease);
  const done = job.work_done === true && options.task === undefined;
  return done ? runner.completeDone() : runner.run(task, job);
}

const DONE_BEFORE: Ended = { exitCode: 0, signal: null };

class Runner {
  readonly #jobs: Jobs;
  readonly #options: RunOptions;
  readonly #ports: RunnerPorts;
  readonly #lease: HeldLease;
  #lost = false;
  /** The job is final: nobody can have its lease any more. */
  #over = false;
  #why: string | undefined;
  /** The last look at the log showed the job. */
  #seen = false;
  /** When the time of the job's budget is up, on the monotonic clock, and since when it is counted. */
  #wallAt = Number.POSITIVE_INFINITY;
  #startedAt: string | undefined;

  constructor(jobs: Jobs, options: RunOptions, ports: RunnerPorts, lease: HeldLease) {
    this.#jobs = jobs;
    this.#options = options;
    this.#ports = ports;
    this.#lease = lease;
  }

  /** The command ended well under an earlier lease, and the job could not be completed then. */
  async completeDone(): Promise<RunResult> {
    this.#options.onStart?.(this.#lease.token);
    return this.#conclude(DONE_BEFORE);
  }

  async run(task: JobTask, claimed: JobState): Promise<RunResult> {
    const { jobId, jobRoot, workerId } = this.#options;
    const { token } = this.#lease;
    if (!(await this.#outlast(claimed))) return this.#conclude(NOT_STARTED);
    const own = { GAIT_JOB_ID: jobId, GAIT_JOB_ROOT: jobRoot, GAIT_LEASE_TOKEN: String(token) };
    this.#options.onStart?.(token);
    const process = this.#ports.start(task, { ...own, GAIT_WORKER: workerId }, this.#lease.remaining());
    const done = new AbortController();
    const watches = [this.#watch(process, done.signal), this.#watchTime(process, done.signal)];
    const watching = Promise.all(watches).catch((error) => {
      process.kill('SIGKILL'); // nobody watches it any more
      throw error;
    });
    watching.catch(() => {}); // it is awaited below
    const ended = await process.ended;
    done.abort();
    await watching;
    return this.#conclude(ended);
  }

  /**
   * Waits, under its own lease, until nothing can run under the ones before. A clock that jumped may have taken one from a
   * worker that lives, which sees that within a poll; of one that is stopped as well, the guard ends the command once the
   * time of its lease has passed, by a monotonic clock. False if the job may not be started any more.
   */
  async #outlast(claimed: JobState): Promise<boolean> {
    if (claimed.unsettled_ms === undefined) return this.#mayStart();
    const { pollMs, watched, drain, onWait } = this.#options;
    const { monotonic, sleep } = this.#ports;
    const wait = Math.max(2 * pollMs, unsettledFor(claimed, watched));
    if (wait > 2 * pollMs) onWait?.(wait);
    const until = monotonic() + wait;
    const woken = this.#woken;
    for (let left = wait; left > 0; left = until - monotonic()) {
      await sleep(Math.max(1, Math.min(left, pollMs, this.#renewalIn() || pollMs)), woken);
      if (this.#renewalIn() === 0) await this.#renew();
      if (drain?.aborted === true) this.#why ??= TOLD_TO_STOP;
      if ((await this.#urgency()) !== undefined) return false;
    }
    // What the job depends on may have changed during a long wait.
    if (wait > 2 * pollMs && !(await isBoundHere(claimed, this.#ports.observe)))
      this.#why ??= 'the environment changed while it waited';
    await this.#renew('settled');
    return this.#mayStart();
  }

  /**
   * The claim may have been slow, or this process may have stood still: what a person said meanwhile counts. A log that
   * cannot be read does not tell that nobody said anything, so it is looked at until it can be, or the lease is over.
   */
  async #mayStart(): Promise<boolean> {
    for (;;) {
      if ((await this.#urgency()) !== undefined || !this.#hasTime()) return false;
      if (this.#seen) return true;
      if (this.#options.drain?.aborted === true) this.#why ??= TOLD_TO_STOP;
      const wait = Math.min(
        this.#options.pollMs,
        this.#renewalIn() || Number.POSITIVE_INFINITY,
        this.#lease.remaining(),
      );
      await this.#ports.sleep(Math.max(1, wait), this.#woken);
      if (this.#renewalIn() === 0) await this.#renew();
    }
  }

  get #woken(): AbortSignal {
    const { drain, interrupt } = this.#options;
    return AbortSignal.any([drain, interrupt].filter((given) => given !== undefined));
  }

  #hasTime(): boolean {
    if (this.#lease.remaining() === 0) this.#loseLease(TIME_OVER);
    return !this.#lost;
  }

  /** Until the process has ended: renews, looks at the log, and ends the process when it must. */
  async #watch(process: TaskProcess, done: AbortSignal): Promise<void> {
    const { pollMs, killAfterMs } = this.#options;
    let killAt = Number.POSITIVE_INFINITY;
    while (!done.aborted) {
      if (this.#renewalIn() === 0 && (await this.#renew())) process.beat(this.#lease.remaining());
      const urgency = await this.#urgency();
      const now = this.#ports.monotonic();
      if (urgency === 'soon' && killAt === Number.POSITIVE_INFINITY) {
        process.kill('SIGTERM');
        killAt = now + killAfterMs;
      }
      if (urgency === 'now' || now >= killAt) {
        process.kill('SIGKILL');
        return;
      }
      const wait = Math.min(pollMs, this.#renewalIn() || pollMs, this.#lease.remaining(), killAt - now);
      await this.#ports.sleep(Math.max(1, wait), done);
    }
  }

  /** Ends the process when the lease is over, even while a renewal waits for the disk. */
  async #watchTime(process: TaskProcess, done: AbortSignal): Promise<void> {
    while (!done.aborted) {
      const left = this.#lease.remaining();
      if (left === 0) {
        if (!this.#over) this.#loseLease(TIME_OVER);
        process.kill('SIGKILL');
        return;
      }
      await this.#ports.sleep(left, done);
    }
  }

  /** A renewal is also what notices that the time of the job's budget is up. Milliseconds. */
  #renewalIn(): number {
    const wall = Math.max(0, this.#wallAt - this.#ports.monotonic());
    return this.#over ? Number.POSITIVE_INFINITY : Math.min(this.#lease.renewalIn(), wall);
  }

  /** True if it was renewed. */
  async #renew(settled?: 'settled'): Promise<boolean> {
    try {
      await this.#lease.renew(settled);
      return true;
    } catch (error) {
      if (!(error instanceof GaitError)) throw error;
      // Whether another has it, or the job ended, the look at the log that follows tells.
      if (error.code === 'budget_exceeded') this.#why ??= error.message;
      if (this.#lease.remaining() === 0 && !this.#over) this.#loseLease(TIME_OVER);
      return false;
    }
  }

  /** Whether the process has to end: at once, or after a time to clean up. */
  async #urgency(): Promise<'now' | 'soon' | undefined> {
    if (this.#options.interrupt?.aborted === true) this.#why ??= TOLD_TO_STOP;
    const job = await this.#look();
    if (job?.status === 'emergency_stopped') this.#why ??= 'the job is emergency_stopped';
    else if (job?.status === 'paused' || job?.status === 'cancelled')
      this.#why ??= `the job is ${job.status}`;
    else if (job?.status === 'blocked' && job.stop_reason.startsWith('budget_'))
      this.#why ??= job.stop_reason;
    if (this.#lost || job?.status === 'emergency_stopped') return 'now';
    return this.#why === undefined ? undefined : 'soon';
  }

  /** The job as its log has it now; undefined while it cannot be read, until the lease runs out. */
  async #look(): Promise<JobState | undefined> {
    this.#seen = false;
    try {
      const { state } = await this.#jobs.load(this.#options.jobId);
      this.#over = FINAL_STATUSES.has(state.status);
      const held = this.#over ? state.last_token : state.lease?.token;
      if (held !== this.#lease.token)
        this.#loseLease(held === undefined ? GIVEN_BACK : 'another worker has the job');
      this.#noteBudget(state);
      this.#seen = true;
      return state;
    } catch (error) {
      if (!(error instanceof GaitError) || error.category === 'internal_failure') throw error;
      if (error.category === 'verification_failed') this.#loseLease(error.message); // it is not the log that it was
      return undefined;
    }
  }

  /** When the time of the budget is up, which began with the first claim, or begins anew with a resume. */
  #noteBudget({ budget, usage, updated_at }: JobState): void {
    if (budget?.max_wall_ms === undefined || usage.started_at === null) return;
    if (usage.started_at === this.#startedAt) return;
    this.#startedAt = usage.started_at;
    const used = epochMs(updated_at) - epochMs(usage.started_at);
    this.#wallAt = this.#ports.monotonic() + budget.max_wall_ms - used;
  }

  #loseLease(why: string): void {
    this.#lost = true;
    this.#why ??= why;
  }

  /** Says in the log how it ended, if the lease is still ours to say it under; tries until the lease is over. */
  async #conclude(ended: Ended): Promise<RunResult> {
    const { token } = this.#lease;
    // Also a worker that has no guard: that is no fault of the command, and others may have one.
    if (ended.killedBy === 'guard') this.#loseLease(ended.error ?? TIME_OVER);
    if (this.#lease.remaining() === 0 && ended.exitCode !== 0) this.#loseLease(TIME_OVER);
    if (this.#lost) return { token, outcome: 'lost', ended, ...because(this.#why) };
    const options = ended === DONE_BEFORE ? { ...this.#options, complete: true } : this.#options;
    const recording = new Recording(this.#jobs, options, token, ended, this.#why);
    const { pollMs } = this.#options;
    for (;;) {
      try {
        const { why, ...recorded } = await recording.record();
        return { token, ended, ...recorded, ...because(why) };
      } catch (error) {
        const left = this.#lease.remaining();
        const why = error instanceof Error ? error.message : String(error);
        if (left === 0 || !maySucceedLater(error)) return { token, outcome: 'unrecorded', ended, why };
        await this.#ports.sleep(Math.min(pollMs, left), new AbortController().signal);
      }
    }
  }
}

const GIVEN_BACK = 'the lease was given back';
const TOLD_TO_STOP = 'the worker was told to stop';
const TIME_OVER = 'the lease could not be renewed in time';

function because(why: string | undefined): Pick<RunResult, 'why' | 'givenBack'> {
  return why === undefined ? {} : why === GIVEN_BACK ? { why, givenBack: true } : { why };
}
