import type { Json, JsonObject } from '../../core/json.ts';
import type { Provenance } from './intent.ts';

/** No argument is named by more. UTF-16 code units. */
const MAX_PATH = 1024;

/** The names on the way to an argument: `$.to`, `$['to'][0]`, `/to/0`, `args.to`, `to`. Empty for all of them. */
function stepsOf(path: string): string[] {
  if (path.length > MAX_PATH) return [path]; // which names no argument
  const bare = path.replace(/^\$|^args(?=[./[]|$)/, '');
  return bare
    .replaceAll(
      /\[(?:'([^']*)'|"([^"]*)"|([^\][]*))\]/g,
      (_, one = '', two = '', three = '') => `.${one}${two}${three}`,
    )
    .split(/[./]/)
    .filter((step) => step !== '');
}

/** True if a label names something that the arguments have. */
export function isOfArgument({ arg_path }: Provenance, args: JsonObject): boolean {
  if (Object.hasOwn(args, arg_path)) return true;
  let at: Json | undefined = args;
  for (const step of stepsOf(arg_path)) {
    if (step === '*') return true;
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return false;
    at = (at as Record<string, Json>)[step];
  }
  return true;
}

/** What labels are about, by the names on the way there. */
interface Labelled {
  /** A label is about this, with all that is in it. */
  whole: boolean;
  readonly parts: Map<string, Labelled>;
}

/** Tells of arguments whether there is a part of them that no label is about. */
export function unlabelledBy(labels: readonly Provenance[]): (name: string, value: Json) => boolean {
  const root: Labelled = { whole: false, parts: new Map() };
  for (const { arg_path } of labels) {
    reachedBy(root, [arg_path]).whole = true; // a name may have dots
    reachedBy(root, stepsOf(arg_path)).whole = true;
  }
  return (name, value) => !isCovered({ [name]: value }, root);
}

function reachedBy(root: Labelled, steps: readonly string[]): Labelled {
  let at = root;
  for (const step of steps) {
    const next = at.parts.get(step) ?? { whole: false, parts: new Map() };
    at.parts.set(step, next);
    at = next;
  }
  return at;
}

function isCovered(value: Json, { whole, parts }: Labelled): boolean {
  if (whole || parts.get('*')?.whole === true) return true;
  if (typeof value !== 'object' || value === null || parts.size === 0) return false;
  return Object.entries(value).every(([name, part]) => {
    const [one, any] = [parts.get(name), parts.get('*')];
    return (one !== undefined && isCovered(part, one)) || (any !== undefined && isCovered(part, any));
  });
}
