import { byBytes, wordList } from '../../core/text.ts';
import { epochMs, type Timestamp } from '../../core/time.ts';
import type { Profile } from '../context.ts';
import type { Intent, IntentRequest } from '../intent/intent.ts';
import { isOfArgument } from '../intent/labels.ts';
import { callsOf } from '../intent/script.ts';
import { asksForCredential, bothCredentialRules } from '../policy/credential_rules.ts';
import type { Policy, RateLimit, RequiredField, Rule } from '../policy/policy.ts';
import { someWork, spend } from '../target/glob.ts';
import { stricter, type Verdict } from '../verdict.ts';
import type { EvaluationInput } from './asked.ts';
import { objections } from './constraints.ts';
import { NO_DUTIES, type Obligations, ownScopes } from './duties.ts';
import { destroys } from './endpoint_lists.ts';
import { factsOf } from './facts.ts';
import type { Judgement } from './judgement.ts';
import { asksForDelegation, matches, ownReason } from './match.ts';
import { partsOf, strictestOf } from './parts.ts';
import { failsClosed, risksUpTo } from './risk.ts';
import { judgeScript } from './script.ts';

/** What the gate that judges is told of itself. */
export interface Place {
  /** The home folder of whoever acts; `~` is anything if there is none. */
  readonly home?: string | undefined;
  readonly profile?: Profile;
}

/**
 * Judges an intent by a policy: what fails closed first, then the rules of the first priority that has one which
 * matches, the strictest of them deciding and all of their duties kept, else the policy's default. A script is as strict
 * as the strictest of its steps, and owes what any of them owes. `now` is when it is
 * judged; throws `timestamp_malformed` for what is no time.
 */
export function judge(
  policy: Policy,
  request: IntentRequest,
  now: Timestamp,
  { home, profile = 'standard' }: Place = {},
): Judgement {
  const careful = profile !== 'standard';
  const at = epochMs(now);
  const calls = callsOf(request.intent);
  const work = someWork();
  const each = calls.map((intent) => judgeCall(policy, { ...request, intent, at, home, work, careful }));
  const [only] = each;
  if (request.intent.script === undefined && only !== undefined) return only;
  return judgeScript(policy.scripts, calls, each);
}

/** One part of a call, and what is made of it. */
export interface PartJudgement {
  readonly intent: Intent;
  readonly judged: Judgement;
}

/** What is made of each part of a single call, itself first. */
export function judgeParts(
  policy: Policy,
  request: IntentRequest,
  now: Timestamp,
  { home, profile = 'standard' }: Place = {},
): PartJudgement[] {
  const asked = { ...request, at: epochMs(now), home, work: someWork(), careful: profile !== 'standard' };
  return partsOf(policy, asked).map((intent) => ({
    intent,
    judged: judgePart(policy, { ...asked, intent }),
  }));
}

/** As strict as the strictest of its parts, and as the whole. */
function judgeCall(policy: Policy, asked: EvaluationInput): Judgement {
  return strictestOf(partsOf(policy, asked).map((intent) => judgePart(policy, { ...asked, intent })));
}

function judgePart(policy: Policy, asked: EvaluationInput): Judgement {
  spend(asked.work, PART_STEPS);
  return failClosed(policy, asked) ?? byRules(policy, asked);
}

/** What it takes to look at a part of a call, and to hold it against a rule, in steps of matching. */
const PART_STEPS = 600;
const RULE_STEPS = 60;

/** The risk classes that the rules of a policy name. */
export function risksNamed({ rules }: Policy): ReadonlySet<string> {
  return new Set(rules.flatMap(({ match }) => match.risk_classes));
}

function failClosed(policy: Policy, asked: EvaluationInput): Judgement | undefined {
  const { intent, claims } = asked;
  const risks = risksUpTo(intent, asked);
  if (!risks.some((risk) => failsClosed(policy, risk))) return undefined;
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

function lacks(field: RequiredField, { intent, proven_context }: EvaluationInput): boolean {
  switch (field) {
    case 'targets':
      return intent.targets.length === 0;
    case 'arg_provenance': {
      const { arg_provenance: labels = [], args } = intent;
      return labels.length === 0 || labels.some((label) => !isOfArgument(label, args));
    }
    case 'endpoint_class':
      return intent.targets.length === 0 || hasUnknownClass(intent);
    case 'delegation':
      return intent.delegation === undefined;
    case 'context_evidence':
      return proven_context === undefined;
  }
}

/**
 * The first priority with a rule that surely matches decides. What may match, since nobody can tell what a value names,
 * is judged both ways: as if it did, and as if it did not.
 */
function byRules(policy: Policy, asked: EvaluationInput): Judgement {
  const facts = factsOf(asked, risksNamed(policy), policy.risk_floor);
  const passedOver: Rule[] = [];
  const ways: Judgement[] = [];
  let met: Rule[] = [];
  let sure = false;
  for (const [index, rule] of policy.rules.entries()) {
    spend(asked.work, RULE_STEPS + asked.intent.targets.length);
    const matching = matches(rule, facts);
    if (matching === 'undelegated' && rule.effect !== 'block') passedOver.push(rule);
    if (matching === 'yes' || matching === 'maybe') met.push(rule);
    sure ||= matching === 'yes';
    if (policy.rules[index + 1]?.priority === rule.priority || met.length === 0) continue;
    ways.push(byMatched(met, passedOver, asked));
    if (sure) return strictestOf(ways);
    met = [];
  }
  const undelegated = passedOver.length > 0;
  const verdict = policy.default_verdict;
  const approvals = verdict === 'require_approval' ? 1 : 0;
  const byDefault = { ...NO_DUTIES, approvals, undelegated };
  return strictestOf([...ways, judgement(verdict, [`default_${verdict}`], [], [], byDefault)]);
}

function byMatched(rules: readonly Rule[], passedOver: readonly Rule[], asked: EvaluationInput): Judgement {
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
      delegation_scopes: demandsOf(rules, passedOver, asked.intent.tool_name),
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

/** What each rule that asks for a delegation wants one to be for. */
function demandsOf(rules: readonly Rule[], passedOver: readonly Rule[], toolName: string): string[][] {
  const [first] = rules;
  const joined = passedOver.filter(({ priority }) => priority === first?.priority);
  return [...rules, ...joined]
    .filter(({ match }) => asksForDelegation(match))
    .map(({ match }) =>
      match.delegation_scopes.length > 0 ? [...match.delegation_scopes] : ownScopes(toolName),
    );
}

function byRule(
  rule: Rule,
  asked: EvaluationInput,
): { verdict: Verdict; reasons: string[]; violations: string[] } {
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
  duties: Obligations,
): Judgement {
  return {
    verdict,
    reason_codes: wordList(reasons),
    violations: wordList(violations),
    matched_rules: [...new Set(rules)].sort(byBytes),
    duties,
  };
}
