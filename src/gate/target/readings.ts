import { domainOf, embeddedFours } from './domains.ts';
import { type Pattern, patternOf, spend, type Work } from './glob.ts';
import { isAbsolute, isNowhere, plainPath } from './places.ts';

/** Choices are taken apart no further. */
const MAX_TAKEN = 256;

/** What is known of where a call is made. */
export interface Surroundings {
  /** As the call says. */
  readonly workspace: string;
  /** The home folder of whoever acts; undefined if the gate is told none: then `~` is anything. */
  readonly home?: string | undefined;
  /** What does it: a value may be a command to a tool that runs one. */
  readonly toolName: string;
  /** What telling the places of a value may still cost. */
  readonly work: Work;
}

/** All the paths that a text may name. */
export interface Paths {
  /** Plain ones, from the workspace on and relative to it. */
  readonly plain: ReadonlySet<string>;
  /** What text with glob characters, variables or `~` may stand for. */
  readonly patterns: readonly Pattern[];
  /** It cannot be told: it may be any. */
  readonly anywhere: boolean;
}

/** Longer ones no system has, and more spellings of one text no person writes. UTF-16 code units; how many. */
const MAX_TEXT = 4096;
const MAX_SPELLINGS = 64;

/** A scheme, a drive, or several of them, before what may be a path. */
const PREFIX = /^(?:[a-z][a-z0-9+.-]*:)+(?=[\\/~])/i;
/** A host of a copying tool, with a user or without, or a drive whose folder is the current one. */
const SCP = /^(?:[^\\/:@\s]+@)?[^\\/:@\s]+:(?=[^:])/;
/** Longer text with glob characters is taken for all that there is. UTF-16 code units. */
const MAX_GLOB = 256;
const MAX_ALTERNATIVES_TEXT = 2048;

/** What Windows takes for a path of a device to the letter. */
const DEVICE = /^[\\/]{2}[?.][\\/]/;
const DRIVE = /^[a-z]:[\\/]/i;
const HOME =
  /^(?:~(?=[\\/]|$)|\$HOME(?!\w)|\$\{HOME\}|%(?:USERPROFILE|HOME)%|\$env:(?:USERPROFILE|HOME)(?!\w))/i;
