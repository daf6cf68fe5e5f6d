import { GaitError } from '../../../src/core/errors.ts';
import type { JobCommand } from '../../../src/job/command.ts';
import { type Author, Jobs } from '../../../src/job/jobs.ts';
import type { JobRow } from '../../../src/job/read/row.ts';
import type { Job, JobState } from '../../../src/job/state.ts';
import { type Head, LogDamage } from '../../../src/log/record.ts';
import type { EventStore } from '../../../src/log/store.ts';
import type { Listed } from '../../../src/log/stores/listing.ts';
import type { Executed } from '../../../src/log/stream.ts';
import type { Host, Known, Surroundings } from './host.ts';

/** The jobs as one process has them: gait's own, and what they answer is held against what the process was told before. */
export class WatchedJobs extends Jobs {
  readonly #host: Host;
  readonly #around: Surroundings;
  readonly #listed = new Set<string>();
  readonly #known = new Map<string, Known>();
  /** Until when the leases last that this process claimed or renewed, by token. */
  readonly #leases = new Map<string, number>();

  constructor(host: Host, around: Surroundings, store: EventStore) {
    super(store, { now: () => host.now() }, around.subject.rules);
    this.#host = host;
    this.#around = around;
  }

  override async load(jobId: string): Promise<Executed<JobState>> {
    const { subject } = this.#around;
    const known = this.#known.get(jobId);
    const look = async (): Promise<Executed<JobState>> => {
      const loaded = await this.#told(jobId, () => super.load(jobId));
      this.#around.shown(this.#host, jobId, known, loaded.position);
      return loaded;
    };
    return subject.load(this.#host, jobId, look);
  }

  override async execute(
    jobId: string,
    author: Author,
    command: JobCommand | ((job: Job, head: Head) => JobCommand),
  ): Promise<Executed<JobState>> {
    const asked = this.#around.time.now;
    const known = this.#known.get(jobId);
    if (typeof command === 'function') return super.execute(jobId, author, command);
    const { kind } = command;
    if (kind === 'renew') this.#renews(jobId, command.token, asked);
    const executed = await this.#around.subject.execute(command, (given) =>
      this.#told(jobId, () => super.execute(jobId, author, given)),
    );
    if (kind === 'claim' || kind === 'renew') {
      const { token } = executed.state.lease ?? { token: 0 };
      if (kind === 'claim' || token === command.token)
        this.#leases.set(`${jobId} ${token}`, asked + command.ttlMs);
    }
    this.#around.shown(this.#host, jobId, known, executed.position);
    if (executed.events.length > 0) this.#known.set(jobId, executed.position);
    return executed;
  }

  /** Whoever is told that records are gone has been told: what it knew of them is no more. */
  async #told<T>(jobId: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof LogDamage && error.damage === 'acknowledged_lost') this.#known.delete(jobId);
      throw error;
    }
  }

  override rows(): AsyncGenerator<readonly Listed<JobRow>[]> {
    return this.#around.subject.rows(this.#host, this.#noting(super.rows()));
  }

  async *#noting(rows: AsyncGenerator<readonly Listed<JobRow>[]>): AsyncGenerator<readonly Listed<JobRow>[]> {
    for await (const group of rows) {
      for (const { row } of group)
        if (!(row instanceof GaitError)) this.#listed.add(`${row.job_id} ${row.lease_token}`);
      yield group;
    }
  }

  /** A list of jobs showed the lease of a token. */
  listed(jobId: string, token: number): boolean {
    return this.#listed.has(`${jobId} ${token}`);
  }

  #renews(jobId: string, token: number, asked: number): void {
    const until = this.#leases.get(`${jobId} ${token}`);
    this.#around.renews(this.#host, jobId, token, until !== undefined && asked >= until);
  }

  /** Until when the lease of a token lasts, as far as this process knows. */
  lastsUntil(jobId: string, token: number): number | undefined {
    return this.#leases.get(`${jobId} ${token}`);
  }
}
