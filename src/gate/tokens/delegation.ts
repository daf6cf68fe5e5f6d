import { sha256Hex } from '../../core/digest.ts';
import type { TokenCode } from '../../core/error_codes.ts';
import type { JsonObject } from '../../core/json.ts';
import { checkBase, type TokenBase, type TokenRules, textsIn } from './token.ts';

export const DELEGATION_SCHEMA_ID = 'gait.gate.delegation_token';

/** What a verifier of one token asks of it; what is absent is not asked for. */
export interface DelegationSubject {
  readonly delegator?: string;
  readonly delegate?: string;
  readonly intentDigest?: string;
  readonly policyDigest?: string;
}

/** What became of one token that was presented. */
export interface DelegationFinding {
  readonly token_id?: string;
  readonly delegator_identity?: string;
  readonly delegate_identity?: string;
  readonly scope?: readonly string[];
  readonly scope_class?: string;
  readonly expires_at?: string;
  readonly valid: boolean;
  /** Why not: `delegation_token_expired` … */
  readonly error_code?: TokenCode;
  readonly detail?: string;
  readonly digest?: string;
  readonly key_id?: string;
}

const NEEDED = ['token_id', 'delegator_identity', 'delegate_identity'] as const;
const TEXTS = [...NEEDED, 'scope_class', 'intent_digest', 'policy_digest'] as const;

const KNOWN: ReadonlySet<string> = new Set([
  ...['schema_id', 'schema_version', 'created_at', 'producer_version', 'scope', 'expires_at', ...TEXTS],
]);

const KNOWN_EXT: ReadonlySet<string> = new Set([
  ...['schema_id', 'schema_version', 'purpose', 'nonce', 'not_before', 'audience'],
]);

/** What the ledger knows of tokens that were taken back. */
export interface Revocations {
  isRevoked(digest: string, tokenId: string): boolean;
}

/** Looks at one delegation token. Pure; never throws for what the token is. */
export function checkDelegation(
  document: JsonObject,
  subject: DelegationSubject,
  rules: TokenRules,
  revocations: Revocations,
): DelegationFinding {
  const said = saidBy(document);
  const failed = (fault: string, detail: string): DelegationFinding => ({
    ...said,
    valid: false,
    error_code: `delegation_token_${fault}`,
    detail,
  });
  if (document['schema_id'] !== DELEGATION_SCHEMA_ID) return failed('invalid', 'it is no delegation token');
  if (document['schema_version'] !== '1.0.0') return failed('invalid', 'its schema_version is not 1.0.0');
  const base = checkBase(document, KNOWN, 'delegator', rules);
  if ('fault' in base) return failed(base.fault, base.detail);
  const { token } = base;
  const texts = textsIn(document, TEXTS);
  if (texts === undefined || NEEDED.some((name) => texts[name] === undefined)) {
    return failed('invalid', 'a member that it needs is missing');
  }
  if (token.ext !== undefined && token.token_id !== delegationId(document, token)) {
    return failed('invalid', 'its token_id is not the one that its members make');
  }
  const strange = Object.keys(token.ext ?? {}).find((name) => !KNOWN_EXT.has(name));
  if (strange !== undefined) return failed('invalid', `its ext has an unknown member ${strange}`);
  const { identities } = token;
  if (identities.length > 0 && !identities.includes(texts['delegator_identity'] ?? '')) {
    return failed('delegator_mismatch', `the key is not one of ${texts['delegator_identity']}`);
  }
  const bound = bindingFault(texts, subject);
  if (bound !== undefined) return failed(...bound);
  if (revocations.isRevoked(token.digest, token.token_id)) return failed('revoked', 'it was taken back');
  return { ...said, valid: true, digest: token.digest, key_id: token.keyId };
}

function saidBy(document: JsonObject): Omit<DelegationFinding, 'valid'> {
  const names = ['token_id', 'delegator_identity', 'delegate_identity', 'scope_class', 'expires_at'];
  const texts = names.flatMap((name) => (typeof document[name] === 'string' ? [[name, document[name]]] : []));
  const { scope } = document;
  const scopes = Array.isArray(scope) ? scope.filter((one) => typeof one === 'string') : [];
  return { ...Object.fromEntries(texts), ...(scopes.length === 0 ? {} : { scope: scopes }) };
}

function bindingFault(
  texts: Record<string, string>,
  { delegator, delegate, intentDigest, policyDigest }: DelegationSubject,
): [string, string] | undefined {
  const { delegator_identity: from, delegate_identity: to, intent_digest, policy_digest } = texts;
  if (delegator !== undefined && from !== delegator) return ['delegator_mismatch', `it is by ${from}`];
  if (delegate !== undefined && to !== delegate) return ['delegate_mismatch', `it is for ${to}`];
  if (intent_digest !== undefined && intent_digest !== intentDigest) {
    return ['intent_mismatch', 'it is for one call, and this is not it'];
  }
  if (policy_digest !== undefined && policy_digest !== policyDigest) {
    return ['policy_mismatch', 'it is for one policy, and this is not it'];
  }
  return undefined;
}

/** The id of a delegation: 24 hexadecimal digits, as the programs before this one make it. */
export function delegationId(
  document: JsonObject,
  { scope, expires_at }: Pick<TokenBase, 'scope' | 'expires_at'>,
): string {
  const text = (name: string): string => (typeof document[name] === 'string' ? document[name] : '');
  const parts = [
    ...[text('delegator_identity'), text('delegate_identity'), scope.join(','), text('scope_class')],
    ...[text('intent_digest'), text('policy_digest'), expires_at],
  ];
  return sha256Hex(parts.join(':')).slice(0, 24);
}
