import { DIGEST_PATTERN } from '../../core/digest.ts';
import { invalidInput } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { loweredList, trimmed } from '../../core/text.ts';
import { epochMs, type Timestamp, timestamp } from '../../core/time.ts';
import { VERSION } from '../../core/version.ts';
import type { SigningKey } from '../../signing/keys.ts';
import { signDocument } from '../../signing/signed_document.ts';
import { APPROVAL_SCHEMA_ID, approvalId } from './approval.ts';
import { DELEGATION_SCHEMA_ID, delegationId } from './delegation.ts';
import { BOUND_SCOPE } from './token.ts';

/** The longest life that a token is made with. Milliseconds: 90 days. */
export const MAX_LIFETIME_MS: number = 90 * 86_400_000;

/** How long a token holds, and for whom beside what its kind says. */
export interface TokenTerms {
  readonly now: Timestamp;
  /** Milliseconds. */
  readonly ttlMs: number;
  /** 128 random bits in hexadecimal: no two tokens are one. */
  readonly nonce: string;
  readonly notBefore?: Timestamp | undefined;
  /** The gate that it is for. */
  readonly audience?: string | undefined;
}

/** What is approved, by whom, and why. */
export interface ApprovalOrder extends TokenTerms {
  readonly intentDigest: string;
  readonly policyDigest: string;
  readonly delegationDigest?: string | undefined;
  readonly scope: readonly string[];
  readonly approver: string;
  readonly reasonCode: string;
  /** Of the arguments to the letter. */
  readonly exactArgsDigest?: string | undefined;
  /** Of what the caller says beside the call. */
  readonly claimsDigest?: string | undefined;
}

/** A token that is not signed yet. */
export interface Draft {
  readonly members: JsonObject;
  readonly ext: JsonObject;
}

/** The token of a draft. */
export function signed({ members, ext }: Draft, key: SigningKey): JsonObject {
  return signDocument(members, ext, key);
}

/** An approval. Throws invalid_input for what no gate could take. */
export function draftApproval(order: ApprovalOrder): Draft {
  const scope = scopesOf(order, (order.exactArgsDigest ?? order.claimsDigest) !== undefined);
  const members = {
    schema_id: APPROVAL_SCHEMA_ID,
    schema_version: '1.0.0',
    created_at: order.now,
    producer_version: VERSION,
    approver_identity: named(order.approver, 'approver'),
    reason_code: named(order.reasonCode, 'reason code'),
    intent_digest: digest(order.intentDigest, 'intent'),
    policy_digest: digest(order.policyDigest, 'policy'),
    ...(order.delegationDigest === undefined
      ? {}
      : { delegation_binding_digest: digest(order.delegationDigest, 'delegation binding') }),
    scope,
    expires_at: expiryOf(order),
  };
  const exact = order.exactArgsDigest;
  const claims = order.claimsDigest;
  const bound = {
    ...(exact === undefined ? {} : { args_digest: digest(exact, 'arguments') }),
    ...(claims === undefined ? {} : { claims_digest: digest(claims, 'claims') }),
  };
  const ext = { ...extOf('approval', order), max_uses: 1, ...bound };
  return { members: { ...members, token_id: approvalId(members) }, ext };
}

/** Who may act for whom, and for what. */
export interface DelegationOrder extends TokenTerms {
  readonly delegator: string;
  readonly delegate: string;
  readonly scope: readonly string[];
  readonly scopeClass?: string | undefined;
  readonly intentDigest?: string | undefined;
  readonly policyDigest?: string | undefined;
}

/** A delegation. Throws invalid_input for what no gate could take. */
export function draftDelegation(order: DelegationOrder): Draft {
  const [scopeClass] = loweredList([order.scopeClass ?? '']);
  const members = {
    schema_id: DELEGATION_SCHEMA_ID,
    schema_version: '1.0.0',
    created_at: order.now,
    producer_version: VERSION,
    delegator_identity: named(order.delegator, 'delegator'),
    delegate_identity: named(order.delegate, 'delegate'),
    scope: scopesOf(order, false),
    ...(scopeClass === undefined ? {} : { scope_class: scopeClass }),
    ...(order.intentDigest === undefined ? {} : { intent_digest: digest(order.intentDigest, 'intent') }),
    ...(order.policyDigest === undefined ? {} : { policy_digest: digest(order.policyDigest, 'policy') }),
    expires_at: expiryOf(order),
  };
  const ext = extOf('delegation', order);
  return { members: { ...members, token_id: delegationId(members, members) }, ext };
}

/** What restricts a token beyond what every version reads is marked where every version keeps it: in its scope. */
function scopesOf(order: TokenTerms & { readonly scope: readonly string[] }, exact: boolean): string[] {
  const scopes = loweredList(order.scope);
  if (scopes.length === 0)
    throw invalidInput('scope_missing', 'a token is for something: its scope is empty');
  const bound = exact || order.notBefore !== undefined || order.audience !== undefined;
  return bound ? loweredList([...scopes, BOUND_SCOPE]) : scopes;
}

function extOf(purpose: 'approval' | 'delegation', { nonce, notBefore, audience }: TokenTerms): JsonObject {
  return {
    schema_id: 'gait.gate.token_ext',
    schema_version: '1.0.0',
    purpose,
    nonce,
    ...(notBefore === undefined ? {} : { not_before: notBefore }),
    ...(audience === undefined ? {} : { audience }),
  };
}

function expiryOf({ now, ttlMs, notBefore }: TokenTerms): Timestamp {
  if (ttlMs > MAX_LIFETIME_MS) {
    const hint = 'Approve again when it is needed again.';
    throw invalidInput('lifetime_exceeded', 'a token lives 90 days at most', hint);
  }
  const expires = epochMs(now) + ttlMs;
  if (notBefore !== undefined && epochMs(notBefore) >= expires) {
    throw invalidInput('lifetime_empty', 'the token would end before it begins');
  }
  return timestamp(expires);
}

function named(text: string, what: string): string {
  const name = trimmed(text);
  if (name !== '') return name;
  throw invalidInput('flag_value_invalid', `the ${what} is empty`);
}

function digest(text: string, what: string): string {
  const plain = trimmed(text).toLowerCase();
  if (DIGEST_PATTERN.test(plain)) return plain;
  const hint = 'It is 64 hexadecimal digits, as `gait gate eval --json` prints it.';
  throw invalidInput('digest_malformed', `the digest of the ${what} is none: ${JSON.stringify(text)}`, hint);
}
