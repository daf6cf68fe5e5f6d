import { posix } from 'node:path';
import type { JsonObject } from '../../../src/core/json.ts';
import fc from '../../support/property.ts';
import { allowing, blocking, HOME, WORKSPACE } from './asking.ts';
import type { Denial } from './matrix.ts';

/** A place in one of its spellings, with ways to deny it. */
export interface SpelledPlace {
  readonly value: string;
  readonly operation: string;
  readonly denials: readonly Denial[];
}

const ALL: JsonObject = { default_verdict: 'allow', rules: [] };

/** What changes no path for a kernel: put in at a slash. */
const IDLE = ['/', '//', '/./', '/x/../', '///', '/a/b/../../', '/./x/.././'] as const;

/** Ways to begin, each of which leads to the root of the system. */
const HEADS = [
  '',
  '',
  '',
  '/proc/self/root',
  '/proc/1/root',
  '/..',
  '/proc/self/root/..',
  '/proc/self/task/9/root',
];

const folder = fc.constantFrom('/home/u/.ssh', '/srv/keys', '/home/u/work/secret', '/etc');
const within = fc.constantFrom('', 'id', 'a/b', '.c', 'd e');

function path(absolute: string, idle: readonly string[], head: string): string {
  return head + absolute.replaceAll('/', (_, at: number) => idle[at % idle.length] ?? '/');
}

/** As a URL of RFC 8089, each letter at one of these places in percents. */
function fileUrl(absolute: string, places: readonly number[]): string {
  const letters = [...absolute].map((letter, at) =>
    letter === ' ' || (letter !== '/' && places.includes(at))
      ? `%${letter.charCodeAt(0).toString(16).padStart(2, '0')}`
      : letter,
  );
  return `file://${letters.join('')}`;
}

/** One letter of a name as a shell may write it, so that it still matches. */
function globbed(absolute: string, at: number, how: string): string {
  const place = at % absolute.length;
  const letter = absolute[place] ?? '/';
  const isFirst = absolute[place - 1] === '/';
  if (letter === '/' || (letter === '.' && isFirst) || letter === ' ') return absolute;
  const made =
    { any: '?', many: '*', set: `[${letter}]`, not: '[!/]', choice: `{${letter},zz}` }[how] ?? letter;
  return `${absolute.slice(0, place)}${made}${absolute.slice(place + 1)}`;
}

const spelled = fc.record({
  idle: fc.array(fc.constantFrom(...IDLE), { minLength: 1, maxLength: 4 }),
  head: fc.constantFrom(...HEADS),
  places: fc.uniqueArray(fc.nat(24), { maxLength: 4 }),
  at: fc.nat(40),
  glob: fc.constantFrom('any', 'many', 'set', 'choice'),
  how: fc.constantFrom('idle', 'file', 'relative', 'home', 'glob', 'scp', 'drive'),
});

function spell(
  absolute: string,
  { idle, head, places, at, glob, how }: typeof spelled extends fc.Arbitrary<infer T> ? T : never,
): string {
  switch (how) {
    case 'file':
      return fileUrl(path(absolute, idle, ''), places);
    case 'relative':
      return `${idle[0] === '/./' ? './' : ''}${posix.relative(WORKSPACE, absolute)}` || '.';
    case 'home':
      return absolute.startsWith(`${HOME}/`) ? `~${path(absolute.slice(HOME.length), idle, '')}` : absolute;
    case 'glob':
      return globbed(absolute, at, glob);
    case 'scp':
      return `u@host:${path(absolute, idle, head)}`;
    case 'drive':
      return `C:${absolute.replaceAll('/', '\\')}`;
    default:
      return path(absolute, idle, head);
  }
}

/** What stands above a folder is denied where what is done reaches in; a kill switch stops it whatever is done. */
const paths: fc.Arbitrary<SpelledPlace> = fc
  .record({ folder, within, spelled, above: fc.nat(3) })
  .map(({ folder: denied, within: name, spelled: how, above }) => {
    const upward = above === 3;
    const place = upward ? posix.dirname(denied) : posix.join(denied, name);
    const inside = place !== denied && !upward;
    return {
      value: spell(place, how),
      operation: upward ? 'delete' : 'read',
      denials: [
        { policy: ALL, switches: [{ path_prefixes: [denied] }] },
        ...(inside || upward
          ? [{ policy: allowing({ path_denylist: [`${denied}/**`] }), switches: [] }]
          : []),
        ...(upward ? [] : [{ policy: blocking({ target_values: [place] }), switches: [] }]),
        ...(upward ? [] : [{ policy: ALL, switches: [{ target_value: place }] }]),
      ],
    };
  });

const SCHEMES = [
  'http://',
  'https://',
  'HTTPS:',
  'http:/',
  'ws:///',
  'ftp://',
  'ssh://',
  'git+ssh://',
  '//',
  '',
  'redis://',
  'http:\\\\',
];
const host = fc.constantFrom('evil.com', '10.1.2.3', 'xn--bcher-kva.example');
const SPELLED_HOSTS: Readonly<Record<string, readonly string[]>> = {
  'evil.com': ['evil.com', 'EVIL.com', 'eViL.CoM.', '%65vil.com', 'evil\u3002com', '\uff45vil.com'],
  '10.1.2.3': [
    '10.1.2.3',
    '167838211',
    '0xa010203',
    '012.1.2.3',
    '10.66051',
    '[::ffff:10.1.2.3]',
    '[64:ff9b::a01:203]',
    '[2002:a01:203::]',
  ],
  'xn--bcher-kva.example': [
    'b\u00fccher.example',
    'xn--bcher-kva.example',
    'B\u00dcCHER.example.',
    'bu\u0308cher.example',
  ],
};

const hosts: fc.Arbitrary<SpelledPlace> = fc
  .record({
    host,
    at: fc.nat(100),
    scheme: fc.constantFrom(...SCHEMES),
    user: fc.constantFrom('', '', 'u@', 'u:p@', 'good.com@'),
    port: fc.constantFrom('', '', ':80', ':8443'),
    rest: fc.constantFrom('', '/', '/a', '?q', '#f', '/@good.com', '\\@good.com'),
    operation: fc.constantFrom('read', 'write', 'send'),
  })
  .map(({ host: name, at, scheme, user, port, rest, operation }) => {
    const all = SPELLED_HOSTS[name] ?? [];
    return {
      value: `${scheme}${user}${all[at % all.length]}${port}${rest}`,
      operation,
      denials: [
        { policy: allowing({ domain_denylist: [name] }), switches: [] },
        { policy: ALL, switches: [{ target_value: name }] },
        { policy: blocking({ target_values: [name] }), switches: [] },
      ],
    };
  });

export const spelledPlace: fc.Arbitrary<SpelledPlace> = fc.oneof(paths, hosts);
