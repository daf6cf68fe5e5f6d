import type { Json, JsonObject } from '../core/json.ts';
import type { Provenance } from './intent.ts';

/** The names on the way to an argument: `$.to`, `$['to'][0]`, `/to/0`, `args.to`, `to`. Empty for all of them. */
function stepsOf(path: string): string[] {
  const bare = path.replace(/^\$|^args(?=[./[]|$)/, '');
  return bare
    .replaceAll(
      /\[(?:'([^']*)'|"([^"]*)"|([^\]]*))\]/g,
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

/** True if no label is about an argument, or about any part of it. */
export function isUnlabelled(name: string, labels: readonly Provenance[]): boolean {
  return !labels.some(({ arg_path }) => {
    const [first] = stepsOf(arg_path);
    return first === undefined || first === '*' || first === name || arg_path === name;
  });
}
