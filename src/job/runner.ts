import { GaitError } from '../core/errors.ts';
import { epochMs } from '../core/time.ts';
import type { JobTask, LeaseOutcome } from './events.ts';
import { claimLease, type HeldLease, type LeaseTerms, outlast, type SeenLease } from './held_lease.ts';
import type { Jobs } from './jobs.ts';
import { nothingToRun } from './refusals.ts';
import type { JobState } from './state.ts';
import { FINAL_STATUSES } from './transitions.ts';

/** How a process ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** It could not be started at all. */
  readonly error?: string;
  /** Its time was over, or nothing guarded it any more: that it was killed says nothing of what it did. */
  readonly killedBy?: 'guard';
}

/** A process that was started for a job, with all that it starts. */
export interface TaskProcess {
  readonly ended: Promise<Ended>;
  /** To the whole group. What has ended already takes no harm. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** The lease was renewed: the process may live for so many milliseconds, even if nobody tells it anything any more. */
  beat(ms: number): void;
}

/** What the runner needs of the world. */
export interface RunnerPorts {
  /** Starts a process that dies with its starter, and after so many milliseconds without a beat. */
  start(task: JobTask, env: Readonly<Record<string, string>>, ms: number): TaskProcess;
  /** Milliseconds of a clock that nobody sets. */
  monotonic(): number;
  /** Resolves after so long, or when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface RunOptions extends LeaseTerms {
  readonly jobRoot: string;
  /** By default the one that was submitted with the job. */
  readonly task?: JobTask;
  /** What the worker saw of the lease before. */
  readonly seen?: SeenLease | undefined;
  /** Between SIGTERM and SIGKILL. Milliseconds, as all times here. */
  readonly killAfterMs: number;
  /** How often the job's log is looked at. */
  readonly pollMs: number;
  /** Exit 0 completes the job, any other blocks it. */
  readonly complete: boolean;
  /** Aborted: end the process and leave the job to a person. */
  readonly interrupt?: AbortSignal;
  readonly onStart?: (token: number) => void;
}

/** How a run ended. */
export interface RunResult {
  readonly token: number;
  readonly outcome: LeaseOutcome | 'lost';
  readonly ended: Ended;
  /** Why the process was ended before it was done. */
  readonly why?: string;
  /** The job as it was left; undefined when that could not be told any more. */
  readonly job?: JobState;
}

/**
 * Holds the lease of a job while a process runs for it: renews it at a third of its time, watches the log, and ends the
 * process when the job is paused, cancelled or stopped, or the lease is lost. A lease that could not be renewed in time
 * counts as lost, by a clock that nobody sets: the process is dead before anyone else may start. Throws what a claim is
 * refused with.
 */
export async function runJob(jobs: Jobs, options: RunOptions, ports: RunnerPorts): Promise<RunResult> {
  const { jobId } = options;
  const { state } = await jobs.load(jobId);
  const task = options.task ?? state.command;
  if (task === null) throw nothingToRun(jobId);
  const { lease, takenOver } = await claimLease(jobs, options, ports.monotonic);
  if (takenOver) await outlast(state.lease, lease, { ...ports, ...options });
  return new Runner(jobs, options, ports, lease).run(task);
}

class Runner {
  readonly #jobs: Jobs;
  readonly #options: RunOptions;
  readonly #ports: RunnerPorts;
  readonly #lease: HeldLease;
  #lost = false;
  /** The job is final: nobody can have its lease any more. */
  #over = false;
  #why: string | undefined;
  /** When the time of the job's budget is up, on the monotonic clock, and since when it is counted. */
  #wallAt = Number.POSITIVE_INFINITY;
  #startedAt: string | undefined;

  constructor(jobs: Jobs, options: RunOptions, ports: RunnerPorts, lease: HeldLease) {
    this.#jobs = jobs;
    this.#options = options;
    this.#ports = ports;
    this.#lease = lease;
  }

