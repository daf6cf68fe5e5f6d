import { epochMs } from '../core/time.ts';
import { illegalEvent, type JobEventOf } from './events.ts';
import type { JobState } from './state.ts';

/** The reducer of leases and budgets. Each function gets the job as the transition left it. Throws `illegal_event`. */

export function withLease(before: JobState, job: JobState, event: JobEventOf<'lease_acquired'>): JobState {
  const { worker_id, token, ttl_ms, expires_at, taken_over } = event.payload;
  if (token !== event.revision) throw illegalEvent(`a token of ${token} in the event ${event.revision}`);
  const held = before.lease;
  if ((held?.token ?? 0) !== (taken_over?.token ?? 0) || held?.worker_id !== taken_over?.worker_id) {
    throw illegalEvent('a lease that does not name the one it takes over');
  }
  if (epochMs(expires_at) - epochMs(event.created_at) !== ttl_ms) {
    throw illegalEvent('a lease that does not expire after its time');
  }
  return {
    ...job,
    lease: { worker_id, token, acquired_at: event.created_at, expires_at },
    usage: {
      ...job.usage,
      attempts: job.usage.attempts + 1,
      started_at: job.usage.started_at ?? event.created_at,
    },
  };
}

export function withRenewal(job: JobState, event: JobEventOf<'lease_renewed'>): JobState {
  const { token, expires_at } = event.payload;
  assertHolds(job, token);
  return { ...job, lease: job.lease === null ? null : { ...job.lease, expires_at } };
}

export function withRelease(job: JobState, event: JobEventOf<'lease_released'>): JobState {
  assertHolds(job, event.payload.token);
  return { ...job, lease: null };
}

export function withBudgetExceeded(job: JobState, event: JobEventOf<'budget_exceeded'>): JobState {
  const { budget, limit, used } = event.payload;
  if (limitOf(job, budget) !== limit || used < limit)
    throw illegalEvent(`a budget of ${budget} that was not exceeded`);
  return job;
}

/** Whoever writes on a leased job must name the token of its lease, and nobody may name one of no lease. */
export function assertHolds(job: JobState, token: number | undefined): void {
  if (job.lease?.token === token) return;
  const due = job.lease === null ? 'no lease' : `the token ${job.lease.token}`;
  throw illegalEvent(`a write with ${token === undefined ? 'no token' : `the token ${token}`} under ${due}`);
}

export function limitOf({ budget }: JobState, name: 'wall' | 'steps' | 'attempts'): number | undefined {
  return { wall: budget?.max_wall_ms, steps: budget?.max_steps, attempts: budget?.max_attempts }[name];
}
