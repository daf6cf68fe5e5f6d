import assert from 'node:assert/strict';
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { keyFileText } from '../../src/signing/keys.ts';
import { type Signature, signDigest } from '../../src/signing/signature.ts';
import { readMember } from '../../src/zip/reader.ts';
import { jcs, MANIFEST, zipFiles } from '../pack/forge.ts';
import { sharedWorkspace, type Workspace, workspace } from '../support/cli.ts';
import { submit } from '../support/given.ts';
import { GOLDEN_KEY_ID, GOLDEN_PUBLIC_FILE, GOLDEN_SEED, numberedKey, privateText } from '../support/keys.ts';
import { withContainer } from '../support/pack.ts';
import { putJson, runInput } from '../support/run_inputs.ts';

const SESSION = 'run session';

/** What verifies a pack, a run and a session, all signed by alice. */
const ARTIFACTS: Readonly<Record<string, string>> = {
  'a pack': 'pack verify signed.zip',
  'a pack as a run': 'verify ./signed.zip',
  'a run': 'verify run_demo',
  'a session': 'verify session-chain night_chain.json',
};

async function prepare(w: Workspace): Promise<void> {
  await w.jobs.execute('demo', { actor: 'alice' }, submit());
  await writeFile(w.path('alice.key'), privateText(GOLDEN_SEED), { mode: 0o600 });
  await writeFile(w.path('alice.pub'), GOLDEN_PUBLIC_FILE);
  await writeFile(w.path('bob.pub'), keyFileText(numberedKey(2).publicKey));
  await w.ok('keys add --keyring bob_ring.json --public-key bob.pub --purpose pack');
  await w.ok('pack build --type job --from demo --private-key alice.key --out signed.zip');
  await w.ok('pack build --type job --from demo --out unsigned.zip');
  await putJson(w, 'run.json', runInput());
  await w.ok('run record run.json --private-key alice.key');
  await w.ok(`${SESSION} start --journal night.jsonl --session-id night --run-id run_night`);
  await w.ok(`${SESSION} append --journal night.jsonl --tool db.read --intent-id i1 --verdict allow`);
  await w.ok(`${SESSION} checkpoint --journal night.jsonl --private-key alice.key`);
}

/** Makes a ring of two keys, that of alice for what is said, and answers how to name it. */
async function ring(w: Workspace, rest: string): Promise<string> {
  await copyFile(w.path('bob_ring.json'), w.path('ring.json'));
  await w.ok(`keys add --keyring ring.json --public-key alice.pub ${rest}`);
  return '--keyring ring.json';
}

async function fails(w: Workspace, line: string, message: RegExp): Promise<void> {
  const output = (await w.gait(`${line} --json`)).json();
  assert.equal(output.exit_code, 2, line);
  assert.match(output.error ?? '', message, line);
  const { exit, stdout } = await w.gait(line);
  assert.equal(exit, 2);
  assert.match(stdout, message, line);
}

