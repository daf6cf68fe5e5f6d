import { domainOf, type EndpointClass, inferredClass, isDestructive, plainPath } from './endpoint.ts';
import { globMatches } from './glob.ts';
import type { Intent, Target } from './intent.ts';
import { isWithin } from './match.ts';
import {
  type Dataflow,
  EGRESS_KINDS,
  type EndpointRule,
  isNetwork,
  type Rule,
  stricter,
  type Verdict,
} from './policy.ts';

/** What a constraint of a rule makes of an intent: undefined when it has nothing against it. */
export interface Objection {
  readonly effect: Verdict;
  readonly reasons: readonly string[];
  readonly violations: readonly string[];
}

/** Everything that a rule's constraints hold against an intent. */
export function objections(rule: Rule, intent: Intent): Objection[] {
  const all = [
    dataflow(rule.dataflow, intent),
    endpoint(rule.endpoint, intent),
    contextEvidence(rule, intent),
  ];
  return all.filter((one): one is Objection => one !== undefined);
}

/** Arguments from a tainted source may not go to these destinations. */
function dataflow(rule: Dataflow, { targets, arg_provenance = [] }: Intent): Objection | undefined {
  if (!rule.enabled || !arg_provenance.some(({ source }) => rule.tainted_sources.includes(source)))
    return undefined;
  if (!targets.some((target) => isDestination(rule, target))) return undefined;
  return {
    effect: rule.action || 'require_approval',
    reasons: [rule.reason_code],
    violations: [rule.violation],
  };
}

function isDestination(rule: Dataflow, { kind, value, operation = '' }: Target): boolean {
  const { destination_kinds: kinds, destination_values: values, destination_operations: operations } = rule;
  if (kinds.length + values.length + operations.length === 0) return EGRESS_KINDS.has(kind);
  return (
    (kinds.length === 0 || kinds.includes(kind)) &&
    (values.length === 0 || values.includes(value)) &&
    (operations.length === 0 || operations.includes(operation))
  );
}

/** Where a call may go. What cannot be judged is not let through. */
function endpoint(rule: EndpointRule, { targets, tool_name }: Intent): Objection | undefined {
  if (!rule.enabled) return undefined;
  const found = new Map<string, string>();
  const listed = rule.path_allowlist.length + rule.domain_allowlist.length > 0;
  if (listed && targets.length === 0) found.set('endpoint_no_targets', 'endpoint_no_targets');
  let destructive = false;
  for (const target of targets) {
    for (const code of targetFaults(rule, target, tool_name)) found.set(code, code);
    destructive ||= destroys(target, tool_name);
  }
  const action = rule.action || 'block';
  let effect: Verdict = action;
  if (destructive && rule.destructive_action !== '') {
    found.set('endpoint_destructive_operation', 'destructive_operation');
    effect = stricter(action, rule.destructive_action);
  }
  if (found.size === 0) return undefined;
  return {
    effect,
    reasons: [...found.keys(), rule.reason_code],
    violations: [...found.values(), rule.violation],
  };
}

function targetFaults(rule: EndpointRule, target: Target, toolName: string): string[] {
  const { kind, endpoint_domain } = target;
  const faults: string[] = [];
  if (kind === 'path') faults.push(...pathFaults(rule, target.value));
  if (kind === 'host' || kind === 'url' || endpoint_domain !== undefined)
    faults.push(...domainFaults(rule, target));
  const { egress_classes: allowed } = rule;
  const outside = (one: EndpointClass): boolean => isNetwork(one) && !allowed.includes(one);
  if (allowed.length > 0 && classesOf(target, toolName).some(outside))
    faults.push('endpoint_egress_class_not_allowed');
  return faults;
}

