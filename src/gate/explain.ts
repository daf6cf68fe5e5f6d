import type { Timestamp } from '../core/time.ts';
import type { IntentRequest } from './intent.ts';
import { judge, risksNamed } from './judge.ts';
import { factsOf, matches, misses } from './match.ts';
import type { Policy } from './policy.ts';

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

/** Every rule of a policy in its order, and why it is about an intent or is not. */
export function explain(policy: Policy, request: IntentRequest, now: Timestamp): RuleAccount[] {
  const facts = factsOf(request.intent, risksNamed(policy));
  const failedClosed = judge(policy, request, now).matched_rules.length === 0;
  const first = policy.rules.find((rule) => matches(rule, facts) === 'yes')?.priority;
  return policy.rules.map((rule) => {
    const matched = matches(rule, facts) === 'yes';
    const standing = !matched ? 'no' : !failedClosed && rule.priority === first ? 'decides' : 'not_asked';
    const { name, priority, effect } = rule;
    return { name, priority, effect, standing, misses: misses(rule, facts) };
  });
}
