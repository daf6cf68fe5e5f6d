import assert from 'node:assert/strict';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { sharedWorkspace, workspace } from '../support/cli.ts';
import { GOLDEN_KEY_ID, GOLDEN_PUBLIC_FILE, GOLDEN_SEED, privateText, secretsOf } from '../support/keys.ts';
import { putJson, runInput } from '../support/run_inputs.ts';

const INPUT = runInput();

describe('run record signs', () => {
  const TEXT = privateText(GOLDEN_SEED);
  const shared = sharedWorkspace(async (w) => {
    await putJson(w, 'run.json', INPUT);
    await writeFile(w.path('own.key'), TEXT, { mode: 0o600 });
    await writeFile(w.path('own.pub'), GOLDEN_PUBLIC_FILE);
    await writeFile(w.path('open.key'), TEXT);
    await chmod(w.path('open.key'), 0o644);
    await w.ok('keys init --prefix other --out-dir other');
  });
  const env = { KEY: TEXT };

  const SOURCES = ['--private-key own.key', '--private-key-env KEY', '--key-mode prod --private-key own.key'];
  for (const [i, line] of SOURCES.entries()) {
    test(`with ${line}: it verifies with that key, and with no other`, async () => {
      const w = shared();
      const {
        signature_status,
        signature_key_id,
        path = '',
        warnings,
      } = await w.ok(`run record run.json ${line} --out-dir s${i} --profile strict`, { env });
      assert.deepEqual([signature_status, signature_key_id], ['signed', GOLDEN_KEY_ID]);
      assert.ok(!warnings?.some((warning) => /key/.test(warning)), String(warnings));
      const { verify } = await w.ok(`verify ${path} --profile strict --public-key own.pub`);
      assert.deepEqual([verify?.signature_status, verify?.legacy_type], ['verified', 'runpack']);
      await w.refused(
        `verify ${path} --public-key other/other_public.key`,
        'signature_refused',
        'verification_failed',
      );
    });
  }

  test('with a dev key that it makes once, and says to be one', async (t) => {
    const w = await workspace(t);
    await putJson(w, 'run.json', INPUT);
    const first = await w.ok('run record run.json --key-mode dev');
    const keys = await w.everything('gait-out/keys');
    const again = await w.ok('run record run.json --key-mode dev --out-dir again');
    assert.equal(again.signature_key_id, first.signature_key_id);
    assert.ok((await readFile(w.path(first.path ?? ''))).equals(await readFile(w.path(again.path ?? ''))));
    assert.match(first.warnings?.[0] ?? '', /dev key.*trust it no further/);
    await w.unchanged(keys, 'gait-out/keys');
    await w.ok('verify run_demo --profile strict --public-key gait-out/keys/dev_public.key');
  });

  test('with a key that others can read: warned about, refused by careful profiles', async () => {
    const w = shared();
    const { stderr, json } = await w.gait('run record run.json --private-key open.key --out-dir open --json');
    assert.match(json().warnings?.join() ?? '', /others can read the private key open\.key.*chmod 600/);
    assert.match(stderr, /^warning: others can read/);
    for (const secret of secretsOf(TEXT)) assert.ok(!stderr.includes(secret));
    const before = await w.everything();
    for (const profile of ['strict', 'oss-prod']) {
      const line = `run record run.json --private-key open.key --profile ${profile} --out-dir refused`;
      await w.refused(line, 'private_key_exposed', 'unsafe_operation');
    }
    await w.unchanged(before);
  });

  const REFUSED: Readonly<Record<string, string>> = {
    '--private-key own.key --private-key-env KEY': 'flags_conflict',
    '--key-mode dev --private-key own.key': 'flags_conflict',
    '--private-key own.pub': 'key_malformed',
    '--private-key-env NOBODY': 'key_missing',
  };
  for (const [line, code] of Object.entries(REFUSED)) {
    test(`not with ${line}: ${code}`, async () => {
      const out = await shared().refused(
        `run record run.json ${line} --out-dir refused`,
        code,
        'invalid_input',
        { env },
      );
      assert.ok(!JSON.stringify(out).includes(TEXT.slice(0, 20)));
      await assert.rejects(stat(shared().path('refused')), { code: 'ENOENT' });
    });
  }
});
