import { isJsonObject, type JsonObject } from '../../core/json.ts';
import type { Head } from '../../log/record.ts';
import { illegalEvent, type JobEvent, type JobEventOf } from '../events.ts';
import type { JobState, OpenDecision } from '../state.ts';
import { openAt, standingAt } from './open_decisions.ts';
import { approvalFault, headFault } from './signed.ts';

/**
 * The job after an approval. Of a job with approvers it counts one key towards the decision, which is approved once there
 * are enough; of any other job it approves the decision at once.
 */
export function withApproval(job: JobState, event: JobEventOf<'approved'>): JobState {
  const { checkpoint_id, signed } = event.payload;
  const decision = openAt(job, job.updated_at).find((open) => open.checkpoint_id === checkpoint_id);
  if (decision === undefined) throw illegalEvent(`an approval of ${checkpoint_id}, which is not open`);
  const policy = job.approval_policy;
  const fault = approvalFault(policy, event);
  if (fault !== undefined) throw illegalEvent(`an approval of ${checkpoint_id}: ${fault}`);
  const counted = { ...job, approval_count: job.approval_count + 1 };
  const open = without(job.open_decisions, checkpoint_id);
  if (policy === undefined || signed === undefined) return { ...counted, open_decisions: open };
  const { key_id } = signed.signature;
  const standing = standingAt(decision, job.updated_at);
  if (standing.some((approval) => approval.key_id === key_id))
    throw illegalEvent(`a second approval of ${checkpoint_id} by the key ${key_id}`);
  const approval = { key_id, actor: event.actor, expires_at: signed.expires_at };
  const after = { ...decision, approvals: [...standing, approval] };
  const approved = without(job.approved_decisions ?? [], checkpoint_id);
  return after.approvals.length >= policy.required
    ? { ...counted, open_decisions: open, approved_decisions: [...approved, after] }
    : { ...counted, open_decisions: placed(job.open_decisions, after), approved_decisions: approved };
}

/** An approval was signed for the log as it was: it stands behind that, and nowhere else. Of an event that was folded. */
export function assertSignedBehind(stored: JsonObject, before: Head): void {
  const event = stored as unknown as JobEvent;
  const fault = event.type === 'approved' ? headFault(event, before) : undefined;
  if (fault !== undefined) throw illegalEvent(fault);
}

/** Nobody can have gone on, or been refused for the environment, while a decision waited for an approval. */
export function assertDecided(job: JobState, what: string): void {
  const [open] = openAt(job, job.updated_at);
  if (open !== undefined) throw illegalEvent(`${what} with an open decision, ${open.checkpoint_id}`);
}

/** What the approvals were for has begun: they are used, and no longer expire. */
export function withSettledDecisions(job: JobState): JobState {
  return job.approval_policy === undefined ? job : { ...job, approved_decisions: [] };
}

function without(decisions: readonly OpenDecision[], id: string): readonly OpenDecision[] {
  return decisions.filter(({ checkpoint_id }) => checkpoint_id !== id);
}

/** In its own place, or last if it was approved before and is open again. */
function placed(decisions: readonly OpenDecision[], after: OpenDecision): readonly OpenDecision[] {
  const at = decisions.findIndex(({ checkpoint_id }) => checkpoint_id === after.checkpoint_id);
  return at === -1 ? [...decisions, after] : decisions.with(at, after);
}

/** True for the first event of a job whose decisions need signatures: its state is not taken from a snapshot. */
export function asksForSignatures(first: JsonObject): boolean {
  const { payload } = first;
  return isJsonObject(payload) && payload['approval_policy'] !== undefined;
}
