import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { askedOf, brokerOf } from '../../src/cli/flags/broker_open.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { Credential, Issued } from '../../src/gate/credentials/credential.ts';
import { credentialRecord, readCredentialRecord } from '../../src/gate/credentials/record.ts';
import { type CredentialRequest, credentialRequest } from '../../src/gate/credentials/request.ts';
import { parseIntent } from '../../src/gate/intent/reader.ts';
import { parsePolicy } from '../../src/gate/policy/yaml.ts';
import { judge } from '../../src/gate/rules/judge.ts';
import { type Case, corpusPath, skip } from '../interop/corpus.ts';
import { credentialIn, faultIn, flagsOf, ioOf, NOW, Programs, REQUEST } from '../support/brokers.ts';
import { gaitError } from '../support/refusals.ts';

const ANSWER = `printf '{"credential_ref":"r"}'`;
const OTHER = `printf '{"credential_ref":"of another"}'`;

describe('which broker there is', () => {
  const brokerWith = (argv: readonly string[], profile: 'standard' | 'oss-prod' = 'standard') =>
    brokerOf(flagsOf(...argv), ioOf({ PATH: '/usr/bin:/bin' }), profile);

  test('none, unless one is named', () => {
    assert.equal(brokerWith([]), undefined);
    assert.equal(brokerWith(['--credential-broker', 'off']), undefined);
  });

  test('a stub, of the name that it says', async () => {
    const broker = brokerWith(['--credential-broker', 'stub']);
    assert.equal(broker?.name, 'stub');
    const { broker: by, ref, ttl_seconds } = credentialIn(await broker.issue(REQUEST, NOW));
    assert.deepEqual([by, ref.slice(0, 5), ttl_seconds], ['stub', 'stub:', 300]);
  });

  const COMMAND = ['--credential-broker', 'command'];
  const CAT = [...COMMAND, '--credential-command', 'cat'];
  const REFUSED: readonly [name: string, argv: readonly string[], code: string][] = [
    ['a command that is not named', COMMAND, 'flag_missing'],
    ['a command without a name', [...COMMAND, '--credential-command', ''], 'flag_missing'],
    ['a time that is none', [...CAT, '--credential-timeout', 'soon'], 'flag_value_invalid'],
    ['a time longer than 10 minutes', [...CAT, '--credential-timeout', '11m'], 'flag_value_invalid'],
    ['a variable that is none', [...CAT, '--credential-pass-env', 'A=secret'], 'flag_value_invalid'],
    ['no prefix', ['--credential-broker', 'env', '--credential-env-prefix', ''], 'flag_value_invalid'],
    [
      'a prefix of no name',
      ['--credential-broker', 'env', '--credential-env-prefix', 'A-'],
      'flag_value_invalid',
    ],
  ];
  for (const [name, argv, code] of REFUSED) {
    test(`is refused: ${name}`, () => {
      assert.throws(() => brokerWith(argv), gaitError(code, 'invalid_input'));
    });
  }

  test('is refused: one that nobody knows, on the command line and behind it', () => {
    const refused = gaitError('flag_value_invalid', 'invalid_input');
    assert.throws(() => flagsOf('--credential-broker', 'keyring'), refused);
    const flags = { ...flagsOf(), 'credential-broker': 'keyring' };
    assert.throws(() => brokerOf(flags, ioOf({}), 'standard'), refused);
  });

  test('W-35 under oss-prod no command without a list of those that may', () => {
    const refused = gaitError('allow_list_missing', 'invalid_input');
    assert.throws(() => brokerWith(CAT, 'oss-prod'), refused);
    assert.equal(brokerWith(['--credential-broker', 'env'], 'oss-prod')?.name, 'env');
  });

  test('what is asked beside the rules', () => {
    const flags = flagsOf('--credential-ref', 'x', '--credential-scopes', 'b, A,,');
    assert.deepEqual(askedOf(flags), { reference: 'x', scopes: ['b', 'A'] });
    assert.deepEqual(askedOf(flagsOf()), { reference: undefined, scopes: [] });
  });
});

