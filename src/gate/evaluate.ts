import type { Timestamp } from '../core/time.ts';
import type { IntentRequest } from './intent.ts';
import { type Judgement, judge, NO_DUTIES } from './judge.ts';
import type { Policy } from './policy.ts';
import { wordList } from './words.ts';

/** What is decided about a call. Only `allow` lets it run. */
export type Decision = Judgement;

/**
 * The one way to a decision, whoever asks. Pure. What a policy asks to be proven and nobody has proven blocks; what throws
 * blocks too, with a reason of its own.
 */
export function evaluate(policy: Policy, request: IntentRequest, now: Timestamp): Decision {
  try {
    return withDuties(judge(policy, request, now));
  } catch {
    return blocked(NOT_EVALUABLE, 'evaluation_failed', 'intent_not_evaluable');
  }
}

const NOT_EVALUABLE: Judgement = {
  verdict: 'block',
  reason_codes: [],
  violations: [],
  matched_rules: [],
  duties: NO_DUTIES,
};

/** A call of a rule that asks for a delegation, or for a credential, is not let through before there is one. */
function withDuties(judgement: Judgement): Decision {
  const { verdict, duties } = judgement;
  if (verdict === 'block') return judgement;
  const passedOver = duties.undelegated && verdict !== 'require_approval';
  if (duties.delegation || passedOver) {
    return blocked(judgement, 'delegation_token_missing', 'delegation_not_granted');
  }
  if (duties.broker !== null && verdict === 'allow') {
    return blocked(judgement, 'broker_credential_required', 'broker_credential_missing');
  }
  return judgement;
}

function blocked(judgement: Judgement, reason: string, violation: string): Decision {
  return {
    ...judgement,
    verdict: 'block',
    reason_codes: wordList([...judgement.reason_codes, reason]),
    violations: wordList([...judgement.violations, violation]),
  };
}
