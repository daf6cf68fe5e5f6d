import { byBytes, lowered, loweredList, trimmed, wordList } from '../../core/text.ts';
import { domainFault } from '../target/domains.ts';
import { ENDPOINT_CLASSES } from '../target/endpoint.ts';
import { pathFault } from '../target/path_patterns.ts';
import { VERDICTS, type Verdict } from '../verdict.ts';
import { agentRulesOf } from './agent_rules.ts';
import { credentialRulesOf } from './credential_rules.ts';
import { PolicyFields, type PolicyNode } from './fields.ts';
import { freezeWindowOf } from './freeze_window.ts';
import {
  type Dataflow,
  type EndpointRule,
  type FailClosed,
  HIGH_RISK_FIELDS,
  type Match,
  POLICY_SCHEMA_ID,
  POLICY_SCHEMA_VERSION,
  type Policy,
  type RateLimit,
  REQUIRED_FIELDS,
  type Rule,
} from './policy.ts';
import { scriptRulesOf } from './script_rules.ts';
import { choice, countIn, exactly, known } from './values.ts';

const ACTIONS = ['block', 'require_approval'] as const;

/** A policy from its tree, strictly: what is not known, or not of its type, is refused with its line. Throws `policy_invalid`. */
export function readPolicy(tree: PolicyNode): Policy {
  const top = new PolicyFields(tree, '');
  const schema_id = exactly(top, 'schema_id', POLICY_SCHEMA_ID);
  const schema_version = exactly(top, 'schema_version', POLICY_SCHEMA_VERSION);
  const default_verdict = choice(top, 'default_verdict', VERDICTS) || 'require_approval';
  const fail_closed = failClosedOf(top.inside('fail_closed'));
  const risk_floor = choice(top, 'risk_floor', ['derived'] as const);
  const scripts = scriptRulesOf(top.inside('scripts'));
  const rules = top.each('rules').map(ruleOf);
  top.end();
  rules.sort((a, b) => a.priority - b.priority || byBytes(a.name, b.name));
  return { schema_id, schema_version, default_verdict, fail_closed, risk_floor, scripts, rules };
}

function failClosedOf(fields: PolicyFields): FailClosed {
  const enabled = fields.flag('enabled');
  const risk_classes = loweredList(fields.texts('risk_classes'));
  const required_fields = known(fields, 'required_fields', REQUIRED_FIELDS);
  const required_high_risk_fields = known(fields, 'required_high_risk_fields', HIGH_RISK_FIELDS);
  fields.end();
  const risks = enabled && risk_classes.length === 0 ? ['critical', 'high'] : risk_classes;
  return { enabled, risk_classes: risks, required_fields, required_high_risk_fields };
}

function ruleOf(fields: PolicyFields): Rule {
  const name = trimmed(fields.text('name'));
  if (name === '') throw fields.wrong('name', 'is missing', 'Every rule has a name.');
  const effect = choice(fields, 'effect', VERDICTS);
  if (effect === '') throw fields.wrong('effect', 'is missing', `Possible: ${VERDICTS.join(', ')}.`);
  const min_approvals = countIn(fields, 'min_approvals');
  const distinct = fields.flag('require_distinct_approvers');
  const require_context_evidence = fields.flag('require_context_evidence');
  const mode = choice(fields, 'required_context_evidence_mode', ['required'] as const);
  const rule: Rule = {
    name,
    priority: fields.whole('priority') ?? 0,
    effect,
    match: matchOf(within(fields, 'match', effect)),
    endpoint: endpointOf(within(fields, 'endpoint', effect)),
    reason_codes: wordList(fields.texts('reason_codes')),
    violations: wordList(fields.texts('violations')),
    min_approvals,
    require_distinct_approvers: distinct || min_approvals > 1,
    require_context_evidence,
    required_context_evidence_mode: require_context_evidence ? 'required' : mode,
    max_context_age_seconds: countIn(fields, 'max_context_age_seconds'),
    require_broker_credential: fields.flag('require_broker_credential'),
    broker_reference: trimmed(fields.text('broker_reference')),
    broker_scopes: loweredList(fields.texts('broker_scopes')),
    rate_limit: rateLimitOf(fields.inside('rate_limit')),
    destructive_budget: budgetOf(fields),
    dataflow: dataflowOf(fields.inside('dataflow')),
    agent: agentRulesOf(fields),
    credential: credentialRulesOf(fields),
    freeze_window: freezeWindowOf(fields.inside('freeze_window')),
  };
  if (effect === 'allow') fields.refuseBlankLists();
  fields.end();
  return rule;
}

/** A part of a rule, with what has to be held against it when it is read. */
interface Part {
  readonly fields: PolicyFields;
  readonly grants: boolean;
}

function within(fields: PolicyFields, name: string, effect: Verdict): Part {
  return { fields: fields.inside(name), grants: effect === 'allow' };
}

