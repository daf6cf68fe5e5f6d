import { BlockList, isIP } from 'node:net';
import { type Glob, globOf } from './glob.ts';

/** Systems have no longer ones. UTF-16 code units. */
const MAX_PLACE = 4096;

/**
 * The domain that a value leads to, as a browser would go there (WHATWG URL): small letters, Punycode, IP addresses in their
 * one form, no dot at its end. Undefined when there is none to be told, or when two readers may see two.
 */
export function domainOf(value: string, isHost: boolean): string | undefined {
  const hostname = hostnameOf(value, isHost);
  if (hostname === undefined) return undefined;
  const domain = withoutDots(hostname);
  return /^[a-z0-9._:-]+$/.test(domain) ? mappedToFour(domain) : undefined;
}

/** {@link domainOf} for whoever grants: undefined too for one that ends in several dots, which no browser takes away. */
export function soleDomainOf(value: string, isHost: boolean): string | undefined {
  return hostnameOf(value, isHost)?.endsWith('..') === true ? undefined : domainOf(value, isHost);
}

function hostnameOf(value: string, isHost: boolean): string | undefined {
  if (value.length > MAX_PLACE) return undefined;
  const bare = /^[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*$/i.test(value) ? `[${value}]` : value; // an IPv6 address
  const [, rest] = /^[a-z][a-z0-9+.-]*:\/\/(.*)$/is.exec(value) ?? [];
  const authority = /^[^/?#]*/.exec(rest ?? (isHost ? bare : ''))?.[0] ?? '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a browser drops some of them
  if (authority === '' || /[\s\\,\x00-\x1f\x7f]|%2c|@.*@/i.test(authority)) return undefined;
  try {
    return new URL(`http://${authority}`).hostname.replace(/^\[|\]$/g, '');
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
  return high === undefined || low === undefined ? domain : four(high, low);
}

function four(high: string, low: string): string {
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join('.');
}

/**
 * The IPv4 addresses that an IPv6 one may lead to: compatible and mapped ones (RFC 4291), translated ones (RFC 6052, RFC
 * 2765), 6to4 (RFC 3056). The domain is in its one form.
 */
export function embeddedFours(domain: string): string[] {
  if (isIP(domain) !== 6) return [];
  const [head = '', tail] = domain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(Math.max(0, zeros)).fill('0'), ...right];
  const [first = '', second = '', third = ''] = groups;
  const [high = '', low = ''] = groups.slice(6);
  const found: string[] = [];
  const starts = groups.slice(0, 4).every((group) => group === '0') || (first === '64' && second === 'ff9b');
  if (starts) found.push(four(high, low));
  if (first === '2002') found.push(four(second, third));
  return found;
}

/** What a list of domains may name beside domains: addresses of these sorts (RFC 1918, 4193, 6598; 1122; 3927, 4291). */
const SORTS: Readonly<Record<string, readonly string[]>> = {
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'],
  loopback: ['127.0.0.0/8', '0.0.0.0/8', '::1/128', '::/128'],
  'link-local': ['169.254.0.0/16', 'fe80::/10'],
};

const WILD = /[*?[\\]/;

/** A domain, all below one (`*.x`), a glob, a block of addresses (`10.0.0.0/8`), or a sort of them. */
export function domainPattern(pattern: string): Glob {
  const sort = Object.hasOwn(SORTS, pattern) ? SORTS[pattern] : undefined;
  const blocks = sort ?? (isBlock(pattern) ? [pattern] : undefined);
  if (blocks !== undefined) return inBlocks(blocks, pattern === 'loopback');
  const below = /^\*\.([^*?[\\]+)$/.exec(pattern)?.[1];
  if (below !== undefined) {
    const parent = domainOf(below, true) ?? below;
    return (domain) => domain.endsWith(`.${parent}`);
  }
  if (WILD.test(pattern)) return globOf(pattern) ?? (() => false);
  const plain = domainOf(pattern, true) ?? pattern;
  return (domain) => domain === plain;
}

function inBlocks(blocks: readonly string[], orLocalhost: boolean): Glob {
  const list = new BlockList();
  for (const block of blocks) {
    const [net = '', bits = ''] = block.split('/');
    list.addSubnet(net, Number(bits), isIP(net) === 4 ? 'ipv4' : 'ipv6');
  }
  return (domain) => {
    if (orLocalhost && (domain === 'localhost' || domain.endsWith('.localhost'))) return true;
    const version = isIP(domain);
    return version !== 0 && list.check(domain, version === 4 ? 'ipv4' : 'ipv6');
  };
}

function isBlock(pattern: string): boolean {
  const [, net = '', bits = ''] = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(pattern) ?? [];
  const version = isIP(net);
  return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128);
}

/** Why a pattern could never hold for a domain in its one form; undefined for one that can. */
export function domainFault(pattern: string): string | undefined {
  if (globOf(pattern) === undefined) return 'is a malformed glob';
  if (Object.hasOwn(SORTS, pattern) || isBlock(pattern)) return undefined;
  if (pattern.startsWith('.')) return 'begins with a dot';
  if (/[{}]/.test(pattern)) return 'has braces, which stand for themselves: write one line for each';
  const bare = pattern.replace(/^\*\./, '').replace(/^[a-z][a-z0-9+.-]*:\/\//, '');
  if (bare.includes('/')) return 'is more than a domain';
  if (/^[^:]*:\d+$/.test(bare)) return 'has a port, which domains have not';
  if (WILD.test(pattern) && /:\/\/|@/.test(pattern))
    return 'is a glob with a scheme or a user, which domains have not: write the domain alone';
  if (!WILD.test(bare)) return domainOf(bare, true) === undefined ? 'is no domain' : undefined;
  if (pattern.includes('\\')) return 'has a backslash, which no domain has';
  // A domain is looked at in its one form, in which some of what can be written never stands.
  if (pattern.endsWith('.')) return 'ends with a dot, and domains are looked at without it';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what is no ASCII
  if (/[^\x00-\x7f]/.test(pattern))
    return 'is a glob beyond ASCII, and domains are looked at in Punycode (xn--)';
  return /^0x|(?:^|\.)0\d/.test(pattern)
    ? 'is a glob of an address that is not written in decimals'
    : undefined;
}

/** Schemes that go to the domain that they name, as everybody reads them: what a list of domains lets through by itself. */
export const WEB_SCHEMES: readonly string[] = ['http', 'https', 'ws', 'wss'];

const PORTS: Readonly<Record<string, number>> = { http: 80, ws: 80, https: 443, wss: 443, ftp: 21, ssh: 22 };

/** The scheme of a value in small letters; that of the web for a bare domain. */
export function schemeOf(value: string): string {
  if (/^[^\\/:@\s]+@[^\\/:@\s]+:/.test(value)) return 'ssh'; // git@host:path
  const [, scheme] = /^([a-z][a-z0-9+.-]*):(?!\d+(?:[/?#]|$))/i.exec(value) ?? [];
  return scheme?.toLowerCase() ?? 'https';
}

/** The port that a value leads to; that of its scheme where it names none. Undefined where nobody can tell. */
export function portOf(value: string): number | undefined {
  const scheme = schemeOf(value);
  const authority =
    /^(?:[a-z][a-z0-9+.-]*:(?!\d+(?:[/?#]|$)))?(?:[\\/]{2})?([^/?#\\]*)/i.exec(value)?.[1] ?? '';
  const [, port] = /:(\d+)$/.exec(/^[^[]*(?:\[[^\]]*\])?(?::\d+)?/.exec(authority)?.[0] ?? '') ?? [];
  return port === undefined ? PORTS[scheme] : Number(port);
}

/** A URL with its scheme, domain and path in their one form. */
export function plainUrl(text: string): string | undefined {
  const value = text.replace(/^(https?|wss?|ftp):[\\/]*/i, '$1://');
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
