import type { TargetKind } from './endpoint.ts';
import type { Target } from './intent.ts';

/** `scheme:` at the head of a value; one letter is a drive. */
const SCHEME = /^[a-z][a-z0-9+.-]+:/i;

/** A value that names a place of the network, whatever kind it is said to be of. */
const NETWORK = /^[a-z][a-z0-9+.-]*:\/\//i;

/** What some reader of paths takes for the end, for a slash or for a dot. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL ends a path in C
const DECEPTIVE = /[\x00-\x1f\x7f]|%(?:2e|2f|5c|00)/i;

/**
 * A path as lists of paths look at it: one kind of slash, no `.`, no `..`, none doubled, none at its end, Unicode composed.
 * Undefined for one that leads out of where it begins, and for what some readers take for another path.
 */
export function plainPath(path: string): string | undefined {
  if (SCHEME.test(path) || DECEPTIVE.test(path)) return undefined;
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
  return path === folder || path.startsWith(`${folder}/`);
}

/** True for a target that lists of domains are about. */
export function isNetworkPlace(kind: TargetKind, value: string): boolean {
  return kind === 'host' || kind === 'url' || NETWORK.test(value);
}

/**
 * The domain that a value leads to, as a browser would go there (WHATWG URL): small letters, Punycode, IP addresses in their
 * one form, no dot at its end. Undefined when there is none to be told, or when two readers may see two.
 */
export function domainOf(value: string, isHost: boolean): string | undefined {
  const [, rest] = /^[a-z][a-z0-9+.-]*:\/\/(.*)$/is.exec(value) ?? [];
  const bare = /^[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*$/i.test(value) ? `[${value}]` : value; // an IPv6 address
  const authority = rest ?? (isHost ? bare : undefined);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a browser drops some of them
  if (authority === undefined || /[\s\\\x00-\x1f\x7f]/.test(authority)) return undefined;
  try {
    const { hostname, username, password } = new URL(`http://${authority}`);
    if (username !== '' || password !== '') return undefined;
    const domain = hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '');
    return domain === '' ? undefined : mappedToFour(domain);
  } catch {
    return undefined;
  }
}

/** `::ffff:7f00:1` is 127.0.0.1 (RFC 4291 §2.5.5.2). */
function mappedToFour(domain: string): string {
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(domain) ?? [];
  if (high === undefined || low === undefined) return domain;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join('.');
}

/** What a value says, and what it comes to: rules that restrict look at both. */
export function spellings({ kind, value }: Pick<Target, 'kind' | 'value'>): string[] {
  const plain = isNetworkPlace(kind, value) ? plainUrl(value) : plainPath(value);
  return plain === undefined || plain === value ? [value] : [value, plain];
}

/** A URL with its scheme and domain in their one form. */
export function plainUrl(value: string): string | undefined {
  const domain = domainOf(value, true);
  if (domain === undefined) return undefined;
  try {
    const url = new URL(NETWORK.test(value) ? value : `http://${value}`);
    return `${url.protocol}//${domain}${url.port === '' ? '' : `:${url.port}`}${url.pathname === '' ? '/' : url.pathname}${url.search}`;
  } catch {
    return undefined;
  }
}
