import { lowered, loweredList, trimmed, wordList } from '../../core/text.ts';
import { domainFault } from '../target/domains.ts';
import { ENDPOINT_CLASSES } from '../target/endpoint.ts';
import { pathFault } from '../target/path_patterns.ts';
import { VERDICTS } from '../verdict.ts';
import { AGENT } from './agent_rules.ts';
import { CREDENTIAL } from './credential_rules.ts';
import type { PolicyFields } from './fields.ts';
import { FREEZE_WINDOW, freezeWindowOf } from './freeze_window.ts';
import {
  type Dataflow,
  type EndpointRule,
  type FailClosed,
  HIGH_RISK_FIELDS,
  type Match,
  type RateLimit,
  REQUIRED_FIELDS,
  type Rule,
} from './policy.ts';
import {
  ALWAYS,
  amount,
  exactWords,
  flag,
  knownWords,
  map,
  oneWord,
  type Row,
  type Rows,
  readRows,
  text,
  words,
} from './rows.ts';

/**
 * Every member of a rule, and of the maps in it: the reader, the formatter and the digest walk these tables. A new member is a
 * row here, its type in policy.ts, and its check where rules are judged.
 */
const ACTIONS = ['block', 'require_approval'] as const;

export const FAIL_CLOSED: Rows<FailClosed> = {
  enabled: flag('Enabled', ALWAYS),
  risk_classes: words('RiskClasses', ALWAYS),
  required_fields: knownWords('RequiredFields', REQUIRED_FIELDS, ALWAYS),
  required_high_risk_fields: knownWords('RequiredHighRiskFields', HIGH_RISK_FIELDS),
};

export const MATCH: Rows<Match> = {
  tool_names: words('ToolNames', ALWAYS),
  tool_patterns: words('ToolPatterns'),
  risk_classes: words('RiskClasses', ALWAYS),
  identities: exactWords('Identities', ALWAYS),
  identity_patterns: exactWords('IdentityPatterns'),
  workspace_prefixes: exactWords('WorkspacePrefixes', ALWAYS),
  provenance_sources: words('ProvenanceSources', ALWAYS),
  skill_publishers: words('SkillPublishers'),
  skill_sources: words('SkillSources'),
  target_kinds: words('TargetKinds', ALWAYS),
  target_values: exactWords('TargetValues', ALWAYS),
  target_patterns: exactWords('TargetPatterns'),
  endpoint_classes: knownWords('EndpointClasses', ENDPOINT_CLASSES),
  data_classes: words('DataClasses'),
  destination_kinds: words('DestinationKinds'),
  destination_values: exactWords('DestinationValues'),
  destination_operations: words('DestinationOps'),
  require_delegation: flag('RequireDelegation'),
  max_delegation_depth: { digest: 'MaxDelegationDepth', read: depthIn, says: (depth) => depth !== null },
  allowed_delegator_identities: exactWords('AllowedDelegatorIdentities'),
  allowed_delegate_identities: exactWords('AllowedDelegateIdentities'),
  delegation_scopes: words('DelegationScopes'),
};

function depthIn(fields: PolicyFields, name: string): number | null {
  const depth = fields.whole(name);
  if (depth !== undefined && depth < 0) throw fields.wrong(name, 'is below 0');
  return depth ?? null;
}

export const ENDPOINT: Rows<EndpointRule> = {
  enabled: flag('Enabled', ALWAYS),
  path_allowlist: patterns('PathAllowlist', 'path'),
  path_denylist: patterns('PathDenylist', 'path'),
  domain_allowlist: patterns('DomainAllowlist', 'domain'),
  domain_denylist: patterns('DomainDenylist', 'domain'),
  schemes: words('Schemes'),
  ports: { digest: 'Ports', read: (fields, name) => fields.wholes(name) },
  egress_classes: knownWords(
    'EgressClasses',
    ENDPOINT_CLASSES.filter((one) => one.startsWith('net.')),
    ALWAYS,
  ),
  action: oneWord('Action', ACTIONS, ALWAYS),
  destructive_action: oneWord('DestructiveAction', ACTIONS, ALWAYS),
  reason_code: text('ReasonCode', ALWAYS),
  violation: text('Violation', ALWAYS),
};

