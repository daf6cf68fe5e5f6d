import { epochMs, type Timestamp } from '../core/time.ts';
import { type Asked, objections } from './constraints.ts';
import {
  ANY_CREDENTIAL,
  asksForCredential,
  bothCredentialRules,
  type CredentialRules,
} from './credential_rules.ts';
import { destroys } from './endpoint_lists.ts';
import type { Intent, IntentRequest } from './intent.ts';
import { asksForDelegation, factsOf, isStrangeRisk, matches, ownReason } from './match.ts';
import {
  type Policy,
  type RateLimit,
  type RequiredField,
  type Rule,
  stricter,
  type Verdict,
} from './policy.ts';
import { callsOf } from './script.ts';
import { judgeScript } from './script_judgement.ts';
import type { StepRisk } from './script_rules.ts';
import { byBytes, wordList } from './words.ts';

/** What a policy makes of an intent, before anybody has proven anything. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly reason_codes: readonly string[];
  readonly violations: readonly string[];
  /** The rules that it is by; empty where none matched. */
  readonly matched_rules: readonly string[];
  readonly duties: Duties;
  /** Of a script, in its order. */
  readonly steps?: readonly StepJudgement[];
}

/** What is made of one step of a script. Its limits are counted by its own tool. */
export interface StepJudgement extends Omit<Judgement, 'steps'> {
  readonly tool_name: string;
  readonly risk: StepRisk;
}

/** What must be proven before a call may run: of all rules that matched, whichever of them decided. */
export interface Duties {
  /** How many must approve; 0 for nobody. */
  readonly approvals: number;
  readonly distinct_approvers: boolean;
  readonly delegation: boolean;
  /** For each rule that names scopes of a delegation, those of which it wants one. */
  readonly delegation_scopes: readonly (readonly string[])[];
  /** A rule was passed over for want of a delegation, and would have been met otherwise. */
  readonly undelegated: boolean;
  /** A credential, of one of these and for these; null for none. */
  readonly broker: { readonly references: readonly string[]; readonly scopes: readonly string[] } | null;
  /** What the credential must be: `receiptFaults` looks at it once there is one. */
  readonly credential: CredentialRules;
  readonly rate_limits: readonly RateLimit[];
  /** Counted apart from the limits; none for a call that destroys nothing. */
  readonly destructive_budgets: readonly RateLimit[];
}

export const NO_DUTIES: Duties = {
  approvals: 0,
  distinct_approvers: false,
  delegation: false,
  delegation_scopes: [],
  undelegated: false,
  broker: null,
  credential: ANY_CREDENTIAL,
  rate_limits: [],
  destructive_budgets: [],
};

/**
 * Judges an intent by a policy: what fails closed first, then the rules of the first priority that has one which
 * matches, the strictest of them deciding and all of their duties kept, else the policy's default. A script is as strict
 * as the strictest of its steps, and owes what any of them owes. `now` is when it is
 * judged; throws `timestamp_malformed` for what is no time.
 */
export function judge(policy: Policy, request: IntentRequest, now: Timestamp): Judgement {
  const at = epochMs(now);
  const calls = callsOf(request.intent);
  const each = calls.map((intent) => judgeCall(policy, { ...request, intent, at }));
  const [only] = each;
  if (request.intent.script === undefined && only !== undefined) return only;
  return judgeScript(policy.scripts, calls, each);
}

function judgeCall(policy: Policy, asked: Asked): Judgement {
  return failClosed(policy, asked) ?? byRules(policy, asked);
}

/** The risk classes that the rules of a policy name. */
export function risksNamed({ rules }: Policy): ReadonlySet<string> {
  return new Set(rules.flatMap(({ match }) => match.risk_classes));
}

/** True if what a policy says of failing closed is about calls of this risk: a strange one may be any of them. */
export function failsClosed({ fail_closed }: Policy, risk: string): boolean {
  return fail_closed.enabled && (fail_closed.risk_classes.includes(risk) || isStrangeRisk(risk));
}

function failClosed(policy: Policy, asked: Asked): Judgement | undefined {
  const { intent, claims } = asked;
  if (!failsClosed(policy, intent.context.risk_class)) return undefined;
  const { required_fields, required_high_risk_fields } = policy.fail_closed;
  const missing = [
    ...required_fields.filter((field) => lacks(field, asked)),
    ...required_high_risk_fields.filter((field) => claims[field] === undefined),
  ];
  const reasons = missing.map((field) =>
    field === 'context_evidence' ? 'context_evidence_missing' : `fail_closed_missing_${field}`,
  );
  const violations = missing.map((field) => `missing_${field}`);
  if (hasUnknownClass(intent)) {
    reasons.push('fail_closed_endpoint_class_unknown');
    violations.push('endpoint_class_unknown');
  }
  return reasons.length === 0 ? undefined : judgement('block', reasons, violations, [], NO_DUTIES);
}

