import { canonicalize } from '../../core/canonical.ts';
import type { Json } from '../../core/json.ts';
import type { Intent, IntentRequest } from '../../gate/intent/intent.ts';
import { callsOf } from '../../gate/intent/script.ts';
import { printable } from '../terminal.ts';

/** An argument is shown so far; what is longer says how long. UTF-16 code units. */
const MAX_SHOWN = 200;

/** A call as a person has to see it who answers for it: what is called, on what, with what. */
export function callLines({ intent }: IntentRequest): string[] {
  const { context } = intent;
  const who = `${printable(context.identity)} in ${printable(context.workspace)}, risk ${printable(context.risk_class)}`;
  const calls = callsOf(intent);
  return [
    `asked by ${who}`,
    ...calls.flatMap((call, index) => oneCall(call, calls.length > 1 ? `${index + 1}. ` : '')),
  ];
}

function oneCall({ tool_name, targets, args }: Intent, number: string): string[] {
  const entries = Object.entries(args);
  return [
    `${number}${printable(tool_name)}`,
    ...targets.map(({ kind, value, operation = '' }) => {
      const does = operation === '' ? '' : `${printable(operation)} `;
      return `  target      ${does}${kind} ${shown(value)}`;
    }),
    ...(targets.length === 0 ? ['  target      none is said'] : []),
    ...entries.map(([name, value]) => `  argument    ${printable(name)} = ${shown(textOf(value))}`),
    ...(entries.length === 0 ? ['  argument    none'] : []),
  ];
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : canonicalize(value);
}

/** With all that a terminal would do something for made visible. */
function shown(text: string): string {
  if (text.length <= MAX_SHOWN) return printable(text);
  return `${printable(text.slice(0, MAX_SHOWN))}… (${Buffer.byteLength(text)} bytes)`;
}
