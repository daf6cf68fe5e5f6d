import type { Target } from '../intent/intent.ts';
import { agent } from '../policy/agent_rules.ts';
import { freeze } from '../policy/freeze_window.ts';
import { type Dataflow, EGRESS_KINDS, type EndpointRule, type Rule } from '../policy/policy.ts';
import { actsOf, mayDo } from '../target/acts.ts';
import { TARGET_KINDS } from '../target/endpoint.ts';
import { mayBeOfKind } from '../target/likeness.ts';
import { surroundingsOf } from '../target/meanings.ts';
import { namesPlace } from '../target/named_places.ts';
import type { EvaluationInput, Violation } from './asked.ts';
import { credential } from './credential.ts';
import { endpointFaults } from './endpoint_lists.ts';

/** Everything that a rule's constraints hold against what is asked. */
export function objections(rule: Rule, asked: EvaluationInput): Violation[] {
  const all = [
    dataflow(rule.dataflow, asked),
    endpoint(rule.endpoint, asked),
    contextEvidence(rule, asked),
    agent(rule.agent, asked),
    credential(rule.credential, asked),
    freeze(rule.freeze_window, asked),
  ];
  return all.filter((one): one is Violation => one !== undefined);
}

/** Arguments from a tainted source may not go to these destinations. */
function dataflow(rule: Dataflow, asked: EvaluationInput): Violation | undefined {
  const { targets, arg_provenance = [] } = asked.intent;
  if (!rule.enabled || !arg_provenance.some(({ source }) => rule.tainted_sources.includes(source)))
    return undefined;
  const leaves =
    targets.length === 0
      ? mayLeave(rule, asked)
      : targets.some((target) => isDestination(rule, target, asked));
  if (!leaves) return undefined;
  return {
    effect: rule.action || 'require_approval',
    reasons: [rule.reason_code],
    violations: [rule.violation],
  };
}

/** A call without targets goes where its tool likes: to the network, unless its name says that it does something else. */
function mayLeave(
  { destination_values: values, destination_operations: operations }: Dataflow,
  { intent }: EvaluationInput,
): boolean {
  const { tool_name } = intent;
  if (operations.length > 0) return mayDo(operations, tool_name);
  const acts = actsOf(tool_name);
  return values.length > 0 || acts.size === 0 || acts.has('sends') || acts.has('executes');
}

function isDestination(rule: Dataflow, target: Target, { intent, ...look }: EvaluationInput): boolean {
  const { operation = '' } = target;
  const surroundings = surroundingsOf(intent, look);
  const isKind = (kinds: { has(kind: string): boolean }): boolean =>
    TARGET_KINDS.some((kind) => kinds.has(kind) && mayBeOfKind(target, kind, surroundings));
  const { destination_kinds: kinds, destination_values: values, destination_operations: operations } = rule;
  const sends = [operation, intent.tool_name].some((name) => actsOf(name).has('sends'));
  if (kinds.length + values.length + operations.length === 0) return sends || isKind(EGRESS_KINDS);
  return (
    (kinds.length === 0 || isKind(new Set(kinds))) &&
    (values.length === 0 || namesPlace(values, target, surroundings, look.work) !== 'no') &&
    (operations.length === 0 ||
      operations.includes(operation) ||
      (operation === '' && mayDo(operations, intent.tool_name)))
  );
}

/** Where a call may go, and what it may do there. */
function endpoint(rule: EndpointRule, { intent, ...look }: EvaluationInput): Violation | undefined {
  if (!rule.enabled) return undefined;
  const { codes, effect } = endpointFaults(rule, intent, look);
  if (codes.length === 0) return undefined;
  const violations = codes.map((code) =>
    code === 'endpoint_destructive_operation' ? 'destructive_operation' : code,
  );
  return { effect, reasons: [...codes, rule.reason_code], violations: [...violations, rule.violation] };
}

/** What the agent must have known, and how lately: as an envelope proves it, whatever the call claims. */
function contextEvidence(rule: Rule, { proven_context: proven }: EvaluationInput): Violation | undefined {
  const reasons: string[] = [];
  const violations: string[] = [];
  const mode = rule.required_context_evidence_mode;
  if (rule.require_context_evidence && proven === undefined) {
    reasons.push('context_evidence_missing', 'context_set_digest_missing');
    violations.push('missing_context_evidence');
  }
  if (mode !== '' && proven?.mode !== mode) {
    reasons.push('context_evidence_mode_mismatch');
    violations.push('context_evidence_mode_violation');
  }
  const age = proven?.age_seconds;
  if (rule.max_context_age_seconds > 0 && (age === undefined || age > rule.max_context_age_seconds)) {
    reasons.push('context_freshness_exceeded');
    violations.push('context_freshness_violation');
  }
  return reasons.length === 0 ? undefined : { effect: 'block', reasons, violations };
}
