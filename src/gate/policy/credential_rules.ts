import type { JsonObject } from '../../core/json.ts';
import { loweredList, wordList } from '../../core/text.ts';
import type { PolicyFields } from './fields.ts';
import { countIn } from './values.ts';

/** What a credential must be for a call to run with it. */
export interface CredentialRules {
  /** Whole seconds; 0 for any time. */
  readonly max_ttl_seconds: number;
  /** Null for any. An empty list admits none. */
  readonly sources: readonly string[] | null;
  /** Null for any. An empty list admits none. Case counts. */
  readonly issuers: readonly string[] | null;
  /** Null for any. An empty list admits none. */
  readonly access_types: readonly string[] | null;
  /** It was made for this call. */
  readonly jit: boolean;
  /** It is not one that its owner has anyway. */
  readonly no_standing: boolean;
}

/** Rules that ask nothing. */
export const ANY_CREDENTIAL: CredentialRules = {
  max_ttl_seconds: 0,
  sources: null,
  issuers: null,
  access_types: null,
  jit: false,
  no_standing: false,
};

/** The rules that stand among the other members of a rule. */
export function credentialRulesOf(fields: PolicyFields): CredentialRules {
  const listed = (words: readonly string[]): readonly string[] | null => (words.length === 0 ? null : words);
  return {
    max_ttl_seconds: countIn(fields, 'max_credential_ttl_seconds'),
    sources: listed(loweredList(fields.texts('allowed_credential_sources'))),
    issuers: listed(wordList(fields.texts('allowed_credential_issuers'))),
    access_types: listed(loweredList(fields.texts('allowed_credential_access_types'))),
    jit: fields.flag('require_jit_credential'),
    no_standing: fields.flag('block_standing_credentials'),
  };
}

/** Their members in the digest of a policy; those that ask nothing are to be left out. */
export function digestedCredential(rules: CredentialRules): JsonObject {
  return {
    BlockStandingCredentials: rules.no_standing,
    AllowedCredentialSources: rules.sources,
    AllowedCredentialIssuers: rules.issuers,
    AllowedCredentialAccessTypes: rules.access_types,
    MaxCredentialTTLSeconds: rules.max_ttl_seconds,
    RequireJITCredential: rules.jit,
  };
}

/** True if anything is asked of a credential. */
export function asksForCredential(rules: CredentialRules): boolean {
  const { max_ttl_seconds, sources, issuers, access_types, jit, no_standing } = rules;
  return (
    max_ttl_seconds > 0 || jit || no_standing || [sources, issuers, access_types].some((one) => one !== null)
  );
}

/** What satisfies both. */
export function bothCredentialRules(one: CredentialRules, other: CredentialRules): CredentialRules {
  const times = [one.max_ttl_seconds, other.max_ttl_seconds].filter((seconds) => seconds > 0);
  return {
    max_ttl_seconds: times.length === 0 ? 0 : Math.min(...times),
    sources: inBoth(one.sources, other.sources),
    issuers: inBoth(one.issuers, other.issuers),
    access_types: inBoth(one.access_types, other.access_types),
    jit: one.jit || other.jit,
    no_standing: one.no_standing || other.no_standing,
  };
}

function inBoth(one: readonly string[] | null, other: readonly string[] | null): readonly string[] | null {
  if (one === null || other === null) return one ?? other;
  return one.filter((word) => other.includes(word));
}
