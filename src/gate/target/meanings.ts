import type { Intent, Target } from '../intent/intent.ts';
import type { Look } from '../rules/asked.ts';
import { isRun, wordsOf } from './command_words.ts';
import { domainOf, plainUrl } from './domains.ts';
import { inferredClass, type TargetKind, writtenDomain } from './endpoint.ts';
import { spend } from './glob.ts';
import { isHostLike } from './places.ts';
import { hostsIn, isVariable, type Paths, pathsIn, type Surroundings, withoutBraces } from './readings.ts';

/** All the places that a target may name: whoever restricts is met by any of them. */
export interface Places extends Paths {
  readonly hosts: ReadonlySet<string>;
  /** In their one form. */
  readonly urls: ReadonlySet<string>;
  /** Which hosts it names cannot be told. */
  readonly anyHost: boolean;
  /** As a command it may go to the network: a URL, a place on a host, or a program that goes nowhere else is among its words. */
  readonly goesOut: boolean;
}

interface Known {
  readonly surroundings: Surroundings;
  readonly places: Places;
}

/** By target: the same ones are looked at by each rule. */
const KNOWN = new WeakMap<Target, Known>();

/** Schemes that lead to the network and nowhere else. */
const WEB = /^(?:https?|wss?):[\\/]{2}/i;
const SCHEME = /^(?:[a-z][a-z0-9+.-]+:)+[\\/]/i;
/** Schemes that browsers take to the network with any number of slashes, also none. */
const SPECIAL = /^(?:https?|wss?|ftp):/i;
const SCP = /^[^\\/:@\s]+@([^\\/:@\s]+):(.*)$/s;
const DRIVE = /^[a-z]:[\\/]/i;
const ROOTED_AGAIN = /^\/+proc\/+(?:self|thread-self|\d+)\/+root(?=\/|$)/;

/** Programs that are about another machine. */
const GOES_OUT: ReadonlySet<string> = new Set(
  'curl wget aria2c http https nc ncat netcat socat telnet ssh scp sftp rsync ftp tftp lynx ping dig nslookup'.split(
    ' ',
  ),
);

/** What it takes to tell the hosts of a text, in steps of matching. */
const HOST_STEPS = 200;

/** Where a call is made, and by what. */
export function surroundingsOf({ tool_name: toolName, context }: Intent, { home, work }: Look): Surroundings {
  return { workspace: context.workspace, home, toolName, work };
}

export function placesOf(target: Target, surroundings: Surroundings): Places {
  const known = KNOWN.get(target);
  if (
    known?.surroundings.toolName === surroundings.toolName &&
    known.surroundings.workspace === surroundings.workspace &&
    known.surroundings.home === surroundings.home
  )
    return known.places;
  const places = placesIn(target, surroundings);
  KNOWN.set(target, { surroundings, places });
  return places;
}

function placesIn(target: Target, surroundings: Surroundings): Places {
  const { kind, value } = target;
  const texts = textsOf(target, surroundings.toolName);
  spend(surroundings.work, value.length + texts.length * HOST_STEPS);
  // Lines of a command are no path, and each of their words is looked at.
  const asPaths = texts.length > 1 && /[\n\t]/.test(value) ? texts.slice(1) : texts;
  const each = kind !== 'path' && isWebUrl(value) ? [] : asPaths.map((text) => pathsIn(text, surroundings));
  const lost = texts.length === 0;
  const goesOut = lost || texts.slice(1).some(isOutward);
  return {
    plain: new Set(each.flatMap(({ plain }) => [...plain])),
    patterns: each.flatMap(({ patterns }) => patterns),
    anywhere: lost || each.some(({ anywhere }) => anywhere),
    hosts: hostsOf(
      target,
      texts.filter((text, index) => index === 0 || goesOut || !isCount(text)),
    ),
    urls: new Set(texts.flatMap((text) => plainUrl(text) ?? [])),
    goesOut,
    anyHost: lost || (goesOut && texts.some(isRange)) || (texts.length > 1 && texts.some(isVariableHost)),
  };
}

