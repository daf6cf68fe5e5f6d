import { wantsBroker } from './judge.ts';
import { asksForDelegation } from './match.ts';
import type { Match, Policy, Rule } from './policy.ts';
import { RISK_CLASSES } from './risk.ts';

/** What to ask of what a rule is about: by code, in words. */
export type Finding = readonly [code: string, message: string];

/** What a careful reader would ask about the calls that a rule is about. */
export function reachFindings(policy: Policy, rule: Rule): Finding[] {
  return [...shadowed(policy, rule), ...toolOnly(rule), ...literals(rule), ...believed(policy, rule)];
}

/** An earlier rule is about all that this one is about: this one is never asked. */
function shadowed({ rules }: Policy, rule: Rule): Finding[] {
  const first = rules.find(
    (other) =>
      other.priority < rule.priority && !asksForDelegation(other.match) && isWider(other.match, rule.match),
  );
  if (first === undefined) return [];
  return [['shadowed', `is never asked: ${first.name}, of a lower priority, is about all of its calls`]];
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
function toolOnly(rule: Rule): Finding[] {
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

/** Where words are taken as they are written, and this one looks as if it were not meant so. */
function literals({ match }: Rule): Finding[] {
  const found: Finding[] = [];
  for (const [name, other] of LITERAL) {
    const [word] = match[name].filter((one) => one.includes('*'));
    if (word === undefined) continue;
    const where = other === undefined ? '' : `; patterns go into ${other}`;
    found.push(['pattern_literal', `${name} takes ${word} as it is written${where}`]);
  }
  return found;
}

const LITERAL: readonly (readonly [keyof Match & LiteralList, string | undefined])[] = [
  ['tool_names', 'tool_patterns'],
  ['target_values', 'target_patterns'],
  ['destination_values', undefined],
  ['identities', 'identity_patterns'],
  ['workspace_prefixes', undefined],
];
type LiteralList =
  | 'tool_names'
  | 'target_values'
  | 'destination_values'
  | 'identities'
  | 'workspace_prefixes';

/** A rule that allows by risk believes what a call says of it, unless the policy says otherwise. */
function believed({ risk_floor }: Policy, { effect, match }: Rule): Finding[] {
  const lower = match.risk_classes.some((risk) => RISK_CLASSES.slice(0, 3).some((one) => one === risk));
  if (effect !== 'allow' || risk_floor === 'derived' || !lower) return [];
  const message =
    'allows by the risk that a call says; risk_floor: derived believes it no lower than it shows';
  return [['risk_believed', message]];
}
