import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { MANIFEST_MEMBER, type PackManifest, signedPackDigestOf } from '../../src/pack/manifest.ts';
import type { PackVerification } from '../../src/pack/verified.ts';
import { verifyPack } from '../../src/pack/verify.ts';
import { type Signature, signDigest } from '../../src/signing/signature.ts';
import type { SignaturePolicy } from '../../src/signing/verify.ts';
import { corrupted, numberedKey, trusting } from '../support/keys.ts';
import { assertConforms, historyOf, STORY, statusesOf, withContainer } from '../support/pack.ts';
import { type Files, filesOf, forge, manifestFor, withFile } from './forge.ts';

const [alice, bob, mallory] = [numberedKey(1), numberedKey(2), numberedKey(3)];

let files: Files;
before(async () => {
  files = filesOf(await historyOf(STORY));
});

function by(key: typeof alice): Signature {
  return signDigest(signedPackDigestOf(manifestFor(files) as unknown as PackManifest), key);
}

async function verified(bytes: Buffer, policy: SignaturePolicy): Promise<PackVerification> {
  const { verification } = await withContainer(bytes, (container) => verifyPack(container, policy));
  assertConforms('verify', verification);
  return verification;
}

function signedBy(signatures: readonly Signature[], policy: SignaturePolicy): Promise<PackVerification> {
  return verified(forge(files, { ...manifestFor(files), signatures }), policy);
}

describe('several signatures', () => {
  test('all of which hold are counted', async () => {
    const found = await signedBy([by(alice), by(bob)], { trust: trusting(alice, bob), required: true });
    const { signature_status, signatures_total, signatures_valid, signature_errors, findings } = found;
    assert.deepEqual([signature_status, signatures_total, signatures_valid], ['verified', 2, 2]);
    assert.deepEqual([signature_errors, findings], [[], []]);
    assert.equal(statusesOf(found)['signatures'], 'passed');
  });

  for (const [what, order] of Object.entries({ first: [0, 1], last: [1, 0] })) {
    test(`one of which does not hold, the ${what} one: verified, and the bad one is told`, async () => {
      const both = [corrupted(by(bob), 77), by(alice)];
      const signatures = order.map((i) => both[i] ?? by(alice));
      const found = await signedBy(signatures, { trust: trusting(alice, bob), required: true });
      assert.deepEqual([found.signature_status, found.signatures_valid], ['verified', 1]);
      assert.equal(found.signature_errors.length, 1);
      assert.deepEqual(found.findings, []);
    });
  }

  test('of a stranger beside one that is trusted: verified, and the id of the stranger is told', async () => {
    const found = await signedBy([by(mallory), by(alice)], { trust: trusting(alice) });
    assert.equal(found.signature_status, 'verified');
    assert.match(found.signature_errors.join(), new RegExp(mallory.keyId));
  });

  test('none of which holds are each a finding', async () => {
    const found = await signedBy([by(mallory), corrupted(by(alice), 3)], { trust: trusting(alice) });
    assert.deepEqual([found.signature_status, found.signatures_valid], ['failed', 0]);
    assert.equal(found.signature_errors.length, 2);
    const named = found.findings.map(({ layer, code, member }) => [layer, code, member]);
    assert.deepEqual(named, Array(2).fill(['signatures', 'signature_invalid', MANIFEST_MEMBER]));
    assert.equal(statusesOf(found)['signatures'], 'failed');
  });
});

describe('without a verdict', () => {
  for (const trust of [undefined, trusting()]) {
    test(`a signed pack is skipped by a reader with ${trust === undefined ? 'no' : 'an empty'} trust set`, async () => {
      const policy = trust === undefined ? {} : { trust };
      const found = await signedBy([by(alice)], policy);
      assert.deepEqual([found.signature_status, found.signatures_total], ['skipped', 1]);
      assert.deepEqual(found.findings, []);
      assert.equal(statusesOf(found)['signatures'], 'not_reached', 'it is not said to have passed');
      const demanded = await signedBy([by(alice)], { ...policy, required: true });
      const codes = demanded.findings.map(({ code }) => code);
      assert.deepEqual([demanded.signature_status, codes], ['skipped', ['signature_unchecked']]);
    });
  }

  test('an unsigned pack is missing a signature, which is a finding where one is required', async () => {
    const policy = { trust: trusting(alice) };
    assert.deepEqual((await signedBy([], policy)).findings, []);
    const codes = (await signedBy([], { ...policy, required: true })).findings.map(({ code }) => code);
    assert.deepEqual(codes, ['signature_missing']);
  });
});

test('a signature that holds does not hide what else is wrong', async () => {
  const signatures = [by(alice)];
  const manifest = { ...manifestFor(files), signatures };
  const bytes = forge(withFile(files, 'more.txt', 'undeclared'), manifest);
  const found = await verified(bytes, { trust: trusting(alice) });
  assert.equal(found.signature_status, 'verified');
  assert.deepEqual(
    found.findings.map(({ code }) => code),
    ['member_undeclared'],
  );
});
