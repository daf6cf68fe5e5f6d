import { posix } from 'node:path';
import fc from '../../support/property.ts';
import { allowing, callOn, KINDS, WORKSPACE } from './asking.ts';
import type { Ask } from './properties.ts';

const PIECES = [
  ...[
    '/',
    '/',
    '/',
    '..',
    '.',
    '../',
    'docs',
    'docs/',
    'srv',
    '/srv/',
    'pub',
    '~',
    '$X',
    '*',
    '**',
    '?',
    '{a,b}',
    '{x,../..}',
  ],
  ...[
    '\\',
    '%2e',
    '%2f',
    '//',
    ':',
    '@',
    'file:',
    'http:',
    'good.com',
    'evil.com',
    '.evil.com',
    'https://',
    'a',
    '[a]',
    ' ',
    '\t',
    '#',
    '!',
  ],
  ...[
    '/proc/self/root',
    '/home/u/work',
    'C:',
    '\u0000',
    '`id`',
    '.*',
    '|',
    'http://',
    '443',
    '%40',
    '\uff0f',
    '\u2025',
    'xn--',
    '-',
    'e\u0301',
  ],
] as const;

const FOLDERS = ['/home/u/work/docs', '/srv/pub'];
const HOSTS = ['good.com', 'api.good.org'];

const text = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 6 }).map((all) => all.join('')),
  fc
    .tuple(
      fc.constantFrom('/srv/pub/', 'docs/', 'https://good.com', 'good.com'),
      fc.array(fc.constantFrom(...PIECES), { maxLength: 4 }),
    )
    .map(([head, all]) => head + all.join('')),
);
const name = fc.stringMatching(/^[a-z0-9_-]{1,6}$/);

interface Granted {
  readonly kind: string;
  readonly value: string;
  readonly operation: string;
  readonly names: readonly string[];
}

/** Whatever is let through is in the list by a standard; and what honestly is in it is let through. */
export const outside: {
  readonly inputs: fc.Arbitrary<Granted>;
  readonly check: (input: Granted, ask: Ask) => string[];
} = {
  inputs: fc.record({
    kind: fc.constantFrom(...KINDS, 'path', 'url', 'host'),
    value: text.filter((one) => one.trim() !== ''),
    operation: fc.constantFrom('read', 'write', 'list'),
    names: fc.array(name, { minLength: 1, maxLength: 4 }),
  }),
  check: ({ kind, value, operation, names }, ask) => {
    const paths = allowing({ path_allowlist: ['docs/**', '/home/u/work/docs/**', '/srv/pub/**'] });
    const domains = allowing({ domain_allowlist: HOSTS });
    const through = (policy: typeof paths, what: string, text: string): boolean =>
      ask({ policy, call: callOn(what, text, { operation }) }).verdict === 'allow';
    const honest = names.join('/');
    return [
      ...(through(paths, kind, value) && !inFolder(value) ? ['it is in none of the folders'] : []),
      ...(through(domains, kind, value) && !atHost(value) ? ['it leads to none of the hosts'] : []),
      ...(through(paths, 'path', `/srv/pub/${honest}`) ? [] : ['an honest path is not let through']),
      ...(through(paths, 'path', `docs/${honest}`) ? [] : ['an honest relative path is not let through']),
      ...(through(domains, 'url', `https://good.com/${honest}`) ? [] : ['an honest URL is not let through']),
      ...(through(domains, 'host', 'api.good.org') ? [] : ['an honest host is not let through']),
    ];
  },
};

/** By POSIX resolution of every alternative, and by what no list may let through. */
function inFolder(said: string): boolean {
  const value = said.trim();
  if (/[\p{Cc}\\`$]|%2e|%2f|%5c|^~|^\/\/|^[a-z][a-z0-9+.-]+:/iu.test(value)) return false;
  return alternatives(value).every((one) => {
    const mayGoUp = one.split('/').some((part) => part.startsWith('.') && /[*?[]/.test(part));
    const place = posix.resolve(WORKSPACE, one);
    return !mayGoUp && FOLDERS.some((folder) => place === folder || place.startsWith(`${folder}/`));
  });
}

/** `{a,b}` written out, as shells do. */
function alternatives(value: string): string[] {
  const [whole, inner] = /\{([^{}]*,[^{}]*)\}/.exec(value) ?? [];
  if (whole === undefined || inner === undefined) return [value];
  const at = value.indexOf(whole);
  return inner
    .split(',')
    .flatMap((one) => alternatives(value.slice(0, at) + one + value.slice(at + whole.length)));
}

/** Where a browser goes, by one of the schemes that everybody reads so. */
function atHost(said: string): boolean {
  const value = said.trim();
  try {
    const { protocol, hostname } = new URL(
      /^[a-z][a-z0-9+.-]*:\/\/|^(?:https?|wss?):/i.test(value) ? value : `http://${value}`,
    );
    return /^(?:https?|wss?):$/.test(protocol) && HOSTS.includes(hostname.replace(/\.$/, ''));
  } catch {
    return false;
  }
}