describe('W-35 the list of commands that may issue credentials', () => {
  const REFUSED = gaitError('command_not_allowed', 'invalid_input');
  const issue = (programs: Programs, name: string, list: string, between?: () => void): Promise<Issued> =>
    programs.issue(name, {
      env: { GAIT_CREDENTIAL_COMMAND_ALLOWLIST: list },
      profile: 'oss-prod',
      ...(between === undefined ? {} : { between }),
    });

  function lookups(t: TestContext): Programs {
    const programs = new Programs(t);
    mkdirSync(programs.path('other'));
    programs.script('lookup', ANSWER);
    programs.script('other/lookup', OTHER);
    return programs;
  }

  test('names them by path or by name, and so may the caller', async (t) => {
    const programs = lookups(t);
    for (const list of ['lookup', programs.path('lookup'), ` vault , ${programs.path('lookup')} ,`]) {
      for (const name of ['lookup', programs.path('lookup'), programs.path('other/../lookup')])
        assert.equal(credentialIn(await issue(programs, name, list)).ref, 'r');
    }
  });

  test('does not mean another file of the same name', async (t) => {
    const programs = lookups(t);
    const other = programs.path('other/lookup');
    for (const list of ['lookup', programs.path('lookup')])
      await assert.rejects(issue(programs, other, list), REFUSED);
    const first = { PATH: `${programs.path('other')}:${programs.dir}` };
    const env = { ...first, GAIT_CREDENTIAL_COMMAND_ALLOWLIST: programs.path('lookup') };
    await assert.rejects(programs.issue('lookup', { env }), REFUSED);
  });

  test('does not mean a link of the same name to another file', async (t) => {
    const programs = lookups(t);
    mkdirSync(programs.path('links'));
    const link = programs.link('links/lookup', programs.path('other/lookup'));
    await assert.rejects(issue(programs, link, programs.path('lookup')), REFUSED);
  });

  test('does not mean another name of the same file: a program may be many', async (t) => {
    const programs = lookups(t);
    const other = programs.link('purge', programs.path('lookup'));
    for (const list of ['lookup', programs.path('lookup')])
      await assert.rejects(issue(programs, other, list), REFUSED);
    const credential = credentialIn(await issue(programs, 'purge', 'purge'));
    assert.equal(credential.ref, 'r');
  });

  test('allows nothing that is not there, and nothing when it has no entry', async (t) => {
    const programs = lookups(t);
    await assert.rejects(issue(programs, 'no-such', 'no-such'), REFUSED);
    await assert.rejects(issue(programs, 'lookup', 'no-such'), REFUSED);
    await assert.rejects(issue(programs, 'lookup', ' , '), REFUSED);
  });

  test('counts under the profile standard too', async (t) => {
    const programs = lookups(t);
    const env = { GAIT_CREDENTIAL_COMMAND_ALLOWLIST: 'cat' };
    await assert.rejects(programs.issue('lookup', { env }), REFUSED);
    const blank = { GAIT_CREDENTIAL_COMMAND_ALLOWLIST: ' ' };
    assert.equal(credentialIn(await programs.issue('lookup', { env: blank })).ref, 'r');
  });

  test('holds for the file that was looked at, wherever its link leads by then', async (t) => {
    const programs = lookups(t);
    mkdirSync(programs.path('links'));
    const link = programs.link('links/lookup', programs.path('lookup'));
    const swap = (): void => {
      rmSync(link);
      symlinkSync(programs.path('other/lookup'), link);
    };
    assert.equal(credentialIn(await issue(programs, link, programs.path('lookup'), swap)).ref, 'r');
  });

  test('holds for no file behind a directory that is a link by then', async (t) => {
    const programs = lookups(t);
    mkdirSync(programs.path('bin'));
    programs.script('bin/lookup', ANSWER);
    const path = programs.path('bin/lookup');
    const swap = (): void => {
      renameSync(programs.path('bin'), programs.path('was'));
      programs.link('bin', programs.path('other'));
    };
    assert.match(faultIn(await issue(programs, path, path, swap)).detail, /not there/);
  });
});

