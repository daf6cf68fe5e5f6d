import { GaitError, invalidInput } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { pendingDecisions } from './approval/open_decisions.ts';
import type { Difference } from './fingerprint.ts';
import type { JobState, Lease } from './state.ts';
import { FINAL_STATUSES, TRANSITIONS, type TransitionName } from './transitions.ts';

/** Why a job did not take a command: each with its code, and what to do next. */

export function jobNotFound(jobId: string): GaitError {
  const hint = '`gait job list` shows the jobs there are.';
  return invalidInput('job_not_found', `job not found: ${jobId}`, hint, { job_id: jobId });
}

/** `there`: what it was submitted with, and by whom, where that was looked up. */
export function jobExists({ job_id, status }: JobState, there: JsonObject = {}): GaitError {
  const hint =
    there['same'] === true
      ? 'It was submitted with the same content: --if-absent answers with it. A job is never replaced.'
      : 'Choose another --id; a job is never replaced.';
  return invalidInput('job_exists', `job already exists: ${job_id}`, hint, { job_id, status, ...there });
}

/** The job is not where a person saw it: somebody else changed it meanwhile. */
export function revisionMoved({ job_id, revision, status }: JobState, asked: number | undefined): GaitError {
  return new GaitError({
    code: 'revision_moved',
    category: 'state_contention',
    message: `job ${job_id} is at revision ${revision}, not at ${asked}`,
    hint: `See what happened since with \`gait job log --id ${job_id}\`, and decide again.`,
    details: { job_id, revision, if_revision: asked ?? null, status },
  });
}

export function transitionNotAllowed({ job_id, status }: JobState, name: TransitionName): GaitError {
  const { from } = TRANSITIONS[name];
  const final = FINAL_STATUSES.has(status) ? ` ${status} is final.` : '';
  const hint = `${name} is allowed from: ${from.join(', ')}.${final}`;
  const details = { job_id, status, command: name, allowed_from: [...from] };
  return invalidInput('transition_not_allowed', `invalid transition: ${name} from ${status}`, hint, details);
}

export function tooManyDecisions(job: JobState): GaitError {
  const { job_id } = job;
  const message = `${pendingDecisions(job).length} decisions wait already in job ${job_id}`;
  return invalidInput('too_many_decisions', message, 'Let a person approve some of them first.', { job_id });
}

export function reasonRequired(): GaitError {
  const hint = 'Give the reason with --reason; it is kept in the log.';
  return invalidInput('reason_required', '--allow-env-mismatch needs a reason', hint);
}

export function environmentMismatch(
  { job_id }: JobState,
  prints: { readonly expected_fingerprint: string; readonly actual_fingerprint: string },
  changed: readonly Difference[],
): GaitError {
  const list = changed.map(({ rule, expected, actual }) => `${rule}: ${expected} → ${actual}`).join('; ');
  return new GaitError({
    code: 'environment_mismatch',
    category: 'policy_blocked',
    message: `environment fingerprint mismatch: ${list}`,
    hint: 'Resume where the job was submitted, or accept the change with --allow-env-mismatch --reason …',
    details: { job_id, ...prints, differences: changed.map((difference) => ({ ...difference })) },
  });
}

/** Another worker has the job. */
export function leaseHeld({ job_id }: JobState, { worker_id, token, expires_at }: Lease): GaitError {
  return new GaitError({
    code: 'lease_held',
    category: 'state_contention',
    message: `job ${job_id} is leased to ${worker_id} until ${expires_at}`,
    hint:
      'Claim another job, or this one once its lease has expired. If that worker is gone for good, a person gives its ' +
      `lease back: gait job release --id ${job_id} --worker ${worker_id} --token ${token}`,
    retryable: true,
    details: { job_id, worker_id, token, expires_at },
  });
}

/** Whoever writes does not hold the lease: it was taken over, released, or never given. */
export function leaseLost({ job_id, lease }: JobState, token: number | undefined, worker: string): GaitError {
  const held =
    lease === null ? 'the job is not leased' : `${lease.worker_id} holds it with the token ${lease.token}`;
  const given =
    token === undefined
      ? 'no token was given'
      : token === lease?.token
        ? `lease token ${token} does not belong to ${worker}`
        : `lease token ${token} is stale: a later lease has been taken`;
  return new GaitError({
    code: 'lease_lost',
    category: 'state_contention',
    message: `job ${job_id}: ${given}; ${held}`,
    hint: 'Stop the work. Claim the job again before you write on it: gait job claim.',
    details: { job_id, token: token ?? null, current_token: lease?.token ?? null },
  });
}

export function budgetExceeded(
  { job_id }: JobState,
  { budget, limit, used }: { readonly budget: string; readonly limit: number; readonly used: number },
): GaitError {
  const unit = budget === 'wall' ? ' ms' : '';
  return new GaitError({
    code: 'budget_exceeded',
    category: 'policy_blocked',
    message: `job ${job_id} has used its budget of ${budget}: ${used}${unit} of ${limit}${unit}; it is blocked`,
    hint: 'A person has to look at it. Resuming it resets its budgets: gait job resume.',
    details: { job_id, budget, limit, used },
  });
}

export function nothingToRun(jobId: string): GaitError {
  const hint = 'Give one: gait job run --id ID -- COMMAND, or submit the job with one.';
  return invalidInput('nothing_to_run', `job ${jobId} was submitted without a command`, hint);
}

/** What nobody foresaw, as an error of ours. */
export function unexpected(what: string, error: unknown): GaitError {
  return new GaitError({
    code: 'unexpected',
    category: 'internal_failure',
    message: `${what}: ${error instanceof Error ? error.message : String(error)}`,
    hint: 'This is a bug of gait, or of what it was given to work with.',
    cause: error,
  });
}
