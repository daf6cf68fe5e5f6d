import { RISK_CLASSES } from '../intent/risk_classes.ts';
import { wantsBroker } from '../rules/judge.ts';
import { asksForDelegation } from '../rules/match.ts';
import { type LintFinding, literals, shallow } from './lint_words.ts';
import type { Match, Policy, Rule } from './policy.ts';

/** What a careful reader would ask about the calls that a rule is about. */
export function reachFindings(policy: Policy, rule: Rule): LintFinding[] {
  return [
    ...shadowed(policy, rule),
    ...outrun(policy, rule),
    ...toolOnly(rule),
    ...literals(rule),
    ...shallow(rule),
    ...believed(policy, rule),
  ];
}

/** An earlier rule is about all that this one is about: this one is never asked. */
function shadowed({ rules }: Policy, rule: Rule): LintFinding[] {
  const first = rules.find(
    (other) =>
      other.priority < rule.priority && !asksForDelegation(other.match) && isWider(other.match, rule.match),
  );
  if (first === undefined) return [];
  return [['shadowed', `is never asked: ${first.name}, of a lower priority, is about all of its calls`]];
}

/** A rule that blocks, and that is asked only when an earlier one that allows was about nothing of the call. */
function outrun(policy: Policy, rule: Rule): LintFinding[] {
  if (rule.effect !== 'block') return [];
  const first = policy.rules.find(
    (other) =>
      other.priority < rule.priority && other.effect === 'allow' && mayShare(other.match, rule.match),
  );
  if (first === undefined || shadowed(policy, rule).length > 0) return [];
  const why = `blocks nothing that ${first.name} lets through: that one has a lower priority, and is asked first`;
  return [['block_outrun', why]];
}

/** False for two matches that name tools, and none that is in both. */
function mayShare(one: Match, other: Match): boolean {
  const exact = one.tool_patterns.length + other.tool_patterns.length === 0;
  if (!exact || one.tool_names.length === 0 || other.tool_names.length === 0) return true;
  return one.tool_names.some((name) => other.tool_names.includes(name));
}

/** True if every call that the other is about is one that this is about. */
function isWider(wide: Match, narrow: Match): boolean {
  const pairs = [
    ...[['tool_names', 'tool_patterns'] as const, ['target_values', 'target_patterns'] as const],
    ...[['identities', 'identity_patterns'] as const],
  ];
  const paired = pairs.every(([names, patterns]) => {
    const all = [...wide[names], ...wide[patterns]];
    const asked = [...narrow[names], ...narrow[patterns]];
    return all.length === 0 || (asked.length > 0 && asked.every((one) => all.includes(one)));
  });
  const done = new Set<string>(pairs.flat());
  const lists = Object.entries(wide).filter(([name, value]) => !done.has(name) && Array.isArray(value));
  const others = lists.every(([name, value]) => {
    const [all, asked] = [value as readonly string[], narrow[name as keyof Match] as readonly string[]];
    return all.length === 0 || (asked.length > 0 && asked.every((one) => all.includes(one)));
  });
  return paired && others;
}

/** A rule that allows by the name of a tool alone allows it to do anything to anything. */
function toolOnly(rule: Rule): LintFinding[] {
  const { effect, match, endpoint, dataflow, min_approvals: approvals } = rule;
  if (approvals > 0 || wantsBroker(rule) || dataflow.enabled || rule.require_context_evidence) return [];
  if (effect !== 'allow' || match.tool_names.length + match.tool_patterns.length === 0) return [];
  const { tool_names: _, tool_patterns: __, ...rest } = match;
  const asksMore = Object.values(rest).some((value) =>
    Array.isArray(value) ? value.length > 0 : value !== false && value !== null,
  );
  const lists = endpoint.path_allowlist.length + endpoint.domain_allowlist.length;
  if (asksMore || lists > 0) return [];
  return [['tool_only', 'names nothing but tools: it lets them do anything, to anything']];
}

/** A rule that allows by risk believes what a call says of it, unless the policy says otherwise. */
function believed({ risk_floor }: Policy, { effect, match }: Rule): LintFinding[] {
  const lower = match.risk_classes.some((risk) => RISK_CLASSES.slice(0, 3).some((one) => one === risk));
  if (effect !== 'allow' || risk_floor === 'derived' || !lower) return [];
  const message =
    'allows by the risk that a call says; risk_floor: derived believes it no lower than it shows';
  return [['risk_believed', message]];
}