describe('the broker env', () => {
  const SECRET = 's3cr3t-value';
  const KEY = 'GAIT_BROKER_TOKEN_VAULT_MAIN';

  async function issued(
    env: NodeJS.ProcessEnv,
    request: CredentialRequest = REQUEST,
    now = NOW,
    ...argv: readonly string[]
  ): Promise<Issued> {
    const broker = brokerOf(flagsOf('--credential-broker', 'env', ...argv), ioOf(env), 'standard');
    assert.ok(broker !== undefined);
    return broker.issue(request, now);
  }

  test('W-36 gives a handle that says nothing of the secret', async () => {
    const env = { [KEY]: ` ${SECRET}\n`, [`${KEY}_TTL_SECONDS`]: '900' };
    const refs = await Promise.all(
      [1, 2, 3].map(async () => {
        const credential = credentialIn(await issued(env));
        const { ref, ...rest } = credential;
        assert.deepEqual(rest, { broker: 'env', source: 'env', ttl_seconds: 900 });
        assert.match(ref, new RegExp(`^env:${KEY}:[0-9a-f]{16}$`));
        const at = { created_at: NOW, trace_id: 'abc' };
        const all = JSON.stringify([credential, credentialRecord(REQUEST, credential, at)]);
        assert.ok(!all.includes(SECRET));
        for (const name of ['md5', 'sha1', 'sha256', 'sha512']) {
          const digest = createHash(name).update(SECRET).digest('hex');
          assert.ok(!all.includes(digest.slice(0, 8)), name);
        }
        return ref;
      }),
    );
    assert.equal(new Set(refs).size, 3, 'the same secret, the same handle');
  });

  const NAMES: Readonly<Record<string, string>> = {
    'vault-main': 'VAULT_MAIN',
    'vault.main': 'VAULT_MAIN',
    'a..b': 'A__B',
    'a,  b/c': 'A_B_C',
    '-x9-': 'X9',
    straße: 'STRA_E',
    '***': 'DEFAULT',
  };
  for (const [reference, word] of Object.entries(NAMES)) {
    test(`looks for ${reference} in ${word}`, async () => {
      const found = await issued(
        { [`P_${word}`]: SECRET },
        { ...REQUEST, reference },
        NOW,
        '--credential-env-prefix',
        'P_',
      );
      assert.equal(credentialIn(found).ref.split(':')[1], `P_${word}`);
    });
  }

  test('looks for the tool when no credential is named', async () => {
    const found = await issued({ GAIT_BROKER_TOKEN_TOOL_WRITE: SECRET }, { ...REQUEST, reference: '' });
    assert.match(credentialIn(found).ref, /^env:GAIT_BROKER_TOKEN_TOOL_WRITE:/);
  });

  test('has nothing where there is nothing, and takes no companion for a secret', async () => {
    const missing = 'broker_credential_missing';
    assert.equal(faultIn(await issued({})).reason, missing);
    assert.equal(faultIn(await issued({ [KEY]: ' \n' })).reason, missing);
    const env = { [`${KEY}_EXPIRES_AT`]: '2126-01-01T00:00:00Z' };
    const request = { ...REQUEST, reference: 'vault.main.expires.at' };
    assert.equal(faultIn(await issued(env, request)).reason, missing);
  });

  const INVALID = 'broker_credential_ttl_invalid';
  const COMPANIONS: readonly [name: string, value: string, reason: string][] = [
    ['_EXPIRES_AT', 'tomorrow', INVALID],
    ['_ISSUED_AT', 'x', INVALID],
    ['_TTL_SECONDS', '-3', INVALID],
    ['_TTL_SECONDS', '1.5', INVALID],
    ['_TTL_SECONDS', '60s', INVALID],
    ['_TTL_SECONDS', '0', INVALID],
    ['_TTL_SECONDS', '9'.repeat(30), INVALID],
    ['_ISSUED_AT', '2126-01-01T00:00:00Z', INVALID],
    ['_EXPIRES_AT', '2001-01-01T00:00:00Z', 'broker_credential_expired'],
  ];
  for (const [name, value, reason] of COMPANIONS) {
    test(`W-33 gives nothing when ${name} is ${value}`, async () => {
      const fault = faultIn(await issued({ [KEY]: SECRET, [`${KEY}${name}`]: value }));
      assert.equal(fault.reason, reason);
      assert.ok(!JSON.stringify(fault).includes(SECRET));
    });
  }

  test('takes companions that are empty, or of year 1, for none', async () => {
    const env = { [KEY]: SECRET, [`${KEY}_TTL_SECONDS`]: ' ', [`${KEY}_ISSUED_AT`]: '0001-01-01T00:00:00Z' };
    const { ref: _, ...rest } = credentialIn(await issued(env));
    assert.deepEqual(rest, { broker: 'env', source: 'env' });
  });

  /** Recorded cases in which there is no credential here, and why. */
  const DIFFERENT: Readonly<Record<string, string>> = {
    'broker.env-expired': 'broker_credential_expired',
    'broker.env-malformed-companions': INVALID,
  };

  test('W-33 W-34 gives what 1.2.0 recorded, but for the handle and what does not count', {
    skip,
  }, async () => {
    const read = (path: string): Buffer => readFileSync(corpusPath(path));
    const all = JSON.parse(read('index.json').toString()) as Case[];
    const cases = all.filter(({ id }) => id.startsWith('broker.env-'));
    const withoutHandle = ({ ref, ...rest }: Credential) => ({ ...rest, ref: ref.replace(/[^:]+$/, '') });
    let compared = 0;
    for (const { id, dir, env, results } of cases) {
      const policy = parsePolicy(read(join(dir, 'policy.yaml')), id);
      const asked = parseIntent(read(join(dir, 'intent.json')), id);
      const { intent, created_at } = asked;
      const { broker } = judge(policy, asked, '2026-03-01T09:30:00Z').duties;
      assert.ok(broker !== null);
      const request = credentialRequest(intent, broker, { scopes: [] });
      const written = results['go-1.2.0'].files.find(({ path }) => path === 'cred.json');
      const golden = written === undefined ? {} : (JSON.parse(read(written.golden).toString()) as JsonObject);
      const recent = written?.volatile?.includes('/issued_at') === true;
      // Earlier than the recorded ends of 2026, and later than their begins.
      const now = recent ? String(golden['issued_at']) : '2026-03-01T09:00:30Z';
      const found = await issued(env, request, now);
      const reason = written === undefined ? 'broker_credential_missing' : DIFFERENT[id];
      if (reason !== undefined) {
        assert.equal(faultIn(found).reason, reason, id);
        continue;
      }
      const credential = withoutHandle(credentialIn(found));
      const at = { created_at, trace_id: String(golden['trace_id']) };
      const { producer_version: _, ...record } = credentialRecord(request, credential, at);
      const { producer_version: __, ...recorded } = readCredentialRecord(golden);
      assert.deepEqual(
        record,
        { ...recorded, credential_ref: recorded.credential_ref.replace(/[^:]+$/, '') },
        id,
      );
      compared += 1;
    }
    assert.ok(compared >= 5);
  });
});
