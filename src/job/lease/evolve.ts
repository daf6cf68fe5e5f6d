import { epochMs, isTimestamp, type Timestamp } from '../../core/time.ts';
import { MAX_TTL_MS, MIN_TTL_MS } from '../checks.ts';
import { type BudgetName, illegalEvent, type JobEventOf } from '../events.ts';
import { type JobState, type Lease, nextToken } from '../state.ts';
import { limitOf, overrun, usedOf } from './budget.ts';

/** The reducer of leases and budgets. Each function gets the job before the event, and as the transition left it. Throws `illegal_event`. */

export function withLease(before: JobState, job: JobState, event: JobEventOf<'lease_acquired'>): JobState {
  const { worker_id, token, ttl_ms, expires_at, taken_over } = event.payload;
  if (token !== nextToken(before)) throw illegalEvent(`a token of ${token} in the event ${event.revision}`);
  const held = before.lease;
  if ((held?.token ?? 0) !== (taken_over?.token ?? 0) || held?.worker_id !== taken_over?.worker_id) {
    throw illegalEvent('a lease that does not name the one it takes over');
  }
  if ((event.reason_code === 'lease_taken_over') !== (held !== null)) {
    throw illegalEvent(`reason code ${event.reason_code} on a lease that replaces ${held?.token ?? 'none'}`);
  }
  if (held !== null && !isOver(held, event, job.updated_at))
    throw illegalEvent('a takeover before the lease expired');
  if (timeOf(event) !== ttl_ms) throw illegalEvent('a lease that does not expire after its time');
  assertWithin(before, ['attempts', 'wall'], job);
  const unsettled = Math.max(before.unsettled_ms ?? 0, held === null ? 0 : lastsFor(held));
  return {
    ...job,
    last_token: token,
    ...(unsettled === 0 ? {} : { unsettled_ms: unsettled }),
    lease: {
      ...{ worker_id, token, acquired_at: event.created_at, renewed_at: event.created_at, expires_at },
      renewed_revision: event.revision,
    },
    usage: {
      ...job.usage,
      attempts: job.usage.attempts + 1,
      started_at: job.usage.started_at ?? job.updated_at,
    },
  };
}

export function withRenewal(before: JobState, job: JobState, event: JobEventOf<'lease_renewed'>): JobState {
  const { token, expires_at, settled } = event.payload;
  assertHolds(before, token);
  const ms = timeOf(event);
  if (ms < MIN_TTL_MS || ms > MAX_TTL_MS) throw illegalEvent(`a lease that is renewed for ${ms} ms`);
  assertWithin(before, ['wall'], job);
  const renewed = { renewed_at: event.created_at, expires_at, renewed_revision: event.revision };
  const lease = job.lease === null ? null : { ...job.lease, ...renewed };
  if (settled === undefined) return { ...job, lease };
  const { unsettled_ms: _, ...rest } = job;
  return { ...rest, lease };
}

export function withRelease(job: JobState, event: JobEventOf<'lease_released'>): JobState {
  const { token, work_done, outcome, exit_code = 0, signal } = event.payload;
  assertHolds(job, token);
  if (work_done !== undefined && outcome !== 'finished')
    throw illegalEvent(`work that is done, and ${outcome}`);
  if (outcome === 'finished' && (exit_code !== 0 || signal !== undefined))
    throw illegalEvent(`a command that finished, with ${signal ?? `exit ${exit_code}`}`);
  const { work_done: before, ...rest } = job;
  // Work that was done, and failed when it was done once more, is not done.
  const done = work_done ?? (outcome === 'failed' ? undefined : before);
  return { ...rest, lease: null, ...(done === undefined ? {} : { work_done: done }) };
}

/** How long a lease lasts without renewal. Milliseconds. */
export function lastsFor({ renewed_at, expires_at }: Lease): number {
  return epochMs(expires_at) - epochMs(renewed_at);
}

/** Over by the clock of the log, or because whoever takes over has seen it unrenewed for its whole time. */
function isOver(held: Lease, { payload }: JobEventOf<'lease_acquired'>, at: Timestamp): boolean {
  if (epochMs(at) >= epochMs(held.expires_at)) return true;
  return (payload.taken_over?.unrenewed_ms ?? 0) >= lastsFor(held);
}

export function withBudgetExceeded(
  before: JobState,
  job: JobState,
  event: JobEventOf<'budget_exceeded'>,
): JobState {
  const { budget, limit, used } = event.payload;
  if (event.reason_code !== `budget_${budget}_exceeded`)
    throw illegalEvent(`reason code ${event.reason_code} on a budget of ${budget}`);
  const counted = usedOf(before, budget, job.updated_at);
  if (limitOf(before, budget) !== limit || used !== counted || used < limit)
    throw illegalEvent(`a budget of ${budget} that was not exceeded as it says`);
  return job;
}

/** Whoever writes on a leased job must name the token of its lease, and nobody may name one of no lease. */
export function assertHolds(job: JobState, token: number | undefined): void {
  if (job.lease?.token === token) return;
  const due = job.lease === null ? 'no lease' : `the token ${job.lease.token}`;
  throw illegalEvent(`a write with ${token === undefined ? 'no token' : `the token ${token}`} under ${due}`);
}

/** Nobody goes on with a job whose budget is used up: that blocks it. */
export function assertWithin(
  before: JobState,
  budgets: readonly BudgetName[],
  { updated_at }: JobState,
): void {
  const over = overrun(before, budgets, updated_at);
  if (over !== undefined)
    throw illegalEvent(
      `work goes on with ${over.used} of ${over.limit} of the budget of ${over.budget} used`,
    );
}

/** How long a lease is given for. Milliseconds. */
function timeOf({ created_at, payload }: JobEventOf<'lease_acquired' | 'lease_renewed'>): number {
  if (!isTimestamp(payload.expires_at)) throw illegalEvent(`not a time: ${payload.expires_at}`);
  return epochMs(payload.expires_at) - epochMs(created_at);
}
