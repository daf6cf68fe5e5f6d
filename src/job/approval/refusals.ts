import { GaitError, invalidInput } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Timestamp } from '../../core/time.ts';
import type { JobState, OpenDecision, StandingApproval } from '../state.ts';
import { openAt, standingAt } from './open_decisions.ts';
import { MAX_APPROVAL_MS, MIN_APPROVAL_MS } from './signed.ts';

/** Why an approval was not recorded, or does not suffice: each with its code, and what to do next. */

export function nothingToApprove(
  { job_id }: JobState,
  open: readonly string[],
  asked: string | undefined,
): GaitError {
  const message =
    asked === undefined ? `job ${job_id} has no open decision` : `${asked} is not an open decision`;
  const hint =
    open.length === 0
      ? 'An approval answers a decision-needed checkpoint; a decision cannot be approved in advance.'
      : `Open: ${open.join(', ')}.`;
  return invalidInput('nothing_to_approve', message, hint, { job_id, open_decisions: [...open] });
}

export function checkpointAmbiguous(open: readonly string[]): GaitError {
  const message = `${open.length} decisions are open: ${open.join(', ')}`;
  return invalidInput('checkpoint_ambiguous', message, 'Name one with --checkpoint.', {
    open_decisions: [...open],
  });
}

/** More than one decision was asked for, and which one was seen is not said. */
export function checkpointUnnamed(
  { job_id, revision }: JobState,
  { checkpoint_id, summary, required_action }: OpenDecision,
): GaitError {
  const message = `job ${job_id} asked for more than one decision: name the one that is approved`;
  const hint = `Open is ${checkpoint_id}, “${summary}” (needs: ${required_action}). Name it, --checkpoint ${checkpoint_id}, or the revision that you decide on, --if-revision ${revision}.`;
  return invalidInput('checkpoint_unnamed', message, hint, {
    job_id,
    open_decisions: [checkpoint_id],
    revision,
  });
}

/** Somebody wants to go on, and decisions wait for an approval, or for one in place of those that have expired. */
export function approvalRequired(job: JobState, now: Timestamp, what: string): GaitError {
  const { job_id, approval_policy: policy } = job;
  const open = openAt(job, now);
  const ids = open.map(({ checkpoint_id }) => checkpoint_id);
  const [first] = open;
  const action = first === undefined ? '' : ` (${first.required_action})`;
  const message = `approval required before ${what}: ${ids.join(', ')}${action}`;
  const hint = `Let a person approve ${ids[0] ?? 'it'}, with \`gait job approve\` for the same job.`;
  const error = { code: 'approval_required', category: 'approval_required' } as const;
  if (policy === undefined)
    return new GaitError({ ...error, message, hint, details: { job_id, open_decisions: ids } });
  const tallies = open.map((decision) => tally(decision, policy.required, now));
  const approvals = open.flatMap((decision) => given(decision, now));
  return new GaitError({
    ...error,
    message: `${message}; ${tallies.join('; ')}`,
    hint: 'Let further approvers of the job sign: gait job approve --private-key FILE. `gait job status` names their keys.',
    details: { job_id, open_decisions: ids, approvals_required: policy.required, approvals },
  });
}

/** How far a decision is, and which of its approvals count no more. */
function tally(decision: OpenDecision, required: number, now: Timestamp): string {
  const standing = standingAt(decision, now);
  const expired = (decision.approvals ?? []).filter((approval) => !standing.includes(approval));
  const gone = expired.map(({ actor, expires_at }) => `, that of ${actor} expired at ${expires_at}`);
  return `${decision.checkpoint_id} has ${standing.length} of ${required} signed approvals${gone.join('')}`;
}

function given(decision: OpenDecision, now: Timestamp): JsonObject[] {
  const { checkpoint_id, approvals = [] } = decision;
  const standing = standingAt(decision, now);
  return approvals.map((approval) => {
    return { ...approval, checkpoint_id, expired: !standing.includes(approval) };
  });
}

export function approvalUnsigned({ job_id, approval_policy }: JobState): GaitError {
  const keys = approval_policy?.keys.map(({ key_id }) => key_id) ?? [];
  return new GaitError({
    code: 'approval_unsigned',
    category: 'approval_required',
    message: `job ${job_id} takes signed approvals only`,
    hint: 'Sign with the private key of an approver: --private-key FILE or --private-key-env NAME.',
    details: { job_id, approvers: keys },
  });
}

export function approverUnknown({ job_id, approval_policy }: JobState, keyId: string): GaitError {
  const keys = approval_policy?.keys.map(({ key_id }) => key_id) ?? [];
  return new GaitError({
    code: 'approver_unknown',
    category: 'approval_required',
    message: `the key ${keyId} is not of an approver of job ${job_id}`,
    hint: 'The approvers were named when the job was submitted; `gait job status` shows the ids of their keys.',
    details: { job_id, key_id: keyId, approvers: keys },
  });
}

export function approverRepeated(
  { job_id }: JobState,
  checkpoint_id: string,
  { key_id, expires_at }: StandingApproval,
): GaitError {
  const message = `the key ${key_id} has approved ${checkpoint_id} already, until ${expires_at}`;
  const hint = 'Each approver counts once: let another one sign.';
  return invalidInput('approver_repeated', message, hint, { job_id, checkpoint_id, key_id, expires_at });
}

/** A signature that no reader of the log could check would only look like assurance. */
export function approversMissing({ job_id }: JobState): GaitError {
  const hint = 'Approve it without a key. Approvers are named by `gait job submit --approver-key FILE`.';
  return invalidInput('approvers_missing', `job ${job_id} names no approvers to sign for it`, hint, {
    job_id,
  });
}

/** Why a signed approval cannot count for so many milliseconds; undefined when it can. */
export function checkExpiry(expiresMs: number): GaitError | undefined {
  if (Number.isSafeInteger(expiresMs) && expiresMs >= MIN_APPROVAL_MS && expiresMs <= MAX_APPROVAL_MS)
    return undefined;
  const message = `an approval for ${expiresMs} ms; it counts from ${MIN_APPROVAL_MS} ms to ${MAX_APPROVAL_MS} ms`;
  return invalidInput('expiry_invalid', message, 'Give a time such as 1h or 2d, at most 30d.');
}
