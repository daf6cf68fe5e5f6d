import { GaitError } from '../../core/errors.ts';
import { pendingDecisions } from '../approval/open_decisions.ts';
import type { JobCommand } from '../command.ts';
import type { LeaseOutcome } from '../events.ts';
import type { Jobs } from '../jobs.ts';
import type { JobState } from '../state.ts';
import { FINAL_STATUSES } from '../transitions.ts';
import type { Ended, RunOptions } from './run_ports.ts';

/** What the log says of a run, once it says it. */
export interface RunRecorded {
  readonly outcome: LeaseOutcome | 'lost';
  readonly why?: string | undefined;
  /** The command ended while these decisions were open. */
  readonly waitsFor?: readonly string[];
  readonly job?: JobState;
}

/**
 * Puts the end of a run into the log. Each try looks at the log first and does what is missing there, so that a try whose
 * outcome was not known can be repeated: an end stands there once. Whatever it answers stands in the log.
 */
export class Recording {
  readonly #jobs: Jobs;
  readonly #options: RunOptions;
  readonly #token: number;
  readonly #ended: Ended;
  readonly #interruption: string | undefined;
  /** What was to be recorded by a release whose outcome is not known. */
  #released: RunRecorded | undefined;

  constructor(
    jobs: Jobs,
    options: RunOptions,
    token: number,
    ended: Ended,
    interruption: string | undefined,
  ) {
    this.#jobs = jobs;
    this.#options = options;
    this.#token = token;
    this.#ended = ended;
    this.#interruption = interruption;
  }

  /** Throws what the store throws: then nothing is known to stand there, and it may be tried again. */
  async record(): Promise<RunRecorded> {
    for (let left = ATTEMPTS; ; left -= 1) {
      try {
        return await this.#attempt();
      } catch (error) {
        // A person or another worker came between: what the log says now decides.
        if (!(error instanceof GaitError) || !OVERTAKEN.has(error.code) || left === 0) throw error;
      }
    }
  }

  async #attempt(): Promise<RunRecorded> {
    const { state: job } = await this.#jobs.load(this.#options.jobId);
    if (FINAL_STATUSES.has(job.status)) return this.#final(job);
    if (job.lease?.token !== this.#token) {
      if (this.#released !== undefined && job.lease === null && job.last_token === this.#token)
        return { ...this.#released, job };
      return { outcome: 'lost', why: 'another worker has the job' };
    }
    if (this.#interruption !== undefined) return this.#interrupted(job, this.#interruption);
    return this.#ended.exitCode === 0 ? this.#finished(job) : this.#failed(job);
  }

  /** The job is over: by this run, by its command, by a person, or by whoever took it over. */
  #final(job: JobState): RunRecorded {
    const { exitCode } = this.#ended;
    if (job.last_token !== this.#token) return { outcome: 'lost', why: 'another worker has the job', job };
    if (job.status !== 'completed') return { outcome: 'interrupted', why: `the job is ${job.status}`, job };
    return { outcome: exitCode === 0 ? 'finished' : 'failed', why: this.#interruption, job };
  }

  /** Given back for the next worker, unless it must not be run again. What a person paused waits for that person. */
  async #interrupted(job: JobState, why: string): Promise<RunRecorded> {
    const told = this.#options.interrupt?.aborted === true || this.#options.drain?.aborted === true;
    const notStarted = this.#ended === NOT_STARTED;
    if (job.status !== 'running' || !(told || notStarted)) return this.#release('interrupted', why);
    if (mayRunAgain(job)) return this.#release('given_up', why);
    await this.#checkpoint('blocked', `interrupted: ${why}, and no further attempt is left`);
    return this.#release('interrupted', why);
  }

  async #finished(job: JobState): Promise<RunRecorded> {
    if (job.status === 'running' && !this.#options.complete) return this.#release('finished');
    if (job.status === 'running') {
      await this.#checkpoint('completed', summaryOf(this.#ended));
      return { outcome: 'finished', job: (await this.#jobs.load(this.#options.jobId)).state };
    }
    // The work is done, and a person, or a budget, stopped the job meanwhile: it is not done again after the resume.
    const stopped = job.status === 'paused' || job.stop_reason.startsWith('budget_');
    if (stopped && pendingDecisions(job).length === 0)
      return this.#release('finished', undefined, this.#options.complete);
    return this.#waiting(job);
  }

  /** It asked, or blocked its job, and ended: that is not the end of its work, and nobody is told so. */
  async #waiting({ open_decisions }: JobState): Promise<RunRecorded> {
    const waitsFor = open_decisions.map(({ checkpoint_id }) => checkpoint_id);
    const what = waitsFor.length === 0 ? 'a resume' : `an answer to ${waitsFor.join(', ')}`;
    const why = `the job waits for ${what}; its command runs again after that`;
    return { ...(await this.#release('given_up', why)), waitsFor };
  }

  async #failed(job: JobState): Promise<RunRecorded> {
    if (this.#options.complete && job.status === 'running')
      await this.#checkpoint('blocked', summaryOf(this.#ended));
    return this.#release('failed', this.#ended.error);
  }

  async #checkpoint(type: 'completed' | 'blocked', summary: string): Promise<void> {
    await this.#execute({ kind: 'checkpoint', type, summary, token: this.#token });
  }

  async #release(outcome: LeaseOutcome, why?: string, workDone = false): Promise<RunRecorded> {
    const { exitCode, signal } = this.#ended;
    const order: JobCommand = {
      kind: 'release',
      token: this.#token,
      outcome,
      ...(exitCode === null ? {} : { exitCode }),
      ...(signal === null ? {} : { signal }),
      ...(workDone ? { workDone: true } : {}),
    };
    try {
      return { outcome, why, job: await this.#execute(order, why) };
    } catch (error) {
      if (error instanceof GaitError && error.code === 'append_unconfirmed')
        this.#released = { outcome, why };
      throw error;
    }
  }

  async #execute(order: JobCommand, reason?: string): Promise<JobState> {
    const { jobId, workerId } = this.#options;
    const author = { actor: workerId, ...(reason === undefined ? {} : { reason: shortened(reason) }) };
    return (await this.#jobs.execute(jobId, author, order)).state;
  }
}

/** How a command ends that never began. */
export const NOT_STARTED: Ended = { exitCode: null, signal: null, error: 'it was not started' };

/** Refusals that say that the job is not what it was a moment ago. */
const OVERTAKEN: ReadonlySet<string> = new Set(['lease_lost', 'transition_not_allowed', 'approval_required']);

const ATTEMPTS = 10;

function mayRunAgain({ budget, usage }: JobState): boolean {
  return budget?.max_attempts === undefined || usage.attempts < budget.max_attempts;
}

function summaryOf({ exitCode, signal, error }: Ended): string {
  if (error !== undefined) return shortened(`the command could not be started: ${error}`);
  if (exitCode === 127) return 'the command ended with exit 127, as a shell does that could not find one';
  return signal === null ? `the command ended with exit ${exitCode}` : `the command was ended by ${signal}`;
}

/** In code points, as the limits of texts count. */
function shortened(text: string): string {
  return [...text].slice(0, 500).join('');
}

/** What the disk, or others, did not let through. */
export function maySucceedLater(error: unknown): boolean {
  return error instanceof GaitError && (error.category === 'io_failure' || error.retryable);
}
