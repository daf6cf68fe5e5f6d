import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { sha256Hex } from '../../src/core/digest.ts';
import { type RunOptions, sharedWorkspace, type Workspace, workspace } from '../support/cli.ts';
import {
  GOLDEN_KEY_ID,
  GOLDEN_PUBLIC_FILE,
  GOLDEN_SEED,
  numberedKey,
  privateText,
  secretsOf,
} from '../support/keys.ts';

const GOLDEN_TEXT = privateText(GOLDEN_SEED);

/** Runs it as text and as JSON; nothing of what it prints may be of the private key. */
async function discreet(
  w: Workspace,
  words: readonly string[],
  text: string,
  options: RunOptions = {},
): Promise<void> {
  for (const line of [words, [...words, '--json']]) {
    const { stdout, stderr } = await w.gait(line, options);
    quiet(`${stdout}${stderr}`, text);
  }
}

function quiet(printed: string, text: string): void {
  const told = secretsOf(text).filter((secret) => printed.includes(secret));
  assert.deepEqual(told, [], 'tells the private key');
}

function text(w: Workspace, path = ''): Promise<string> {
  return readFile(w.path(path), 'latin1');
}

async function modes(w: Workspace, ...paths: string[]): Promise<string[]> {
  const stats = await Promise.all(paths.map((path) => stat(w.path(path))));
  return stats.map(({ mode }) => (mode & 0o777).toString(8));
}

describe('keys init', () => {
  test('makes a pair and says where, and never what', async (t) => {
    const w = await workspace(t);
    const { key_id, ...said } = await w.ok('keys init');
    assert.deepEqual(said, {
      ...{ schema_id: 'gait.keys.output', schema_version: '1.0.0', ok: true, operation: 'init' },
      prefix: 'gait',
      private_key_path: 'gait-out/keys/gait_private.key',
      public_key_path: 'gait-out/keys/gait_public.key',
    });
    assert.equal(key_id, sha256Hex(Buffer.from(await text(w, said.public_key_path), 'base64')));
    const made = await w.gait('keys init --prefix other');
    assert.equal(made.stderr, '');
    const secret = await text(w, 'gait-out/keys/other_private.key');
    quiet(made.stdout, secret);
    assert.match(made.stdout, /gait-out\/keys\/other_private\.key/);
  });

  test('makes them their owner’s alone, whatever the umask', async (t) => {
    const w = await workspace(t);
    await w.ok('keys init', { shell: 'umask 000' });
    const files = ['gait_private.key', 'gait_public.key'].map((name) => `gait-out/keys/${name}`);
    assert.deepEqual(await modes(w, 'gait-out/keys', ...files), ['700', '600', '600']);
  });

  test('replaces nothing without --force', async (t) => {
    const w = await workspace(t);
    const { key_id } = await w.ok('keys init');
    const before = await w.everything();
    await w.refused('keys init', 'key_exists', 'invalid_input');
    await w.unchanged(before);
    assert.notEqual((await w.ok('keys init --force')).key_id, key_id);
    await w.ok([
      ...['keys', 'verify', '--private-key', 'gait-out/keys/gait_private.key'],
      ...['--public-key', 'gait-out/keys/gait_public.key'],
    ]);
  });

  test('goes where it is told: --out-dir, --prefix, GAIT_OUT_DIR', async (t) => {
    const w = await workspace(t);
    const told = await w.ok('keys init --out-dir a/b --prefix release-1');
    assert.equal(told.private_key_path, 'a/b/release-1_private.key');
    const env = { GAIT_OUT_DIR: 'elsewhere' };
    assert.equal((await w.ok('keys init', { env })).public_key_path, 'elsewhere/keys/gait_public.key');
  });

  for (const prefix of ['../up', 'a/b', '..', '']) {
    test(`takes no prefix ${JSON.stringify(prefix)}`, async (t) => {
      const w = await workspace(t);
      for (const verb of ['init', 'rotate']) {
        // What a rotation appends makes a name even of an empty prefix.
        if (verb === 'rotate' && prefix === '') continue;
        await w.refused(['keys', verb, `--prefix=${prefix}`], 'flag_value_invalid', 'invalid_input');
      }
      assert.deepEqual(await w.everything(), {});
    });
  }

  test('says that a file is in place of its folder', async (t) => {
    const w = await workspace(t);
    await writeFile(w.path('taken'), '');
    for (const force of [[], ['--force']]) {
      const words = ['keys', 'init', '--out-dir', 'taken', ...force];
      await w.refused(words, 'path_unusable', 'invalid_input');
    }
  });
});

describe('keys rotate', () => {
  test('makes another pair beside the old one, with its time in the name', async (t) => {
    const w = await workspace(t);
    const old = await w.ok('keys init');
    const before = await w.everything();
    const made = await w.ok('keys rotate');
    assert.match(made.prefix ?? '', /^gait_\d{8}T\d{6}Z$/);
    assert.equal(made.private_key_path, `gait-out/keys/${made.prefix}_private.key`);
    assert.equal(made.public_key_path, `gait-out/keys/${made.prefix}_public.key`);
    assert.notEqual(made.key_id, old.key_id);
    const after = await w.everything();
    assert.equal(Object.keys(after).length, 4);
    for (const [file, bytes] of Object.entries(before))
      assert.equal(after[file], bytes, 'the old pair stays');
    const pair = ['--private-key', made.private_key_path ?? '', '--public-key', made.public_key_path ?? ''];
    assert.equal((await w.ok(['keys', 'verify', ...pair])).key_id, made.key_id);
  });
});

