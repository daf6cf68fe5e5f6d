import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import type { KeyringEntry } from '../../src/signing/keyring_file.ts';
import { parseKeyringDocument } from '../../src/signing/keyring_file.ts';
import { keyFileText } from '../../src/signing/keys.ts';
import { sharedWorkspace, type Workspace, workspace } from '../support/cli.ts';
import { GOLDEN_KEY_ID, GOLDEN_PUBLIC_FILE, GOLDEN_SEED, numberedKey, privateText } from '../support/keys.ts';

const RING = 'gait-out/keys/keyring.json';

/** Public keys of numbers, as `1.pub` and so on, and the golden one as `alice.pub`. */
async function putKeys(w: Workspace, ...numbers: readonly number[]): Promise<void> {
  await writeFile(w.path('alice.pub'), GOLDEN_PUBLIC_FILE);
  for (const n of numbers) await writeFile(w.path(`${n}.pub`), keyFileText(numberedKey(n).publicKey));
}

async function ringIn(w: Workspace, path = RING): Promise<readonly KeyringEntry[]> {
  return parseKeyringDocument(await readFile(w.path(path)), path).keys;
}

async function modeOf(w: Workspace, path: string): Promise<string> {
  return ((await stat(w.path(path))).mode & 0o777).toString(8);
}

