import type { JsonObject } from '../../core/json.ts';
import { byBytes, wordList } from '../../core/text.ts';
import { inUtc, NEVER, zonedTime } from '../../core/time.ts';
import { VERSION } from '../../core/version.ts';
import type { Decision } from '../evaluate.ts';
import type { IntentRequest } from '../intent/intent.ts';
import type { ApprovalFinding } from '../tokens/approval.ts';
import type { DelegationFinding } from '../tokens/delegation.ts';

/** Of which decision a record is. */
export interface AuditSubject {
  readonly traceId: string;
  readonly intentDigest: string;
  readonly policyDigest: string;
  readonly request: IntentRequest;
}

/** What became of each approval that was presented. `approved` is what was decided, not how many signatures held. */
export function approvalAudit({ approval, verdict }: Decision, subject: AuditSubject): JsonObject {
  const { required, findings, valid, distinct, granted } = approval ?? NO_APPROVAL;
  const approvers = distinct.flatMap(({ approver_identity }) => approver_identity ?? []).sort(byBytes);
  const counts = { required_approvals: required, valid_approvals: valid };
  return {
    ...head('gait.gate.approval_audit_record', subject),
    ...counts,
    approved: granted && verdict === 'allow',
    ...(approvers.length === 0 ? {} : { approvers }),
    entries: sorted(findings.map(approvalEntry)),
  };
}

const NO_APPROVAL = { required: 0, findings: [], valid: 0, distinct: [], granted: false };

function approvalEntry(finding: ApprovalFinding): JsonObject {
  const { token_id, approver_identity, reason_code, scope, expires_at, valid, error_code } = finding;
  return {
    ...(token_id === undefined ? {} : { token_id }),
    ...(approver_identity === undefined ? {} : { approver_identity }),
    ...(reason_code === undefined ? {} : { reason_code }),
    ...(scope === undefined ? {} : { scope: wordList(scope) }),
    expires_at: timeOr(expires_at),
    valid,
    ...(error_code === undefined ? {} : { error_code }),
  };
}

/** What became of each delegation token that was presented. */
export function delegationAudit({ delegation, duties }: Decision, subject: AuditSubject): JsonObject {
  const { findings = [], hops = [], granted = false } = delegation ?? {};
  const ref = hops.flatMap(({ token_id }) => token_id ?? []).join(',');
  return {
    ...head('gait.gate.delegation_audit_record', subject),
    delegation_required: duties.delegation,
    valid_delegations: findings.filter(({ valid }) => valid).length,
    delegated: granted,
    ...(ref === '' ? {} : { delegation_ref: ref }),
    entries: sorted(findings.map(delegationEntry)),
  };
}

function delegationEntry(finding: DelegationFinding): JsonObject {
  const { token_id, delegator_identity, delegate_identity, scope, expires_at, valid, error_code } = finding;
  return {
    ...(token_id === undefined ? {} : { token_id }),
    ...(delegator_identity === undefined ? {} : { delegator_identity }),
    ...(delegate_identity === undefined ? {} : { delegate_identity }),
    ...(scope === undefined ? {} : { scope: wordList(scope) }),
    expires_at: timeOr(expires_at),
    valid,
    ...(error_code === undefined ? {} : { error_code }),
  };
}

function head(schema_id: string, { traceId, intentDigest, policyDigest, request }: AuditSubject): JsonObject {
  return {
    ...{ schema_id, schema_version: '1.0.0', created_at: request.created_at, producer_version: VERSION },
    ...{ trace_id: traceId, tool_name: request.intent.tool_name },
    ...{ intent_digest: intentDigest, policy_digest: policyDigest },
  };
}

/** Readers of these records want a time there, whatever the token said. */
function timeOr(text: string | undefined): string {
  const time = text === undefined ? undefined : zonedTime(text);
  return time === undefined ? NEVER : inUtc(time);
}

function sorted(entries: readonly JsonObject[]): JsonObject[] {
  const order = ['token_id', 'approver_identity', 'delegator_identity', 'delegate_identity', 'expires_at'];
  const key = (entry: JsonObject): string => order.map((name) => String(entry[name] ?? '')).join('\u0000');
  return [...entries].sort((a, b) => byBytes(key(a), key(b)));
}