function hasUnknownClass({ targets }: Intent): boolean {
  return targets.some(({ endpoint_class }) => endpoint_class === 'other');
}

function lacks(field: RequiredField, { intent, proven_context }: Asked): boolean {
  switch (field) {
    case 'targets':
      return intent.targets.length === 0;
    case 'arg_provenance':
      return intent.arg_provenance === undefined;
    case 'endpoint_class':
      return intent.targets.length === 0 || hasUnknownClass(intent);
    case 'delegation':
      return intent.delegation === undefined;
    case 'context_evidence':
      return proven_context === undefined;
  }
}

function byRules(policy: Policy, asked: Asked): Judgement {
  const facts = factsOf(asked.intent, risksNamed(policy));
  const met: Rule[] = [];
  const passedOver: Rule[] = [];
  for (const rule of policy.rules) {
    const [first] = met;
    if (first !== undefined && rule.priority !== first.priority) break;
    const matching = matches(rule, facts);
    if (matching === 'undelegated' && rule.effect !== 'block') passedOver.push(rule);
    if (matching === 'yes') met.push(rule);
  }
  if (met.length > 0) return byMatched(met, passedOver, asked);
  const undelegated = passedOver.length > 0;
  const verdict = policy.default_verdict;
  const approvals = verdict === 'require_approval' ? 1 : 0;
  return judgement(verdict, [`default_${verdict}`], [], [], { ...NO_DUTIES, approvals, undelegated });
}

function byMatched(rules: readonly Rule[], passedOver: readonly Rule[], asked: Asked): Judgement {
  const each = rules.map((rule) => byRule(rule, asked));
  const strictest = each.map((one) => one.verdict).reduce(stricter);
  const deciding = each.filter((one) => one.verdict === strictest);
  const wanted = Math.max(...rules.map(({ min_approvals }) => min_approvals));
  // Who wants approvals wants them before anything is let through, whatever the effect says.
  const verdict = wanted > 0 ? stricter(strictest, 'require_approval') : strictest;
  const approvals = each.some((one) => one.verdict === 'require_approval') ? Math.max(1, wanted) : wanted;
  const brokered = rules.filter(wantsBroker);
  const broker =
    brokered.length === 0
      ? null
      : {
          references: wordList(brokered.map(({ broker_reference }) => broker_reference)),
          scopes: wordList(brokered.flatMap(({ broker_scopes }) => broker_scopes)),
        };
  return judgement(
    verdict,
    deciding.flatMap(({ reasons }) => reasons),
    deciding.flatMap(({ violations }) => violations),
    rules.map(({ name }) => name),
    {
      approvals,
      distinct_approvers: rules.some(({ require_distinct_approvers }) => require_distinct_approvers),
      delegation: wantsDelegation(rules, passedOver),
      delegation_scopes: rules.map(({ match }) => match.delegation_scopes).filter(({ length }) => length > 0),
      undelegated: passedOver.length > 0,
      broker,
      credential: rules.map((rule) => rule.credential).reduce(bothCredentialRules),
      rate_limits: limits(rules.map(({ rate_limit }) => rate_limit)),
      destructive_budgets: limits(
        destroys(asked.intent.targets, asked.intent.tool_name)
          ? rules.map(({ destructive_budget }) => destructive_budget)
          : [],
      ),
    },
  );
}

function limits(all: readonly RateLimit[]): RateLimit[] {
  return all.filter(({ requests }) => requests > 0);
}

/** What a call says of its credential proves nothing: a rule that asks what it is asks for a broker's. */
export function wantsBroker(rule: Rule): boolean {
  return rule.require_broker_credential || asksForCredential(rule.credential);
}

/** A rule that was passed over for want of a delegation joins those of its own priority: its duty is theirs. */
function wantsDelegation([first, ...rest]: readonly Rule[], passedOver: readonly Rule[]): boolean {
  if (first === undefined) return false;
  const joined = passedOver.some(({ priority }) => priority === first.priority);
  return joined || [first, ...rest].some(({ match }) => asksForDelegation(match));
}

function byRule(rule: Rule, asked: Asked): { verdict: Verdict; reasons: string[]; violations: string[] } {
  const found = objections(rule, asked);
  const own = rule.reason_codes.length === 0 ? [ownReason(rule.name)] : rule.reason_codes;
  return {
    verdict: found.map(({ effect }) => effect).reduce(stricter, rule.effect),
    reasons: [...own, ...found.flatMap(({ reasons }) => reasons)],
    violations: [...rule.violations, ...found.flatMap(({ violations }) => violations)],
  };
}

function judgement(
  verdict: Verdict,
  reasons: readonly string[],
  violations: readonly string[],
  rules: readonly string[],
  duties: Duties,
): Judgement {
  return {
    verdict,
    reason_codes: wordList(reasons),
    violations: wordList(violations),
    matched_rules: [...new Set(rules)].sort(byBytes),
    duties,
  };
}
