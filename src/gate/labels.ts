import type { Json, JsonObject } from '../core/json.ts';
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

/** Tells of arguments whether no label is about them, or about any part of them. */
export function unlabelledBy(labels: readonly Provenance[]): (name: string) => boolean {
  const named = new Set<string>();
  let all = false;
  for (const { arg_path } of labels) {
    const [first] = stepsOf(arg_path);
    all ||= first === undefined || first === '*';
    if (first !== undefined) named.add(first);
    named.add(arg_path);
  }
  return (name) => !all && !named.has(name);
}
