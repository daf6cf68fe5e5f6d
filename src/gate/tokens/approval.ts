import { sha256Hex } from '../../core/digest.ts';
import type { TokenCode } from '../../core/error_codes.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { sameName, wordList } from '../../core/text.ts';
import { checkBase, type TokenBase, type TokenRules, textsIn } from './token.ts';

export const APPROVAL_SCHEMA_ID = 'gait.gate.approval_token';

/** The call that is to be approved, as tokens name it. */
export interface ApprovalSubject {
  readonly toolName: string;
  readonly intentDigest: string;
  readonly policyDigest: string;
  /** Of the delegation, where the call has one. */
  readonly delegationDigest?: string;
  /** Of the arguments as they were written, not a space trimmed. */
  readonly exactArgsDigest?: string;
  /** Of what the caller says beside the call: its environment, its agent. */
  readonly claimsDigest?: string;
  /** Who acts: none of them approves its own call. */
  readonly actors: readonly string[];
  readonly targets: number;
  readonly operations: number;
}

/** What became of one token that was presented. */
export interface ApprovalFinding {
  readonly token_id?: string;
  readonly approver_identity?: string;
  readonly reason_code?: string;
  readonly scope?: readonly string[];
  readonly expires_at?: string;
  readonly valid: boolean;
  /** Why not: `approval_token_expired` … */
  readonly error_code?: TokenCode;
  /** The same for people. */
  readonly detail?: string;
  /** Of a valid one: what it is used up by, and whose key made it. */
  readonly digest?: string;
  readonly key_id?: string;
}

/** What the ledger knows of tokens. */
export interface TokenUses {
  isUsed(digest: string): boolean;
  isRevoked(digest: string, tokenId: string): boolean;
}

const TEXTS = ['token_id', 'approver_identity', 'reason_code', 'intent_digest', 'policy_digest'] as const;

const KNOWN: ReadonlySet<string> = new Set([
  ...['schema_id', 'schema_version', 'created_at', 'producer_version', ...TEXTS],
  ...['delegation_binding_digest', 'scope', 'max_targets', 'max_ops', 'expires_at'],
]);

const KNOWN_EXT: ReadonlySet<string> = new Set([
  ...['schema_id', 'schema_version', 'purpose', 'nonce', 'max_uses', 'not_before', 'audience', 'args_digest'],
  'claims_digest',
]);

/** Looks at one token that was presented for a call. Pure; never throws for what the token is. */
export function checkApproval(
  document: JsonObject,
  subject: ApprovalSubject,
  rules: TokenRules,
  uses: TokenUses,
): ApprovalFinding {
  const said = saidBy(document);
  const invalid = (detail: string): ApprovalFinding => ({
    ...said,
    valid: false,
    error_code: 'approval_token_invalid',
    detail,
  });
  if (document['schema_id'] !== APPROVAL_SCHEMA_ID) return invalid('it is no approval token');
  if (document['schema_version'] !== '1.0.0') return invalid('its schema_version is not 1.0.0');
  const base = checkBase(document, KNOWN, 'approver', rules);
  const fault = 'fault' in base ? base : approvalFault(document, base.token, subject, uses);
  if (fault !== undefined) {
    return { ...said, valid: false, error_code: `approval_token_${fault.fault}`, detail: fault.detail };
  }
  const { token } = base as { token: TokenBase };
  return { ...said, valid: true, digest: token.digest, key_id: token.keyId };
}

/** What a token says of itself, for records; nothing of it is believed. */
function saidBy(document: JsonObject): Omit<ApprovalFinding, 'valid'> {
  const { scope } = document;
  const texts = ['token_id', 'approver_identity', 'reason_code', 'expires_at'].flatMap((name) =>
    typeof document[name] === 'string' ? [[name, document[name]]] : [],
  );
  const scopes = Array.isArray(scope) ? scope.filter((one) => typeof one === 'string') : [];
  return { ...Object.fromEntries(texts), ...(scopes.length === 0 ? {} : { scope: scopes }) };
}

