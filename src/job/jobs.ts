import type { Clock } from '../core/clock.ts';
import { GaitError } from '../core/errors.ts';
import { assertStreamId } from '../log/record.ts';
import type { EventStore } from '../log/store.ts';
import { type Executed, StreamHandle } from '../log/stream.ts';
import { decide, type JobCommand } from './decide.ts';
import { jobModel } from './model.ts';
import { jobNotFound } from './refusals.ts';
import type { Job, JobState } from './state.ts';

/** Who gives a command, and why. */
export interface Author {
  readonly actor: string;
  readonly reason?: string;
}

export interface JobListing {
  readonly jobId: string;
  /** The job, or why it cannot be read. */
  readonly job: JobState | GaitError;
}

/** The jobs of one store: commands in, states out. */
export class Jobs {
  readonly #store: EventStore;
  readonly #clock: Clock;
  readonly #open = new Map<string, StreamHandle<Job>>();

  constructor(store: EventStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Decides a command on the current state and appends what was decided; decides again if another writer came
   * between. A command that depends on the state is given as a function of it. Throws the refusal.
   */
  async execute(
    jobId: string,
    author: Author,
    command: JobCommand | ((job: Job) => JobCommand),
  ): Promise<Executed<JobState>> {
    const executed = await this.#handle(jobId).execute((job) =>
      decide(job, typeof command === 'function' ? command(job) : command, {
        jobId,
        now: this.#clock.now(),
        ...author,
      }),
    );
    if (executed.state === undefined) throw jobNotFound(jobId);
    return { ...executed, state: executed.state };
  }

  /** The job as its log has it now. Throws `job_not_found`. */
  async load(jobId: string): Promise<Executed<JobState>> {
    const { state, position } = await this.#handle(jobId).load();
    if (state === undefined) throw jobNotFound(jobId);
    return { state, position, events: [] };
  }

  /** Every job, sorted by id. One that cannot be read is listed with its error, not left out. */
  async *list(): AsyncGenerator<JobListing> {
    for (const jobId of await this.#store.list()) {
      try {
        const { state: job } = await new StreamHandle(this.#store, jobModel, jobId).load();
        if (job !== undefined) yield { jobId, job };
      } catch (error) {
        if (!(error instanceof GaitError)) throw error;
        yield { jobId, job: error };
      }
    }
  }

  #handle(jobId: string): StreamHandle<Job> {
    assertStreamId(jobId);
    const handle = this.#open.get(jobId) ?? new StreamHandle(this.#store, jobModel, jobId);
    this.#open.set(jobId, handle);
    return handle;
  }
}
