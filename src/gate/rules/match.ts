import { lowered, sameName, trimmed } from '../../core/text.ts';
import type { Match, Rule } from '../policy/policy.ts';
import { mayDo } from '../target/acts.ts';
import { isNowhere, isWithin, plainPath } from '../target/places.ts';
import type { Facts } from './facts.ts';
import { isTarget, named, ofKind } from './target_match.ts';

/**
 * How far a rule is about an intent. `undelegated`: but for the delegation that it asks for, and that is not claimed.
 * `maybe`: nobody can tell, since a value may name several things; never of a rule that allows.
 */
export type Matching = 'no' | 'undelegated' | 'maybe' | 'yes';

/** True if what a member of a match asks for is so. `grants`: the rule lets something through. */
type Check = (match: Match, facts: Facts, grants: boolean) => boolean | 'maybe';

/** By the member of the match. Each is looked for in all targets: the call is judged once for each of them too. */
const CHECKS: Readonly<Partial<Record<keyof Match, Check>>> = {
  tool_names: ({ tool_names, tool_patterns }, { tools }, grants) =>
    one(tool_names, tool_patterns, tools, grants),
  risk_classes: ({ risk_classes }, { risk, shownRisk, risks, riskFloor, riskUnknown }, grants) => {
    if (grants) return some(risk_classes, [riskFloor ? shownRisk : risk]);
    return some(risk_classes, [risk]) || ((riskUnknown || some(risk_classes, risks)) && 'maybe');
  },
  identities: ({ identities, identity_patterns }, facts, grants) =>
    one(identities, identity_patterns, facts.identities, grants),
  workspace_prefixes: ({ workspace_prefixes }, facts, grants) =>
    inWorkspace(workspace_prefixes, facts, grants),
  provenance_sources: (match, { sources }) => some(match.provenance_sources, sources),
  skill_publishers: (match, { publishers }) => some(match.skill_publishers, publishers),
  skill_sources: (match, { skillSources }) => some(match.skill_sources, skillSources),
  target_kinds: (match, facts, grants) => ofKind(match.target_kinds, facts, grants),
  target_values: ({ target_values, target_patterns }, facts, grants) =>
    isTarget(target_values, target_patterns, facts, grants),
  endpoint_classes: (match, { classes, allClasses, toolClasses }, grants) => {
    if (grants) return some(match.endpoint_classes, classes);
    return some(match.endpoint_classes, allClasses) || (some(match.endpoint_classes, toolClasses) && 'maybe');
  },
  data_classes: (match, { sensitivities }) => some(match.data_classes, sensitivities),
  destination_kinds: (match, facts, grants) => ofKind(match.destination_kinds, facts, grants),
  destination_values: (match, facts, grants) => named(match.destination_values, facts, grants),
  destination_operations: ({ destination_operations: wanted }, { operations, tools }, grants) =>
    some(wanted, operations) || (!grants && isUnsaid(operations) && mayDo(wanted, tools[0] ?? '') && 'maybe'),
};

const DELEGATION_CHECKS: Readonly<Partial<Record<keyof Match, Check>>> = {
  require_delegation: (match, { delegation }) => !match.require_delegation || delegation !== undefined,
  max_delegation_depth: ({ max_delegation_depth: depth }, { delegation }) =>
    depth === null || (delegation !== undefined && delegation.depth <= depth),
  // Who lets somebody act must all be let: one stranger among them hands on what is not theirs.
  allowed_delegator_identities: ({ allowed_delegator_identities: wanted }, { delegation }, grants) => {
    const delegators = delegation?.delegators ?? [];
    const isOne = (one: string): boolean => wanted.includes(one);
    if (wanted.length === 0) return true;
    return grants ? delegators.length > 0 && delegators.every(isOne) : delegators.some(isOne);
  },
  // Who is let act is who acts, not anybody that it was handed on by.
  allowed_delegate_identities: ({ allowed_delegate_identities: wanted }, { delegation }, grants) =>
    some(wanted, delegation === undefined ? [] : grants ? [delegation.delegate] : delegation.delegates),
  delegation_scopes: (match, { delegation }) => some(match.delegation_scopes, delegation?.scopes ?? []),
};