interface Fault {
  readonly fault: string;
  readonly detail: string;
}

function approvalFault(
  document: JsonObject,
  token: TokenBase,
  subject: ApprovalSubject,
  uses: TokenUses,
): Fault | undefined {
  const texts = textsIn(document, TEXTS);
  if (texts === undefined || TEXTS.some((name) => texts[name] === undefined)) {
    return { fault: 'invalid', detail: 'a member that it needs is missing' };
  }
  // Others do not look at the id that they gave: it is signed, and the digest says which token it is.
  if (token.ext !== undefined && token.token_id !== idOf(document, token.scope)) {
    return { fault: 'invalid', detail: 'its token_id is not the one that its members make' };
  }
  return (
    bindingFault(document, subject) ??
    scopeFault(document, token, subject) ??
    approverFault(texts['approver_identity'] ?? '', token, subject) ??
    extFault(token, subject) ??
    useFault(token, uses)
  );
}

function bindingFault(document: JsonObject, subject: ApprovalSubject): Fault | undefined {
  if (document['intent_digest'] !== subject.intentDigest) {
    return { fault: 'intent_mismatch', detail: 'it is for another call' };
  }
  if (document['policy_digest'] !== subject.policyDigest) {
    return { fault: 'policy_mismatch', detail: 'it is for another policy' };
  }
  const bound = document['delegation_binding_digest'];
  if (bound !== subject.delegationDigest) {
    return { fault: 'delegation_binding_mismatch', detail: 'it is not bound to the delegation of this call' };
  }
  return undefined;
}

function scopeFault(document: JsonObject, { scope }: TokenBase, subject: ApprovalSubject): Fault | undefined {
  if (!scope.includes('*') && !scope.includes(`tool:${subject.toolName}`)) {
    return { fault: 'scope_mismatch', detail: `its scope lacks tool:${subject.toolName}` };
  }
  const over = (limit: Json | undefined, count: number): boolean =>
    limit !== undefined && limit !== 0 && !(typeof limit === 'number' && count <= limit);
  if (over(document['max_targets'], subject.targets)) {
    return { fault: 'max_targets_exceeded', detail: `the call has ${subject.targets} targets` };
  }
  if (over(document['max_ops'], subject.operations)) {
    return { fault: 'max_ops_exceeded', detail: `the call has ${subject.operations} operations` };
  }
  return undefined;
}

/** Who acts does not approve, and nobody approves in a name that the key is not for. */
function approverFault(
  approver: string,
  { identities, names }: TokenBase,
  { actors }: ApprovalSubject,
): Fault | undefined {
  if (identities.length > 0 && !identities.includes(approver)) {
    return { fault: 'approver_mismatch', detail: `the key is not one of ${approver}` };
  }
  const theirs = new Set([approver, ...names].map(sameName));
  const own = actors.some((actor) => theirs.has(sameName(actor)));
  return own ? { fault: 'self_approval', detail: 'who asks does not approve' } : undefined;
}

function extFault(
  { ext = {} }: TokenBase,
  { exactArgsDigest, claimsDigest }: ApprovalSubject,
): Fault | undefined {
  const strange = Object.keys(ext).find((name) => !KNOWN_EXT.has(name));
  if (strange !== undefined) return { fault: 'invalid', detail: `its ext has an unknown member ${strange}` };
  if (Object.keys(ext).length > 0 && ext['max_uses'] !== 1) {
    return { fault: 'invalid', detail: 'it says to be good for other than one use' };
  }
  const { args_digest: args = exactArgsDigest, claims_digest: claims = claimsDigest } = ext;
  if (args !== exactArgsDigest) {
    return { fault: 'args_mismatch', detail: 'it is for other arguments, to the letter' };
  }
  if (claims === claimsDigest) return undefined;
  return { fault: 'claims_mismatch', detail: 'it is for a call that says other things of itself' };
}

