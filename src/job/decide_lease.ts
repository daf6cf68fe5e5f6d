import { epochMs, type Timestamp, timestamp } from '../core/time.ts';
import type { Decision } from '../log/stream.ts';
import { overrun } from './budget.ts';
import { checkTtl, checkWorker } from './checks.ts';
import type { BudgetName, LeaseOutcome } from './events.ts';
import { type CommandContext, record, refuse } from './record.ts';
import { budgetExceeded, leaseHeld, leaseLost, transitionNotAllowed } from './refusals.ts';
import type { JobState, Lease } from './state.ts';
import { TRANSITIONS } from './transitions.ts';

/** What a worker may ask. Times are milliseconds. */
export type LeaseCommand =
  | {
      readonly kind: 'claim';
      readonly workerId: string;
      readonly ttlMs: number;
      /** How long after its end a lease of somebody else is still respected, for clocks that differ. */
      readonly graceMs: number;
    }
  | { readonly kind: 'renew'; readonly token: number; readonly ttlMs: number }
  | {
      readonly kind: 'release';
      readonly token: number;
      readonly outcome: LeaseOutcome;
      readonly exitCode?: number;
      readonly signal?: string;
    };

/** Decides on claims, renewals and releases. Pure. */
export function decideLease(job: JobState, command: LeaseCommand, context: CommandContext): Decision {
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
  { workerId, ttlMs, graceMs }: LeaseCommand & { kind: 'claim' },
  context: CommandContext,
): Decision {
  const fault = checkTtl(ttlMs) ?? checkWorker(workerId);
  if (fault !== undefined) return refuse(fault);
  if (!TRANSITIONS.claim.from.includes(job.status)) return refuse(transitionNotAllowed(job, 'claim'));
  const { lease } = job;
  if (lease !== null && !isOver(lease, graceMs, context.now)) return refuse(leaseHeld(job, lease));
  const over = exceeded(job, ['attempts', 'wall'], context);
  if (over !== undefined) return over;
  const payload = {
    worker_id: workerId,
    token: job.revision + 1,
    ttl_ms: ttlMs,
    expires_at: after(context.now, ttlMs),
    ...(lease === null ? {} : { taken_over: { worker_id: lease.worker_id, token: lease.token } }),
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
  { token, ttlMs }: LeaseCommand & { kind: 'renew' },
  context: CommandContext,
): Decision {
  const fault = checkTtl(ttlMs);
  if (fault !== undefined) return refuse(fault);
  const lost = holdsNot(job, token);
  if (lost !== undefined) return lost;
  const over = exceeded(job, ['wall'], context);
  if (over !== undefined) return over;
  return record(
    job,
    'lease_renewed',
    'lease_renewed',
    { token, expires_at: after(context.now, ttlMs) },
    context,
  );
}

function decideRelease(
  job: JobState,
  { token, outcome, exitCode, signal }: LeaseCommand & { kind: 'release' },
  context: CommandContext,
): Decision {
  const lost = holdsNot(job, token);
  if (lost !== undefined) return lost;
  const { reason } = context;
  const payload = {
    token,
    outcome,
    ...(exitCode === undefined ? {} : { exit_code: exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(reason === undefined ? {} : { reason }),
  };
  return record(job, 'lease_released', 'lease_released', payload, context);
}

/** A refusal, unless the token is of the lease that the job is under; no token is of no lease. */
export function holdsNot(job: JobState, token: number | undefined): Decision | undefined {
  return job.lease?.token === token ? undefined : refuse(leaseLost(job, token));
}

/** The steps of a job are its progress checkpoints: one more than its budget has blocks it. */
export function stepsExceeded(job: JobState, context: CommandContext): Decision | undefined {
  const limit = job.budget?.max_steps;
  if (job.stop_reason === 'budget_steps_exceeded' && limit !== undefined)
    return refuse(budgetExceeded(job, { budget: 'steps', limit, used: job.usage.steps }));
  return exceeded(job, ['steps', 'wall'], context);
}

function exceeded(
  job: JobState,
  names: readonly BudgetName[],
  context: CommandContext,
): Decision | undefined {
  const over = overrun(job, names, context.now);
  if (over === undefined) return undefined;
  const row = TRANSITIONS[`budget ${over.budget}`];
  return {
    ...record(job, row.event, row.reasonCode, { ...over }, context),
    refusal: budgetExceeded(job, over),
  };
}

/** True from its end and this grace on. No grace, however odd, ends it earlier. */
function isOver(lease: Lease, graceMs: number, now: Timestamp): boolean {
  return epochMs(now) >= epochMs(lease.expires_at) + Math.max(0, graceMs);
}

function after(now: Timestamp, ms: number): Timestamp {
  return timestamp(epochMs(now) + ms);
}
