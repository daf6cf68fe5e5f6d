import { epochMs, timestamp } from '../../core/time.ts';
import type { Head } from '../../log/record.ts';
import type { Decided } from '../../log/stream.ts';
import type { SigningKey } from '../../signing/keys.ts';
import { approverKey } from '../approval_policy.ts';
import { type CommandContext, notAllowed, record, refuse } from '../decision.ts';
import type { EventPayloads } from '../events.ts';
import type { Job, JobState, OpenDecision } from '../state.ts';
import { TRANSITIONS } from '../transitions.ts';
import { openAt, standingAt } from './open_decisions.ts';
import {
  approvalUnsigned,
  approverRepeated,
  approversMissing,
  approverUnknown,
  checkExpiry,
  checkpointAmbiguous,
  checkpointUnnamed,
  nothingToApprove,
} from './refusals.ts';
import { signApproval } from './signed.ts';

export interface ApproveCommand {
  readonly kind: 'approve';
  /** By default the only open decision. */
  readonly checkpointId?: string;
  /** Needed where the job names approvers, and refused where it does not. */
  readonly signing?: ApprovalSigning;
}

/** What an approval is signed with. The same key, head and time make the same signature: to decide stays pure. */
export interface ApprovalSigning {
  readonly key: SigningKey;
  /** How long it counts, from now on. Milliseconds, 1 second to 30 days. */
  readonly expiresMs: number;
  /** The end of the log that the approval will be appended to. */
  readonly head: Head;
}

/** By default. Milliseconds. */
const APPROVAL_MS = 24 * 60 * 60 * 1000;

/** What a caller says of an approval. */
export interface JobApprovalOrder {
  readonly checkpointId: string | undefined;
  readonly key: SigningKey | undefined;
  /** By default 24 hours. Milliseconds. */
  readonly expiresMs: number | undefined;
}

/** The command of an approval: signed, if there is a key, for the log as it is when it is decided. */
export function approval(order: JobApprovalOrder): (job: Job, head: Head) => ApproveCommand {
  const { checkpointId, key, expiresMs = APPROVAL_MS } = order;
  return (_job, { revision, hash }) => ({
    kind: 'approve',
    ...(checkpointId === undefined ? {} : { checkpointId }),
    ...(key === undefined ? {} : { signing: { key, expiresMs, head: { revision, hash } } }),
  });
}

/** Decides on an approval. Pure. */
export function decideApprove(
  job: JobState,
  { checkpointId: asked, signing }: ApproveCommand,
  context: CommandContext,
): Decided {
  const fault = signing === undefined ? undefined : checkExpiry(signing.expiresMs);
  if (fault !== undefined) return refuse(fault);
  const refusal = notAllowed(job, 'approve');
  if (refusal !== undefined) return refusal;
  const decisions = openAt(job, context.now);
  const open = decisions.map(({ checkpoint_id }) => checkpoint_id);
  if (asked === undefined && open.length > 1) return refuse(checkpointAmbiguous(open));
  const target = asked ?? open[0];
  const decision = decisions.find(({ checkpoint_id }) => checkpoint_id === target);
  if (decision === undefined) return refuse(nothingToApprove(job, open, asked));
  // What was open when a person looked may be answered by now, and another one open in its place.
  if (asked === undefined && context.ifRevision === undefined && job.decisions_asked > 1)
    return refuse(checkpointUnnamed(job, decision));
  if (job.approval_policy !== undefined) return decideSigned(job, decision, signing, context);
  return signing === undefined
    ? approved(job, { checkpoint_id: decision.checkpoint_id, reason: reasonOf(context) }, context)
    : refuse(approversMissing(job));
}

function decideSigned(
  job: JobState,
  decision: OpenDecision,
  signing: ApprovalSigning | undefined,
  context: CommandContext,
): Decided {
  if (signing === undefined || job.approval_policy === undefined) return refuse(approvalUnsigned(job));
  const { key, expiresMs, head } = signing;
  const { keyId } = key;
  if (approverKey(job.approval_policy, keyId) === undefined) return refuse(approverUnknown(job, keyId));
  const before = standingAt(decision, context.now).find(({ key_id }) => key_id === keyId);
  const { checkpoint_id } = decision;
  if (before !== undefined) return refuse(approverRepeated(job, checkpoint_id, before));
  const { jobId: job_id, actor, now: created_at } = context;
  const expires_at = timestamp(epochMs(created_at) + expiresMs);
  const stated = { checkpoint_id, reason: reasonOf(context) };
  const signed = signApproval({ ...stated, job_id, head, actor, created_at, expires_at }, key);
  return approved(job, { ...stated, signed }, context);
}

function approved(job: JobState, payload: EventPayloads['approved'], context: CommandContext): Decided {
  return record(job, 'approved', TRANSITIONS.approve.reasonCode, payload, context);
}

function reasonOf({ reason }: CommandContext): string {
  return reason ?? 'approved';
}