function matchOf({ fields, grants }: Part): Match {
  const words = (name: string): string[] => loweredList(fields.texts(name));
  const exact = (name: string): string[] => wordList(fields.texts(name));
  const depth = fields.whole('max_delegation_depth');
  if (depth !== undefined && depth < 0) throw fields.wrong('max_delegation_depth', 'is below 0');
  const match: Match = {
    tool_names: words('tool_names'),
    tool_patterns: words('tool_patterns'),
    risk_classes: words('risk_classes'),
    target_kinds: words('target_kinds'),
    target_values: exact('target_values'),
    target_patterns: exact('target_patterns'),
    endpoint_classes: known(fields, 'endpoint_classes', ENDPOINT_CLASSES),
    skill_publishers: words('skill_publishers'),
    skill_sources: words('skill_sources'),
    data_classes: words('data_classes'),
    destination_kinds: words('destination_kinds'),
    destination_values: exact('destination_values'),
    destination_operations: words('destination_operations'),
    provenance_sources: words('provenance_sources'),
    identities: exact('identities'),
    identity_patterns: exact('identity_patterns'),
    workspace_prefixes: exact('workspace_prefixes'),
    require_delegation: fields.flag('require_delegation'),
    allowed_delegator_identities: exact('allowed_delegator_identities'),
    allowed_delegate_identities: exact('allowed_delegate_identities'),
    delegation_scopes: words('delegation_scopes'),
    max_delegation_depth: depth ?? null,
  };
  if (grants) fields.refuseBlankLists();
  fields.end();
  return match;
}

function rateLimitOf(fields: PolicyFields): RateLimit {
  const requests = countIn(fields, 'requests');
  const window = lowered(trimmed(fields.text('window')));
  const scope = lowered(trimmed(fields.text('scope')));
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
function budgetOf(fields: PolicyFields): RateLimit {
  const budget = rateLimitOf(fields.inside('destructive_budget'));
  if (budget.requests > 0 || !fields.says('destructive_budget')) return budget;
  throw fields.wrong('destructive_budget', 'has no requests', 'To let nothing be destroyed, block it.');
}

function dataflowOf(fields: PolicyFields): Dataflow {
  const enabled = fields.flag('enabled');
  const tainted = loweredList(fields.texts('tainted_sources'));
  const destination_kinds = loweredList(fields.texts('destination_kinds'));
  const destination_values = wordList(fields.texts('destination_values'));
  const destination_operations = loweredList(fields.texts('destination_operations'));
  const action = choice(fields, 'action', ACTIONS);
  const reason_code = trimmed(fields.text('reason_code'));
  const violation = trimmed(fields.text('violation'));
  fields.end();
  const lists = [tainted, destination_kinds, destination_values, destination_operations];
  const rest = { destination_kinds, destination_values, destination_operations };
  if (!enabled && lists.every(({ length }) => length === 0)) {
    return { enabled, tainted_sources: tainted, ...rest, action, reason_code, violation };
  }
  return {
    enabled: true,
    tainted_sources: tainted.length === 0 ? ['external', 'tool_output'] : tainted,
    ...rest,
    action: action || 'require_approval',
    reason_code: reason_code || 'dataflow_tainted_destination',
    violation: violation || 'tainted_dataflow',
  };
}

function endpointOf({ fields, grants }: Part): EndpointRule {
  const enabled = fields.flag('enabled');
  const lists = {
    path_allowlist: patterns(fields, 'path_allowlist', 'path'),
    path_denylist: patterns(fields, 'path_denylist', 'path'),
    domain_allowlist: patterns(fields, 'domain_allowlist', 'domain'),
    domain_denylist: patterns(fields, 'domain_denylist', 'domain'),
    schemes: loweredList(fields.texts('schemes')),
    ports: fields.wholes('ports'),
    egress_classes: known(
      fields,
      'egress_classes',
      ENDPOINT_CLASSES.filter((one) => one.startsWith('net.')),
    ),
  };
  if (grants) fields.refuseBlankLists();
  refuseStray(fields, lists);
  const action = choice(fields, 'action', ACTIONS);
  const destructive_action = choice(fields, 'destructive_action', ACTIONS);
  const reason_code = trimmed(fields.text('reason_code'));
  const violation = trimmed(fields.text('violation'));
  fields.end();
  const used = Object.values(lists).some(({ length }) => length > 0) || destructive_action !== '';
  if (!enabled && !used) return { enabled, ...lists, action, destructive_action, reason_code, violation };
  return {
    enabled: true,
    ...lists,
    action: action || 'block',
    destructive_action,
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

/** A list of patterns, each of which could hold for something: one that cannot would let everything past it. */
function patterns(fields: PolicyFields, name: string, of: 'path' | 'domain'): string[] {
  const list = of === 'path' ? wordList(fields.texts(name)) : loweredList(fields.texts(name));
  for (const pattern of list) {
    const fault = of === 'path' ? pathFault(pattern) : domainFault(pattern);
    if (fault !== undefined) throw fields.wrong(name, `names ${JSON.stringify(pattern)}, which ${fault}`);
  }
  return list;
}
