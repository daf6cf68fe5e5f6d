import { GaitError } from '../../core/errors.ts';
import { executeInEnvironment } from '../bound_environment.ts';
import type { Observe } from '../environment.ts';
import type { Jobs } from '../jobs.ts';
import type { WatchedLease } from '../lease/decide.ts';
import type { JobState } from '../state.ts';

/** Who claims a job, and on which terms. */
export interface LeaseTerms {
  readonly jobId: string;
  readonly workerId: string;
  /** How long the lease lasts without renewal. Milliseconds. */
  readonly ttlMs: number;
  /** How long after its end a lease of somebody else is respected. Milliseconds. */
  readonly graceMs: number;
  /** Takes no lease over that it has not watched for its whole time. */
  readonly onlyWatched?: true;
}

/** By default: more than the clocks of machines that keep time differ. Milliseconds. */
export const GRACE_MS = 2000;

export interface ClaimPorts {
  /** Milliseconds of a monotonic clock. */
  readonly monotonic: () => number;
  readonly observe: Observe;
}

export interface Claimed {
  readonly lease: HeldLease;
  readonly job: JobState;
}

/** Takes the lease of a job, here: in an environment that it is bound to. Throws the refusal. */
export async function claimLease(
  jobs: Jobs,
  terms: LeaseTerms,
  { monotonic, observe }: ClaimPorts,
  watched?: WatchedLease,
): Promise<Claimed> {
  const { jobId, workerId, ttlMs, graceMs, onlyWatched } = terms;
  const only = onlyWatched === undefined ? {} : { onlyWatched };
  let asked = monotonic();
  const { state } = await executeInEnvironment(jobs, jobId, { actor: workerId }, observe, (claim) => {
    asked = monotonic(); // what was hashed before took its time
    const seen = watched === undefined ? {} : { watched };
    return { kind: 'claim', workerId, ttlMs, graceMs, claim, ...only, ...seen };
  });
  return { lease: new HeldLease(jobs, terms, state.lease?.token ?? 0, asked, monotonic), job: state };
}

/** A lease as its holder sees it: what cannot be renewed in time counts as lost, by a monotonic clock. */
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

  /**
   * Renews it; `settled`: nothing runs under an earlier one any more. Throws the refusal; what the disk did not take may
   * be tried again, until the lease is over. One that is over stays over, whoever woke up meanwhile: `lease_lost`.
   */
  async renew(settled?: 'settled'): Promise<void> {
    const { jobId, workerId, ttlMs } = this.terms;
    const asked = this.#monotonic();
    if (this.remaining() === 0) throw notRenewed(jobId);
    const done = settled === undefined ? {} : ({ settled: true } as const);
    await this.#jobs.execute(
      jobId,
      { actor: workerId },
      { kind: 'renew', token: this.token, ttlMs, ...done },
    );
    this.#deadline = asked + ttlMs;
    this.#renewAt = asked + ttlMs / 3;
  }
}

/**
 * How long to wait, under a lease, until nothing can run under the ones before. Milliseconds. While the last of them was
 * watched nobody could renew an earlier one either.
 */
export function unsettledFor({ unsettled_ms = 0 }: JobState, watched: WatchedLease | undefined): number {
  return Math.max(0, unsettled_ms - (watched?.ms ?? 0));
}

export function notRenewed(jobId: string): GaitError {
  return new GaitError({
    code: 'lease_lost',
    category: 'state_contention',
    message: `job ${jobId}: the lease could not be renewed in time`,
    hint: 'Stop the work: another worker may have the job by now. Claim it again before you go on.',
    details: { job_id: jobId },
  });
}
