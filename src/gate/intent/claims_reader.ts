import type { Fields } from '../../core/fields.ts';
import { loweredList, trimmed } from '../../core/text.ts';
import { inUtc } from '../../core/time.ts';
import {
  type AgentIdentity,
  type Claims,
  CREDENTIAL_ACCESS_TYPES,
  CREDENTIAL_SOURCES,
  PHASES,
} from './claims.ts';
import { filled, oneOf, texts, word } from './fields.ts';

/**
 * What the context of an intent says beside what is digested. Takes its members out of `fields` and leaves the rest to
 * the caller. Throws `record_invalid` or `intent_invalid` for a member of the wrong type or an unknown word.
 */
export function claimsOf(fields: Fields): Claims {
  const identity = identityOf(fields.inside('agent_identity'));
  const ttl = fields.count('credential_ttl_seconds') ?? 0;
  return {
    ...filled({
      ...plain(fields, ['agent_id', 'run_id', 'workflow_id', 'repo', 'job_id', 'credential_ref']),
      ...plain(fields, ['credential_issuer', 'approval_ref', 'wrkr_inventory_ref', 'agent_action_bom_ref']),
      environment: word(fields, 'environment'),
    }),
    ...(Object.keys(identity).length === 0 ? {} : { agent_identity: identity }),
    ...known(fields, 'phase', PHASES),
    ...known(fields, 'credential_source', CREDENTIAL_SOURCES),
    ...known(fields, 'credential_access_type', CREDENTIAL_ACCESS_TYPES),
    ...(ttl === 0 ? {} : { credential_ttl_seconds: ttl }),
  };
}

function identityOf(fields: Fields): AgentIdentity {
  const lifecycle_states = loweredList(texts(fields, 'lifecycle_states'));
  const identity: AgentIdentity = {
    ...(lifecycle_states.length === 0 ? {} : { lifecycle_states }),
    ...filled({
      ...plain(fields, ['owner']),
      ...{ manifest_digest: word(fields, 'manifest_digest'), publisher: word(fields, 'publisher') },
      source: word(fields, 'source'),
      ...{ issued_at: instant(fields, 'issued_at'), approved_at: instant(fields, 'approved_at') },
      expires_at: instant(fields, 'expires_at'),
    }),
    ...(fields.flag('revoked') === true ? { revoked: true } : {}),
  };
  fields.ignored();
  return identity;
}

function plain<N extends string>(fields: Fields, names: readonly N[]): Record<N, string> {
  const entries = names.map((name) => [name, trimmed(fields.text(name) ?? '')]);
  return Object.fromEntries(entries) as Record<N, string>;
}

function known<N extends string, T extends string>(
  fields: Fields,
  name: N,
  allowed: readonly T[],
): { readonly [K in N]?: T } {
  const value = word(fields, name);
  if (value === '') return {};
  return { [name]: oneOf(allowed, value, fields.at(name)) } as { readonly [K in N]?: T };
}

/** Empty where nobody set it. */
function instant(fields: Fields, name: string): string {
  const time = fields.stamp(name);
  return time === undefined ? '' : inUtc(time);
}
