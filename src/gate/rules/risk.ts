import type { Intent, Target } from '../intent/intent.ts';
import { isStrangeRisk, RISK_CLASSES, type RiskClass } from '../intent/risk_classes.ts';
import { isNetwork, type Policy } from '../policy/policy.ts';
import { actsOf } from '../target/acts.ts';
import { mayBeOfKind } from '../target/likeness.ts';
import { placesOf, surroundingsOf } from '../target/meanings.ts';
import { isAbove } from '../target/path_patterns.ts';
import { plainPath } from '../target/places.ts';
import type { Surroundings } from '../target/readings.ts';
import type { Look } from './asked.ts';
import { classesOf, destroys } from './endpoint_lists.ts';

/** True if what a policy says of failing closed is about calls of this risk: a strange one may be any of them. */
export function failsClosed({ fail_closed }: Policy, risk: string): boolean {
  return fail_closed.enabled && (fail_closed.risk_classes.includes(risk) || isStrangeRisk(risk));
}

/** The higher of what a call says and of what it shows; what it says, where that is strange. */
export function riskOfCall(intent: Intent, look: Look): string {
  const said = intent.context.risk_class;
  if (isStrangeRisk(said)) return said;
  const shown = shownRisk(intent, look);
  return RISK_CLASSES.indexOf(shown) > (RISK_CLASSES as readonly string[]).indexOf(said) ? shown : said;
}

/** What a call says, what it shows, and all between: one that shows more is of no less. */
export function risksUpTo(intent: Intent, look: Look): readonly string[] {
  const said = intent.context.risk_class;
  const from = (RISK_CLASSES as readonly string[]).indexOf(said);
  const to = (RISK_CLASSES as readonly string[]).indexOf(riskOfCall(intent, look));
  return from === -1 ? [said] : RISK_CLASSES.slice(from, to + 1);
}

/** The least risk of a call by its tool, its operations and its targets, whatever it says. */
export function shownRisk(intent: Intent, look: Look): RiskClass {
  const { tool_name, targets } = intent;
  if (destroys(targets, tool_name)) return 'high';
  const surroundings = surroundingsOf(intent, look);
  if (targets.some((target) => isAboveWorkspace(target, surroundings))) return 'high';
  const acts = actsOf(tool_name);
  if (targets.some((target) => sendsOut(target, surroundings))) return 'high';
  const all = [acts, ...targets.map(({ operation = '' }) => actsOf(operation))];
  const writes = targets.some((target) => classesOf(target, tool_name).includes('fs.write'));
  return writes || all.some((one) => one.has('writes') || one.has('sends')) ? 'medium' : 'low';
}

/** A path that the workspace lies in, or that may be any. */
function isAboveWorkspace(target: Target, surroundings: Surroundings): boolean {
  const workspace = plainPath(surroundings.workspace);
  if (workspace === undefined || workspace === '.' || !mayBeOfKind(target, 'path', surroundings))
    return false;
  const places = placesOf(target, surroundings);
  if (places.anywhere) return true;
  const above = plainPath(`${workspace}/..`);
  return above !== undefined && above !== workspace && isAbove(places, above, above, surroundings.work);
}

/** Writes to the network. */
function sendsOut(target: Target, surroundings: Surroundings): boolean {
  const { toolName } = surroundings;
  if (!classesOf(target, toolName).some(isNetwork) && !mayBeOfKind(target, 'url', surroundings)) return false;
  const acts = new Set([...actsOf(toolName), ...actsOf(target.operation ?? '')]);
  return acts.has('sends') || acts.has('writes') || acts.has('deletes');
}
