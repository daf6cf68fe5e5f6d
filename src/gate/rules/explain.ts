import type { Timestamp } from '../../core/time.ts';
import type { IntentRequest, Target } from '../intent/intent.ts';
import { callsOf } from '../intent/script.ts';
import type { Policy, Rule } from '../policy/policy.ts';
import { someWork } from '../target/glob.ts';
import type { Verdict } from '../verdict.ts';
import { factsOf } from './facts.ts';
import { judge, judgeParts, risksNamed } from './judge.ts';
import { matches, misses } from './match.ts';

/** How one rule stands to an intent. */
export interface RuleAccount {
  readonly name: string;
  readonly priority: number;
  readonly effect: string;
  /** `not_asked`: it matches, but a rule of a lower priority, or what fails closed, comes before it. */
  readonly standing: 'decides' | 'not_asked' | 'no';
  /** The members of its match that do not hold. */
  readonly misses: readonly string[];
}

/** What is made of one step of a script, and how each rule stands to it. */
export interface StepAccount {
  readonly tool_name: string;
  readonly verdict: Verdict;
  readonly rules: readonly RuleAccount[];
}

/** What is made of a call as if one of its parts were all of it. */
export interface PartAccount {
  /** The targets that it is judged with, or the source of its arguments. */
  readonly targets: readonly Pick<Target, 'kind' | 'value'>[];
  readonly sources: readonly string[];
  readonly verdict: Verdict;
  readonly reason_codes: readonly string[];
  readonly matched_rules: readonly string[];
}

/** The parts of a call that is judged as more than itself, itself first; none for one that is all that it may mean. */
export function explainParts(
  policy: Policy,
  request: IntentRequest,
  now: Timestamp,
  home?: string,
): PartAccount[] {
  const parts = judgeParts(policy, request, now, { home });
  if (parts.length === 1) return [];
  return parts.map(({ intent: { targets, arg_provenance = [] }, judged }) => {
    const { verdict, reason_codes, matched_rules } = judged;
    const named = targets.map(({ kind, value }) => ({ kind, value }));
    const sources = arg_provenance.map(({ source }) => source);
    return { targets: named, sources, verdict, reason_codes, matched_rules };
  });
}

/** The steps of a script, each as the call that it is; none for what is no script. */
export function explainSteps(
  policy: Policy,
  request: IntentRequest,
  now: Timestamp,
  home?: string,
): StepAccount[] {
  const { steps = [] } = judge(policy, request, now, { home });
  return callsOf(request.intent).flatMap((intent, index) => {
    const step = steps[index];
    if (step === undefined) return [];
    const { tool_name, verdict } = step;
    return [{ tool_name, verdict, rules: explain(policy, { ...request, intent }, now, home) }];
  });
}

/** Every rule of a policy in its order, and why it is about a single call or is not. */
export function explain(
  policy: Policy,
  request: IntentRequest,
  now: Timestamp,
  home?: string,
): RuleAccount[] {
  const asked = { intent: request.intent, home, work: someWork(), careful: false };
  const facts = factsOf(asked, risksNamed(policy), policy.risk_floor);
  const isMet = (rule: Rule): boolean => ['yes', 'maybe'].includes(matches(rule, facts));
  const failedClosed = judge(policy, request, now, { home }).matched_rules.length === 0;
  const first = policy.rules.find((rule) => isMet(rule))?.priority;
  return policy.rules.map((rule) => {
    const matched = isMet(rule);
    const standing = !matched ? 'no' : !failedClosed && rule.priority === first ? 'decides' : 'not_asked';
    const { name, priority, effect } = rule;
    return { name, priority, effect, standing, misses: misses(rule, facts) };
  });
}
