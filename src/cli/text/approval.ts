import type { Timestamp } from '../../core/time.ts';
import { openAt, pendingDecisions, standingAt } from '../../job/approval/open_decisions.ts';
import type { Approval, JobState, OpenDecision, StandingApproval } from '../../job/state.ts';
import type { Io } from '../io.ts';
import { printable } from '../terminal.ts';

/** How far a decision is: schemas/v1/job/output.schema.json. */
export interface Tally {
  readonly checkpoint_id: string;
  /** How many count. */
  readonly approvals: number;
  readonly required: number;
  readonly still_needed: number;
}

/** Of a decision that the job was not resumed on yet; undefined for others, and where no signature is asked for. */
export function tallyOf(job: JobState, checkpointId: string, now: Timestamp): Tally | undefined {
  const decision = pendingDecisions(job).find(({ checkpoint_id }) => checkpoint_id === checkpointId);
  if (decision === undefined || job.approval_policy === undefined) return undefined;
  const { required } = job.approval_policy;
  const approvals = standingAt(decision, now).length;
  const still_needed = Math.max(0, required - approvals);
  return { checkpoint_id: checkpointId, approvals, required, still_needed };
}

export function tallyText({ approvals, required, still_needed }: Tally): string {
  const rest = still_needed === 0 ? 'enough until the job is resumed' : `${still_needed} more needed`;
  return `${approvals} of ${required} signed approvals, ${rest}`;
}

/** The decisions of a job that it was not resumed on yet, and whose signatures they need. */
export function approvalDecisionLines(job: JobState, io: Io): string[] {
  const { approval_policy: policy } = job;
  if (policy === undefined) return job.open_decisions.map((decision) => openLine(decision));
  const now = io.clock.now();
  const open = openAt(job, now);
  const lines = pendingDecisions(job).flatMap((decision) => {
    const tally = tallyOf(job, decision.checkpoint_id, now);
    const head = open.includes(decision) ? openLine(decision) : approvedLine(decision);
    const given = (decision.approvals ?? []).map((approval) => givenLine(approval, decision, now));
    return [`${head}${tally === undefined ? '' : `  (${tallyText(tally)})`}`, ...given];
  });
  const keys = policy.keys.map(({ key_id }) => `              ${key_id}`);
  const approvers = `  approvers   ${policy.required} of these ${policy.keys.length} keys have to sign each decision:`;
  return [...lines, approvers, ...keys];
}

/** What an approval says beside its time and actor. */
export function approvalText({ reason, key_id, expires_at }: Approval): string {
  const signed = key_id === undefined ? '' : `, signed with the key ${key_id} until ${expires_at}`;
  return `${signed}: ${printable(reason)}`;
}

function openLine({ checkpoint_id, required_action }: OpenDecision): string {
  return `  decision    ${checkpoint_id} is open: ${printable(required_action)}`;
}

function approvedLine({ checkpoint_id, required_action }: OpenDecision): string {
  return `  decision    ${checkpoint_id} is approved: ${printable(required_action)}`;
}

function givenLine(approval: StandingApproval, decision: OpenDecision, now: Timestamp): string {
  const { actor, key_id, expires_at } = approval;
  const until = standingAt(decision, now).includes(approval)
    ? `until ${expires_at}`
    : `expired ${expires_at}`;
  return `              signed by ${printable(actor)} with the key ${key_id}, ${until}`;
}
