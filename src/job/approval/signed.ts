import { canonicalDigest } from '../../core/digest.ts';
import type { JsonObject } from '../../core/json.ts';
import { epochMs, isTimestamp, type Timestamp } from '../../core/time.ts';
import type { Head } from '../../log/record.ts';
import type { SigningKey } from '../../signing/keys.ts';
import { signDigest } from '../../signing/signature.ts';
import { faultUnder } from '../../signing/trust.ts';
import { type ApprovalPolicy, approverKey } from '../approval_policy.ts';
import { type ApprovalSignature, type JobEventOf, SCHEMA_VERSION } from '../events.ts';

/** What an approver signs: this decision of this job, behind all that the log held, and no other. */
export interface ApprovalTerms {
  readonly job_id: string;
  readonly checkpoint_id: string;
  readonly head: Head;
  readonly actor: string;
  readonly reason: string;
  readonly created_at: Timestamp;
  readonly expires_at: Timestamp;
}

/** How long a signed approval may count. Milliseconds. */
export const MIN_APPROVAL_MS = 1000;
export const MAX_APPROVAL_MS: number = 30 * 24 * 60 * 60 * 1000;

/** Signs an approval: Ed25519 over the SHA-256 of the canonical document, which names its purpose. */
export function signApproval(terms: ApprovalTerms, key: SigningKey): ApprovalSignature {
  const digest = approvalDigest(terms);
  const signature = { ...signDigest(digest, key), signed_digest: digest };
  return { head: headOf(terms.head), expires_at: terms.expires_at, signature };
}

/**
 * Why the signature of an approval does not hold for one of the job's approvers, by what the event itself says; undefined
 * when it does. Whether the signed head is that of the log, {@link headFault} says; whether it had expired is not asked.
 */
export function approvalFault(
  policy: ApprovalPolicy | undefined,
  { job_id, revision, actor, created_at, payload }: JobEventOf<'approved'>,
): string | undefined {
  const { checkpoint_id, reason, signed } = payload;
  if (policy === undefined) return signed && 'it is signed, and the job names no approvers';
  if (signed === undefined) return 'it is not signed, and the job asks for signatures';
  const { head, expires_at, signature } = signed;
  if (head.revision !== revision - 1)
    return `it is signed for revision ${head.revision}, and follows revision ${revision - 1}`;
  if (!isTimestamp(expires_at) || !lastsAWhile(created_at, expires_at))
    return `it is made at ${created_at}, and expires at ${expires_at}`;
  const key = approverKey(policy, signature.key_id);
  if (key === undefined) return `no approver of the job has the key ${signature.key_id}`;
  const terms = { job_id, checkpoint_id, head, actor, reason, created_at, expires_at };
  return faultUnder(key, signature, approvalDigest(terms));
}

/** Why an approval was not signed for the log that it follows; undefined when it was, or is not signed. */
export function headFault({ payload }: JobEventOf<'approved'>, before: Head): string | undefined {
  const { revision, hash } = payload.signed?.head ?? before;
  if (revision === before.revision && hash === before.hash) return undefined;
  return `it is signed for the head ${revision} ${hash}, and follows ${before.revision} ${before.hash}`;
}

/** The digest of the document that is signed: docs/contracts/job.md. */
function approvalDigest({ head, ...terms }: ApprovalTerms): string {
  const document: JsonObject = {
    schema_id: 'gait.job.approval',
    schema_version: SCHEMA_VERSION,
    purpose: 'job_approval',
    head: { ...headOf(head) },
    ...terms,
  };
  return canonicalDigest(document);
}

/** A position also knows an offset, which is the file's and not the log's. */
function headOf({ revision, hash }: Head): Head {
  return { revision, hash };
}

function lastsAWhile(from: Timestamp, until: Timestamp): boolean {
  const ms = epochMs(until) - epochMs(from);
  return ms >= MIN_APPROVAL_MS && ms <= MAX_APPROVAL_MS;
}
