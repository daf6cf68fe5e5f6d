import assert from 'node:assert/strict';
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { sign } from '@noble/ed25519';
import { keyFileText } from '../../src/signing/keys.ts';
import { readMember } from '../../src/zip/reader.ts';
import { type Document, type Files, jcs, MANIFEST, packIdFormula, sha256, zipFiles } from '../pack/forge.ts';
import { sharedWorkspace, type Workspace, workspace } from '../support/cli.ts';
import { submit } from '../support/given.ts';
import { GOLDEN_KEY_ID, GOLDEN_PUBLIC_FILE, GOLDEN_SEED, numberedKey, privateText } from '../support/keys.ts';
import { withContainer } from '../support/pack.ts';

const GOLDEN_TEXT = privateText(GOLDEN_SEED);
const BUILD = 'pack build --type job --from demo';

async function prepare(w: Workspace): Promise<void> {
  for (const id of ['demo', 'other']) await w.jobs.execute(id, { actor: 'alice' }, submit());
  await writeFile(w.path('alice.key'), GOLDEN_TEXT, { mode: 0o600 });
  await mkdir(w.path('empty'));
  await mkdir(w.path('trusted'));
  await mkdir(w.path('strangers'));
  const mallory = keyFileText(numberedKey(6).publicKey);
  for (const name of ['trusted/m.pub', 'strangers/m_public.key', 'mallory.pub']) {
    await writeFile(w.path(name), mallory);
  }
  for (const name of ['trusted/alice_public.key', 'alice.pub']) {
    await writeFile(w.path(name), GOLDEN_PUBLIC_FILE);
  }
  await w.ok(`${BUILD} --out unsigned.zip`);
  await w.ok(`${BUILD} --private-key alice.key --out signed.zip`);
}

/** The members of a pack. */
async function membersOf(w: Workspace, path: string): Promise<Files> {
  return withContainer(await readFile(w.path(path)), (container) => {
    const read = container.members.map((member) => {
      return [member.name, readMember(container, member, { keep: true }).bytes ?? Buffer.of()] as const;
    });
    return new Map(read);
  });
}

async function manifestOf(w: Workspace, path: string): Promise<Document> {
  return JSON.parse(String((await membersOf(w, path)).get(MANIFEST))) as Document;
}

/** The pack as a forger leaves it, whose manifest is changed and has the pack_id that it makes. */
async function forged(w: Workspace, change: (manifest: Document) => Document): Promise<void> {
  const members = await membersOf(w, 'signed.zip');
  const manifest = change(JSON.parse(String(members.get(MANIFEST))) as Document);
  const sealed = { ...manifest, pack_id: packIdFormula(manifest) };
  await writeFile(w.path('forged.zip'), zipFiles(new Map(members).set(MANIFEST, Buffer.from(jcs(sealed)))));
}

describe('pack build', () => {
  const shared = sharedWorkspace(prepare);
  const env = { KEY: GOLDEN_TEXT };

  for (const line of ['', ' --key-mode none']) {
    test(`signs nothing unless it is asked to:${line || ' no flag'}`, async () => {
      const built = await shared().ok(`${BUILD}${line} --out built.zip`);
      assert.deepEqual([built.signature_status, built.signature_key_id], ['missing', undefined]);
      assert.equal((await manifestOf(shared(), 'built.zip'))['signatures'], undefined);
    });
  }

  const SIGNING = [
    '--private-key alice.key',
    '--private-key-env KEY',
    '--key-mode prod --private-key alice.key',
    '--key-mode none --private-key alice.key',
  ];
  for (const line of SIGNING) {
    test(`${line}: the same signed file, of the same pack id as without`, async () => {
      const unsigned = await manifestOf(shared(), 'unsigned.zip');
      const built = await shared().ok(`${BUILD} ${line} --out built.zip`, { env });
      const { signature_status, signature_key_id, pack_id, warnings } = built;
      assert.deepEqual([signature_status, signature_key_id], ['signed', GOLDEN_KEY_ID]);
      assert.deepEqual([pack_id, warnings], [unsigned['pack_id'], []]);
      const digest = sha256(jcs(unsigned));
      const sig = Buffer.from(sign(digest, GOLDEN_SEED)).toString('base64');
      const signature = { alg: 'ed25519', key_id: GOLDEN_KEY_ID, sig, signed_digest: digest.toString('hex') };
      assert.deepEqual(await manifestOf(shared(), 'built.zip'), { ...unsigned, signatures: [signature] });
      const [a, b] = await Promise.all(
        ['signed.zip', 'built.zip'].map((name) => readFile(shared().path(name))),
      );
      assert.ok(a?.equals(b ?? Buffer.of()));
    });
  }

  const REFUSED: Readonly<Record<string, string>> = {
    '--key-mode prod': 'private_key_missing',
    '--key-mode dev --private-key alice.key': 'flags_conflict',
    '--key-mode dev --private-key-env KEY': 'flags_conflict',
    '--private-key alice.key --private-key-env KEY': 'flags_conflict',
    '--key-mode other': 'flag_value_invalid',
    '--private-key alice.pub': 'key_malformed',
    '--private-key none.key': 'file_not_found',
    '--private-key-env NOBODY': 'key_missing',
  };
  for (const [line, code] of Object.entries(REFUSED)) {
    test(`${line}: ${code}, and no pack`, async () => {
      const out = shared().path('refused.zip');
      await shared().refused(`${BUILD} ${line} --out refused.zip`, code, 'invalid_input', { env });
      await assert.rejects(readFile(out), { code: 'ENOENT' });
    });
  }

  test('warns of a private key that others can read', async () => {
    await writeFile(shared().path('open.key'), GOLDEN_TEXT);
    await chmod(shared().path('open.key'), 0o644);
    const { stderr, json } = await shared().gait(`${BUILD} --private-key open.key --out built.zip --json`);
    assert.match(json().warnings?.join() ?? '', /open\.key.*chmod 600/);
    assert.match(stderr, /^warning: .*open\.key/);
    assert.ok(!stderr.includes(GOLDEN_TEXT.slice(0, 40)));
  });
});

