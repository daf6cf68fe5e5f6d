import type { Target } from '../intent/intent.ts';
import { actsOf } from './acts.ts';
import { classOfOperation } from './endpoint.ts';
import { shellText } from './shell_words.ts';

/** More words than a person writes: what they name is anything. */
const MAX_WORDS = 1000;

/** Commands in quotes, and in quotes of those. */
const MAX_QUOTED = 64;

/** UTF-16 code units of them all. */
const MAX_QUOTED_TEXT = 1_000_000;

/** Of one word. */
const MAX_PIECES = 100;

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

/** Letters before what is meant, where options are written together with their values: `-vJhost`, `-include/etc`. */
const MAX_LETTERS = 16;

/** What a word may be about: itself, and what is in it behind an option, an `@`, or between colons. */
function meantBy(word: string): string[] {
  const found = new Set([word]);
  if (/^[-+](?!-)/.test(word)) {
    for (let letters = 1; letters <= MAX_LETTERS && letters < word.length; letters += 1)
      found.add(word.slice(letters));
  } else if (word.startsWith('--')) {
    const at = word.search(/[/~@.]/);
    if (at !== -1) found.add(word.slice(at));
  }
  for (const one of found) {
    const bare = one.replace(/^[@+:]+(?=.)/, '');
    if (bare !== one) found.add(bare);
    if (one.includes('://')) continue;
    for (const piece of one.split(':', MAX_PIECES)) if (piece !== '') found.add(piece);
  }
  const [, host] = /^\/dev\/(?:tcp|udp)\/([^/]+)/.exec(word) ?? [];
  return host === undefined ? [...found] : [...found, host];
}

/**
 * A command in words: as it stands, without any quote, and as shells read it, quoted commands in it too. Undefined for too
 * many of those.
 */
function readingsOf(command: string): readonly (readonly string[])[] | undefined {
  const split = [command, command.replaceAll(/["'\\]/g, '')].map((text) => [
    ...text.split(/\s+/).filter(hasChoices),
    ...text.split(BETWEEN),
  ]);
  const shells: string[][] = [];
  const open = [command];
  let length = 0;
  for (const text of open) {
    length += text.length;
    if (open.length > MAX_QUOTED || length > MAX_QUOTED_TEXT) return undefined;
    const { words, quoted } = shellText(text);
    shells.push(words.flatMap((word) => [word, ...word.split(/[=,\s]/)]));
    open.push(...quoted.filter((inner) => inner !== text));
  }
  return [...split, ...shells];
}

/** The words of a command, and what they may be about. Undefined for too many. */
export function wordsOf(command: string): ReadonlySet<string> | undefined {
  const words = new Set<string>();
  const found = new Set<string>();
  const readings = readingsOf(command);
  if (readings === undefined) return undefined;
  for (const reading of readings) {
    for (const word of reading) {
      if (word === '' || word === command || words.has(word)) continue;
      words.add(word);
      if (words.size > MAX_WORDS) return undefined;
      for (const one of meantBy(word)) found.add(one);
    }
  }
  if (/(?:^|[\s;|&(])(?:cd|pushd)(?:\s+-)?\s*(?:$|[;|&)\n])/.test(command)) found.add('~');
  return found;
}