/** What a shell puts something in the place of. */
const VARIABLE =
  /\$(?:env:)?[a-z_]\w*|\$\{[^}]*(?:\}|$)|\$\([^)]*(?:\)|$)|`[^`]*(?:`|$)|\$'[^']*(?:'|$)|\$"[^"]*(?:"|$)|%[a-z_]\w*%|\$[0-9@*#?!$-]/gi;
const GLOB = /[*?[{]|[+@!]\(|\([^()/|]*\|/;
const ROOTED_AGAIN = /^\/proc\/(?:self|thread-self|\d+)(?:\/task\/\d+)?\/root$/;
const ANY_FILE =
  /^\/(?:proc\/(?:self|thread-self|\d+)(?:\/task\/\d+)?\/(?:cwd|fd)|dev\/(?:fd|stdin|stdout|stderr))$/;
/** No link of `/proc` lies deeper: `/proc/1/task/1/root`. */
const LINK_DEPTH = 5;
const LINKS = ['root', 'cwd', 'fd'].flatMap((link) =>
  ['/proc/*/', '/proc/*/task/*/'].flatMap((of) => [`${of}${link}`, `${of}${link}/**`]),
);

/** What it takes to read a text in one way, and to make a pattern of it, in steps of matching. */
const READING_STEPS = 100;
const PATTERN_STEPS = 1000;

/** The paths that a text may name, whoever reads it: a shell, a program, a library of URLs. */
export function pathsIn(text: string, surroundings: Surroundings): Paths {
  const found = { plain: new Set<string>(), patterns: [] as Pattern[], anywhere: false };
  const spelled = spellings(text);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL ends a path in C
  if (spelled === undefined || /[\x00-\x1f\x7f]/.test(text)) return { ...found, anywhere: true };
  const { work } = surroundings;
  for (const one of spelled) {
    spend(work, READING_STEPS + one.length);
    const expanded = one.replace(HOME, () => surroundings.home ?? '$HOME');
    for (const path of [one, expanded]) {
      const place = resolved(path);
      if (place === undefined || (isRelative(place) && isNowhere(surroundings.workspace)))
        found.anywhere = true;
      else for (const name of named(place, surroundings.workspace)) found.plain.add(name);
    }
    if (!GLOB.test(expanded) && !isVariable(expanded)) continue;
    const made = expanded.length > MAX_GLOB ? undefined : patternsOf(expanded, surroundings);
    if (made === undefined) found.anywhere = true;
    else found.patterns.push(...made);
  }
  return found;
}

/** True for text that stands for something else to a shell. Takes no longer than the text is. */
export function isVariable(text: string): boolean {
  return text.startsWith('~') || /\$(?:[a-z_{(0-9@*#?!$'"-])|`[^`]|%[a-z_]\w{0,64}%/i.test(text);
}

/** True for text of which a shell may make several. */
export function isGlob(text: string): boolean {
  return GLOB.test(text);
}

/** A text without what readers take away before its path; as paths of systems that have backslashes too. Undefined for too many. */
function spellings(text: string): ReadonlySet<string> | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const found = new Set([text]);
  for (const one of found) {
    found.add(one.replace(PREFIX, ''));
    found.add(one.replace(SCP, ''));
    found.add(one.replace(DEVICE, ''));
    found.add(one.replace(/^(['"])(.*)\1$/s, '$2'));
    found.add(one.replace(/^[\\/](?=[a-z]:[\\/])/i, ''));
    if (DRIVE.test(one)) found.add(asWindowsReads(one));
    if (/^file:/i.test(one)) found.add(one.replace(/[?#].*$/s, '')); // no part of the path of a URL
    found.add(one.replace(/^file:(?:[\\/]{2}[^\\/]*)?/i, ''));
    if (one.includes('\\')) {
      found.add(one.replaceAll('\\', '/'));
      found.add(one.replaceAll('\\', ''));
    }
    if (/%[0-9a-f]{2}/i.test(one)) found.add(decoded(one));
    if (found.size > MAX_SPELLINGS) return undefined;
  }
  return found;
}

/** Windows takes away dots and spaces at the end of each name, and what names a stream of a file. */
function asWindowsReads(path: string): string {
  const [drive, rest] = [path.slice(0, 2), path.slice(2)];
  return drive + rest.replaceAll(/:[^\\/]*(?=[\\/]|$)/g, '').replaceAll(/(?<=[^\\/. ])[. ]+(?=[\\/]|$)/g, '');
}

/** Bytes that are no UTF-8 stand for no letter that a list could name. */
function decoded(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (bytes) =>
    Buffer.from(bytes.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}

/**
 * A path without `.`, `..` and doubled slashes, from the root again behind a link of `/proc` to it. Undefined for one that
 * leads out of where it begins or through a link to any file, and for what has a control character in it: it may be any.
 */
function resolved(path: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL ends a path in C
  if (/[\x00-\x1f\x7f]/.test(path)) return undefined;
  const text = path.normalize('NFC');
  const rooted = text.startsWith('/');
  let parts: string[] = [];
  for (const part of text.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined && !rooted) return undefined;
    // A system follows a link before it goes up from it.
    const here = rooted && parts.length <= LINK_DEPTH ? `/${parts.join('/')}` : '';
    if (ANY_FILE.test(here)) return undefined;
    if (ROOTED_AGAIN.test(here)) parts = [];
  }
  return `${rooted ? '/' : ''}${parts.join('/')}` || '.';
}

function isRelative(path: string): boolean {
  return !isAbsolute(path);
}

/** A plain path, from the workspace on if it is relative, and relative to it if it is in there. */
function named(path: string, workspace: string): string[] {
  const home = plainPath(workspace);
  if (home === undefined) return [path];
  if (!isAbsolute(path)) return [path, plainPath(`${home}/${path}`) ?? path];
  if (path === home) return [path, '.'];
  return path.startsWith(`${home}/`) ? [path, path.slice(home.length + 1)] : [path];
}

function patternsOf(text: string, { workspace, work }: Surroundings): Pattern[] | undefined {
  const alternatives = withoutBraces(
    widened(text)
      .replaceAll(VARIABLE, '**')
      .replace(/^~[^\\/]*/, '**'),
  );
  if (alternatives === undefined) return undefined;
  if (alternatives.length * text.length > MAX_ALTERNATIVES_TEXT) return undefined;
  const made: Pattern[] = [];
  for (const one of alternatives) {
    spend(work, PATTERN_STEPS + 10 * one.length);
    if (one.split('/').includes('..')) return undefined; // what it leads out of is not known
    const plain = one.replaceAll(/\/(?:\.?\/)+/g, '/').replace(/^\.\/|(?<=.)\/\.?$/g, '');
    const pattern = patternOf(plain, { deep: true });
    if (pattern === undefined) continue; // a bracket that nothing closes: it is one of the plain ones
    if (mayBeLink(plain, pattern)) return undefined;
    made.push(pattern);
    const home = plainPath(workspace);
    const below = home === undefined || plain.startsWith('/') ? undefined : `${literal(home)}/${plain}`;
    const rooted = below === undefined ? undefined : patternOf(below, { deep: true });
    if (rooted !== undefined) made.push(rooted);
  }
  return made;
}

/** With `?` for each set, and `*` for each choice, that shells know and `glob.ts` does not: what they stand for is among those texts. */
function widened(text: string): string {
  const grouped = text.replaceAll(/([?*+@!]?)\(([^()/]*)\)/g, (whole, sign: string, inner: string) =>
    sign !== '' || inner.includes('|') ? '*' : whole,
  );
  return grouped.split('/').map(withoutSets).join('/');
}

/** Sets of one folder's name: POSIX writes `[!a]`, `[]a]`, `[-a]`, `[[:alpha:]]` (XCU 2.14.1, XBD 9.3.5). */
function withoutSets(name: string): string {
  const last = name.lastIndexOf(']');
  let made = '';
  for (let at = 0; at < name.length; at += 1) {
    const end = name[at] === '[' && at < last ? endOfSet(name, at) : -1;
    const set = name.slice(at, end + 1);
    made += end < 0 ? name[at] : /^\[(?:!|\^?\]|\^?-)|-\]$|\[[:.=]/.test(set) ? '?' : set;
    at = Math.max(at, end);
  }
  return made;
}

function endOfSet(name: string, from: number): number {
  let at = from + 1;
  if (/[!^]/.test(name[at] ?? '')) at += 1;
  if (name[at] === ']') at += 1;
  for (; at < name.length && name[at] !== ']'; at += 1) {
    if (name[at] !== '[' || !/[:.=]/.test(name[at + 1] ?? '')) continue;
    const end = name.indexOf(']', at);
    if (end === -1) return -1;
    at = end;
  }
  return at < name.length ? at : -1;
}

/** True for what may lead over a link of `/proc` to any file. What begins with anything at all is wide enough as it is. */
function mayBeLink(text: string, pattern: Pattern): boolean {
  if (!/^\/(?!\*\*)/.test(text)) return false;
  return LINKS.some((link) => patternOf(link, { deep: true })?.meets(pattern) === true);
}

/** A text as a pattern that stands for nothing else. */
export function literal(text: string): string {
  return text.replaceAll(/[*?[\]\\]/g, '\\$&');
}

/** Each alternative of `{a,b}`, as shells write them out. Undefined for too many. */
export function withoutBraces(text: string): string[] | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const done: string[] = [];
  const open = [text];
  for (let one = open.pop(), taken = 0; one !== undefined; one = open.pop(), taken += 1) {
    if (taken > MAX_TAKEN) return undefined;
    const [whole, inner = ''] = /\{([^{}]*)\}/.exec(one) ?? [];
    if (whole === undefined) done.push(one);
    else {
      const at = one.indexOf(whole);
      const choices = /^\s*-?\w+\.\.-?\w+/.test(inner) ? ['**'] : inner.split(',');
      // What has no comma is no alternative to a shell, and may be one to others.
      for (const choice of choices) open.push(`${one.slice(0, at)}${choice}${one.slice(at + whole.length)}`);
    }
    if (done.length + open.length > MAX_SPELLINGS) return undefined;
  }
  return done;
}

/** Of a text in two alternatives and more: all domains that it may lead to, IPv4 addresses in IPv6 ones too. */
export function hostsIn(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a browser drops them
  const bare = text.replaceAll(/[\x00-\x20\x7f]/g, '');
  const rest = bare.replace(/^(?:[a-z][a-z0-9+.-]*:(?!\d+(?:[\\/?#]|$)))+/i, '');
  for (const one of [bare, rest]) {
    const path = one.replace(/^[\\/]{2,}/, '');
    const candidates = [path, one === rest && rest !== bare ? one.replace(/^[\\/]+/, '') : path];
    for (const candidate of candidates) {
      const authority = /^[^/?#\\]*/.exec(candidate)?.[0] ?? '';
      const host = authority.slice(authority.lastIndexOf('@') + 1);
      for (const name of [host, host.replace(/:.*$/s, '')]) {
        const domain = domainOf(name, true);
        if (domain === undefined) continue;
        found.add(domain);
        for (const four of embeddedFours(domain)) found.add(four);
      }
    }
  }
  return found;
}