describe('the dev key', () => {
  const DEV = `${BUILD} --key-mode dev --out dev.zip`;
  const PUBLIC = 'gait-out/keys/dev_public.key';

  async function started(t: Parameters<typeof workspace>[0]): Promise<Workspace> {
    const w = await workspace(t);
    await w.jobs.execute('demo', { actor: 'alice' }, submit());
    return w;
  }

  async function verifies(w: Workspace): Promise<void> {
    const { verify } = await w.ok(`pack verify dev.zip --profile strict --public-key ${PUBLIC}`);
    assert.equal(verify?.signature_status, 'verified');
  }

  test('is made once, reused, and said to be one', async (t) => {
    const w = await started(t);
    const first = await w.ok(DEV);
    const keys = await w.everything('gait-out/keys');
    assert.equal(Object.keys(keys).length, 2);
    const { stderr, json } = await w.gait(`${DEV} --json`);
    assert.match(stderr, /^warning: .*dev key/);
    assert.match(json().warnings?.join() ?? '', new RegExp(`dev key.*${PUBLIC}`));
    assert.equal(json().signature_key_id, first.signature_key_id);
    assert.equal(json().file_sha256, first.file_sha256);
    await w.unchanged(keys, 'gait-out/keys');
    await verifies(w);
  });

  test('that others can read is warned about as any other is', async (t) => {
    const w = await started(t);
    await w.ok(DEV);
    await chmod(w.path('gait-out/keys/dev_private.key'), 0o644);
    assert.match((await w.ok(DEV)).warnings?.join('\n') ?? '', /chmod 600/);
  });

  test('signs nothing that the public key which it names does not verify', async (t) => {
    const w = await started(t);
    await w.ok(DEV);
    await rm(w.path(PUBLIC));
    if ((await w.gait(`${DEV} --json`)).exit === 0) await verifies(w);
    await writeFile(w.path(PUBLIC), GOLDEN_PUBLIC_FILE);
    if ((await w.gait(`${DEV} --json`)).exit === 0) await verifies(w);
  });
});

describe('pack verify', () => {
  const shared = sharedWorkspace(prepare);

  /** Who is trusted, and the status that the signature then has: exit 0. */
  const FINE: Readonly<Record<string, readonly [string, number]>> = {
    'signed.zip': ['skipped', 0],
    'signed.zip --public-key alice.pub': ['verified', 1],
    'signed.zip --public-key-env ALICE': ['verified', 1],
    'signed.zip --public-key mallory.pub --public-key alice.pub': ['verified', 1],
    'signed.zip --trust-dir trusted': ['verified', 1],
    'signed.zip --trust-dir trusted --profile strict': ['verified', 1],
    'signed.zip --public-key alice.pub --require-signature': ['verified', 1],
    'unsigned.zip': ['missing', 0],
    'unsigned.zip --public-key alice.pub': ['missing', 0],
  };
  for (const [line, [status, valid]] of Object.entries(FINE)) {
    test(`${line}: ${status}`, async () => {
      const { verify } = await shared().ok(`pack verify ${line}`, { env: { ALICE: GOLDEN_PUBLIC_FILE } });
      assert.deepEqual([verify?.signature_status, verify?.signatures_valid], [status, valid]);
      assert.equal(verify?.signatures_total, line.startsWith('signed') ? 1 : 0);
      assert.deepEqual(verify?.signature_errors, []);
    });
  }

  const UNBELIEVED: Readonly<Record<string, string>> = {
    'signed.zip --public-key mallory.pub': 'failed',
    'signed.zip --trust-dir strangers': 'failed',
    'signed.zip --public-key mallory.pub --profile strict': 'failed',
    'signed.zip --public-key mallory.pub --require-signature': 'failed',
    'signed.zip --require-signature': 'skipped',
    'unsigned.zip --require-signature': 'missing',
    'unsigned.zip --public-key alice.pub --require-signature': 'missing',
    'unsigned.zip --public-key alice.pub --profile strict': 'missing',
  };
  for (const [line, status] of Object.entries(UNBELIEVED)) {
    test(`${line}: ${status}, and refused`, async () => {
      const words = `pack verify ${line}`;
      const { verify } = await shared().refused(words, 'signature_refused', 'verification_failed');
      assert.equal(verify?.signature_status, status);
      assert.equal(verify?.signatures_valid, 0);
    });
  }

  const STRICT: Readonly<Record<string, string>> = {
    '': 'public_key_missing',
    '--trust-dir empty': 'public_key_missing',
    '--public-key none.pub': 'file_not_found',
    '--public-key alice.key': 'key_malformed',
  };
  for (const [line, code] of Object.entries(STRICT)) {
    test(`strict ${line || 'without a key'}: ${code}`, async () => {
      await shared().refused(`pack verify signed.zip --profile strict ${line}`, code, 'invalid_input');
    });
  }

  test('believes no key of small order', async () => {
    await writeFile(shared().path('weak.pub'), keyFileText(Buffer.alloc(32)));
    const line = 'pack verify signed.zip --public-key weak.pub';
    await shared().refused(line, 'key_untrustworthy', 'invalid_input');
  });

  test('says in words that a signature does not hold', async () => {
    const { exit, stdout } = await shared().gait('pack verify signed.zip --public-key mallory.pub');
    assert.equal(exit, 2);
    assert.match(stdout, /signature_invalid/);
  });
});