function pathFaults(
  { path_allowlist: allowed, path_denylist: denied }: EndpointRule,
  value: string,
): string[] {
  if (allowed.length + denied.length === 0) return [];
  const path = plainPath(value);
  if (path === undefined)
    return ['endpoint_path_denied', 'endpoint_path_not_allowlisted'].slice(denied.length > 0 ? 0 : 1);
  const faults: string[] = [];
  if (denied.some((pattern) => isListed(pattern, path) || isListed(pattern, value)))
    faults.push('endpoint_path_denied');
  if (allowed.length > 0 && !allowed.some((pattern) => isListed(pattern, path))) {
    faults.push('endpoint_path_not_allowlisted');
  }
  return faults;
}

/** A pattern is a path, a folder with all that is in it (`P/**`), or a glob whose `*` ends at a slash. */
function isListed(pattern: string, path: string): boolean {
  if (pattern === path) return true;
  if (pattern.endsWith('/**')) return isWithin(path, plainPath(pattern.slice(0, -3) || '/'));
  return globMatches(pattern, path);
}

function domainFaults(
  { domain_allowlist: allowed, domain_denylist: denied }: EndpointRule,
  target: Target,
): string[] {
  if (allowed.length + denied.length === 0) return [];
  const { kind, value, endpoint_domain: declared } = target;
  const leads = kind === 'host' || kind === 'url';
  const domain = leads ? domainOf(kind, value) : declared?.replace(/\.$/, '');
  if (domain === undefined) return ['endpoint_domain_underivable'];
  const domains = declared === undefined ? [domain] : [domain, declared.replace(/\.$/, '')];
  const faults: string[] = [];
  if (domains.some((one) => denied.some((pattern) => isListedDomain(pattern, one)))) {
    faults.push('endpoint_domain_denied');
  }
  if (
    allowed.length > 0 &&
    !domains.every((one) => allowed.some((pattern) => isListedDomain(pattern, one)))
  ) {
    faults.push('endpoint_domain_not_allowlisted');
  }
  return faults;
}

/** A pattern is a domain, all below one (`*.x`), or a glob. */
function isListedDomain(pattern: string, domain: string): boolean {
  if (pattern === domain) return true;
  if (/^\*\.[^*?[\\]+$/.test(pattern)) return domain.endsWith(pattern.slice(1));
  return globMatches(pattern, domain);
}

/** The class that a target is said to be of, and the one that it looks to be of. */
function classesOf({ kind, operation = '', endpoint_class }: Target, toolName: string): EndpointClass[] {
  return [...new Set([endpoint_class, inferredClass(kind, operation, toolName)])];
}

function destroys(target: Target, toolName: string): boolean {
  const { destructive, operation = '', endpoint_class } = target;
  if (destructive === true) return true;
  // What only the name of the tool hints at gives way to a class that is declared.
  return (
    isDestructive(endpoint_class, operation) ||
    (endpoint_class === 'other' && classesOf(target, toolName).includes('proc.exec'))
  );
}

/** What the agent must have known, and how lately. */
function contextEvidence(rule: Rule, { context }: Intent): Objection | undefined {
  const reasons: string[] = [];
  const violations: string[] = [];
  const mode = rule.required_context_evidence_mode;
  if (rule.require_context_evidence && context.context_set_digest === undefined) {
    reasons.push('context_evidence_missing', 'context_set_digest_missing');
    violations.push('missing_context_evidence');
  }
  if (mode !== '' && context.context_evidence_mode !== mode) {
    reasons.push('context_evidence_mode_mismatch');
    violations.push('context_evidence_mode_violation');
  }
  const age = ageOf(context.auth_context?.['context_age_seconds']);
  if (rule.max_context_age_seconds > 0 && (age === undefined || age > rule.max_context_age_seconds)) {
    reasons.push('context_freshness_exceeded');
    violations.push('context_freshness_violation');
  }
  return reasons.length === 0 ? undefined : { effect: 'block', reasons, violations };
}

/** Whole seconds, from a number of 0 or more, or a whole number as text. */
function ageOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value >= 0 ? Math.trunc(value) : undefined;
  return typeof value === 'string' && /^\+?\d+$/.test(value) ? Number(value) : undefined;
}