/** A list of patterns, each of which could hold for something: one that cannot would let everything past it. */
function patterns(digest: string, of: 'path' | 'domain'): Row<string[]> {
  const read = (fields: PolicyFields, name: string): string[] => {
    const list = of === 'path' ? wordList(fields.texts(name)) : loweredList(fields.texts(name));
    for (const pattern of list) {
      const fault = of === 'path' ? pathFault(pattern) : domainFault(pattern);
      if (fault !== undefined) throw fields.wrong(name, `names ${JSON.stringify(pattern)}, which ${fault}`);
    }
    return list;
  };
  return { digest, always: true, read };
}

export const DATAFLOW: Rows<Dataflow> = {
  enabled: flag('Enabled', ALWAYS),
  tainted_sources: words('TaintedSources', ALWAYS),
  destination_kinds: words('DestinationKinds'),
  destination_values: exactWords('DestinationValues'),
  destination_operations: words('DestinationOperations'),
  action: oneWord('Action', ACTIONS, ALWAYS),
  reason_code: text('ReasonCode', ALWAYS),
  violation: text('Violation', ALWAYS),
};

const lowerText = (digest: string): Row<string> => ({
  digest,
  always: true,
  read: (fields, name) => lowered(trimmed(fields.text(name))),
});

export const RATE_LIMIT: Rows<RateLimit> = {
  requests: amount('Requests', ALWAYS),
  window: lowerText('Window'),
  scope: lowerText('Scope'),
};

const isLimit = ({ requests }: RateLimit): boolean => requests > 0;
const isEnabled = ({ enabled }: { readonly enabled: boolean }): boolean => enabled;

export const RULE: Rows<Rule> = {
  name: { digest: 'Name', always: true, read: nameIn },
  priority: { digest: 'Priority', always: true, read: (fields, name) => fields.whole(name) ?? 0 },
  effect: { digest: 'Effect', always: true, read: effectIn },
  match: map('Match', matchOf, MATCH, undefined, ALWAYS),
  endpoint: map('Endpoint', endpointOf, ENDPOINT, isEnabled),
  dataflow: map('Dataflow', dataflowOf, DATAFLOW, isEnabled),
  reason_codes: exactWords('ReasonCodes', ALWAYS),
  violations: exactWords('Violations', ALWAYS),
  min_approvals: amount('MinApprovals'),
  require_distinct_approvers: flag('RequireDistinctApprovers'),
  require_context_evidence: flag('RequireContextEvidence'),
  required_context_evidence_mode: oneWord('RequiredContextEvidenceMode', ['required'] as const),
  max_context_age_seconds: amount('MaxContextAgeSeconds'),
  require_broker_credential: flag('RequireBrokerCredential'),
  broker_reference: text('BrokerReference'),
  broker_scopes: words('BrokerScopes'),
  rate_limit: map('RateLimit', rateLimitOf, RATE_LIMIT, isLimit),
  destructive_budget: { ...map('DestructiveBudget', rateLimitOf, RATE_LIMIT, isLimit), read: budgetIn },
  agent: { among: AGENT },
  credential: { among: CREDENTIAL },
  freeze_window: map('FreezeWindow', freezeWindowOf, FREEZE_WINDOW, isEnabled),
};

function nameIn(fields: PolicyFields): string {
  const name = trimmed(fields.text('name'));
  if (name === '') throw fields.wrong('name', 'is missing', 'Every rule has a name.');
  return name;
}

/** What a rule says to a call. */
export function effectIn(fields: PolicyFields): Rule['effect'] {
  const effect = oneWord('', VERDICTS).read(fields, 'effect', false);
  if (effect === '') throw fields.wrong('effect', 'is missing', `Possible: ${VERDICTS.join(', ')}.`);
  return effect;
}