describe('with a keyring', () => {
  const shared = sharedWorkspace(prepare);

  for (const [what, line] of Object.entries(ARTIFACTS)) {
    test(`${what} verifies by a key for packs that is valid now`, async () => {
      const named = await ring(shared(), '--purpose pack --not-after 2099-01-01T00:00:00Z');
      await shared().ok(`${line} --profile strict ${named}`);
      await shared().ok(`${line} --profile strict`, { env: { GAIT_KEYRING: 'ring.json' } });
    });

    test(`${what} does not verify by a key of another purpose, expired, or not yet valid, and says which`, async () => {
      const w = shared();
      const REASONS: Readonly<Record<string, string>> = {
        '--purpose gate --purpose approver': 'is not for the purpose pack',
        '--purpose pack --not-after 2020-01-01T00:00:00Z': 'is not valid at 20',
        '--purpose pack --not-before 2099-01-01T00:00:00Z': 'is not valid at 20',
      };
      for (const [rest, why] of Object.entries(REASONS)) {
        await fails(w, `${line} ${await ring(w, rest)}`, new RegExp(`the key ${GOLDEN_KEY_ID} ${why}`));
      }
    });

    test(`W-2 ${what} that verified does not any more once the key is revoked, and says so`, async () => {
      const w = shared();
      const named = await ring(w, '--purpose pack');
      await w.ok(`${line} ${named}`);
      await w.ok(`keys revoke ${named} --key-id ${GOLDEN_KEY_ID.slice(0, 12)} --reason "laptop lost"`);
      const message = new RegExp(`the key ${GOLDEN_KEY_ID} is revoked`);
      await fails(w, `${line} ${named}`, message);
      await fails(w, `${line} ${named} --public-key alice.pub --profile strict`, message);
      await fails(w, `${line} ${named} --private-key alice.key`, message);
      await w.ok(`${line} --public-key alice.pub`);
    });
  }

  test('a key that is named beside it is believed for packs, whatever the ring keeps it for', async () => {
    const named = await ring(shared(), '--purpose gate --not-after 2020-01-01T00:00:00Z');
    await shared().ok(`pack verify signed.zip ${named} --public-key alice.pub --profile strict`);
  });

  test('a signature by a revoked key beside one that holds is told, and decides nothing', async () => {
    const w = shared();
    const container = await readFile(w.path('signed.zip'));
    const members = await withContainer(container, (opened) => {
      return opened.members.map((member) => {
        return [member.name, readMember(opened, member, { keep: true }).bytes ?? Buffer.of()] as const;
      });
    });
    const manifest = JSON.parse(String(new Map(members).get(MANIFEST))) as { signatures: Signature[] };
    const { signed_digest = '' } = manifest.signatures[0] ?? {};
    const signatures = [...manifest.signatures, signDigest(signed_digest, numberedKey(2))];
    const both = new Map(members).set(MANIFEST, Buffer.from(jcs({ ...manifest, signatures })));
    await writeFile(w.path('both.zip'), zipFiles(both));
    const line = `pack verify both.zip ${await ring(w, '--purpose pack')}`;
    assert.equal((await w.ok(line)).verify?.signatures_valid, 2);
    const { keyId } = numberedKey(2);
    await w.ok(`keys revoke --keyring ring.json --key-id ${keyId} --reason lost`);
    const { verify } = await w.ok(`${line} --profile strict`);
    assert.deepEqual([verify?.signature_status, verify?.signatures_valid], ['verified', 1]);
    assert.deepEqual(verify?.signature_errors, [`the key ${keyId} is revoked`]);
    assert.match(
      await w.text(line),
      new RegExp(`another signature does not count: the key ${keyId} is revoked`),
    );
    await w.ok(`keys revoke --keyring ring.json --key-id ${GOLDEN_KEY_ID} --reason lost`);
    await fails(w, line, /is revoked/);
  });

  test('a stranger to it is told, and an unsigned pack is unsigned', async () => {
    const w = shared();
    await rm(w.path('ring.json'), { force: true });
    await w.ok('keys add --keyring ring.json --public-key bob.pub --purpose pack');
    await fails(w, 'pack verify signed.zip --keyring ring.json', /no trusted key has the id/);
    assert.equal(
      (await w.ok('pack verify unsigned.zip --keyring ring.json')).verify?.signature_status,
      'missing',
    );
    await w.refused(
      'pack verify unsigned.zip --keyring ring.json --profile strict',
      'signature_refused',
      'verification_failed',
    );
  });

  const EMPTY = '{"keys":[],"schema_id":"gait.trust.keyring","schema_version":"1.0.0"}\n';
  const RINGS: Readonly<Record<string, readonly [text: string | undefined, code: string]>> = {
    'that is not there': [undefined, 'file_not_found'],
    'without a key': [EMPTY, 'public_key_missing'],
    'that is empty': ['', 'json_malformed'],
    'that is something else': ['{}', 'keyring_invalid'],
    'that is a key': [GOLDEN_PUBLIC_FILE, 'json_malformed'],
  };
  for (const [what, [text, code]] of Object.entries(RINGS)) {
    test(`a ring ${what} checks nothing, and is refused: ${code}`, async () => {
      const w = shared();
      await rm(w.path('bad.json'), { force: true });
      if (text !== undefined) await writeFile(w.path('bad.json'), text);
      for (const line of Object.values(ARTIFACTS)) {
        await w.refused(`${line} --keyring bad.json`, code, 'invalid_input');
      }
      await w.refused('pack verify signed.zip', code, 'invalid_input', { env: { GAIT_KEYRING: 'bad.json' } });
    });
  }

  test('that is a key on the command line is not repeated', async () => {
    const text = privateText(GOLDEN_SEED).trim();
    const { stdout, stderr } = await shared().gait([
      'pack',
      'verify',
      'signed.zip',
      '--keyring',
      text,
      '--json',
    ]);
    assert.match(stdout, /key_as_name/);
    assert.ok(!`${stdout}${stderr}`.includes(text.slice(0, 40)));
  });
});

test('a keyring that merely lies in the workspace is not believed, and not minded', async (t) => {
  const w = await workspace(t);
  await prepare(w);
  const verify = 'pack verify signed.zip';
  await w.ok('keys add --public-key alice.pub --purpose pack');
  assert.equal((await w.ok(verify)).verify?.signature_status, 'skipped');
  await w.refused(`${verify} --profile strict`, 'public_key_missing', 'invalid_input');
  await w.ok(`${verify} --profile strict --keyring gait-out/keys/keyring.json`);
  await writeFile(w.path('gait-out/keys/keyring.json'), 'nonsense');
  await w.ok(verify);
});
