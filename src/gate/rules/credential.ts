import { lowered, trimmed } from '../../core/text.ts';
import type { Claims } from '../intent/claims.ts';
import { asksForCredential, type CredentialRules } from '../policy/credential_rules.ts';
import type { EvaluationInput, Violation } from './asked.ts';

/** What is known of a credential: what a caller says of it, or what a broker said when it gave it out. */
export interface CredentialFacts {
  readonly source?: string | undefined;
  readonly issuer?: string | undefined;
  readonly access_type?: string | undefined;
  readonly ttl_seconds?: number | undefined;
}

/** What speaks against the credential that a call says it will use: it must say which, and what it is. */
export function credential(rules: CredentialRules, { claims }: EvaluationInput): Violation | undefined {
  if (!asksForCredential(rules)) return undefined;
  const facts = claimed(claims);
  const { max_ttl_seconds: max } = rules;
  const { ttl_seconds: ttl = 0 } = facts;
  const codes = [
    ...(claims.credential_ref === undefined || (max > 0 && ttl === 0) ? ['credential_evidence_missing'] : []),
    ...(isUnknown(facts.source) ? ['credential_source_unknown'] : []),
    ...(isUnknown(facts.access_type) ? ['credential_access_type_unknown'] : []),
    ...listFaults(rules, facts),
    ...(max > 0 && ttl > max ? ['credential_ttl_exceeded'] : []),
  ];
  return codes.length === 0 ? undefined : { effect: 'block', reasons: codes, violations: codes };
}

/**
 * What speaks against a credential that a broker gave out: what the rules ask for and it is not, or does not say, and
 * what it is where the call said otherwise. Codes, each once; none for one that may be used.
 */
export function receiptFaults(rules: CredentialRules, receipt: CredentialFacts, claims: Claims): string[] {
  if (!asksForCredential(rules)) return [];
  const { max_ttl_seconds: max, sources, access_types, jit, no_standing } = rules;
  const ttl = receipt.ttl_seconds ?? 0;
  const asksForAccess = access_types !== null || jit || no_standing;
  const said = claimed(claims);
  const differ = (['source', 'issuer', 'access_type'] as const).filter((name) => {
    const fact = worded(name, receipt[name]);
    return said[name] !== undefined && fact !== '' && fact !== said[name];
  });
  return [
    ...(sources !== null && isUnknown(receipt.source) ? ['credential_source_unknown'] : []),
    ...(asksForAccess && isUnknown(receipt.access_type) ? ['credential_access_type_unknown'] : []),
    ...listFaults(rules, receipt),
    ...(max > 0 && !(ttl > 0) ? ['broker_credential_ttl_invalid'] : []),
    ...(max > 0 && ttl > max ? ['broker_credential_ttl_exceeded'] : []),
    ...differ.map((name) => `broker_credential_${name}_mismatch`),
  ];
}

/** What is not in a list is not allowed, and an access that is not said to be for this call may be a standing one. */
function listFaults(
  { sources, issuers, access_types, jit, no_standing }: CredentialRules,
  facts: CredentialFacts,
): string[] {
  const [source, issuer] = [worded('source', facts.source), worded('issuer', facts.issuer)];
  const access = worded('access_type', facts.access_type);
  const outside = (list: readonly string[] | null, word: string): boolean => list?.includes(word) === false;
  const found: readonly (readonly [boolean, string])[] = [
    [outside(sources, source), 'credential_source_disallowed'],
    [outside(issuers, issuer), 'credential_issuer_disallowed'],
    [outside(access_types, access), 'credential_access_type_disallowed'],
    [jit && access !== 'jit', 'credential_not_jit'],
    [no_standing && access !== 'jit', 'standing_credential_disallowed'],
  ];
  return found.filter(([holds]) => holds).map(([, code]) => code);
}

function claimed(claims: Claims): CredentialFacts {
  return {
    source: claims.credential_source,
    issuer: claims.credential_issuer,
    access_type: claims.credential_access_type,
    ttl_seconds: claims.credential_ttl_seconds,
  };
}

function worded(name: 'source' | 'issuer' | 'access_type', text = ''): string {
  return name === 'issuer' ? trimmed(text) : lowered(trimmed(text));
}

function isUnknown(word: string | undefined): boolean {
  return ['', 'unknown'].includes(worded('source', word));
}
