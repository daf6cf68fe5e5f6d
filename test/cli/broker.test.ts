import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { describe, test } from 'node:test';
import { requestBytes } from '../../src/gate/credentials/request.ts';
import { credentialIn, faultIn, Programs, REQUEST } from '../support/brokers.ts';

const MISSING = 'broker_credential_missing';
/** Prints the answer of a broker that works. */
const ANSWER = `printf '{"credential_ref":"r"}'`;
const GIVEN = { broker: 'command', ref: 'r' };

describe('the broker command', () => {
  test('reads the request to the byte, and its answer is the credential', async (t) => {
    const programs = new Programs(t);
    programs.script('lookup', 'cat > request', 'echo "$1 $2 $#" > args', ANSWER);
    const issued = await programs.issue('lookup', { argv: ['--credential-command-args', ' b ,$(c),'] });
    assert.deepEqual(credentialIn(issued), GIVEN);
    assert.deepEqual(readFileSync(programs.path('request')), requestBytes(REQUEST));
    assert.equal(readFileSync(programs.path('args'), 'utf8'), 'b $(c) 2\n');
  });

  test('need not read the request, however long', async (t) => {
    const programs = new Programs(t);
    programs.script('lookup', 'exec <&-', 'sleep 0.2', ANSWER);
    const request = { ...REQUEST, reference: 'x'.repeat(4_000_000) };
    assert.deepEqual(credentialIn(await programs.issue('lookup', { request })), GIVEN);
  });

  test('is called what it was called, though it is the file that this leads to', async (t) => {
    const programs = new Programs(t);
    programs.link('lookup', '/bin/sh');
    const line = 'echo {\\"credential_ref\\":\\"$0\\"}';
    const issued = await programs.issue('lookup', { argv: ['--credential-command-args', `-c,${line}`] });
    assert.equal(credentialIn(issued).ref, 'lookup');
  });

  test('is the first of PATH that is a program', async (t) => {
    const programs = new Programs(t);
    chmodSync(programs.script('lookup', 'exit 1'), 0o644);
    mkdirSync(programs.path('bin'));
    programs.script('bin/lookup', ANSWER);
    const env = { PATH: `${programs.dir}:${programs.path('bin')}:/usr/bin:/bin` };
    assert.deepEqual(credentialIn(await programs.issue('lookup', { env })), GIVEN);
  });

  test('W-35 sees only the variables that it needs, and those that are passed on', async (t) => {
    const programs = new Programs(t);
    programs.script('lookup', 'env > env', ANSWER);
    const needed = { HOME: '/h', TZ: 'UTC', LANG: 'C', TMPDIR: '/tmp' };
    const env = { ...needed, GAIT_ACTOR: 'a', TOKEN: 't', MINE: 'm', SECRET: 'x' };
    const seen = async (...names: readonly string[]): Promise<string[]> => {
      const argv = names.flatMap((name) => ['--credential-pass-env', name]);
      credentialIn(await programs.issue('lookup', { env, argv }));
      const lines = readFileSync(programs.path('env'), 'utf8').trimEnd().split('\n');
      const found = lines.map((line) => line.replace(/=.*/, ''));
      return found.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name)).sort();
    };
    assert.deepEqual(await seen(), ['HOME', 'LANG', 'PATH', 'TMPDIR', 'TZ']);
    const more = ['HOME', 'LANG', 'MINE', 'PATH', 'TMPDIR', 'TOKEN', 'TZ'];
    assert.deepEqual(await seen('TOKEN', 'MINE', 'UNSET'), more);
  });

  test('W-33 gives nothing that has expired by the time that it is there', async (t) => {
    const programs = new Programs(t);
    const until = (time: string): string => `echo '{"credential_ref":"r","expires_at":"${time}"}'`;
    programs.script('lookup', 'sleep 1.2', until('2026-03-01T09:30:01Z'));
    assert.equal(faultIn(await programs.issue('lookup')).reason, 'broker_credential_expired');
    programs.script('lookup', until('2026-03-01T10:30:00Z'));
    assert.equal(credentialIn(await programs.issue('lookup')).expires_at, '2026-03-01T10:30:00Z');
  });

  test('W-33 gives nothing whose times cannot be', async (t) => {
    const programs = new Programs(t);
    programs.script('lookup', `echo '{"credential_ref":"r","ttl_seconds":-5}'`);
    assert.equal(faultIn(await programs.issue('lookup')).reason, 'broker_credential_ttl_invalid');
  });
});

describe('a command that fails is a fault, which repeats nothing that it printed', () => {
  const SECRET = 'hunter2hunter2';
  const FAILURES: readonly [name: string, lines: readonly string[], detail: RegExp][] = [
    ['an exit code', [ANSWER, `echo ${SECRET} >&2`, 'exit 3'], /exit code 3/],
    ['a signal', [ANSWER, 'kill -9 $$'], /SIGKILL/],
    ['nothing printed', ['true'], /nothing/],
    ['no JSON', [`echo token=${SECRET}`], /JSON/],
    ['a key twice', [`echo '{"credential_ref":"${SECRET}","credential_ref":"${SECRET}"}'`], /key/],
    ['a key in another case', [`echo '{"credential_ref":"${SECRET}","Issued_By":"${SECRET}"}'`], /case/],
    ['no reference', [`echo '{"token":"${SECRET}"}'`], /credential_ref/],
    ['a time that is none', [`echo '{"credential_ref":"r","expires_at":"${SECRET}"}'`], /RFC 3339/],
  ];
  for (const [name, lines, detail] of FAILURES) {
    test(name, async (t) => {
      const programs = new Programs(t);
      programs.script('lookup', ...lines);
      const fault = faultIn(await programs.issue('lookup'));
      assert.deepEqual([fault.reason, fault.violation], [MISSING, MISSING]);
      assert.match(fault.detail, detail);
      assert.ok(!JSON.stringify(fault).includes(SECRET));
    });
  }

  const ABSENT: Readonly<Record<string, (programs: Programs) => string>> = {
    'no such program': () => 'no-such-program',
    'no such file': (programs) => programs.path('lookup'),
    'a directory': (programs) => programs.dir,
    'a program and its arguments in one': (programs) => {
      programs.script('lookup', ANSWER);
      return 'lookup all';
    },
    'a file that is no program': (programs) => {
      chmodSync(programs.script('lookup', ANSWER), 0o644);
      return 'lookup';
    },
    'a program for which there is no interpreter': (programs) => {
      writeFileSync(programs.path('lookup'), '#!/no/such/shell\n', { mode: 0o755 });
      return 'lookup';
    },
    'a link that leads to itself': (programs) => programs.link('lookup', programs.path('lookup')),
  };
  for (const [name, make] of Object.entries(ABSENT)) {
    test(name, async (t) => {
      const programs = new Programs(t);
      assert.equal(faultIn(await programs.issue(make(programs))).reason, MISSING);
    });
  }

  test('arguments that are too long for the system', async (t) => {
    const programs = new Programs(t);
    programs.script('lookup', ANSWER);
    const argv = ['--credential-command-args', 'x'.repeat(4_000_000)];
    assert.match(faultIn(await programs.issue('lookup', { argv })).detail, /could not be started/);
  });

  test('a program to which only a relative directory of PATH leads', async (t) => {
    const programs = new Programs(t);
    programs.script('lookup', ANSWER);
    const env = { PATH: `${relative(process.cwd(), programs.dir)}:/usr/bin:/bin` };
    assert.match(faultIn(await programs.issue('lookup', { env })).detail, /not there/);
  });
});
