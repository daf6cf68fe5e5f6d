import { sha256Hex } from '../../core/digest.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import type { Timestamp } from '../../core/time.ts';
import { VERSION } from '../../core/version.ts';
import type { Head } from '../../log/record.ts';
import type { SigningKey } from '../../signing/keys.ts';
import { signDocument } from '../../signing/signed_document.ts';
import type { Decision } from '../evaluate.ts';
import { argsDigest, delegationDigest } from '../intent/digest.ts';
import type { IntentRequest } from '../intent/intent.ts';
import type { Verdict } from '../verdict.ts';
import type { DecisionRecordFile } from './records.ts';

/** At the end of the producer_version of a trace that has an `ext`: build metadata, as semantic versions have it. */
export const WITH_EXT = '+ext';

/** Marks a simulation among the violations, where every version signs it. */
export const SIMULATED = 'simulate_mode_non_enforcing';

export const TRACE_SCHEMA_ID = 'gait.gate.trace';

/** What makes the id of a trace: the same policy, call and verdict have the same one. */
export interface TraceId {
  readonly policyDigest: string;
  readonly intentDigest: string;
  readonly verdict: Verdict;
}

/** 24 hexadecimal digits, as the programs before this one make them. */
export function traceId({ policyDigest, intentDigest, verdict }: TraceId): string {
  return sha256Hex(`${policyDigest}:${intentDigest}:${verdict}`).slice(0, 24);
}

/** The id of one decision, of which a trace has one for each time it was asked for. */
export function eventId(trace: string, observedAt: Timestamp): string {
  return sha256Hex(`${trace}:${observedAt}`).slice(0, 24);
}

/** What stands in a trace beside the decision. */
export interface TraceFacts {
  readonly traceId: string;
  readonly eventId: string;
  readonly intentDigest: string;
  readonly policyDigest: string;
  readonly observedAt: Timestamp;
  readonly profile: string;
  readonly keyMode: string;
  readonly simulated: boolean;
  readonly requestSha256: string;
  readonly evidence: readonly DecisionRecordFile[];
  /** Where the decision stands in the decision log. */
  readonly decision: Head;
  /** What somebody says of approvals; nobody checked it. */
  readonly claimedApprovalRef?: string;
  readonly audience?: string;
  /** The directory of that log. */
  readonly statePlace?: string;
}

/**
 * The signed record of a decision. The members of `signature` are those that every version knows, and none of them is
 * empty, since other readers drop empty ones before they digest. What is ours stands in `ext`.
 */
export function traceDocument(
  decision: Decision,
  request: IntentRequest,
  facts: TraceFacts,
  key: SigningKey,
): JsonObject {
  const { intent } = request;
  const { context } = decision;
  const members = {
    schema_id: TRACE_SCHEMA_ID,
    schema_version: '1.0.0',
    created_at: request.created_at,
    observed_at: facts.observedAt,
    // What is signed says that an ext belongs to it: to cut it off shows.
    producer_version: `${VERSION}${WITH_EXT}`,
    trace_id: facts.traceId,
    event_id: facts.eventId,
    tool_name: intent.tool_name,
    args_digest: argsDigest(intent),
    intent_digest: facts.intentDigest,
    policy_digest: facts.policyDigest,
    verdict: decision.verdict,
    // What nobody proved is not signed as if it were.
    context_set_digest: context?.set_digest,
    context_evidence_mode: context?.mode,
    context_ref_count: context?.refs.length,
    violations: decision.violations,
    approval_token_ref: approvalRef(decision),
    delegation_ref: delegationRef(decision, request),
    skill_provenance: intent.skill_provenance as unknown as JsonObject | undefined,
  };
  return signDocument(present(members), extOf(decision, request, facts), key);
}

/** The ids of the approvals that the decision is by. */
export function approvalRef({ approval }: Decision): string {
  if (approval?.granted !== true) return '';
  const ids = approval.distinct.slice(0, approval.required).flatMap(({ token_id }) => token_id ?? []);
  return ids.sort().join(',');
}

/** The ids of the tokens that prove the delegation. */
export function delegationTokenRef({ delegation }: Decision): string {
  return (delegation?.hops ?? []).flatMap(({ token_id }) => token_id ?? []).join(',');
}

function delegationRef(decision: Decision, { intent }: IntentRequest): JsonObject | undefined {
  const { delegation } = intent;
  if (delegation === undefined) return undefined;
  const { requester_identity, scope_class, chain = [] } = delegation;
  return present({
    delegation_token_ref: delegationTokenRef(decision),
    requester_identity,
    delegation_depth: chain.length,
    scope_class,
    chain_digest: delegationDigest(delegation),
    reason_codes: decision.reason_codes.filter((code) => code.startsWith('delegation_')),
  });
}

function extOf(decision: Decision, request: IntentRequest, facts: TraceFacts): JsonObject {
  const { approval } = decision;
  const used = approval?.granted === true ? approval.distinct.slice(0, approval.required) : [];
  return {
    schema_id: 'gait.gate.trace_ext',
    schema_version: '1.0.0',
    decided_at: facts.observedAt,
    profile: facts.profile,
    key_mode: facts.keyMode,
    simulated: facts.simulated,
    reason_codes: [...decision.reason_codes],
    matched_rules: [...decision.matched_rules],
    exact_args_digest: request.exact_args_digest,
    request_sha256: facts.requestSha256,
    evidence: facts.evidence.map((file) => ({ ...file })),
    decision: { ...facts.decision },
    approvals: used.map(({ token_id = '', digest = '', key_id = '', approver_identity = '' }) => ({
      ...{ token_id, token_digest: digest, key_id, approver_identity },
    })),
    ...(facts.audience === undefined ? {} : { audience: facts.audience }),
    ...(facts.statePlace === undefined ? {} : { state_dir: facts.statePlace }),
    ...(facts.claimedApprovalRef === undefined ? {} : { claimed_approval_ref: facts.claimedApprovalRef }),
  };
}

/** The members that say something. */
function present(members: Readonly<Record<string, Json | readonly Json[] | undefined>>): JsonObject {
  const kept = Object.entries(members).filter(
    ([, value]) =>
      value !== undefined && value !== '' && value !== 0 && !(Array.isArray(value) && value.length === 0),
  );
  return Object.fromEntries(kept) as JsonObject;
}