  async run(task: JobTask): Promise<RunResult> {
    const { jobId, jobRoot } = this.#options;
    const { token } = this.#lease;
    const env = { GAIT_JOB_ID: jobId, GAIT_JOB_ROOT: jobRoot, GAIT_LEASE_TOKEN: String(token) };
    this.#options.onStart?.(token);
    const process = this.#ports.start(task, env, this.#lease.remaining());
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

  /** Until the process has ended: renews, looks at the log, and ends the process when it must. */
  async #watch(process: TaskProcess, done: AbortSignal): Promise<void> {
    const { pollMs, killAfterMs } = this.#options;
    let killAt = Number.POSITIVE_INFINITY;
    while (!done.aborted) {
      if (this.#renewalIn() === 0) await this.#renew(process);
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
        if (!this.#over) this.#loseLease('the lease could not be renewed in time');
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

  async #renew(process: TaskProcess): Promise<void> {
    try {
      await this.#lease.renew();
      process.beat(this.#lease.remaining());
    } catch (error) {
      if (!(error instanceof GaitError)) throw error;
      // Whether the lease was lost, or the job ended, the look at the log that follows tells.
      if (error.code === 'budget_exceeded') this.#why ??= error.message;
    }
  }

  /** Whether the process has to end: at once, or after a time to clean up. */
  async #urgency(): Promise<'now' | 'soon' | undefined> {
    if (this.#options.interrupt?.aborted === true) this.#why ??= 'the worker was told to stop';
    const job = await this.#look();
    if (job?.status === 'emergency_stopped') this.#why ??= 'the job is emergency_stopped';
    else if (job?.status === 'paused' || job?.status === 'cancelled')
      this.#why ??= `the job is ${job.status}`;
    else if (job?.status === 'blocked' && job.stop_reason.startsWith('budget_'))
      this.#why ??= job.stop_reason;
    if (this.#lost || job?.status === 'emergency_stopped') return 'now';
    return this.#why === undefined ? undefined : 'soon';
  }

  /** The job as its log has it; undefined while it cannot be read, until the lease runs out. */
  async #look(): Promise<JobState | undefined> {
    try {
      const { state } = await this.#jobs.load(this.#options.jobId);
      this.#over = FINAL_STATUSES.has(state.status);
      if (!this.#over && state.lease?.token !== this.#lease.token)
        this.#loseLease(state.lease === null ? 'the lease was given back' : 'another worker has the job');
      this.#noteBudget(state);
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

  #because(): { readonly why?: string } {
    return this.#why === undefined ? {} : { why: this.#why };
  }

  #loseLease(why: string): void {
    this.#lost = true;
    this.#why ??= why;
  }

  /** Says in the log how it ended, if the lease is still ours to say it under. */
  async #conclude(ended: Ended): Promise<RunResult> {
    const base = { token: this.#lease.token, ended, ...this.#because() };
    const succeeded = ended.exitCode === 0;
    if (this.#lease.remaining() === 0 && !succeeded) this.#loseLease('the lease was over before the command');
    if (this.#lost) return { ...base, outcome: 'lost', ...this.#because() };
    const outcome: LeaseOutcome = this.#why !== undefined ? 'interrupted' : succeeded ? 'finished' : 'failed';
    try {
      await this.#verdict(outcome, ended);
      await this.#release(outcome, ended);
      if (this.#lost) return { ...base, outcome: 'lost', ...this.#because() };
      const job = await this.#look();
      return { ...base, outcome, ...(job === undefined ? {} : { job }) };
    } catch (error) {
      if (!(error instanceof GaitError) || error.code !== 'lease_lost') throw error;
      return { ...base, outcome: 'lost', why: this.#why ?? error.message };
    }
  }

  /** The checkpoint that a process which ended by itself becomes, when that was asked for. */
  async #verdict(outcome: LeaseOutcome, ended: Ended): Promise<void> {
    const { jobId, workerId, complete, interrupt } = this.#options;
    const job = await this.#look();
    if (job?.lease?.token !== this.#lease.token) return;
    const interrupted = outcome === 'interrupted';
    // A job that somebody paused waits for a resume; one whose worker was told to stop is left to a person.
    if (interrupted && (job.status !== 'running' || interrupt?.aborted !== true)) return;
    if (!interrupted && (!complete || job.status !== 'running')) return;
    const type = outcome === 'finished' ? 'completed' : 'blocked';
    const summary = summaryOf(outcome, ended);
    const order = { kind: 'checkpoint', type, summary, token: this.#lease.token } as const;
    try {
      await this.#jobs.execute(jobId, { actor: workerId }, order);
    } catch (error) {
      // A person came between, and the job waits for a resume.
      if (!(error instanceof GaitError) || error.code !== 'transition_not_allowed') throw error;
    }
  }

  async #release(outcome: LeaseOutcome, { exitCode, signal, error }: Ended): Promise<void> {
    const { jobId, workerId } = this.#options;
    const job = await this.#look();
    if (job?.lease?.token !== this.#lease.token) return; // a completed job has no lease any more
    const reason = error ?? this.#why;
    const author = { actor: workerId, ...(reason === undefined ? {} : { reason: shortened(reason) }) };
    await this.#jobs.execute(jobId, author, {
      kind: 'release',
      token: this.#lease.token,
      outcome,
      ...(exitCode === null ? {} : { exitCode }),
      ...(signal === null ? {} : { signal }),
    });
  }
}

function summaryOf(outcome: LeaseOutcome, { exitCode, signal, error }: Ended): string {
  if (error !== undefined) return shortened(`the command could not be started: ${error}`);
  if (outcome === 'interrupted') return 'interrupted: the worker was told to stop';
  if (exitCode === 127) return 'the command ended with exit 127, as a shell does that could not find one';
  return signal === null ? `the command ended with exit ${exitCode}` : `the command was ended by ${signal}`;
}

/** In code points, as the limits of texts count. */
function shortened(text: string): string {
  return [...text].slice(0, 500).join('');
}
