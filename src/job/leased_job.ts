import { GaitError } from '../core/errors.ts';
import type { EventStore } from '../log/store.ts';
import type { Executed } from '../log/stream.ts';
import type { CheckpointType, LeaseOutcome } from './events.ts';
import type { EnvironmentClaim } from './fingerprint.ts';
import { followJob, type Happening } from './follow.ts';
import type { Jobs } from './jobs.ts';
import type { JobState } from './state.ts';

export interface LeaseOptions {
  readonly worker: string;
  /** How long the lease lasts without renewal. Milliseconds; it is renewed at a third of it. */
  readonly ttlMs: number;
}

/** What an agent asks a person. */
export interface Question {
  /** What came up, in 1 to 512 characters. */
  readonly summary: string;
  /** What the person has to decide. */
  readonly requiredAction: string;
}

/** What a person answered. */
export interface Answer {
  readonly checkpointId: string;
  readonly approvedBy: string;
  readonly reason: string;
}

/**
 * A job that this process holds the lease of, renewed in the background. `signal` aborts when the lease is lost, or the
 * job is paused, cancelled or stopped: stop the work then. Every write carries the lease's token; once the lease is lost,
 * writes are refused with `lease_lost`, whatever this process believes.
 */
export class LeasedJob {
  readonly id: string;
  readonly token: number;
  readonly #jobs: Jobs;
  readonly #store: EventStore;
  readonly #options: LeaseOptions;
  readonly #environment: EnvironmentClaim;
  readonly #ended = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** When the lease ends for us, by a clock that nobody sets. */
  #deadline: number;
  #renewAt: number;
  #renewing = false;
  #waiting = false;

  constructor(
    jobs: Jobs,
    store: EventStore,
    claimed: { readonly id: string; readonly token: number; readonly askedAt: number },
    options: LeaseOptions,
    environment: EnvironmentClaim,
  ) {
    this.#jobs = jobs;
    this.#store = store;
    this.id = claimed.id;
    this.token = claimed.token;
    this.#options = options;
    this.#environment = environment;
    this.#deadline = claimed.askedAt + options.ttlMs;
    this.#timer = setInterval(() => void this.#tend(), Math.max(50, Math.floor(options.ttlMs / 12)));
    this.#timer.unref();
    this.#renewAt = claimed.askedAt + options.ttlMs / 3;
  }

  /** Aborts when the work has to stop; its `reason` is the error that says why. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** The job as its log has it now. */
  async state(): Promise<JobState> {
    return (await this.#jobs.load(this.id)).state;
  }

  /** Records progress, or a plan. */
  async checkpoint(summary: string, type: 'progress' | 'plan' = 'progress'): Promise<JobState> {
    return this.#write(type, summary);
  }

  /** Asks a person, and resolves once one approved it, in any process, and the job goes on. Rejects when the work has to stop. */
  async decision({ summary, requiredAction }: Question): Promise<Answer> {
    this.#waiting = true;
    try {
      const asked = await this.#write('decision-needed', summary, requiredAction);
      const checkpointId = asked.last_checkpoint?.checkpoint_id ?? '';
      for await (const { event, job } of this.follow()) {
        if (event.type !== 'approved' || event.payload.checkpoint_id !== checkpointId) continue;
        if (job.status === 'decision_needed' && job.open_decisions.length === 0) await this.#resume();
        return { checkpointId, approvedBy: event.actor, reason: event.payload.reason };
      }
      throw this.#ended.signal.reason ?? lost(this.id, 'the job ended before anybody answered');
    } finally {
      this.#waiting = false;
    }
  }

  /** Ends the job: it is done. */
  async complete(summary: string): Promise<JobState> {
    const job = await this.#write('completed', summary);
    this.#stop();
    return job;
  }

  /** Leaves the job to a person, and gives the lease back. */
  async block(summary: string): Promise<JobState> {
    await this.#write('blocked', summary);
    return this.release('failed');
  }

  /** Gives the lease back: the job can be claimed again, if it is running. */
  async release(outcome: LeaseOutcome = 'given_up', reason?: string): Promise<JobState> {
    const author = { actor: this.#options.worker, ...(reason === undefined ? {} : { reason }) };
    const order = { kind: 'release', token: this.token, outcome } as const;
    const { state } = await this.#jobs.execute(this.id, author, order);
    this.#stop();
    return state;
  }

  /** The events of the job, and further ones as they come, until it is final or the work has to stop. */
  async *follow(): AsyncGenerator<Happening> {
    yield* followJob(this.#store, this.id, { signal: this.#ended.signal });
  }

  async #write(type: CheckpointType, summary: string, requiredAction?: string): Promise<JobState> {
    const order = { kind: 'checkpoint', type, summary, token: this.token } as const;
    const asks = requiredAction === undefined ? {} : { requiredAction };
    return (await this.#execute({ ...order, ...asks })).state;
  }

  async #resume(): Promise<void> {
    const order = { kind: 'resume', claim: this.#environment, allowEnvMismatch: false } as const;
    try {
      await this.#execute(order);
    } catch (error) {
      // The person, or another process, resumed it already.
      if (!(error instanceof GaitError) || error.code !== 'transition_not_allowed') throw error;
    }
  }

  async #execute(order: Parameters<Jobs['execute']>[2]): Promise<Executed<JobState>> {
    try {
      return await this.#jobs.execute(this.id, { actor: this.#options.worker }, order);
    } catch (error) {
      if (error instanceof GaitError && error.code === 'lease_lost') this.#stop(error);
      throw error;
    }
  }

  /** In the background: renews in time, and looks whether somebody paused or ended the job. */
  async #tend(): Promise<void> {
    if (this.#renewing || this.#ended.signal.aborted) return;
    const now = performance.now();
    if (now >= this.#deadline) {
      this.#stop(lost(this.id, 'the lease could not be renewed in time'));
      return;
    }
    this.#renewing = true;
    try {
      if (now >= this.#renewAt) {
        await this.#execute({ kind: 'renew', token: this.token, ttlMs: this.#options.ttlMs });
        this.#deadline = now + this.#options.ttlMs;
        this.#renewAt = now + this.#options.ttlMs / 3;
      }
      this.#judge(await this.state());
    } catch (error) {
      if (error instanceof GaitError && error.category === 'policy_blocked') this.#stop(error);
      // What the disk did not take is tried again, until the lease runs out.
    } finally {
      this.#renewing = false;
    }
  }

  #judge({ status, lease }: JobState): void {
    if (lease?.token !== this.token) this.#stop(lost(this.id, `the job is ${status}, and not leased to us`));
    else if (status === 'paused' || (status === 'blocked' && !this.#waiting)) {
      this.#stop(lost(this.id, `the job is ${status}`));
    }
  }

  #stop(why?: GaitError): void {
    clearInterval(this.#timer);
    if (!this.#ended.signal.aborted) this.#ended.abort(why ?? lost(this.id, 'the lease was given back'));
  }
}

function lost(jobId: string, why: string): GaitError {
  return new GaitError({
    code: 'lease_lost',
    category: 'state_contention',
    message: `job ${jobId}: ${why}`,
    hint: 'Stop the work. Claim the job again before you write on it.',
  });
}
