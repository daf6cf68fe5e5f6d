import type { Timestamp } from '../core/time.ts';
import { someWork } from './glob.ts';
import type { IntentRequest } from './intent.ts';
import { judge, risksNamed } from './judge.ts';
import { factsOf, matches, misses } from './match.ts';
import type { Policy, Rule, Verdict } from './policy.ts';
import { callsOf } from './script.ts';

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

/** The steps of a script, each as the call that it is; none for what is no script. */
export function explainSteps(policy: Policy, request: IntentRequest, now: Timestamp): StepAccount[] {
  const { steps = [] } = judge(policy, request, now);
  return callsOf(request.intent).flatMap((intent, index) => {
    const step = steps[index];
    if (step === undefined) return [];
    const { tool_name, verdict } = step;
    return [{ tool_name, verdict, rules: explain(policy, { ...request, intent }, now) }];
  });
}

/** Every rule of a policy in its order, and why it is about a single call or is not. */
export function explain(policy: Policy, request: IntentRequest, now: Timestamp): RuleAccount[] {
  const asked = { intent: request.intent, home: undefined, work: someWork(), careful: false };
  const facts = factsOf(asked, risksNamed(policy), policy.risk_floor);
  const isMet = (rule: Rule): boolean => ['yes', 'maybe'].includes(matches(rule, facts));
  const failedClosed = judge(policy, request, now).matched_rules.length === 0;
  const first = policy.rules.find((rule) => isMet(rule))?.priority;
  return policy.rules.map((rule) => {
    const matched = isMet(rule);
    const standing = !matched ? 'no' : !failedClosed && rule.priority === first ? 'decides' : 'not_asked';
    const { name, priority, effect } = rule;
    return { name, priority, effect, standing, misses: misses(rule, facts) };
  });
}
