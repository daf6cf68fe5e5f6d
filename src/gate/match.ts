import { classesOf } from './endpoint_lists.ts';
import type { Intent, Target } from './intent.ts';
import { isWithin, namesPlace, plainPath } from './places.ts';
import type { Match, Rule } from './policy.ts';
import { lowered, trimmed } from './words.ts';

/** How far a rule is about an intent. `undelegated`: but for the delegation that it asks for, and that is not claimed. */
export type Matching = 'no' | 'undelegated' | 'yes';

/** Risk classes that every policy knows, from the lowest to the highest. */
export const RISK_CLASSES = ['low', 'medium', 'high', 'critical'] as const;

/** True for a risk class that gait does not know: it counts as the highest wherever that is the stricter thing. */
export function isStrangeRisk(risk: string): boolean {
  return !RISK_CLASSES.some((one) => one === risk);
}

/** What rules ask of an intent, taken out of it once. */
export interface Facts {
  readonly tools: readonly string[];
  readonly risk: string;
  /** No rule of the policy names the risk either. */
  readonly riskUnknown: boolean;
  readonly identities: readonly string[];
  readonly workspace: string;
  readonly workspacePlace: string | undefined;
  readonly sources: readonly string[];
  readonly publishers: readonly string[];
  readonly skillSources: readonly string[];
  readonly kinds: readonly string[];
  readonly targets: readonly Target[];
  /** Classes that targets are said to be of and do not look otherwise. */
  readonly classes: readonly string[];
  /** Classes that targets are said to be of, or look to be of. */
  readonly allClasses: readonly string[];
  readonly sensitivities: readonly string[];
  readonly operations: readonly string[];
  readonly delegation:
    | undefined
    | {
        readonly depth: number;
        readonly delegators: readonly string[];
        readonly delegates: readonly string[];
        readonly scopes: readonly string[];
      };
}

export function factsOf(intent: Intent, risksNamed: ReadonlySet<string>): Facts {
  const { tool_name, context, targets, arg_provenance = [], skill_provenance: skill, delegation } = intent;
  return {
    tools: [tool_name],
    risk: context.risk_class,
    riskUnknown: isStrangeRisk(context.risk_class) && !risksNamed.has(context.risk_class),
    identities: [context.identity],
    workspace: context.workspace,
    workspacePlace: plainPath(context.workspace),
    sources: arg_provenance.map(({ source }) => source),
    publishers: skill === undefined ? [] : [lowered(skill.publisher)],
    skillSources: skill === undefined ? [] : [skill.source],
    kinds: targets.map(({ kind }) => kind),
    targets,
    classes: targets.flatMap((target) => {
      const classes = classesOf(target, tool_name);
      return classes.length === 1 ? classes : [];
    }),
    allClasses: targets.flatMap((target) => classesOf(target, tool_name)),
    sensitivities: targets.map(({ sensitivity = '' }) => sensitivity),
    operations: targets.map(({ operation = '' }) => operation),
    delegation: delegation === undefined ? undefined : delegationFacts(delegation),
  };
}

function delegationFacts({
  requester_identity,
  scope_class = '',
  chain = [],
}: NonNullable<Intent['delegation']>): NonNullable<Facts['delegation']> {
  return {
    depth: chain.length,
    delegators: chain.map(({ delegator_identity }) => delegator_identity),
    delegates: [requester_identity, ...chain.map(({ delegate_identity }) => delegate_identity)],
    scopes: [scope_class, ...chain.map((link) => link.scope_class ?? '')],
  };
}

/** True if what a member of a match asks for is so. `grants`: the rule lets something through. */
type Check = (match: Match, facts: Facts, grants: boolean) => boolean;

/** By the member of the match. Each is looked for in all targets: two of them may hold for two different ones. */
const CHECKS: Readonly<Partial<Record<keyof Match, Check>>> = {
  tool_names: (match, { tools }) => some(match.tool_names, tools),
  risk_classes: (match, { risk, riskUnknown }, grants) =>
    some(match.risk_classes, [risk]) || (riskUnknown && !grants),
  identities: (match, { identities }) => some(match.identities, identities),
  workspace_prefixes: ({ workspace_prefixes }, facts, grants) =>
    inWorkspace(workspace_prefixes, facts, grants),
  provenance_sources: (match, { sources }) => some(match.provenance_sources, sources),
  skill_publishers: (match, { publishers }) => some(match.skill_publishers, publishers),
  skill_sources: (match, { skillSources }) => some(match.skill_sources, skillSources),
  target_kinds: (match, { kinds }) => some(match.target_kinds, kinds),
  target_values: (match, facts, grants) => named(match.target_values, facts, grants),
  endpoint_classes: (match, { classes, allClasses }, grants) =>
    some(match.endpoint_classes, grants ? classes : allClasses),
  data_classes: (match, { sensitivities }) => some(match.data_classes, sensitivities),
  destination_kinds: (match, { kinds }) => some(match.destination_kinds, kinds),
  destination_values: (match, facts, grants) => named(match.destination_values, facts, grants),
  destination_operations: (match, { operations }) => some(match.destination_operations, operations),
};

const DELEGATION_CHECKS: Readonly<Partial<Record<keyof Match, Check>>> = {
  require_delegation: (match, { delegation }) => !match.require_delegation || delegation !== undefined,
  max_delegation_depth: ({ max_delegation_depth: depth }, { delegation }) =>
    depth === null || (delegation !== undefined && delegation.depth <= depth),
  allowed_delegator_identities: (match, { delegation }) =>
    some(match.allowed_delegator_identities, delegation?.delegators ?? []),
  allowed_delegate_identities: (match, { delegation }) =>
    some(match.allowed_delegate_identities, delegation?.delegates ?? []),
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
  for (const check of PLAIN) if (!check(match, facts, grants)) return 'no';
  // A claim that nobody has proven, and that is another than is asked for, is no better than none.
  return DELEGATED.every((check) => check(match, facts, grants)) ? 'yes' : 'undelegated';
}

/** The members of a rule's match that do not hold. */
export function misses({ match, effect }: Rule, facts: Facts): string[] {
  const checks = Object.entries({ ...CHECKS, ...DELEGATION_CHECKS });
  return checks.filter(([, check]) => !check(match, facts, effect === 'allow')).map(([name]) => name);
}

/**
 * A rule that grants something holds for the folder itself and what is in it, once the path is plain. One that
 * restricts holds also for every path that merely begins so: neither may be got around by how a path is spelled.
 */
export function inWorkspace(
  prefixes: readonly string[],
  { workspace, workspacePlace }: Pick<Facts, 'workspace' | 'workspacePlace'>,
  grants: boolean,
): boolean {
  if (prefixes.length === 0) return true;
  if (workspacePlace === undefined) return !grants; // it may be anywhere
  if (prefixes.some((prefix) => isWithin(workspacePlace, plainPath(prefix)))) return true;
  if (!grants && !workspacePlace.startsWith('/') && prefixes.some((prefix) => prefix.startsWith('/')))
    return true;
  return !grants && prefixes.some((prefix) => workspace.startsWith(prefix));
}

/** A rule that restricts holds for a value however it is spelled. */
function named(wanted: readonly string[], { targets, workspace }: Facts, grants: boolean): boolean {
  if (wanted.length === 0 || targets.some(({ value }) => wanted.includes(value))) return true;
  return !grants && targets.some((target) => namesPlace(wanted, target, workspace));
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