describe('keys verify', () => {
  const shared = sharedWorkspace(async (w) => {
    await mkdir(w.path('trusted'));
    const other = numberedKey(1);
    await writeFile(w.path('private.key'), GOLDEN_TEXT, { mode: 0o600 });
    await writeFile(w.path('public.key'), GOLDEN_PUBLIC_FILE);
    await writeFile(w.path('trusted', 'golden.pub'), GOLDEN_PUBLIC_FILE);
    await writeFile(w.path('trusted', 'other_public.key'), `${other.publicKey.toString('base64')}\n`);
    await writeFile(w.path('other.key'), `${other.publicKey.toString('base64')}\n`);
    await writeFile(w.path('weak.key'), `${Buffer.alloc(32).toString('base64')}\n`);
    const torn = Buffer.concat([GOLDEN_SEED, other.publicKey]).toString('base64');
    await writeFile(w.path('torn.key'), `${torn}\n`, { mode: 0o600 });
  });
  const env = { SECRET: `  ${GOLDEN_TEXT} `, SHARED: GOLDEN_PUBLIC_FILE, BLANK: ' \n', JUNK: 'x' };
  const verify = (line: string): string => `keys verify ${line}`;

  /** Where the halves come from, and what the private one is said to be from. */
  const GOOD: Readonly<Record<string, string>> = {
    '--private-key private.key': 'path:private.key',
    '--private-key private.key --public-key public.key': 'path:private.key',
    '--private-key private.key --public-key other.key --public-key public.key': 'path:private.key',
    '--private-key private.key --public-key-env SHARED': 'path:private.key',
    '--private-key private.key --trust-dir trusted': 'path:private.key',
    '--private-key-env SECRET': 'env:SECRET',
    '--private-key-env SECRET --public-key-env SHARED': 'env:SECRET',
  };
  for (const [line, source] of Object.entries(GOOD)) {
    test(`${line}: whole`, async () => {
      const { key_id, private_key_source, warnings, operation } = await shared().ok(verify(line), { env });
      assert.deepEqual([key_id, private_key_source, warnings], [GOLDEN_KEY_ID, source, []]);
      assert.equal(operation, 'verify');
    });
  }

  const REFUSED: Readonly<Record<string, string>> = {
    '': 'private_key_missing',
    '--public-key public.key': 'private_key_missing',
    '--private-key private.key --private-key-env SECRET': 'flags_conflict',
    '--private-key none.key': 'file_not_found',
    '--private-key trusted': 'path_unusable',
    '--private-key public.key': 'key_malformed',
    '--private-key torn.key': 'key_malformed',
    '--private-key-env NOBODY': 'key_missing',
    '--private-key-env BLANK': 'key_missing',
    '--private-key-env JUNK': 'key_malformed',
    '--private-key-env SHARED': 'key_malformed',
    '--private-key-env toString': 'key_missing',
    '--private-key-env __proto__': 'key_missing',
    '--private-key private.key --public-key private.key': 'key_malformed',
    '--private-key private.key --public-key weak.key': 'key_untrustworthy',
    '--private-key private.key --public-key none.key': 'file_not_found',
    '--private-key private.key --public-key-env NOBODY': 'key_missing',
    '--private-key private.key --public-key-env SECRET': 'key_malformed',
    '--private-key private.key --trust-dir none': 'file_not_found',
    '--private-key private.key --trust-dir private.key': 'path_unusable',
  };
  for (const [line, code] of Object.entries(REFUSED)) {
    test(`${line === '' ? 'no key' : line}: ${code}`, async () => {
      const { stdout, stderr, json } = await shared().gait(verify(`${line} --json`), { env });
      assert.deepEqual([json().error_code, json().exit_code], [code, 6]);
      quiet(`${stdout}${stderr}`, GOLDEN_TEXT);
    });
  }

  test('tells the key that is not the other half, exit 2', async () => {
    const line = verify('--private-key private.key --public-key other.key');
    const { details, key_id } = await shared().refused(line, 'key_mismatch', 'verification_failed');
    assert.equal(key_id, GOLDEN_KEY_ID);
    assert.deepEqual(details, { key_id: GOLDEN_KEY_ID, public_key_ids: [numberedKey(1).keyId] });
    await discreet(shared(), line.split(' '), GOLDEN_TEXT);
  });

  test('warns of a private key that others can read, in the output and on standard error', async (t) => {
    const w = await workspace(t);
    await writeFile(w.path('private.key'), GOLDEN_TEXT);
    for (const [bits, warned] of [
      [0o600, 0],
      [0o640, 1],
      [0o604, 1],
      [0o644, 1],
    ] as const) {
      await chmod(w.path('private.key'), bits);
      const { stderr, json, exit } = await w.gait(verify('--private-key private.key --json'));
      assert.deepEqual([exit, json().warnings?.length], [0, warned], bits.toString(8));
      assert.equal(/^warning: .*private\.key.*chmod 600/.test(stderr), warned === 1, stderr);
    }
    await discreet(w, ['keys', 'verify', '--private-key', 'private.key'], GOLDEN_TEXT);
  });

  test('says nothing of a key that stands where its file or its variable should be named', async () => {
    for (const flag of ['--private-key', '--private-key-env', '--public-key', '--trust-dir']) {
      const known = flag.startsWith('--private') ? [] : ['--private-key', 'private.key'];
      await discreet(shared(), ['keys', 'verify', ...known, flag, GOLDEN_TEXT.trim()], GOLDEN_TEXT);
    }
  });

  test('reads no more of a private key than a key may have', {
    skip: process.platform === 'win32',
  }, async () => {
    const line = verify('--private-key /dev/zero --json');
    const { exit } = await shared().gait(line, { killAfterMs: 4000, shell: 'ulimit -v 3000000' });
    assert.equal(exit, 6, 'an endless file is refused');
  });
});
