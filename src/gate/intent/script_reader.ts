import { canonicalDigest } from '../../core/digest.ts';
import type { Fields } from '../../core/fields.ts';
import { lowered } from '../../core/text.ts';
import { MAX_STEPS } from '../policy/script_rules.ts';
import { plainArgs } from './args.ts';
import { invalid, needed, word } from './fields.ts';
import type { Intent, Script, ScriptStep } from './intent.ts';
import { provenanceOf, targetsOf } from './targets.ts';

/** The tool of every script. */
const SCRIPT = 'script';

/** The steps of a script, each in the form of an intent. Throws what reading an intent throws. */
export function scriptOf(fields: Fields): Script {
  const steps = fields.each('steps');
  if (steps.length === 0) throw invalid('the script has no steps', 'Ask for a single call without one.');
  if (steps.length > MAX_STEPS)
    throw invalid(`the script has ${steps.length} steps; the limit is ${MAX_STEPS}`);
  fields.ignored();
  return { steps: steps.map((step, index) => stepOf(step, `script.steps[${index}]`)) };
}

/** What steps share, and what they have not: they are no intents of their own. */
const SHARED = ['context', 'delegation', 'skill_provenance', 'script'] as const;

function stepOf(fields: Fields, place: string): ScriptStep {
  const tool_name = lowered(needed(fields, 'tool_name'));
  const args = plainArgs(fields.object('args') ?? {}, `${place}.args`);
  const targets = targetsOf(fields.each('targets'), tool_name);
  const arg_provenance = provenanceOf(fields.each('arg_provenance'));
  const own = SHARED.find((name) => fields.object(name) !== undefined);
  if (own !== undefined) throw invalid(`${place} has a ${own} of its own`, 'Steps share that of the intent.');
  fields.ignored();
  return {
    tool_name,
    args,
    ...(targets.length === 0 ? {} : { targets }),
    ...(arg_provenance.length === 0 ? {} : { arg_provenance }),
  };
}

/** A reader that knows no scripts would take another name, and what stands beside it, for a call. Throws `intent_invalid`. */
export function nameOfScript(fields: Fields): string {
  const name = word(fields, 'tool_name') || SCRIPT;
  if (name === SCRIPT) return name;
  throw invalid(
    `the tool of a script is ${JSON.stringify(name)}`,
    `Write ${SCRIPT}, and the tools in its steps.`,
  );
}

/** Throws `intent_invalid` for a script beside which another call is asked for. */
export function refuseOwn(own: Required<Pick<Intent, 'args' | 'targets' | 'arg_provenance'>>): void {
  const [name] = Object.entries(own).find(([, value]) => Object.keys(value).length > 0) ?? [];
  if (name !== undefined) throw invalid(`${name} stands beside a script`, 'Write it in the steps.');
}

/** SHA-256 of the steps in the form that is judged. */
export function scriptHash(script: Script): string {
  return canonicalDigest(script);
}
