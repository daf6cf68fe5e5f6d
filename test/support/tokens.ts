import assert from 'node:assert/strict';
import { canonicalDigest, sha256Hex } from '../../src/core/digest.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { type ApprovalFinding, type ApprovalSubject, checkApproval } from '../../src/gate/tokens/approval.ts';
import {
  checkDelegation,
  type DelegationFinding,
  type DelegationSubject,
} from '../../src/gate/tokens/delegation.ts';
import {
  type ApprovalOrder,
  type DelegationOrder,
  draftApproval,
  draftDelegation,
  signed,
} from '../../src/gate/tokens/issue.ts';
import type { TokenRules } from '../../src/gate/tokens/token.ts';
import { type KeyPurpose, Keyring, type TrustedKey } from '../../src/signing/keyring.ts';
import type { SigningKey } from '../../src/signing/keys.ts';
import { signDigest } from '../../src/signing/signature.ts';
import { signDocument } from '../../src/signing/signed_document.ts';
import { trusted } from './keyrings.ts';
import { numberedKey } from './keys.ts';

export const BOB: SigningKey = numberedKey(21);
export const CAROL: SigningKey = numberedKey(22);
export const GATE_KEY: SigningKey = numberedKey(23);
/** Nobody believes it. */
export const MALLORY: SigningKey = numberedKey(24);

export const INTENT_DIGEST: string = 'a'.repeat(64);
export const POLICY_DIGEST: string = 'b'.repeat(64);
export const ARGS_DIGEST: string = 'c'.repeat(64);

/** When these tokens are made, and looked at. */
export const NOW = '2026-05-01T12:00:00Z';

export const MINUTE = 60_000;
export const HOUR: number = 60 * MINUTE;

/** Keys that are believed for a purpose, whoever signs with them. */
export function believing(purpose: KeyPurpose, ...keys: readonly SigningKey[]): Keyring {
  return ringWith(...keys.map((key) => trusted(key, { purposes: [purpose] })));
}

export function ringWith(...keys: readonly TrustedKey[]): Keyring {
  const ring = new Keyring();
  for (const key of keys) ring.admit(key);
  return ring;
}

let minted = 0;

/** Another one for each token, as a random one would be. */
function freshNonce(): string {
  minted += 1;
  return String(minted).padStart(32, '0');
}

/** An approval of ours by bob, for an hour from now on, with what a test says in its place. */
export function approval(changes: Partial<ApprovalOrder> = {}, key: SigningKey = BOB): JsonObject {
  const order = {
    ...{ now: NOW, ttlMs: HOUR, nonce: freshNonce(), approver: 'bob', reasonCode: 'ticket-7' },
    ...{ intentDigest: INTENT_DIGEST, policyDigest: POLICY_DIGEST, scope: ['tool:tool.write'] },
  };
  return signed(draftApproval({ ...order, ...changes }), key);
}

/** A delegation of ours from alice to bob, to write, for an hour from now on. */
export function delegation(changes: Partial<DelegationOrder> = {}, key: SigningKey = BOB): JsonObject {
  const order = { now: NOW, ttlMs: HOUR, nonce: freshNonce(), scope: ['write'] };
  return signed(draftDelegation({ ...order, delegator: 'alice', delegate: 'bob', ...changes }), key);
}

/** An approval as version 1.2.0 makes it, or 1.4.0 if it has limits; `changes` of undefined take members away. */
export function legacyApproval(changes: Changes = {}, key: SigningKey = BOB): JsonObject {
  const members = without({
    ...{ schema_id: 'gait.gate.approval_token', schema_version: '1.0.0', created_at: NOW },
    ...{ producer_version: '0.0.0-dev', approver_identity: 'bob', reason_code: 'ticket-7' },
    ...{ intent_digest: INTENT_DIGEST, policy_digest: POLICY_DIGEST, scope: ['tool:tool.write'] },
    expires_at: '2026-05-01T13:00:00Z',
    ...changes,
  });
  return signDocument(without({ token_id: recordedApprovalId(members), ...members }), undefined, key);
}

/** A delegation as both Go versions make it. */
export function legacyDelegation(changes: Changes = {}, key: SigningKey = BOB): JsonObject {
  const members = without({
    ...{ schema_id: 'gait.gate.delegation_token', schema_version: '1.0.0', created_at: NOW },
    ...{ producer_version: '0.0.0-dev', delegator_identity: 'alice', delegate_identity: 'bob' },
    ...{ scope: ['write'], expires_at: '2026-05-01T13:00:00Z' },
    ...changes,
  });
  const names = ['delegator_identity', 'delegate_identity', 'scope', 'scope_class', 'intent_digest'];
  const token_id = idOver(members, [...names, 'policy_digest', 'expires_at']);
  return signDocument(without({ token_id, ...members }), undefined, key);
}

