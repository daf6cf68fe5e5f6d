import type { Jobs } from './jobs.ts';
import type { JobState } from './state.ts';

/** Who claims a job, and on which terms. */
export interface LeaseTerms {
  readonly jobId: string;
  readonly workerId: string;
  /** How long the lease lasts without renewal. Milliseconds. */
  readonly ttlMs: number;
  /** How long after its end a lease of somebody else is respected. Milliseconds. */
  readonly graceMs: number;
}

export interface Claimed {
  readonly lease: HeldLease;
  readonly job: JobState;
  /** From a worker whose lease had expired. */
  readonly takenOver: boolean;
}

/** Takes the lease of a job. `monotonic` answers the milliseconds of a clock that nobody sets. Throws the refusal. */
export async function claimLease(jobs: Jobs, terms: LeaseTerms, monotonic: () => number): Promise<Claimed> {
  const { jobId, workerId, ttlMs, graceMs } = terms;
  const asked = monotonic();
  const order = { kind: 'claim', workerId, ttlMs, graceMs } as const;
  const { state, events } = await jobs.execute(jobId, { actor: workerId }, order);
  const lease = new HeldLease(jobs, terms, state.lease?.token ?? 0, asked, monotonic);
  return {
    lease,
    job: state,
    takenOver: events.some(({ reason_code }) => reason_code === 'lease_taken_over'),
  };
}

/** A lease as its holder sees it: what cannot be renewed in time counts as lost, by a clock that nobody sets. */
export class HeldLease {
  readonly token: number;
  readonly terms: LeaseTerms;
  readonly #jobs: Jobs;
  readonly #monotonic: () => number;
  #deadline: number;
  #renewAt: number;

  constructor(jobs: Jobs, terms: LeaseTerms, token: number, askedAt: number, monotonic: () => number) {
    this.token = token;
    this.#jobs = jobs;
    this.terms = terms;
    this.#monotonic = monotonic;
    this.#deadline = askedAt + terms.ttlMs;
    this.#renewAt = askedAt + terms.ttlMs / 3;
  }

  /** How long it lasts. Milliseconds; 0: it is over. */
  remaining(): number {
    return Math.max(0, this.#deadline - this.#monotonic());
  }

  /** How long until it is to be renewed. Milliseconds; 0: now. */
  renewalIn(): number {
    return Math.max(0, this.#renewAt - this.#monotonic());
  }

  /** Renews it. Throws the refusal; what the disk did not take may be tried again, until the lease is over. */
  async renew(): Promise<void> {
    const { jobId, workerId, ttlMs } = this.terms;
    const asked = this.#monotonic();
    await this.#jobs.execute(jobId, { actor: workerId }, { kind: 'renew', token: this.token, ttlMs });
    this.#deadline = asked + ttlMs;
    this.#renewAt = asked + ttlMs / 3;
  }
}
