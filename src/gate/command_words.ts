import { actsOf } from './acts.ts';
import { classOfOperation } from './endpoint.ts';
import type { Target } from './intent.ts';

/** More words than a person writes: what they name is anything. */
const MAX_WORDS = 1000;

/** What stands between the words of a command, and what shells put between them. */
const BETWEEN = /[\s'"`;|&<>()=,]+|\$(?:IFS\b|\{IFS\})/;

/** What joins commands, or makes words of a text: what has it may be a command. */
const JOINS = /[\s'"`;|&<>()$]/;

/** True for what is run, whatever kind it is said to be of. */
export function isRun({ kind, operation = '', endpoint_class }: Target, toolName: string): boolean {
  return (
    kind === 'other' ||
    endpoint_class === 'proc.exec' ||
    classOfOperation(operation) === 'proc.exec' ||
    actsOf(operation).has('executes') ||
    actsOf(toolName).has('executes')
  );
}

/** True for a target that may be a command and not only what its value reads as at first. */
export function mayBeCommand(target: Target, toolName: string): boolean {
  return JOINS.test(target.value) && isRun(target, toolName);
}

/** `{a,b}` in it. Takes no longer than the word is. */
function hasChoices(word: string): boolean {
  const comma = word.indexOf(',', word.indexOf('{') + 1);
  return word.includes('{') && comma !== -1 && word.lastIndexOf('}') > comma;
}

/** Paths or names with colons between them, and no URL. */
function isOfPieces(word: string): boolean {
  const colon = word.indexOf(':');
  if (colon === -1 || word.includes('://')) return false;
  return /[/~.]/.test(word.slice(0, colon)) || /:[/~.]/.test(word);
}

/**
 * The words of a command, and what is in them behind an option, an `@` or a colon: it may be about any of them. Undefined
 * for too many.
 */
export function wordsOf(command: string): ReadonlySet<string> | undefined {
  const found = new Set<string>();
  for (const text of [command, command.replaceAll(/["'\\]/g, '')]) {
    const choices = text.split(/\s+/).filter(hasChoices);
    for (const word of [...choices, ...text.split(BETWEEN)]) {
      if (word === '' || word === command) continue;
      found.add(word);
      const bare = word.replace(/^(?:--?[a-z0-9]|[@+:])(?=.)/i, '');
      if (bare !== word) found.add(bare);
      const [, host] = /^\/dev\/(?:tcp|udp)\/([^/]+)/.exec(word) ?? [];
      if (host !== undefined) found.add(host);
      if (isOfPieces(bare)) {
        for (const piece of bare.split(':')) if (piece !== '') found.add(piece);
      }
      if (found.size > MAX_WORDS) return undefined;
    }
  }
  return found;
}
