import type { Clock } from '../../core/clock.ts';
import { GaitError } from '../../core/errors.ts';
import { resumesByItself } from '../decide.ts';
import { isOver, type WatchedLease } from '../lease/decide.ts';
import { POLL_MS } from '../read/follow.ts';
import { FINAL_STATUSES } from '../transitions.ts';
import { claimLease, type LeaseTerms } from './held_lease.ts';
import { LeasedJob } from './leased_job.ts';
import type { LeasePorts } from './ports.ts';
import { resumeAnswered } from './resume.ts';
import { nodeTimers } from './timers.ts';
import { LeaseWatch } from './watch.ts';

/** Takes the lease of a job that is running and not leased. Throws what the claim is refused with. */
export async function claimNow(
  ports: LeasePorts,
  claim: LeaseTerms,
  watched?: WatchedLease,
): Promise<LeasedJob> {
  const { lease } = await claimLease(ports.jobs, claim, ports, watched);
  return new LeasedJob(ports, lease);
}

/**
 * Takes the lease of a job once that can be had: after the lease of another worker, a pause, a block, an open decision.
 * A job whose decisions were all answered while nobody held it is resumed. Throws `wait_aborted`, and what waiting does
 * not change: `job_not_found`, `transition_not_allowed` of a final job, `budget_exceeded`, `environment_mismatch`.
 */
export async function claimOnceFree(
  ports: LeasePorts,
  clock: Clock,
  claim: LeaseTerms,
  signal: AbortSignal,
): Promise<LeasedJob> {
  const watch = new LeaseWatch(ports.monotonic);
  while (!signal.aborted) {
    try {
      return await claimNow(ports, claim, watch.watched(claim.jobId));
    } catch (error) {
      if (!(error instanceof GaitError) || !(await passes(ports, claim.jobId, error))) throw error;
    }
    await resumeIfLeft(ports, clock, claim, watch);
    await (ports.timers ?? nodeTimers).pause(POLL_MS, signal);
  }
  throw waitAborted(claim.jobId, signal.reason);
}

/** True if a refusal is one that ends by itself, or by what a person does. */
async function passes({ jobs }: LeasePorts, jobId: string, refusal: GaitError): Promise<boolean> {
  if (refusal.code !== 'transition_not_allowed')
    return refusal.category === 'state_contention' && refusal.retryable;
  return !FINAL_STATUSES.has((await jobs.load(jobId)).state.status);
}

/** Whoever holds the job resumes it when its decisions were answered; a claimer does if nobody holds it any more. */
async function resumeIfLeft(
  ports: LeasePorts,
  clock: Clock,
  { jobId, workerId, graceMs }: LeaseTerms,
  watch: LeaseWatch,
): Promise<void> {
  const { state: job } = await ports.jobs.load(jobId);
  const { lease } = job;
  const watchedMs = lease === null ? 0 : watch.note(jobId, lease.token, lease.renewed_revision);
  watch.turn();
  if (!resumesByItself(job) || job.open_decisions.length > 0) return;
  if (lease !== null && !isOver(lease, graceMs, clock.now(), watchedMs)) return;
  await resumeAnswered(ports, jobId, workerId);
}

function waitAborted(jobId: string, cause: unknown): GaitError {
  return new GaitError({
    code: 'wait_aborted',
    category: 'state_contention',
    message: `job ${jobId}: it could not be claimed before the wait was ended`,
    details: { job_id: jobId },
    cause,
  });
}
