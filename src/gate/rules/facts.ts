import { lowered } from '../../core/text.ts';
import type { Intent, Target } from '../intent/intent.ts';
import { isStrangeRisk } from '../intent/risk_classes.ts';
import type { Policy } from '../policy/policy.ts';
import type { Work } from '../target/glob.ts';
import { classesByTool } from '../target/likeness.ts';
import { surroundingsOf } from '../target/meanings.ts';
import { plainPath } from '../target/places.ts';
import type { Surroundings } from '../target/readings.ts';
import type { EvaluationInput, Look } from './asked.ts';
import { classesOf } from './endpoint_lists.ts';
import { risksUpTo } from './risk.ts';

/** What rules ask of an intent, taken out of it once. */
export interface Facts {
  readonly tools: readonly string[];
  readonly risk: string;
  /** The risk that it shows, where that is higher than what it says. */
  readonly shownRisk: string;
  /** What it says, what it shows, and all between. */
  readonly risks: readonly string[];
  /** A rule that allows believes it no lower risk than it shows. */
  readonly riskFloor: boolean;
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
  readonly surroundings: Surroundings;
  readonly work: Work;
  /** Classes that targets are said to be of and do not look otherwise. */
  readonly classes: readonly string[];
  /** Classes that targets are said to be of, or look to be of. */
  readonly allClasses: readonly string[];
  /** Classes that its tool may make it of. */
  readonly toolClasses: readonly string[];
  readonly sensitivities: readonly string[];
  readonly operations: readonly string[];
  readonly delegation:
    | undefined
    | {
        readonly depth: number;
        readonly delegators: readonly string[];
        /** Who acts. */
        readonly delegate: string;
        readonly delegates: readonly string[];
        readonly scopes: readonly string[];
      };
}

export function factsOf(
  { intent, careful, ...look }: Look & Pick<EvaluationInput, 'intent' | 'careful'>,
  risksNamed: ReadonlySet<string>,
  floor: Policy['risk_floor'],
): Facts {
  const { tool_name, context, targets, arg_provenance = [], skill_provenance: skill, delegation } = intent;
  const classes = targets.map((target) => classesOf(target, tool_name));
  const risks = risksUpTo(intent, look);
  return {
    tools: [tool_name],
    risk: context.risk_class,
    shownRisk: risks.at(-1) ?? context.risk_class,
    risks,
    riskFloor: careful || floor === 'derived',
    riskUnknown: isStrangeRisk(context.risk_class) && !risksNamed.has(context.risk_class),
    identities: [context.identity],
    workspace: context.workspace,
    workspacePlace: plainPath(context.workspace),
    sources: arg_provenance.map(({ source }) => source),
    publishers: skill === undefined ? [] : [lowered(skill.publisher)],
    skillSources: skill === undefined ? [] : [skill.source],
    kinds: targets.map(({ kind }) => kind),
    targets,
    surroundings: surroundingsOf(intent, look),
    work: look.work,
    classes: classes.filter((each) => each.length === 1).flat(),
    allClasses: classes.flat(),
    toolClasses: classesByTool(intent),
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
    delegate: requester_identity,
    delegates: [requester_identity, ...chain.map(({ delegate_identity }) => delegate_identity)],
    scopes: [scope_class, ...chain.map((link) => link.scope_class ?? '')],
  };
}
