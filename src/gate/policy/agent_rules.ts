import { lowered, trimmed } from '../../core/text.ts';
import { epochMs } from '../../core/time.ts';
import type { AgentIdentity } from '../intent/claims.ts';
import type { EvaluationInput, Violation } from '../rules/asked.ts';
import { exactWords, flag, type Rows, words } from './rows.ts';

/** What an agent must say of itself. It is only its word: a rule of these blocks who does not fit, and believes nobody. */
export interface AgentRules {
  readonly require_declared_agent: boolean;
  readonly allowed_agent_ids: readonly string[];
  readonly denied_agent_ids: readonly string[];
  readonly required_agent_manifest_digest: string;
  readonly allowed_agent_manifest_publishers: readonly string[];
  readonly allowed_agent_manifest_sources: readonly string[];
  /** All of them. */
  readonly required_agent_lifecycle_states: readonly string[];
  readonly require_agent_owner: boolean;
  readonly require_unexpired_agent: boolean;
}

/** The rules that stand among the other members of a rule. */
export const AGENT: Rows<AgentRules> = {
  require_declared_agent: flag('RequireDeclaredAgent'),
  allowed_agent_ids: exactWords('AllowedAgentIDs'),
  denied_agent_ids: exactWords('DeniedAgentIDs'),
  required_agent_manifest_digest: {
    digest: 'RequiredAgentManifestDigest',
    read: (fields, name) => lowered(trimmed(fields.text(name))),
  },
  allowed_agent_manifest_publishers: words('AllowedAgentManifestPublishers'),
  allowed_agent_manifest_sources: words('AllowedAgentManifestSources'),
  required_agent_lifecycle_states: words('RequiredAgentLifecycleStates'),
  require_agent_owner: flag('RequireAgentOwner'),
  require_unexpired_agent: flag('RequireUnexpiredAgent'),
};

/** True if anything is asked of an agent. */
export function asksForAgent(rules: AgentRules): boolean {
  return Object.values(rules).some((value: AgentRules[keyof AgentRules]) =>
    typeof value === 'boolean' ? value : value.length > 0,
  );
}

/** A reason, and the violation that it is. */
type Fault = readonly [reason: string, violation: string];

/** What speaks against an agent. One that does not say what is asked for does not fit. */
export function agent(rules: AgentRules, { claims, at }: EvaluationInput): Violation | undefined {
  if (!asksForAgent(rules)) return undefined;
  const { agent_id, agent_identity } = claims;
  const declared = agent_id !== undefined && agent_identity !== undefined;
  const faults: Fault[] = [
    ...(rules.require_declared_agent && !declared ? [UNDECLARED] : []),
    ...nameFaults(rules, agent_id),
    ...identityFaults(rules, agent_identity ?? {}, at),
  ];
  if (faults.length === 0) return undefined;
  return {
    effect: 'block',
    reasons: faults.map(([reason]) => reason),
    violations: faults.map(([, violation]) => violation),
  };
}

const UNDECLARED: Fault = ['agent_unknown', 'agent_identity_missing'];

function nameFaults({ allowed_agent_ids: allowed, denied_agent_ids: denied }: AgentRules, id = ''): Fault[] {
  const faults: Fault[] = [];
  if (denied.length > 0 && id === '') faults.push(UNDECLARED); // it may be any of them
  if (denied.some((one) => folded(one) === folded(id))) faults.push(['agent_revoked', 'agent_revoked']);
  if (allowed.length > 0 && !allowed.includes(id)) faults.push(['agent_unknown', 'agent_not_declared']);
  return faults;
}

/** A name that is denied is so in every spelling of its letters. */
function folded(id: string): string {
  return lowered(id.normalize('NFKC'));
}

function identityFaults(rules: AgentRules, identity: AgentIdentity, at: number): Fault[] {
  const { owner, lifecycle_states = [], manifest_digest, publisher = '', source = '', expires_at } = identity;
  const [digest, publishers] = [
    rules.required_agent_manifest_digest,
    rules.allowed_agent_manifest_publishers,
  ];
  const sources = rules.allowed_agent_manifest_sources;
  const lacks = (state: string): boolean => !lifecycle_states.includes(state);
  const found: readonly (readonly [boolean, string])[] = [
    [identity.revoked === true, 'agent_revoked'],
    [rules.require_agent_owner && owner === undefined, 'agent_owner_missing'],
    [rules.required_agent_lifecycle_states.some(lacks), 'agent_lifecycle_state_invalid'],
    [
      rules.require_unexpired_agent && !(expires_at !== undefined && epochMs(expires_at) > at),
      'agent_expired',
    ],
    [digest !== '' && manifest_digest !== digest, 'agent_manifest_mismatch'],
    [publishers.length > 0 && !publishers.includes(publisher), 'agent_manifest_mismatch'],
    [sources.length > 0 && !sources.includes(source), 'agent_manifest_mismatch'],
  ];
  return found.filter(([holds]) => holds).map(([, code]) => [code, code]);
}
