import type { Clock } from '../core/clock.ts';
import type { GaitError } from '../core/errors.ts';
import type { StreamModel } from '../log/fold.ts';
import { assertStreamId, type Head } from '../log/record.ts';
import type { EventStore } from '../log/store.ts';
import { inTurns, type Listed, StreamListing, stateOrError } from '../log/stores/listing.ts';
import { type Executed, StreamHandle } from '../log/stream.ts';
import type { JobCommand } from './command.ts';
import { decide } from './decide.ts';
import { decidedAt } from './decision.ts';
import { jobModel } from './model.ts';
import { type JobRow, jobView } from './read/row.ts';
import { jobNotFound } from './refusals.ts';
import type { Job, JobState } from './state.ts';

/** Who gives a command, and why. */
export interface Author {
  readonly actor: string;
  readonly reason?: string;
  /** The revision that a person decided on; the command is refused with `revision_moved` if the job went on. */
  readonly ifRevision?: number;
}

export interface JobListing {
  readonly jobId: string;
  /** The job, or why it cannot be read. */
  readonly job: JobState | GaitError;
}

/** How many jobs are kept open; of those that nobody uses, the ones used last. */
const MAX_OPEN_JOBS = 256;

/** By what commands are decided and logs are folded: gait's own, unless a simulation puts something else there. */
export interface JobRules {
  readonly decide: typeof decide;
  readonly model: StreamModel<Job>;
}

const RULES: JobRules = { decide, model: jobModel };

/** The jobs of one store: commands in, states out. */
export class Jobs {
  readonly #store: EventStore;
  readonly #clock: Clock;
  readonly #rules: JobRules;
  readonly #listing: StreamListing<Job, JobRow>;
  /** The least recently used one first. */
  readonly #open = new Map<string, StreamHandle<Job>>();

  constructor(store: EventStore, clock: Clock, rules: JobRules = RULES) {
    this.#store = store;
    this.#clock = clock;
    this.#rules = rules;
    this.#listing = new StreamListing(store, jobModel, jobView);
  }

  /**
   * Decides a command on the current state and appends what was decided; decides again if another writer came
   * between. A command that depends on the state, or on the end of the log that it will stand behind, is given as a
   * function of them. Throws the refusal.
   */
  async execute(
    jobId: string,
    author: Author,
    command: JobCommand | ((job: Job, head: Head) => JobCommand),
  ): Promise<Executed<JobState>> {
    const executed = await this.#handle(jobId).execute((job, head) =>
      this.#rules.decide(job, typeof command === 'function' ? command(job, head) : command, {
        jobId,
        now: decidedAt(job, this.#clock.now()),
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
    for await (const jobIds of inTurns(this.#store)) {
      for (const jobId of jobIds) {
        const job = await stateOrError(this.#store, jobModel, jobId);
        if (job !== undefined) yield { jobId, job };
      }
    }
  }

  /**
   * As {@link list}, in groups, and only what lists show of a job. Logs that did not change since they were listed last
   * are not read again, so that a root of 100,000 jobs is listed in less than a second.
   */
  rows(): AsyncGenerator<readonly Listed<JobRow>[]> {
    return this.#listing.groups();
  }

  #handle(jobId: string): StreamHandle<Job> {
    assertStreamId(jobId);
    const handle = this.#open.get(jobId) ?? new StreamHandle(this.#store, this.#rules.model, jobId);
    this.#open.delete(jobId);
    this.#open.set(jobId, handle);
    if (this.#open.size > MAX_OPEN_JOBS) this.#letGo();
    return handle;
  }

  #letGo(): void {
    for (const [jobId, handle] of this.#open) {
      if (!handle.idle) continue;
      this.#open.delete(jobId);
      return;
    }
  }
}