/** `ev[a-z]il.com` and `ev{a..z}il.com`: curl and shells make several of it. */
function isRange(text: string): boolean {
  const [host = ''] = /^(?:[a-z][a-z0-9+.-]*:\/\/)?[^/?#]*/i.exec(text) ?? [];
  return /\[\w+-\w+(?::\d+)?\]|\{-?\w+\.\.-?\w+/.test(host);
}

/** A number as commands that stay here have them. Larger ones are addresses, and so are all where a command goes out. */
function isCount(word: string): boolean {
  return /^\d{1,8}$/.test(word) && Number(word) < 2 ** 24;
}

function isOutward(word: string): boolean {
  return (
    GOES_OUT.has(word.slice(word.lastIndexOf('/') + 1)) ||
    word.includes('://') ||
    (/[/:]/.test(word) && isHostLike(word))
  );
}

/** What a shell puts something in the place of may be a host, but for the home folder. */
function isVariableHost(text: string): boolean {
  return isVariable(text.replaceAll(/\$HOME(?!\w)|\$\{HOME\}|~/g, ''));
}

function hostsOf(
  { kind, value, endpoint_domain: said }: Target,
  texts: readonly string[],
): ReadonlySet<string> {
  // What was only inferred, by rules that can be misled, is nobody's word, and the value is read anyway.
  const claimed = said === undefined || said === writtenDomain(kind, value) ? [] : [said];
  const written = [...texts, ...claimed].flatMap((text) => {
    return text.includes('{') ? [text, ...(withoutBraces(text) ?? [])] : [text];
  });
  return new Set(written.flatMap((text) => [...hostsIn(text)]));
}

/** Of a command also each of its words: it may be about any of them. None at all for a command of too many. */
function textsOf(target: Target, toolName: string): string[] {
  const { kind, value } = target;
  const isNetwork = kind === 'host' || kind === 'url';
  if (isNetwork && isWebUrl(value) && !/\s/.test(value)) return [value];
  if (!isNetwork && !isRun(target, toolName)) return [value];
  const words = wordsOf(value);
  return words === undefined ? [] : [value, ...words];
}

function isWebUrl(value: string): boolean {
  return WEB.test(value) && domainOf(value, true) !== undefined;
}

/**
 * All that a target surely may be, itself first: the kind that a caller writes is only one of them. A call is judged once
 * for each.
 */
export function meaningsOf(target: Target, surroundings: Surroundings): readonly Target[] {
  const { toolName } = surroundings;
  const { kind, value } = target;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a browser drops them
  const bare = value.replaceAll(/[\x00-\x20\x7f]/g, '');
  const path = isCommand(target, toolName) ? undefined : pathMeant(kind, value, bare, surroundings);
  const url = kind === 'url' || kind === 'host' ? undefined : urlMeant(bare);
  const hidesCommand = (kind === 'url' || kind === 'host') && /\s/.test(value) && !SCHEME.test(bare);
  const found = [
    target,
    ...(path === undefined ? [] : [as(target, 'path', path, toolName)]),
    ...(url === undefined ? [] : [as(target, 'url', url, toolName)]),
    ...(hidesCommand ? [as(target, 'other', value, toolName)] : []),
  ];
  return found.filter((one, index) => index === 0 || one.kind !== kind || one.value !== value);
}

function pathMeant(
  kind: TargetKind,
  value: string,
  bare: string,
  { home }: Surroundings,
): string | undefined {
  if (/^file:/i.test(bare)) return filePath(bare);
  const slashed = value.replace(/^[\\/]{2,}/, '/');
  const again = slashed.replace(ROOTED_AGAIN, '');
  if (again !== slashed) return again === '' ? '/' : again;
  const fromHome = home === undefined ? undefined : homePath(value, home);
  if (fromHome !== undefined) return fromHome;
  if (slashed !== value) return slashed;
  if (kind === 'path') {
    if (WEB.test(bare)) return undefined;
    const rest = value.replace(/^(?:[a-z][a-z0-9+.-]+:)+(?=[\\/])/i, '').replace(SCP, '$2');
    return rest === value ? undefined : rest.replace(/^[\\/]{2,}/, '/');
  }
  if (SCHEME.test(bare)) return undefined;
  return /^(?:[\\/~$]|\.{1,2}[\\/])/.test(value) || DRIVE.test(value) ? value : undefined;
}

/** Several words for whatever runs them: their first may look like a path, and they are none. */
function isCommand({ kind, value, operation = '' }: Target, toolName: string): boolean {
  if (kind !== 'other' || !/\s/.test(value.trim())) return false;
  return inferredClass(kind, operation, toolName) === 'proc.exec';
}

/** `~` and `$HOME` at the head of a value. */
function homePath(value: string, home: string): string | undefined {
  const [whole] = /^(?:~(?=[\\/]|$)|\$HOME(?!\w)|\$\{HOME\})/.exec(value) ?? [];
  return whole === undefined ? undefined : `${home}${value.slice(whole.length)}`;
}

function filePath(url: string): string {
  const rest = url.replace(/^file:/i, '').replace(/^[\\/]{2}[^\\/]*(?=[\\/])/, '');
  const path = rest.replace(/^[\\/]+/, '/');
  try {
    return decodeURIComponent(path);
  } catch {
    return url; // which is no plain path, and so may be any
  }
}

function urlMeant(bare: string): string | undefined {
  if (/^file:[\\/]{2}(?![\\/])/i.test(bare)) return bare;
  if (/^file:/i.test(bare)) return undefined;
  if (SCHEME.test(bare)) return bare;
  if (SPECIAL.test(bare)) return bare.replace(/:[\\/]*/, '://');
  if (/^[\\/]{2}/.test(bare)) return `http://${bare.replace(/^[\\/]+/, '')}`;
  const [, host, path] = SCP.exec(bare) ?? [];
  return host === undefined ? undefined : `ssh://${host}/${path ?? ''}`;
}

function as(target: Target, kind: TargetKind, value: string, toolName: string): Target {
  const { operation = '', sensitivity, destructive, endpoint_class: said } = target;
  const keeps = kind === 'url' ? said.startsWith('net.') : said.startsWith('fs.') || said === 'proc.exec';
  const domain = kind === 'url' ? writtenDomain('url', value) : '';
  return {
    kind,
    value,
    ...(operation === '' ? {} : { operation }),
    ...(sensitivity === undefined ? {} : { sensitivity }),
    endpoint_class: keeps ? said : inferredClass(kind, operation, toolName),
    ...(domain === '' ? {} : { endpoint_domain: domain }),
    ...(destructive === undefined ? {} : { destructive }),
  };
}