function matchOf(fields: PolicyFields, grants: boolean): Match {
  const match = readRows(MATCH, fields);
  if (grants) fields.refuseBlankLists();
  fields.end();
  return match;
}

function rateLimitOf(fields: PolicyFields): RateLimit {
  const { requests, window, scope } = readRows(RATE_LIMIT, fields);
  if (requests === 0 && fields.says('requests')) {
    throw fields.wrong('requests', 'is 0', 'Leave the limit out for none. To let nothing through, block it.');
  }
  fields.end();
  if (requests === 0) return { requests, window, scope };
  const windows = ['', 'minute', 'hour'];
  if (!windows.includes(window))
    throw fields.wrong('window', `is ${JSON.stringify(window)}`, 'Possible: minute, hour.');
  const scopes = ['', 'tool', 'identity', 'tool_identity'];
  if (!scopes.includes(scope)) {
    throw fields.wrong('scope', `is ${JSON.stringify(scope)}`, 'Possible: tool, identity, tool_identity.');
  }
  return { requests, window: window || 'minute', scope: scope || 'tool_identity' };
}

/** As a limit, but none of nothing: whoever writes that means to block. */
function budgetIn(fields: PolicyFields, name: string): RateLimit {
  const budget = rateLimitOf(fields.inside(name));
  if (budget.requests > 0 || !fields.says(name)) return budget;
  throw fields.wrong(name, 'has no requests', 'To let nothing be destroyed, block it.');
}

function dataflowOf(fields: PolicyFields): Dataflow {
  const dataflow = readRows(DATAFLOW, fields);
  fields.end();
  const { enabled, tainted_sources: tainted, action, reason_code, violation } = dataflow;
  const { destination_kinds, destination_values, destination_operations } = dataflow;
  const lists = [tainted, destination_kinds, destination_values, destination_operations];
  if (!enabled && lists.every(({ length }) => length === 0)) return dataflow;
  return {
    ...dataflow,
    enabled: true,
    tainted_sources: tainted.length === 0 ? ['external', 'tool_output'] : tainted,
    action: action || 'require_approval',
    reason_code: reason_code || 'dataflow_tainted_destination',
    violation: violation || 'tainted_dataflow',
  };
}

function endpointOf(fields: PolicyFields, grants: boolean): EndpointRule {
  const endpoint = readRows(ENDPOINT, fields);
  if (grants) fields.refuseBlankLists();
  refuseStray(fields, endpoint);
  fields.end();
  const { enabled, action, destructive_action, reason_code, violation } = endpoint;
  const used = Object.values(endpoint).some((value) => Array.isArray(value) && value.length > 0);
  if (!enabled && !used && destructive_action === '') return endpoint;
  return {
    ...endpoint,
    enabled: true,
    action: action || 'block',
    reason_code: reason_code || 'endpoint_constraint_violation',
    violation: violation || 'endpoint_constraint_violation',
  };
}

function refuseStray(
  fields: PolicyFields,
  { schemes, ports, domain_allowlist }: Pick<EndpointRule, 'schemes' | 'ports' | 'domain_allowlist'>,
): void {
  const hint = 'Name the domains that they may lead to in domain_allowlist.';
  for (const [name, list] of [['schemes', schemes] as const, ['ports', ports] as const])
    if (list.length > 0 && domain_allowlist.length === 0)
      throw fields.wrong(name, 'is there without a domain_allowlist', hint);
  const strange = schemes.find((scheme) => !/^[a-z][a-z0-9+.-]*$/.test(scheme));
  if (strange !== undefined)
    throw fields.wrong('schemes', `names ${JSON.stringify(strange)}`, 'Write it as in https://: https.');
  const port = ports.find((one) => one < 1 || one > 65_535);
  if (port !== undefined) throw fields.wrong('ports', `names ${port}`, 'Possible: 1 to 65535.');
}
