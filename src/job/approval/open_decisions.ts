import { epochMs, type Timestamp } from '../../core/time.ts';
import type { JobState, OpenDecision, StandingApproval } from '../state.ts';

/**
 * The decisions that wait for an approval at a time: those that never had enough, and those of which so many signed
 * approvals have expired that the rest is not enough. What was resumed on is decided for good.
 */
export function openAt(job: JobState, now: Timestamp): readonly OpenDecision[] {
  const { approval_policy: policy, approved_decisions: approved = [] } = job;
  if (policy === undefined) return job.open_decisions;
  const lapsed = approved.filter((decision) => standingAt(decision, now).length < policy.required);
  return [...lapsed, ...job.open_decisions];
}

/** When approvals expire: events ask it again and again. Milliseconds since 1970. */
const EXPIRY = new WeakMap<StandingApproval, number>();

function expiryOf(approval: StandingApproval): number {
  const known = EXPIRY.get(approval);
  if (known !== undefined) return known;
  const ms = epochMs(approval.expires_at);
  EXPIRY.set(approval, ms);
  return ms;
}

/** The signed approvals of a decision that count at a time: one of each key, none that has expired. */
export function standingAt({ approvals = [] }: OpenDecision, now: Timestamp): readonly StandingApproval[] {
  const at = epochMs(now);
  return approvals.filter((approval) => at < expiryOf(approval));
}

/** All decisions that the job was not resumed on yet, approved or not. */
export function pendingDecisions({
  approved_decisions = [],
  open_decisions,
}: JobState): readonly OpenDecision[] {
  return [...approved_decisions, ...open_decisions];
}
