import { amount, exactWords, flag, type Row, type Rows, words } from './rows.ts';

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
export const CREDENTIAL: Rows<CredentialRules> = {
  no_standing: flag('BlockStandingCredentials', { name: 'block_standing_credentials' }),
  jit: flag('RequireJITCredential', { name: 'require_jit_credential' }),
  max_ttl_seconds: amount('MaxCredentialTTLSeconds', { name: 'max_credential_ttl_seconds' }),
  sources: listed(words('AllowedCredentialSources', { name: 'allowed_credential_sources' })),
  issuers: listed(exactWords('AllowedCredentialIssuers', { name: 'allowed_credential_issuers' })),
  access_types: listed(words('AllowedCredentialAccessTypes', { name: 'allowed_credential_access_types' })),
};

/** A list that says nothing is none. */
function listed(row: Row<string[]>): Row<readonly string[] | null> {
  const read: Row<readonly string[] | null>['read'] = (fields, name, grants) => {
    const list = row.read(fields, name, grants);
    return list.length === 0 ? null : list;
  };
  const { digest, name = '' } = row;
  return { digest, name, read };
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