/** gate.md §5.1: version 1.4.0 has its limits before the end, if a token is of that version. */
export function recordedApprovalId(members: JsonObject): string {
  const names = ['intent_digest', 'policy_digest', 'approver_identity', 'reason_code', 'scope'];
  const limited = members['max_targets'] !== undefined || members['max_ops'] !== undefined;
  return idOver(members, [...names, ...(limited ? ['max_targets', 'max_ops'] : []), 'expires_at']);
}

function idOver(members: JsonObject, names: readonly string[]): string {
  const parts = names.map((name) => {
    const value = members[name];
    return Array.isArray(value) ? value.join(',') : String(value ?? (name.startsWith('max_') ? 0 : ''));
  });
  return sha256Hex(parts.join(':')).slice(0, 24);
}

type Changes = { readonly [name: string]: JsonObject[string] | undefined };

/** The members that are there. */
export function without(members: Changes): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as JsonObject;
}

/** A token with members and ext changed by somebody who has its key. */
export function resigned(
  token: JsonObject,
  changes: Changes,
  { ext, key = BOB }: { readonly ext?: Changes; readonly key?: SigningKey } = {},
): JsonObject {
  const { signature: _, ext: earlier, ext_signature: __, ...members } = token;
  const made = without({ ...(earlier as JsonObject), ...ext });
  return signDocument(without({ ...members, ...changes }), earlier === undefined ? undefined : made, key);
}

/** A document whose ext is signed by another key than its members. */
export function extSignedBy(document: JsonObject, key: SigningKey): JsonObject {
  const { ext_signature: _, ...whole } = document;
  return { ...whole, ext_signature: { ...signDigest(canonicalDigest(whole), key) } };
}

/** A token without what is ours beside the first signature. */
export function cutOff(token: JsonObject): JsonObject {
  const { ext: _, ext_signature: __, ...legacy } = token;
  return legacy;
}

/** How a token is looked at; by default by a gate at {@link NOW} that believes bob's key. */
interface LookedAt<S> extends Partial<Omit<TokenRules, 'now'>> {
  readonly subject?: S;
  readonly now?: string;
  /** Digests. */
  readonly used?: readonly string[];
  /** Digests or ids. */
  readonly revoked?: readonly string[];
}

export type LookedAtApproval = LookedAt<Partial<ApprovalSubject>>;
export type LookedAtDelegation = LookedAt<DelegationSubject>;

/** Of an approval that is shown for a call of `tool.write` by `agent`, with one target. */
export function approvalFinding(token: JsonObject, given: LookedAtApproval = {}): ApprovalFinding {
  const { subject, used = [], revoked = [], ...rules } = given;
  const call = {
    ...{ toolName: 'tool.write', intentDigest: INTENT_DIGEST, policyDigest: POLICY_DIGEST },
    ...{ exactArgsDigest: ARGS_DIGEST, actors: ['agent'], targets: 1, operations: 1, ...subject },
  };
  return checkApproval(
    token,
    call,
    { keyring: believing('approver', BOB), now: NOW, ...rules },
    {
      isUsed: (digest) => used.includes(digest),
      isRevoked: (digest, id) => revoked.includes(digest) || revoked.includes(id),
    },
  );
}

/** What becomes of an approval: `valid`, or the end of its code. */
export function approvalBecomes(token: JsonObject, given: LookedAtApproval = {}): string {
  return endOf(approvalFinding(token, given), 'approval_token_');
}

/** The same of a delegation. */
export function delegationBecomes(token: JsonObject, given: LookedAtDelegation = {}): string {
  return endOf(delegationFinding(token, given), 'delegation_token_');
}

function endOf({ valid, error_code }: ApprovalFinding | DelegationFinding, begin: string): string {
  assert.equal(valid, error_code === undefined);
  return error_code?.replace(begin, '') ?? 'valid';
}

export function delegationFinding(token: JsonObject, given: LookedAtDelegation = {}): DelegationFinding {
  const { subject = {}, revoked = [], ...rules } = given;
  return checkDelegation(
    token,
    subject,
    { keyring: believing('delegator', BOB), now: NOW, ...rules },
    { isRevoked: (digest, id) => revoked.includes(digest) || revoked.includes(id) },
  );
}
