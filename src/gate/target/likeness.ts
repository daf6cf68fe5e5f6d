import type { Intent, Target } from '../intent/intent.ts';
import { actsOf, destruction, namesDestruction } from './acts.ts';
import { mayBeCommand } from './command_words.ts';
import { type EndpointClass, inferredClass, type TargetKind } from './endpoint.ts';
import { placesOf } from './meanings.ts';
import { isHostLike, isNetworkPlace } from './places.ts';
import type { Surroundings } from './readings.ts';

/** True for a target that may be of a kind, whatever it is said to be of. */
export function mayBeOfKind(target: Target, wanted: TargetKind, surroundings: Surroundings): boolean {
  const { kind, value } = target;
  if (kind === wanted) return true;
  const leads = isNetworkPlace(kind, value);
  switch (wanted) {
    case 'url':
    case 'host':
      return (
        leads ||
        (kind !== 'path' && isHostLike(value)) ||
        (mayBeCommand(target, surroundings.toolName) && placesOf(target, surroundings).goesOut)
      );
    case 'path':
      return !leads
        ? mayBeCommand(target, surroundings.toolName) || isWordOf(target, surroundings)
        : isBarePath(target);
    case 'other':
      return mayBeCommand(target, surroundings.toolName);
    default:
      return isWordOf(target, surroundings);
  }
}

/** The name of a file, a repository, a table: nobody can tell it from another word. A path has a sign of its own. */
function isWordOf({ kind, value }: Target, { toolName }: Surroundings): boolean {
  if (kind !== 'other') return false;
  return /[\\/~]/.test(value) || (!/\s/.test(value) && !actsOf(toolName).has('executes'));
}

/** Said to be on the network, and nothing that a browser would go to. */
function isBarePath({ kind, value }: Target): boolean {
  return (kind === 'url' || kind === 'host') && !isNetworkPlace('other', value) && !isHostLike(value);
}

/** Classes that a call may be of beside those that its targets say or look to be of: by the name of its tool. */
export function classesByTool({ tool_name, targets }: Intent): EndpointClass[] {
  const acts = actsOf(tool_name);
  const destroys = namesDestruction(tool_name) ? [destruction(tool_name)] : [];
  const writes: EndpointClass[] = acts.has('writes') ? ['fs.write'] : [];
  const sends: EndpointClass[] =
    acts.has('sends') || /(?:^|[^a-z0-9])(?:http|fetch|curl|wget)/.test(tool_name) ? ['net.http'] : [];
  if (targets.length === 0) return [...destroys, ...writes, ...sends];
  return targets.flatMap((target) => {
    const { kind, value } = target;
    if (isNetworkPlace(kind, value)) return []; // an operation that resolves names is believed, as it was
    if (kind !== 'path') return [...destroys, ...writes, ...(isHostLike(value) ? sends : [])];
    const told = inferredClass('path', '', tool_name);
    return [...destroys, ...writes, ...(told === 'other' ? [] : [told])];
  });
}
