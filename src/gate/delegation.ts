import { sha256Hex } from '../core/digest.ts';
import type { JsonObject } from '../core/json.ts';
import { epochMs, inUtc, NEVER } from '../core/time.ts';
import type { Intent } from './intent.ts';
import { checkBase, type TokenBase, type TokenRules, textsIn } from './token_reader.ts';
import { wordList } from './words.ts';

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
  readonly error_code?: string;
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
  if (token.token_id !== delegationId(document, token)) {
    return failed('invalid', 'its token_id is not the one that its members make');
  }
  const strange = Object.keys(token.ext ?? {}).find((name) => !KNOWN_EXT.has(name));
  if (strange !== undefined) return failed('invalid', `its ext has an unknown member ${strange}`);
  const { identities } = token.key;
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

/** What the tokens that were presented prove of a chain. */
export interface DelegationProof {
  readonly findings: readonly DelegationFinding[];
  /** The tokens that prove the hops, from the first one on. Empty unless all are proven. */
  readonly hops: readonly DelegationFinding[];
  readonly granted: boolean;
  readonly reasons: readonly string[];
}

/** What must be proven: who acts for whom, and what the rules want the tokens to be for. */
export interface ChainRules {
  /** For each rule that names scopes, those of which it wants one. */
  readonly scopes: readonly (readonly string[])[];
  readonly now: string;
}

/**
 * Proves a chain of delegations hop by hop: each by a valid token of its own, each no wider and no longer than the one
 * before, the last to the one who asks. A chain without links is one hop, to the one who asks.
 */
export function proveChain(
  intent: Intent,
  findings: readonly DelegationFinding[],
  { scopes, now }: ChainRules,
): DelegationProof {
  const refused = (...reasons: readonly string[]): DelegationProof => {
    const faults = findings.flatMap(({ error_code }) => error_code ?? []);
    return { findings, hops: [], granted: false, reasons: wordList([...reasons, ...faults]) };
  };
  const { delegation, context, tool_name } = intent;
  if (delegation === undefined || findings.length === 0) return refused('delegation_token_missing');
  const { requester_identity: requester, chain = [] } = delegation;
  const ended = [delegation, ...chain].some(
    ({ expires_at }) => expires_at !== NEVER && epochMs(expires_at) <= epochMs(now),
  );
  if (ended) return refused('delegation_expired');
  if (!isContinuous(chain, requester)) return refused('delegation_chain_broken');
  const principal = chain[0]?.delegator_identity;
  if (context.identity !== requester && context.identity !== principal) {
    return refused('delegation_identity_mismatch');
  }
  const links = chain.length === 0 ? [{ delegate_identity: requester }] : chain;
  const hops = hopsOf(links, findings);
  if (hops === undefined) return refused('delegation_chain_insufficient');
  const fault = narrowingFault(hops) ?? scopeFault(hops, scopes, tool_name);
  return fault === undefined
    ? { findings, hops, granted: true, reasons: ['delegation_granted'] }
    : refused('delegation_chain_insufficient', fault);
}

interface Link {
  readonly delegator_identity?: string;
  readonly delegate_identity: string;
}

function isContinuous(
  chain: readonly { readonly delegator_identity: string; readonly delegate_identity: string }[],
  requester: string,
): boolean {
  const joined = chain.every(
    ({ delegator_identity }, index) =>
      index === 0 || chain[index - 1]?.delegate_identity === delegator_identity,
  );
  return joined && (chain.length === 0 || chain.at(-1)?.delegate_identity === requester);
}

/** A valid token for each link, each used for one; undefined if a link has none. */
function hopsOf(
  links: readonly Link[],
  findings: readonly DelegationFinding[],
): DelegationFinding[] | undefined {
  const left = new Set(findings.filter(({ valid }) => valid));
  const hops: DelegationFinding[] = [];
  for (const { delegator_identity: from, delegate_identity: to } of links) {
    const fits = [...left].filter(
      (one) => one.delegate_identity === to && (from === undefined || one.delegator_identity === from),
    );
    const [hop] = fits.filter((one) => isNarrower(hops.at(-1), one)).concat(fits);
    if (hop === undefined) return undefined;
    left.delete(hop);
    hops.push(hop);
  }
  return hops;
}

function narrowingFault(hops: readonly DelegationFinding[]): string | undefined {
  const wider = hops.some((hop, index) => index > 0 && !isNarrower(hops[index - 1], hop));
  return wider ? 'delegation_scope_widened' : undefined;
}

/** True if a hop hands on no more than it was given, and for no longer. */
function isNarrower(parent: DelegationFinding | undefined, child: DelegationFinding): boolean {
  if (parent === undefined) return true;
  const given = grantsOf(parent);
  const within = given.has('*') || [...grantsOf(child)].every((scope) => given.has(scope));
  return within && expiryOf(child) <= expiryOf(parent);
}

function grantsOf({ scope = [], scope_class = '' }: DelegationFinding): Set<string> {
  return new Set([...scope, scope_class].filter((one) => one !== ''));
}

function expiryOf({ expires_at = NEVER }: DelegationFinding): number {
  return epochMs(inUtc(expires_at));
}

/**
 * Every hop must be for what each of the rules asks for; where none names a scope, for the tool, or for what the tool
 * does, which is the last word of its name.
 */
function scopeFault(
  hops: readonly DelegationFinding[],
  wanted: readonly (readonly string[])[],
  tool: string,
): string | undefined {
  const asked = wanted.length === 0 ? [[`tool:${tool}`, tool.split('.').at(-1) ?? tool]] : wanted;
  const covered = hops.every((hop) => {
    const grants = grantsOf(hop);
    return grants.has('*') || asked.every((scopes) => scopes.some((scope) => grants.has(scope)));
  });
  return covered ? undefined : 'delegation_token_scope_mismatch';
}
