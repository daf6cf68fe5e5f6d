import { invalidInput } from '../../core/errors.ts';
import type { TargetKind } from './endpoint.ts';

/** A scheme at the head of a value, however many slashes follow; one letter is a drive. */
const SCHEME = /^(?:[a-z][a-z0-9+.-]+:[\\/]|(?:file|data|javascript):)/i;

/** A value that leads to the network, or that some reader takes there, whatever kind it is said to be of. */
const NETWORK = /^(?:(?:[a-z][a-z0-9+.-]+:)+[\\/]|[\\/]{2}|[^\\/:@]+@[^\\/:@]+:)/i;

/** What some reader of paths takes for the end, for a slash or for a dot. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL ends a path in C
const DECEPTIVE = /[\x00-\x1f\x7f]|%(?:2e|2f|5c|00)/i;

/** Systems have no longer ones. UTF-16 code units. */
const MAX_PLACE = 4096;

/**
 * A path as lists of paths look at it: no `.`, no `..`, no slash doubled or at its end, Unicode composed, a drive's
 * backslashes as slashes. Undefined for one that leads out of where it begins, and for what some readers take for
 * another path.
 */
export function plainPath(path: string): string | undefined {
  if (path.length > MAX_PLACE || SCHEME.test(path) || DECEPTIVE.test(path) || /^[\\/]{2}/.test(path))
    return undefined;
  const onDrive = /^[a-z]:[\\/]/i.test(path);
  if (path.includes('\\') && !onDrive) return undefined; // a separator to some, a letter to others
  const slashed = path.normalize('NFC').replaceAll('\\', '/');
  const rooted = slashed.startsWith('/');
  const parts: string[] = [];
  for (const part of slashed.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined && !rooted) return undefined; // above the root there is the root
  }
  return `${rooted ? '/' : ''}${parts.join('/')}` || '.';
}

/** True for a path from the root of a system or of a drive. */
export function isAbsolute(path: string): boolean {
  return path.startsWith('/') || /^[a-z]:\//i.test(path);
}

/** True for a plain path that is this folder, or in it. */
export function isWithin(path: string, folder: string | undefined): boolean {
  if (folder === undefined) return false;
  if (folder === '/') return path.startsWith('/');
  if (folder === '.') return !path.startsWith('/');
  return path === folder || path.startsWith(`${folder}/`);
}

/** Two dots that may be a name: of a path, of a word of a command, or behind an option. */
const UP = /(?<!\.)\.\.(?:[\\/\s'"]|$)/;

/** A text as it is, and decoded, over and over. */
function* decodings(text: string): Generator<string> {
  let one = text;
  for (let times = 0; times < 4; times += 1) {
    yield one;
    one = one.replaceAll(/%(25|2e|2f|5c)/gi, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    );
  }
}

/** Without what a shell takes away. */
function unquoted(text: string): string {
  return text.replaceAll(/\$?['"]|\\/g, '');
}

/** True for a text that leads upwards, as it is or as somebody may read it. */
export function leadsUp(text: string): boolean {
  return [...decodings(text), ...decodings(unquoted(text))].some((one) => UP.test(one));
}

/** True for a text that leads upwards to somebody, and not as it is written. */
export function hidesWayUp(text: string): boolean {
  for (const one of decodings(unquoted(text))) if (UP.test(one)) return one !== text;
  return false;
}

/** What shells, URLs and lists of paths take for something else; a folder of processes. */
const UNPLACED = /[*?[{~$`]|[+@!]\(|(['"]).*\1|%[0-9a-f]{2}|..:|^\/(?:proc|dev)\/|^\/.*\\/is;

/** True for a workspace that nobody can place: not from a root on, or with what stands for something else in it. */
export function isNowhere(workspace: string): boolean {
  const path = plainPath(workspace);
  return path === undefined || !isAbsolute(path) || UNPLACED.test(workspace);
}

/** The home folder that a gate is told, in its plain form. Throws `home_invalid` for what is no absolute path. */
export function homeFolder(said: string): string {
  const path = plainPath(said);
  if (path !== undefined && isAbsolute(path)) return path;
  const hint = 'Give an absolute path, or none: then ~ may be any folder.';
  throw invalidInput('home_invalid', `the home folder is ${JSON.stringify(said.slice(0, 80))}`, hint);
}

/** True for a target that lists of domains are about. */
export function isNetworkPlace(kind: TargetKind, value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a browser drops them
  return kind === 'host' || kind === 'url' || NETWORK.test(value.replaceAll(/[\x00-\x20\x7f]/g, ''));
}

/** One word that a browser would go to, and that has a dot or a port: `evil.com/x`, `localhost:80`. */
export function isHostLike(value: string): boolean {
  const [host = ''] = /^[^\s/\\:?#]*/.exec(value) ?? [];
  const named = /^(?:[\d.]+|localhost)$/i.test(host) || /\.[a-z]/i.test(host.slice(1));
  return named && /^(?::\d+)?(?:[/?#]\S*)?$/.test(value.slice(host.length));
}
