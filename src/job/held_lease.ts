import { epochMs } from '../core/time.ts';
import type { Jobs } from './jobs.ts';
import type { JobState, Lease } from './state.ts';

/** Who claims a job, and on which terms. */
export interface LeaseTerms {
  readonly jobId: string;
  readonly workerId: string;
  /** How long the lease lasts without renewal. Milliseconds. */
  readonly ttlMs: number;
  /** How long after its end a lease of somebody else is respected. Milliseconds. */
  readonly graceMs: number;
}

/** By default: more than the clocks of machines that keep time differ. Milliseconds. */
export const GRACE_MS = 2000;

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

/** A lease of somebody else, by its end, with when it was seen first, on the monotonic clock. */
export interface SeenLease {
  readonly until: string;
  readonly at: number;
}

interface Waiting {
  readonly pollMs: number;
  readonly seen?: SeenLease | undefined;
  monotonic(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/**
 * Waits, under a lease that was taken over, until nothing can run under the one before. A clock that jumped may have
 * taken it from a worker that lives, which sees that within a poll; of one that is stopped as well, the guard ends the
 * command once the time of its lease has passed, by a clock that nobody sets. Throws `lease_lost`.
 */
export async function outlast(
  before: Lease | null,
  lease: HeldLease,
  { pollMs, seen, monotonic, sleep }: Waiting,
): Promise<void> {
  const lasted = before === null ? 0 : epochMs(before.expires_at) - epochMs(before.renewed_at);
  const unrenewed = before?.expires_at === seen?.until ? monotonic() - (seen?.at ?? monotonic()) : 0;
  const until = monotonic() + Math.max(2 * pollMs, lasted - unrenewed);
  for (let left = until - monotonic(); left > 0; left = until - monotonic()) {
    await sleep(Math.max(1, Math.min(left, lease.renewalIn())), new AbortController().signal);
    if (lease.renewalIn() === 0) await lease.renew();
  }
  await lease.renew();
}
