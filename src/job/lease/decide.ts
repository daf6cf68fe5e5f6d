import type { GaitError } from '../../core/errors.ts';
import { epochMs, type Timestamp, timestamp } from '../../core/time.ts';
import type { Decided } from '../../log/stream.ts';
import { checkTtl, checkWorker } from '../checks.ts';
import { type CommandContext, record, refuse } from '../decision.ts';
import type { BudgetName, EventPayloads, LeaseOutcome } from '../events.ts';
import { differences, type EnvironmentClaim } from '../fingerprint.ts';
import {
  budgetExceeded,
  environmentMismatch,
  leaseHeld,
  leaseLost,
  transitionNotAllowed,
} from '../refusals.ts';
import { boundEnvironment, type JobState, type Lease, nextToken } from '../state.ts';
import { TRANSITIONS } from '../transitions.ts';
import { overrun } from './budget.ts';
import { lastsFor } from './evolve.ts';

/** What a worker may ask. Times are milliseconds. */
export type LeaseCommand =
  | {
      readonly kind: 'claim';
      readonly workerId: string;
      readonly ttlMs: number;
      /** How long after its end a lease of somebody else is still respected, for clocks that differ. */
      readonly graceMs: number;
      /** What the work is to run in: it has to be what the job is bound to. */
      readonly claim: EnvironmentClaim;
      /** How long the claimer has seen the present lease unrenewed. */
      readonly watched?: WatchedLease;
      /** Takes no lease over that it has not watched for its whole time, whatever the clocks say. */
      readonly onlyWatched?: true;
    }
  | {
      readonly kind: 'renew';
      readonly token: number;
      readonly ttlMs: number;
      /** Nothing runs under an earlier lease any more. */
      readonly settled?: true;
    }
  | {
      readonly kind: 'release';
      readonly token: number;
      readonly outcome: LeaseOutcome;
      readonly exitCode?: number;
      readonly signal?: string;
      /** The command ended well while the job could not be completed. */
      readonly workDone?: true;
    };

/** A lease of somebody else that was not renewed while it was watched, by a monotonic clock. */
export interface WatchedLease {
  readonly token: number;
  /** Of the event that renewed it last. */
  readonly renewedRevision: number;
  readonly ms: number;
}

/** Decides on claims, renewals and releases. Pure. */
export function decideLease(job: JobState, command: LeaseCommand, context: CommandContext): Decided {
  switch (command.kind) {
    case 'claim':
      return decideClaim(job, command, context);
    case 'renew':
      return decideRenewal(job, command, context);
    case 'release':
      return decideRelease(job, command, context);
  }
}

/** A job that is running and not leased can be claimed; that is the whole queue. */
function decideClaim(
  job: JobState,
  { workerId, ttlMs, graceMs, claim, watched, onlyWatched }: LeaseCommand & { kind: 'claim' },
  context: CommandContext,
): Decided {
  const fault = checkTtl(ttlMs) ?? checkWorker(workerId);
  if (fault !== undefined) return refuse(fault);
  if (!TRANSITIONS.claim.from.includes(job.status)) return refuse(transitionNotAllowed(job, 'claim'));
  const { lease } = job;
  const unrenewed = lease === null ? 0 : unrenewedFor(lease, watched);
  const unseen = onlyWatched === true && lease !== null && unrenewed < lastsFor(lease);
  if (lease !== null && (unseen || !isOver(lease, graceMs, context.now, unrenewed)))
    return refuse(leaseHeld(job, lease));
  const elsewhere = environmentFault(job, claim);
  if (elsewhere !== undefined) return refuse(elsewhere);
  const over = exceeded(job, ['attempts', 'wall'], context);
  if (over !== undefined) return over;
  const payload = {
    worker_id: workerId,
    token: nextToken(job),
    ttl_ms: ttlMs,
    expires_at: after(context.now, ttlMs),
    ...(lease === null ? {} : { taken_over: takenOver(lease, context.now, unrenewed) }),
  };
  return record(
    job,
    'lease_acquired',
    lease === null ? 'lease_acquired' : 'lease_taken_over',
    payload,
    context,
  );
}

