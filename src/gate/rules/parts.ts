import { byBytes, wordList } from '../../core/text.ts';
import type { Intent, Provenance } from '../intent/intent.ts';
import { unlabelledBy } from '../intent/labels.ts';
import type { Policy } from '../policy/policy.ts';
import { meaningsOf, surroundingsOf } from '../target/meanings.ts';
import { stricter } from '../verdict.ts';
import type { EvaluationInput } from './asked.ts';
import { bothDuties } from './duties.ts';
import type { Judgement } from './judgement.ts';
import { failsClosed } from './risk.ts';

/**
 * The calls that a call is judged as: itself, itself with all that its targets may mean, and once for each meaning of each
 * target, for each source of an argument, and for each of the ones with each of the others. One that a rule wants to see
 * whole is seen whole, and a harmless part beside another changes nothing, whichever parts they are.
 */
export function partsOf(policy: Policy, { intent: said, ...look }: EvaluationInput): readonly Intent[] {
  const intent = withLabels(policy, said);
  const { targets, arg_provenance = [] } = intent;
  const surroundings = surroundingsOf(intent, look);
  const meanings = targets.flatMap((target) => meaningsOf(target, surroundings));
  const sources = new Map(arg_provenance.map((label) => [label.source, label]));
  const asTargets = meanings.length > 1 ? meanings.map((target) => ({ targets: [target] })) : [];
  const asSources =
    sources.size > 1 ? [...sources.values()].map((label) => ({ arg_provenance: [label] })) : [];
  return [
    intent,
    ...(meanings.length > targets.length ? [{ ...intent, targets: meanings }] : []),
    ...[...asTargets, ...asSources].map((part) => ({ ...intent, ...part })),
    ...asTargets.flatMap((one) => asSources.map((other) => ({ ...intent, ...one, ...other }))),
  ];
}

/** Where labels are asked for, an argument without one may be from anywhere. */
function withLabels(policy: Policy, intent: Intent): Intent {
  const { required_fields } = policy.fail_closed;
  if (!required_fields.includes('arg_provenance') || !failsClosed(policy, intent.context.risk_class))
    return intent;
  const { arg_provenance = [] } = intent;
  const isUnlabelled = unlabelledBy(arg_provenance);
  const unlabelled = Object.entries(intent.args).filter(([name, value]) => isUnlabelled(name, value));
  if (arg_provenance.length === 0 || unlabelled.length === 0) return intent;
  const labels = unlabelled.map(([name]): Provenance => ({ arg_path: `$.${name}`, source: 'external' }));
  return { ...intent, arg_provenance: [...arg_provenance, ...labels] };
}

/** The strictest of several judgements, owing what any of them owes. */
export function strictestOf(all: readonly Judgement[]): Judgement {
  const [first, ...others] = all;
  if (first === undefined) throw new Error('nothing was judged');
  if (others.length === 0) return first;
  const each = [first, ...others.map(undelegatedBlocks)];
  const verdict = each.map((one) => one.verdict).reduce(stricter);
  const deciding = each.filter((one) => one.verdict === verdict);
  const duties = each.map((one) => one.duties).reduce(bothDuties);
  const approvals = verdict === 'require_approval' ? Math.max(1, duties.approvals) : duties.approvals;
  return {
    verdict,
    reason_codes: wordList(deciding.flatMap(({ reason_codes }) => reason_codes)),
    violations: wordList(deciding.flatMap(({ violations }) => violations)),
    matched_rules: [...new Set(deciding.flatMap(({ matched_rules }) => matched_rules))].sort(byBytes),
    duties: { ...duties, approvals },
  };
}

/** A part that would be blocked for want of a delegation is so beside others too, whatever they ask for. */
export function undelegatedBlocks<T extends Judgement>(judged: T): T {
  const { verdict, duties, reason_codes, violations } = judged;
  if (!duties.undelegated || verdict === 'block' || verdict === 'require_approval') return judged;
  return {
    ...judged,
    verdict: 'block',
    reason_codes: wordList([...reason_codes, 'delegation_token_missing']),
    violations: wordList([...violations, 'delegation_not_granted']),
  };
}