describe('keys add', () => {
  test('makes a ring of the workspace, its owner’s alone, and says what it says', async (t) => {
    const w = await workspace(t);
    await putKeys(w);
    const line = [
      ...['keys', 'add', '--public-key', 'alice.pub', '--purpose', 'pack', '--purpose', 'approver'],
      ...[
        '--identity',
        'bob',
        '--identity',
        'alice',
        '--identity',
        'bob',
        '--note',
        'CI key',
        '--actor',
        'root',
      ],
      ...['--not-before', '2026-01-01T02:00:00+02:00', '--not-after', '2099-01-01T00:00:00Z'],
    ];
    const { changed, key_id, keyring, keys } = await w.ok(line, { shell: 'umask 000' });
    assert.deepEqual([changed, key_id, keyring], [true, GOLDEN_KEY_ID, RING]);
    const [entry, ...more] = await ringIn(w);
    const { added_at, ...said } = entry ?? { added_at: '' };
    assert.deepEqual(more, []);
    assert.deepEqual(said, {
      ...{ key_id: GOLDEN_KEY_ID, public_key: GOLDEN_PUBLIC_FILE.trim(), purposes: ['approver', 'pack'] },
      ...{ identities: ['alice', 'bob'], note: 'CI key', added_by: 'root' },
      ...{ not_before: '2026-01-01T00:00:00Z', not_after: '2099-01-01T00:00:00Z' },
    });
    assert.deepEqual(keys, [{ ...said, added_at, status: 'valid' }]);
    assert.deepEqual([await modeOf(w, RING), await modeOf(w, 'gait-out/keys')], ['600', '700']);
    assert.deepEqual(await readdir(w.path('gait-out/keys')), ['keyring.json'], 'nothing else is left');
  });

  test('goes where it is told: --keyring, GAIT_KEYRING, GAIT_OUT_DIR', async (t) => {
    const w = await workspace(t);
    await putKeys(w);
    const line = 'keys add --public-key alice.pub --purpose gate';
    const env = { GAIT_KEYRING: 'env/ring.json', GAIT_OUT_DIR: 'out' };
    assert.equal((await w.ok(`${line} --keyring flag.json`, { env })).keyring, 'flag.json');
    assert.equal((await w.ok(line, { env })).keyring, 'env/ring.json');
    const out = { ...env, GAIT_KEYRING: '' };
    assert.equal((await w.ok(line, { env: out })).keyring, 'out/keys/keyring.json');
    for (const path of ['flag.json', 'env/ring.json', 'out/keys/keyring.json']) {
      assert.equal((await ringIn(w, path)).length, 1, path);
    }
  });

  test('of a key that is there: the same changes nothing, other things are refused', async (t) => {
    const w = await workspace(t);
    await putKeys(w);
    const line = 'keys add --public-key alice.pub --purpose approver --identity alice';
    await w.ok(line);
    const before = await w.everything();
    assert.equal((await w.ok(`${line} --actor other`)).changed, false);
    await w.refused(`${line} --purpose pack`, 'key_known', 'invalid_input');
    await w.refused(`${line} --identity bob`, 'key_known', 'invalid_input');
    await w.unchanged(before);
  });

  test('puts it where a link leads, and leaves the link', async (t) => {
    const w = await workspace(t);
    await putKeys(w, 1);
    await mkdir(w.path('real'));
    await w.ok('keys add --keyring real/ring.json --public-key 1.pub --purpose pack');
    await symlink('real/ring.json', w.path('link.json'));
    await w.ok('keys add --keyring link.json --public-key alice.pub --purpose pack');
    assert.equal((await ringIn(w, 'real/ring.json')).length, 2);
    assert.deepEqual(await readdir(w.path('real')), ['ring.json']);
  });

  test('into the empty file of one who was killed while he made a ring makes it', async (t) => {
    const w = await workspace(t);
    await putKeys(w);
    await writeFile(w.path('ring.json'), '', { mode: 0o644 });
    await w.ok('keys add --keyring ring.json --public-key alice.pub --purpose pack');
    assert.equal((await ringIn(w, 'ring.json')).length, 1);
    assert.equal(await modeOf(w, 'ring.json'), '600');
  });

  test('of four processes at once loses no key', async (t) => {
    const w = await workspace(t);
    const numbers = Array.from({ length: 24 }, (_, i) => i + 1);
    await putKeys(w, ...numbers);
    const add = async (rest: readonly number[]): Promise<void> => {
      for (const n of rest) await w.ok(`keys add --public-key ${n}.pub --purpose pack`, { real: true });
    };
    await Promise.all([0, 1, 2, 3].map((mine) => add(numbers.filter((n) => n % 4 === mine))));
    const ids = (await ringIn(w)).map(({ key_id }) => key_id);
    assert.deepEqual(ids, numbers.map((n) => numberedKey(n).keyId).sort());
    const revoking = ids
      .slice(0, 4)
      .map((id) => w.ok(['keys', 'revoke', '--key-id', id, '--reason', 'x'], { real: true }));
    await Promise.all([...revoking, w.ok('keys add --public-key alice.pub --purpose pack', { real: true })]);
    assert.equal((await ringIn(w)).length, numbers.length + 1);
    const gone = (await ringIn(w)).filter(({ revoked_at }) => revoked_at !== undefined);
    assert.deepEqual(
      gone.map(({ key_id }) => key_id),
      ids.slice(0, 4),
    );
    assert.deepEqual(await readdir(w.path('gait-out/keys')), ['keyring.json']);
  });

  const shared = sharedWorkspace(async (w) => {
    await putKeys(w);
    await writeFile(w.path('alice.key'), privateText(GOLDEN_SEED), { mode: 0o600 });
    await writeFile(w.path('weak.pub'), keyFileText(Buffer.alloc(32)));
    await writeFile(w.path('note.txt'), 'not a ring\n');
    await writeFile(w.path('other.json'), '{"schema_id":"other"}\n');
    await mkdir(w.path('folder'));
  });
  const REFUSED: Readonly<Record<string, string>> = {
    '--purpose pack': 'flag_missing',
    '--public-key alice.pub': 'flag_missing',
    '--public-key alice.pub --purpose all': 'flag_value_invalid',
    '--public-key none.pub --purpose pack': 'file_not_found',
    '--public-key alice.key --purpose pack': 'key_malformed',
    '--public-key weak.pub --purpose pack': 'keyring_invalid',
    '--public-key alice.pub --purpose pack --identity ""': 'keyring_invalid',
    '--public-key alice.pub --purpose pack --identity "a  b"': 'keyring_invalid',
    '--public-key alice.pub --purpose pack --actor ""': 'keyring_invalid',
    '--public-key alice.pub --purpose pack --not-after tomorrow': 'flag_value_invalid',
    '--public-key alice.pub --purpose pack --not-after 2026-02-30T00:00:00Z': 'flag_value_invalid',
    '--public-key alice.pub --purpose pack --not-before 2026-02-01T00:00:00Z --not-after 2026-01-01T00:00:00Z':
      'keyring_invalid',
    '--public-key alice.pub --purpose pack --keyring ""': 'flag_value_invalid',
    '--public-key alice.pub --purpose pack --keyring note.txt': 'json_malformed',
    '--public-key alice.pub --purpose pack --keyring other.json': 'keyring_invalid',
    '--public-key alice.pub --purpose pack --keyring folder': 'path_unusable',
    '--public-key alice.pub --purpose pack --keyring note.txt/ring.json': 'path_unusable',
    [`--public-key alice.pub --purpose pack --keyring ${GOLDEN_PUBLIC_FILE.trim()}`]: 'key_as_name',
  };
  for (const [line, code] of Object.entries(REFUSED)) {
    test(`${line}: ${code}, and nothing is written`, async () => {
      const before = await shared().everything();
      const { hint } = await shared().refused(`keys add ${line}`, code, 'invalid_input');
      if (code.startsWith('keyring') || code.startsWith('flag')) assert.notEqual(hint, undefined);
      await shared().unchanged(before);
    });
  }
});

