import { MAX_FINDINGS } from '../../../core/limits.ts';
import type { Found, Report } from '../../../core/report.ts';
import { approvalFault, headFault } from '../../../job/approval/signed.ts';
import type { ApprovalPolicy } from '../../../job/approval_policy.ts';
import type { JobEvent, JobEventOf } from '../../../job/events.ts';
import { parseJobEvent } from '../../../job/events.ts';
import type { Head, StoredEvent } from '../../../log/record.ts';
import type { Trust } from '../../../signing/trust.ts';
import { EVENTS_MEMBER } from './members.ts';

/** How many approvals of a job pack are signed, and how many of the signatures hold. */
export interface ApprovalSignatures {
  readonly total: number;
  /** For an approver that the job names, where they stand. */
  readonly valid: number;
  /** Of these, with a key that the reader believes of who approved: the names in a pack are those that whoever made it wrote into it. */
  readonly trusted: number;
}

/**
 * Checks every approval of a job that asks for signatures, or that has one, whatever the fold says: all that do not hold
 * are found.
 */
export class ApprovalChecks {
  readonly #trust: Trust | undefined;
  readonly #findings: Found[] = [];
  #policy: ApprovalPolicy | undefined;
  #signed = false;
  readonly #counts = { total: 0, valid: 0, trusted: 0 };

  constructor(trust: Trust | undefined) {
    this.#trust = trust;
  }

  see({ event: stored, revision }: StoredEvent, before: Head): void {
    const event = readable(stored);
    if (revision === 1 && event?.type === 'submitted') this.#policy = event.payload.approval_policy;
    if (revision === 1 || event?.type !== 'approved') return;
    this.#counts.total += 1;
    this.#signed ||= event.payload.signed !== undefined;
    const fault = approvalFault(this.#policy, event) ?? headFault(event, before);
    if (fault === undefined) this.#count(event);
    else if (this.#findings.length <= MAX_FINDINGS) this.#findings.push(finding(event, fault));
  }

  #count({ actor, payload }: JobEventOf<'approved'>): void {
    this.#counts.valid += 1;
    const keyId = payload.signed?.signature.key_id ?? '';
    if (this.#trust?.isApprover(keyId, actor) === true) this.#counts.trusted += 1;
  }

  /** Settles `approval_signatures`; a job without any has no such check. */
  settle(report: Report): ApprovalSignatures | undefined {
    if (this.#policy === undefined && !this.#signed) return undefined;
    report.expect('approval_signatures');
    report.settle('approval_signatures', this.#findings);
    return this.#counts;
  }
}

/** Undefined for what is no event of a job: the fold says so. */
function readable(stored: StoredEvent['event']): JobEvent | undefined {
  try {
    return parseJobEvent(stored);
  } catch {
    return undefined;
  }
}

function finding({ revision, payload }: JobEventOf<'approved'>, fault: string): Found {
  const message = `${EVENTS_MEMBER}: event ${revision}, the approval of ${payload.checkpoint_id}: ${fault}`;
  return { code: 'approval_signature_invalid', message, member: EVENTS_MEMBER, revision };
}
