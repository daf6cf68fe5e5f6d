import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { describe, test } from 'node:test';
import { allowing, callOn, decide, WORKSPACE } from './asking.ts';
import { browsed, HOST_PLACES } from './hosts.ts';
import { denialsOfHost, denialsOfPath, gaps } from './matrix.ts';
import { COMMANDS, PATH_PLACES } from './paths.ts';

/** `npm run test:oracle` asks for each kind under each way to deny. */
const EVERY = process.env['GAIT_ORACLE'] === 'every';

describe('what is denied in one spelling is denied in all: paths', () => {
  for (const place of PATH_PLACES)
    for (const [reader, texts] of Object.entries(place.spellings))
      test(`${place.path}, ${reader}`, () => {
        for (const text of texts) assert.deepEqual(gaps(text, denialsOfPath(place), EVERY), [], text);
      });

  const policy = allowing({ path_denylist: ['/home/u/.ssh/**'] });
  for (const command of COMMANDS)
    test(`in a command: ${JSON.stringify(command)}`, () => {
      const call = callOn('other', command, { operation: 'exec' });
      assert.equal(decide({ policy, call }).verdict, 'block');
    });

  test('the table is right where a standard can tell: POSIX resolution', () => {
    for (const { path, spellings } of PATH_PLACES)
      for (const [reader, texts] of Object.entries(spellings))
        if (/POSIX|as written|from the workspace/.test(reader))
          for (const text of texts) assert.equal(posix.resolve(WORKSPACE, text), path, text);
  });
});

describe('what is denied in one spelling is denied in all: hosts', () => {
  for (const place of HOST_PLACES)
    for (const [reader, texts] of [
      ['as a browser goes', place.urls],
      ['as others do', place.others],
    ] as const)
      test(`${place.host}, ${reader}`, () => {
        for (const text of texts) assert.deepEqual(gaps(text, denialsOfHost(place), EVERY), [], text);
      });

  test('the table is right where a standard can tell: WHATWG URL', () => {
    for (const { host, urls } of HOST_PLACES)
      for (const text of urls) assert.equal(browsed(text)?.hostname, host, JSON.stringify(text));
  });
});

describe('what the table found', () => {
  const [key, env, cafe] = PATH_PLACES.map(denialsOfPath);
  const found = (title: string, denials: ReturnType<typeof denialsOfPath> | undefined, ...texts: string[]) =>
    test(title, () => {
      for (const text of texts) assert.deepEqual(gaps(text, denials ?? [], true), [], text);
    });
  found(
    'O1: a set of a shell is one: [!a], [-s], []s], [[:alpha:]]',
    key,
    '/home/u/.[!a]sh/id',
    '/home/u/.[-s]sh/id',
  );
  found('O2: a choice of a shell is one: @(a|b)', key, '/home/u/.@(ssh|x)/id', '/home/u/.(ssh|x)/id');
  found(
    'O3: the query and the fragment of a file URL are no part of its path',
    key,
    'file:///home/u/.ssh/id?x',
  );
  found(
    'O4: the prefix of a device is no part of a path',
    key,
    '\\\\?\\C:\\home\\u\\.ssh\\id',
    '//./C:/home/u/.ssh/id',
  );
  found(
    'O5: a link of /proc is followed before what stands behind it leads up, and may be written as a glob',
    key,
    ...['/proc/self/cwd/../.ssh/id', '/proc/self/root/../home/u/.ssh/id', '/proc/*/root/home/u/.ssh/id'],
  );
  found('O6: /dev/stdin is /dev/fd/0', key, '/dev/stdin', '/dev/stdout', '/dev/stderr');
  found('O7: a host of a copying tool needs no user, a drive no slash', env, 'host:.env', 'C:.env');
  found('O8: percent-encoded letters beyond ASCII are decoded', cafe, '/home/u/caf%c3%a9/x');

  const six = HOST_PLACES.find(({ host }) => host === '[fd00::1]');
  test('O9: an IPv6 address that a rule names is met however it is written', () => {
    const denials = six === undefined ? [] : denialsOfHost(six);
    for (const text of ['fd00::1', '[fd00::1]:22', 'ssh://[fd00::1]/', 'FD00:0:0::1'])
      assert.deepEqual(gaps(text, denials, true), [], text);
  });

  test('O12: what stands around a host may be as long as it likes', () => {
    const [evil] = HOST_PLACES;
    const long = 'a'.repeat(5000);
    for (const text of [`evil.com/${long}`, `https://evil.com?${long}`, `https://${long}@evil.com/`])
      assert.deepEqual(
        gaps(text, evil === undefined ? [] : denialsOfHost(evil).slice(0, 1), true),
        [],
        text.slice(0, 30),
      );
  });

  test('O13: no number is read out of an IPv6 address', () => {
    const policy = allowing({ domain_denylist: ['loopback'] });
    for (const value of ['http://[2001:db8::1]/', 'https://[2606:4700::1111]:443/x'])
      assert.equal(decide({ policy, call: callOn('url', value) }).verdict, 'allow');
  });
});