function decideRenewal(
  job: JobState,
  { token, ttlMs, settled }: LeaseCommand & { kind: 'renew' },
  context: CommandContext,
): Decided {
  const fault = checkTtl(ttlMs);
  if (fault !== undefined) return refuse(fault);
  const lost = holdsNot(job, token, context.actor);
  if (lost !== undefined) return lost;
  const over = exceeded(job, ['wall'], context);
  if (over !== undefined) return over;
  return record(
    job,
    'lease_renewed',
    'lease_renewed',
    {
      token,
      expires_at: after(context.now, ttlMs),
      ...(settled === undefined || job.unsettled_ms === undefined ? {} : { settled }),
    },
    context,
  );
}

function decideRelease(
  job: JobState,
  { token, outcome, exitCode, signal, workDone }: LeaseCommand & { kind: 'release' },
  context: CommandContext,
): Decided {
  const lost = holdsNot(job, token, context.actor);
  if (lost !== undefined) return lost;
  const { reason } = context;
  const payload = {
    token,
    outcome,
    ...(exitCode === undefined ? {} : { exit_code: exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(workDone === undefined ? {} : { work_done: workDone }),
    ...(reason === undefined ? {} : { reason }),
  };
  return record(job, 'lease_released', 'lease_released', payload, context);
}

/** A refusal, unless the worker and the token are those of the lease that the job is under; no token is of no lease. */
export function holdsNot(job: JobState, token: number | undefined, worker: string): Decided | undefined {
  const { lease } = job;
  const holds = lease === null ? token === undefined : lease.token === token && lease.worker_id === worker;
  return holds ? undefined : refuse(leaseLost(job, token, worker));
}

/** Why a job must not be worked on in an environment: it is not the one that the job is bound to. */
function environmentFault(job: JobState, claim: EnvironmentClaim): GaitError | undefined {
  const expected = boundEnvironment(job);
  const changed = differences(expected, claim);
  if (changed.length === 0) return undefined;
  const prints = { expected_fingerprint: expected.fingerprint, actual_fingerprint: claim.fingerprint };
  return environmentMismatch(job, prints, changed);
}

/** The steps of a job are its progress checkpoints: one more than its budget has blocks it. */
export function stepsExceeded(job: JobState, context: CommandContext): Decided | undefined {
  const limit = job.budget?.max_steps;
  if (job.stop_reason === 'budget_steps_exceeded' && limit !== undefined)
    return refuse(budgetExceeded(job, { budget: 'steps', limit, used: job.usage.steps }));
  return exceeded(job, ['steps', 'wall'], context);
}

function exceeded(job: JobState, names: readonly BudgetName[], context: CommandContext): Decided | undefined {
  const over = overrun(job, names, context.now);
  if (over === undefined) return undefined;
  const row = TRANSITIONS[`budget ${over.budget}`];
  return {
    ...record(job, row.event, row.reasonCode, { ...over }, context),
    refusal: budgetExceeded(job, over),
  };
}

/**
 * True from its end and this grace on, by the clock of the log, or once it was seen unrenewed for its whole time and
 * this grace: a clock that was wrong once keeps nobody out. No grace, however odd, ends it earlier.
 */
export function isOver(lease: Lease, graceMs: number, now: Timestamp, unrenewedMs: number): boolean {
  const grace = Math.max(0, graceMs);
  return epochMs(now) >= epochMs(lease.expires_at) + grace || unrenewedMs >= lastsFor(lease) + grace;
}

/** How long a lease was seen unrenewed. Milliseconds; 0 for another lease than the one that was watched. */
function unrenewedFor({ token, renewed_revision }: Lease, watched: WatchedLease | undefined): number {
  const same = watched?.token === token && watched.renewedRevision === renewed_revision;
  return same ? Math.floor(watched.ms) : 0;
}

function takenOver(
  { worker_id, token, expires_at }: Lease,
  now: Timestamp,
  unrenewedMs: number,
): EventPayloads['lease_acquired']['taken_over'] & object {
  const expired = epochMs(now) >= epochMs(expires_at);
  return { worker_id, token, ...(expired ? {} : { unrenewed_ms: unrenewedMs }) };
}

function after(now: Timestamp, ms: number): Timestamp {
  return timestamp(epochMs(now) + ms);
}
