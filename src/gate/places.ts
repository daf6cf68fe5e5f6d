import type { TargetKind } from './endpoint.ts';
import type { Target } from './intent.ts';

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

/** True for a plain path that is this folder, or in it. */
export function isWithin(path: string, folder: string | undefined): boolean {
  if (folder === undefined) return false;
  if (folder === '/') return path.startsWith('/');
  if (folder === '.') return !path.startsWith('/');
  return path === folder || path.startsWith(`${folder}/`);
}

/** True for a target that lists of domains are about. */
export function isNetworkPlace(kind: TargetKind, value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a browser drops them
  return kind === 'host' || kind === 'url' || NETWORK.test(value.replaceAll(/[\x00-\x20\x7f]/g, ''));
}

/**
 * The domain that a value leads to, as a browser would go there (WHATWG URL): small letters, Punycode, IP addresses in their
 * one form, no dot at its end. Undefined when there is none to be told, or when two readers may see two.
 */
export function domainOf(value: string, isHost: boolean): string | undefined {
  if (value.length > MAX_PLACE) return undefined;
  const bare = /^[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*$/i.test(value) ? `[${value}]` : value; // an IPv6 address
  const [, rest] = /^[a-z][a-z0-9+.-]*:\/\/(.*)$/is.exec(value) ?? [];
  const authority = /^[^/?#]*/.exec(rest ?? (isHost ? bare : ''))?.[0] ?? '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a browser drops some of them
  if (authority === '' || /[\s\\,\x00-\x1f\x7f]|%2c|@.*@/i.test(authority)) return undefined;
  try {
    const { hostname } = new URL(`http://${authority}`);
    const domain = withoutDots(hostname.replace(/^\[|\]$/g, ''));
    return /^[a-z0-9._:-]+$/.test(domain) ? mappedToFour(domain) : undefined;
  } catch {
    return undefined;
  }
}

function withoutDots(domain: string): string {
  let end = domain.length;
  while (domain[end - 1] === '.') end -= 1;
  return domain.slice(0, end);
}

/** `::ffff:7f00:1` is 127.0.0.1 (RFC 4291 §2.5.5.2). */
function mappedToFour(domain: string): string {
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(domain) ?? [];
  if (high === undefined || low === undefined) return domain;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join('.');
}

/**
 * What a value says, and what it comes to: rules that restrict look at both. Undefined for the second where it cannot be
 * told: such a value may be anything.
 */
function spellings({ kind, value }: Pick<Target, 'kind' | 'value'>): readonly [string, string | undefined] {
  if (isNetworkPlace(kind, value)) return [value, plainUrl(value)];
  return [value, kind === 'path' ? plainPath(value) : (plainPath(value) ?? value)];
}

/**
 * True if one of these values comes to what a target comes to, however either is spelled; a relative path counts from the
 * workspace on too. What cannot be told may be any of them.
 */
export function namesPlace(values: readonly string[], target: Target, workspace: string): boolean {
  const [said, plain] = spellings(target);
  if (plain === undefined) return true;
  const below =
    target.kind === 'path' && !plain.startsWith('/') ? plainPath(`${workspace}/${plain}`) : undefined;
  const places = [said, plain, below].filter((one) => one !== undefined);
  const isPlace = (one: string | undefined): boolean => one !== undefined && places.includes(one);
  return values.some((value) => SORTS.some((kind) => spellings({ kind, value }).some(isPlace)));
}

/** A kind whose values are paths, and one whose values lead to the network. */
const SORTS = ['path', 'url'] as const;

/** A URL with its scheme, domain and path in their one form. */
function plainUrl(value: string): string | undefined {
  const domain = domainOf(value, true);
  if (domain === undefined || value.includes('@')) return undefined;
  try {
    const { protocol, port, pathname, search } = new URL(value.includes('://') ? value : `http://${value}`);
    const path = pathname.replaceAll(/%([2-7][0-9a-f])/gi, (escaped, digits: string) => {
      const point = String.fromCharCode(Number.parseInt(digits, 16));
      return /[A-Za-z0-9._~-]/.test(point) ? point : escaped; // RFC 3986 §6.2.2.2
    });
    return `${protocol}//${domain}${port === '' ? '' : `:${port}`}${path === '' ? '/' : path}${search}`;
  } catch {
    return undefined;
  }
}