/** What there is to know of an intent that nobody delegated. */
const UNDELEGATED = { delegation: undefined } as Facts;

const PLAIN = Object.values(CHECKS);
const DELEGATED = Object.values(DELEGATION_CHECKS);

/** True if a match asks for anything of a delegation. */
export function asksForDelegation(match: Match): boolean {
  return DELEGATED.some((check) => !check(match, UNDELEGATED, true));
}

/** Whether a rule is about an intent: every member of its match that is not empty holds. */
export function matches({ match, effect }: Rule, facts: Facts): Matching {
  const grants = effect === 'allow';
  let sure = true;
  for (const check of PLAIN) {
    const holds = check(match, facts, grants);
    if (holds === false) return 'no';
    sure &&= holds === true;
  }
  // A claim that nobody has proven, and that is another than is asked for, is no better than none.
  if (DELEGATED.some((check) => check(match, facts, grants) === false)) return 'undelegated';
  return sure ? 'yes' : grants ? 'no' : 'maybe';
}

/** The members of a rule's match that do not hold. */
export function misses({ match, effect }: Rule, facts: Facts): string[] {
  const checks = Object.entries({ ...CHECKS, ...DELEGATION_CHECKS });
  return checks
    .filter(([, check]) => check(match, facts, effect === 'allow') === false)
    .map(([name]) => name);
}

/**
 * A rule that grants something holds for the folder itself and what is in it, once the path is plain. One that
 * restricts holds also for every path that merely begins so: neither may be got around by how a path is spelled.
 */
export function inWorkspace(
  prefixes: readonly string[],
  { workspace, workspacePlace }: Pick<Facts, 'workspace' | 'workspacePlace'>,
  grants: boolean,
): boolean | 'maybe' {
  if (prefixes.length === 0) return true;
  const isLost = workspacePlace === undefined || isNowhere(workspacePlace);
  if (isLost && !grants) return 'maybe'; // it may be anywhere
  if (workspacePlace === undefined) return false;
  if (prefixes.some((prefix) => isWithin(workspacePlace, plainPath(prefix)))) return true;
  return !grants && prefixes.some((prefix) => workspace.startsWith(prefix));
}

/**
 * Whether nothing is asked for, or one of these is, by its name or by a pattern. What people would take for one of them may
 * be it: letters of another width, marks that do not show.
 */
function one(
  names: readonly string[],
  patterns: readonly string[],
  values: readonly string[],
  grants: boolean,
): boolean | 'maybe' {
  if (names.length + patterns.length === 0) return true;
  const isOne = (value: string): boolean =>
    names.includes(value) || patterns.some((pattern) => isLike(pattern, value));
  if (values.some(isOne)) return true;
  const folded = names.map(sameName);
  const looksLike = (value: string): boolean => folded.includes(value) || isOne(value);
  return !grants && values.map(sameName).some(looksLike) && 'maybe';
}

/** `*` stands for any text. Takes no longer than the length of the one times that of the other. */
function isLike(pattern: string, value: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === value;
  if (!value.startsWith(head) || value.length < head.length + last.length || !value.endsWith(last))
    return false;
  let at = head.length;
  for (const part of rest) {
    const found = value.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= value.length - last.length;
}

/** A call that names no targets, or one without what is done to it. */
function isUnsaid(operations: readonly string[]): boolean {
  return operations.length === 0 || operations.includes('');
}

/** True if nothing is asked for, or one of these is. */
function some(wanted: readonly string[], values: readonly string[]): boolean {
  return wanted.length === 0 || values.some((value) => wanted.includes(value));
}

/**
 * The reason that a rule gives which names none: its own name, in the letters of codes, escaped as the programs before
 * this one did.
 */
export function ownReason(name: string): string {
  const escaped = JSON.stringify(name)
    .slice(1, -1)
    .replaceAll(/[<>&\u2028\u2029]/g, (point) => `\\u${point.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `matched_rule_${lowered(trimmed(escaped).replaceAll(/[ -]/g, '_'))}`;
}