describe('a forged pack', () => {
  const shared = sharedWorkspace(prepare);
  const signatureOf = (manifest: Document): Document => (manifest['signatures'] as Document[])[0] ?? {};
  const resigned = (changes: Document) => (manifest: Document) => {
    return { ...manifest, signatures: [{ ...signatureOf(manifest), ...changes }] };
  };
  const stripped = ({ signatures: _, ...manifest }: Document): Document => manifest;

  const FORGERIES: Record<string, readonly [code: string, change: (manifest: Document) => Document]> = {
    'another producer under the old signature': [
      'signature_refused',
      (manifest) => ({ ...manifest, producer_version: 'evil' }),
    ],
    'no signature any more': ['signature_refused', stripped],
    'an empty list of signatures': ['signature_refused', (manifest) => ({ ...manifest, signatures: [] })],
    'another algorithm': ['signature_refused', resigned({ alg: 'rsa' })],
    'no signed_digest': ['signature_refused', resigned({ signed_digest: undefined })],
    'an empty key id': ['pack_damaged', resigned({ key_id: '' })],
    'an empty algorithm': ['pack_damaged', resigned({ alg: '' })],
    'a public key beside its signature': ['pack_damaged', resigned({ public_key: GOLDEN_PUBLIC_FILE })],
  };
  for (const [what, [code, change]] of Object.entries(FORGERIES)) {
    test(`${what}: ${code}`, async () => {
      await forged(shared(), change);
      const line = 'pack verify forged.zip --profile strict --public-key alice.pub';
      const { verify } = await shared().refused(line, code, 'verification_failed');
      assert.notEqual(verify?.signature_status, 'verified');
    });
  }

  test('is refused without --profile strict too, unless nothing of a signature is left', async () => {
    for (const [code, change] of Object.values(FORGERIES)) {
      await forged(shared(), change);
      const result = await shared().gait('pack verify forged.zip --public-key alice.pub --json');
      const unsigned = result.json().verify?.signature_status === 'missing' && code === 'signature_refused';
      assert.equal(result.exit, unsigned ? 0 : 2, result.stdout);
    }
  });

  test('with the signature of another pack is refused', async () => {
    await shared().ok('pack build --type job --from other --private-key alice.key --out other.zip');
    await copyFile(shared().path('other.zip'), shared().path('kept.zip'));
    const { signatures } = await manifestOf(shared(), 'kept.zip');
    await forged(shared(), (manifest) => ({ ...manifest, signatures }));
    const line = 'pack verify forged.zip --public-key alice.pub';
    const { verify } = await shared().refused(line, 'signature_refused', 'verification_failed');
    assert.equal(verify?.signature_status, 'failed');
  });

  test('that a forger signed with a key of his own is refused', async () => {
    await forged(shared(), (manifest) => {
      const unsigned = stripped({ ...manifest, producer_version: 'evil' });
      const digest = sha256(jcs({ ...unsigned, pack_id: packIdFormula(unsigned) }));
      const sig = Buffer.from(sign(digest, Buffer.alloc(32, 6))).toString('base64');
      const own = {
        alg: 'ed25519',
        key_id: numberedKey(6).keyId,
        sig,
        signed_digest: digest.toString('hex'),
      };
      return { ...unsigned, signatures: [own] };
    });
    await shared().ok('pack verify forged.zip --public-key mallory.pub --profile strict');
    const line = 'pack verify forged.zip --public-key alice.pub';
    await shared().refused(line, 'signature_refused', 'verification_failed');
  });
});
