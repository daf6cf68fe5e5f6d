import type { Found, Report } from '../core/report.ts';
import type { ApprovalPolicy } from '../job/approval_policy.ts';
import type { JobEvent, JobEventOf } from '../job/events.ts';
import { parseJobEvent } from '../job/events.ts';
import { approvalFault, headFault } from '../job/signed_approval.ts';
import type { Head, StoredEvent } from '../log/record.ts';
import { LOG_START } from '../log/scan.ts';
import type { Trust } from '../signing/trust.ts';
import { EVENTS_MEMBER } from './job_members.ts';

/** How many approvals of a job pack are signed, and how many of the signatures hold. */
export interface ApprovalSignatures {
  readonly total: number;
  /** For an approver that the job names, where they stand. */
  readonly valid: number;
  /** Of these, for a key that the reader gave: the names in a pack are those that whoever made it wrote into it. */
  readonly trusted: number;
}

/**
 * Checks every approval of a job that asks for signatures, or that has one, whatever the fold says: all that do not hold
 * are found. Settles `approval_signatures`; a job without any has no such check.
 */
export function verifyApprovals(
  records: readonly StoredEvent[],
  trust: Trust | undefined,
  report: Report,
): ApprovalSignatures | undefined {
  const [first, ...rest] = records.map(({ event }) => readable(event));
  const policy = first?.type === 'submitted' ? first.payload.approval_policy : undefined;
  const approvals = rest.filter((event) => event?.type === 'approved');
  if (policy === undefined && approvals.every(({ payload }) => payload.signed === undefined))
    return undefined;
  report.expect('approval_signatures');
  const findings: Found[] = [];
  const keys: string[] = [];
  for (const event of approvals) {
    const fault = faultAt(event, records[event.revision - 2] ?? LOG_START, policy);
    if (fault !== undefined) findings.push(finding(event, fault));
    else keys.push(event.payload.signed?.signature.key_id ?? '');
  }
  report.settle('approval_signatures', findings);
  const known = keys.filter((keyId) => trust?.isApprover(keyId) === true);
  return { total: approvals.length, valid: keys.length, trusted: known.length };
}

/** Undefined for what is no event of a job: the fold says so. */
function readable(stored: StoredEvent['event']): JobEvent | undefined {
  try {
    return parseJobEvent(stored);
  } catch {
    return undefined;
  }
}

function faultAt(
  event: JobEventOf<'approved'>,
  before: Head,
  policy: ApprovalPolicy | undefined,
): string | undefined {
  return approvalFault(policy, event) ?? headFault(event, before);
}

function finding({ revision, payload }: JobEventOf<'approved'>, fault: string): Found {
  const message = `${EVENTS_MEMBER}: event ${revision}, the approval of ${payload.checkpoint_id}: ${fault}`;
  return { code: 'approval_signature_invalid', message, member: EVENTS_MEMBER, revision };
}