describe('keys list', () => {
  test('shows of each key what it is worth now', async (t) => {
    const w = await workspace(t);
    await putKeys(w, 1, 2, 3, 4);
    const add = (n: number, rest: string) => w.ok(`keys add --public-key ${n}.pub ${rest}`);
    await add(1, '--purpose pack --note "of the CI"');
    await add(2, '--purpose approver --purpose gate --identity alice --not-after 2020-01-01T00:00:00Z');
    await add(3, '--purpose delegator --not-before 2099-01-01T00:00:00Z');
    await add(4, '--purpose pack --not-after 2099-01-01T00:00:00Z');
    const id = (n: number): string => numberedKey(n).keyId;
    await w.ok([
      'keys',
      'revoke',
      '--key-id',
      id(4).slice(0, 8),
      '--reason',
      'laptop\u202elost',
      '--actor',
      'bob',
    ]);
    const { keys = [] } = await w.ok('keys list');
    const statuses = new Map(keys.map(({ key_id, status }) => [key_id, status]));
    const expected = ['valid', 'expired', 'not_yet_valid', 'revoked'];
    assert.deepEqual(
      [1, 2, 3, 4].map((n) => statuses.get(id(n))),
      expected,
    );
    assert.deepEqual(
      keys.map(({ status: _, ...entry }) => entry),
      await ringIn(w),
    );
    const lines = (await w.text('keys list')).split('\n');
    const row = (n: number): string => lines.find((line) => line.startsWith(id(n).slice(0, 16))) ?? '';
    assert.match(row(1), / pack +any +valid +of the CI$/);
    assert.match(row(2), / gate,approver +alice +expired 2020-01-01T00:00:00Z$/);
    assert.match(row(3), / delegator +any +not yet valid, from 2099-01-01T00:00:00Z$/);
    assert.match(row(4), / revoked 20\S+Z: laptop\\u\{202e\}lost$/);
  });

  test('of a ring that is not there or not sound is refused', async (t) => {
    const w = await workspace(t);
    const { hint } = await w.refused('keys list', 'file_not_found', 'invalid_input');
    assert.match(hint ?? '', /keys add/);
    await writeFile(
      w.path('bad.json'),
      '{"keys":[],"schema_id":"gait.trust.keyring","schema_version":"2.0.0"}',
    );
    await w.refused('keys list --keyring bad.json', 'keyring_invalid', 'invalid_input');
    assert.equal((await w.gait('keys list --keyring bad.json')).exit, 6);
  });

  test('of a ring without a key says so', async (t) => {
    const w = await workspace(t);
    await writeFile(
      w.path('r.json'),
      '{"keys":[],"schema_id":"gait.trust.keyring","schema_version":"1.0.0"}',
    );
    assert.equal(await w.text('keys list --keyring r.json'), 'no keys\n');
  });
});

describe('keys revoke', () => {
  test('ends a key for ever: it cannot be added again, and the first reason stands', async (t) => {
    const w = await workspace(t);
    await putKeys(w, 1);
    await w.ok('keys add --public-key 1.pub --purpose pack');
    await w.ok('keys add --public-key alice.pub --purpose pack');
    const line = ['keys', 'revoke', '--key-id', GOLDEN_KEY_ID.slice(0, 8), '--actor', 'bob', '--reason'];
    const { changed, keys, key_id } = await w.ok([...line, 'lost']);
    assert.deepEqual([changed, key_id, keys?.[0]?.status], [true, GOLDEN_KEY_ID, 'revoked']);
    const [entry] = (await ringIn(w)).filter((key) => key.key_id === GOLDEN_KEY_ID);
    assert.deepEqual([entry?.revoked_reason, entry?.revoked_by], ['lost', 'bob']);
    const before = await w.everything();
    assert.equal((await w.ok([...line, 'lost'])).changed, false);
    await w.refused([...line, 'stolen'], 'key_revoked', 'invalid_input');
    await w.refused('keys add --public-key alice.pub --purpose pack', 'key_revoked', 'invalid_input');
    await w.unchanged(before);
  });

  test('of a key that is not there, or not said why, changes nothing', async (t) => {
    const w = await workspace(t);
    await putKeys(w);
    await w.refused('keys revoke --key-id 01234567 --reason x', 'file_not_found', 'invalid_input');
    assert.deepEqual((await readdir(w.dir)).sort(), ['alice.pub']);
    await w.ok('keys add --public-key alice.pub --purpose pack');
    const before = await w.everything();
    const id = GOLDEN_KEY_ID;
    const REFUSED: Readonly<Record<string, string>> = {
      '--key-id 01234567 --reason x': 'key_unknown',
      [`--key-id ${id.slice(0, 7)} --reason x`]: 'flag_value_invalid',
      [`--key-id ${id}`]: 'flag_missing',
      [`--key-id ${id} --reason ""`]: 'keyring_invalid',
      [`--key-id ${id} --reason x --actor ""`]: 'keyring_invalid',
    };
    for (const [line, code] of Object.entries(REFUSED)) {
      await w.refused(`keys revoke ${line}`, code, 'invalid_input');
    }
    await w.unchanged(before);
  });

  test('into a ring that cannot be written is an error of the system, exit 1', {
    skip: process.getuid?.() !== 0,
  }, async (t) => {
    const w = await workspace(t);
    await putKeys(w);
    await w.ok('keys add --keyring r.json --public-key alice.pub --purpose pack');
    await chmod(w.dir, 0o755);
    await chmod(w.path('r.json'), 0o644);
    const other = { uid: 65_534 };
    if ((await w.gait('--version', other)).exit !== 0) return t.skip('no other user can start it');
    const line = `keys revoke --keyring r.json --key-id ${GOLDEN_KEY_ID} --reason x`;
    await w.refused(line, 'access_denied', 'io_failure', other);
    assert.equal((await ringIn(w, 'r.json'))[0]?.revoked_at, undefined);
  });
});
