import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { callOn, decide } from './asking.ts';
import { HOST_PLACES } from './hosts.ts';
import { denialsOfHost, denialsOfPath } from './matrix.ts';
import { PATH_PLACES } from './paths.ts';

// A gate that is shut would hold everything else that the oracle asks.

const PATHS = [
  ...[
    '/home/u/notes',
    '/srv/a',
    'docs/read.me',
    './src/a.ts',
    '/home/u/sshd/id',
    '/home/u/.sshx/id',
    'a b/c',
    'src/*.ts',
  ],
  ...['/home/u/work/app/[id]/page.tsx', 'env', '/proc/cpuinfo', '/dev/null', 'a (copy)/x', '~/notes'],
];
const URLS = [
  ...['https://good.com/', 'https://good.com/evil.com', 'https://notevil.com/'],
  ...['https://evil.com.good.org/', 'http://11.1.2.3/', 'http://[2001:db8::1]/'],
];

describe('what is not denied is let through', () => {
  for (const place of PATH_PLACES)
    test(`beside ${place.path}`, () => {
      for (const { policy, switches } of denialsOfPath(place)) {
        for (const value of PATHS)
          assert.equal(decide({ policy, switches, call: callOn('path', value) }).verdict, 'allow', value);
        for (const value of URLS)
          assert.equal(decide({ policy, switches, call: callOn('url', value) }).verdict, 'allow', value);
      }
    });
  for (const place of HOST_PLACES.filter(({ host }) => host !== 'xn--bcher-kva.example'))
    test(`beside ${place.host}`, () => {
      for (const { policy, switches } of denialsOfHost(place)) {
        for (const value of URLS)
          assert.equal(decide({ policy, switches, call: callOn('url', value) }).verdict, 'allow', value);
        for (const value of ['/home/u/notes', 'docs/read.me'])
          assert.equal(decide({ policy, switches, call: callOn('path', value) }).verdict, 'allow', value);
      }
    });
});