function useFault({ digest, token_id }: TokenBase, uses: TokenUses): Fault | undefined {
  if (uses.isRevoked(digest, token_id)) return { fault: 'revoked', detail: 'it was taken back' };
  return uses.isUsed(digest) ? { fault: 'consumed', detail: 'it was used already' } : undefined;
}

/** The members that make a token's id. */
export interface ApprovalId {
  readonly intent_digest: string;
  readonly policy_digest: string;
  readonly approver_identity: string;
  readonly reason_code: string;
  readonly scope: readonly string[];
  readonly expires_at: string;
}

/** The id of an approval: 24 hexadecimal digits, as the programs before this one make it. */
export function approvalId(token: ApprovalId, limits?: { targets: number; ops: number }): string {
  const { intent_digest, policy_digest, approver_identity, reason_code, scope, expires_at } = token;
  const parts = [intent_digest, policy_digest, approver_identity, reason_code, scope.join(',')];
  const limited = limits === undefined ? [] : [String(limits.targets), String(limits.ops)];
  return sha256Hex([...parts, ...limited, expires_at].join(':')).slice(0, 24);
}

/** Version 1.2.0 made ids without the limits, 1.4.0 with them; both are asked for, so that both verify. */
function idOf(document: JsonObject, scope: readonly string[]): string | undefined {
  const token = { ...(document as unknown as ApprovalId), scope };
  const limit = (name: string): number => (typeof document[name] === 'number' ? document[name] : 0);
  const limits = { targets: limit('max_targets'), ops: limit('max_ops') };
  const ids = [approvalId(token), approvalId(token, limits)];
  const limited = limits.targets > 0 || limits.ops > 0;
  return ids.slice(limited ? 1 : 0).find((id) => id === document['token_id']);
}

/** How far the tokens that were presented go. */
export interface ApprovalCount {
  readonly required: number;
  readonly findings: readonly ApprovalFinding[];
  /** The valid ones, one for each key, by digest. */
  readonly distinct: readonly ApprovalFinding[];
  readonly valid: number;
  readonly granted: boolean;
  readonly reasons: readonly string[];
}

/**
 * Counts approvals: of each key, and of each name, one. `distinct` approvers are distinct keys; more than one approval
 * always is by distinct ones.
 */
export function countApprovals(required: number, findings: readonly ApprovalFinding[]): ApprovalCount {
  const valid = uniqueBy(
    findings.filter((one) => one.valid),
    ({ digest }) => digest,
  );
  const distinct = distinctOnes(valid);
  const counted = { required, findings, distinct, valid: valid.length };
  if (distinct.length >= required) return { ...counted, granted: true, reasons: ['approval_granted'] };
  const faults = findings.flatMap(({ error_code }) => error_code ?? []);
  const why =
    findings.length === 0
      ? ['approval_token_missing']
      : [
          ...(valid.length < required ? ['approval_chain_insufficient'] : []),
          ...(required > 1 ? ['approval_distinct_approvers_required'] : []),
        ];
  return { ...counted, granted: false, reasons: wordList([...why, ...faults]) };
}

/** As many as there are of which no two share a key or a name: a maximum matching of keys to names. */
function distinctOnes(valid: readonly ApprovalFinding[]): ApprovalFinding[] {
  const byName = new Map<string, ApprovalFinding>();
  const place = (key: string | undefined, seen: Set<string>): boolean =>
    valid
      .filter(({ key_id }) => key_id === key)
      .some((one) => {
        const name = sameName(one.approver_identity ?? '');
        if (seen.has(name)) return false;
        seen.add(name);
        const holder = byName.get(name);
        if (holder !== undefined && !place(holder.key_id, seen)) return false;
        byName.set(name, one);
        return true;
      });
  for (const key of new Set(valid.map(({ key_id }) => key_id))) place(key, new Set());
  return [...byName.values()];
}

function uniqueBy<T>(items: readonly T[], key: (item: T) => unknown): T[] {
  const seen = new Set<unknown>();
  return items.filter((item) => !seen.has(key(item)) && seen.add(key(item)));
}
