import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { type PackManifest, signedPackDigestOf } from '../../src/pack/manifest.ts';
import { MerkleTree } from '../../src/pack/merkle.ts';
import { signDigest } from '../../src/signing/signature.ts';
import { numberedKey, trusting } from '../support/keys.ts';
import { historyOf, STORY, verifyBytes } from '../support/pack.ts';
import fc from '../support/property.ts';
import * as runs from '../support/runs.ts';
import {
  EVENTS,
  type Files,
  filesOf,
  forge,
  LEDGER,
  manifestFor,
  merkleTreeHash,
  readText,
  sha256,
  withFile,
  without,
  zipFiles,
} from './forge.ts';

let files: Files;
before(async () => {
  files = filesOf(await historyOf(STORY));
});

async function found(bytes: Buffer) {
  const { verification } = await verifyBytes(bytes);
  return verification;
}

describe('H4: one key is one key', () => {
  const [alice, bob] = [numberedKey(1), numberedKey(2)];

  test('however often, in whatever case and wherever its signature stands', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('alice', 'bob', 'ALICE'), { minLength: 1, maxLength: 6 }),
        (who) => {
          const manifest = manifestFor(files);
          const digest = signedPackDigestOf(manifest as unknown as PackManifest);
          const signatures = who.map((name) => {
            const signature = signDigest(digest, name === 'bob' ? bob : alice);
            return name === 'ALICE' ? { ...signature, key_id: signature.key_id.toUpperCase() } : signature;
          });
          const bytes = forge(files, { ...manifest, signatures });
          const { verification } = runs.verifyInMemory(bytes, { trust: trusting(alice, bob) });
          const keys = who.map((name) => name.toLowerCase());
          const distinct = new Set(keys).size;
          const told = verification.signatures_valid;
          assert.ok(told <= distinct, `${told} of ${distinct}`);
          const repeats = keys.length > distinct;
          assert.equal(
            verification.findings.some(({ code }) => code === 'signature_repeated'),
            repeats,
          );
          if (repeats) assert.deepEqual([verification.signature_status, told], ['failed', 0]);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('M3: a runpack says each thing once', () => {
  const inner = runs.runpackFiles();
  for (const [member, code] of [
    [runs.INTENTS, 'intent_repeated'],
    [runs.RESULTS, 'result_repeated'],
  ] as const) {
    test(`${member}: ${code}, the same line or another`, () => {
      const lines = readText(inner, member);
      const [first = ''] = lines.split('\n');
      const said = JSON.parse(first) as Record<string, unknown>;
      for (const again of [first, JSON.stringify({ ...said, created_at: '2026-02-14T06:00:09Z' })]) {
        const twice = runs.resealed(withFile(inner, member, `${lines}${again}\n`));
        assert.deepEqual(runs.codesIn(zipFiles(twice)), [code]);
      }
    });
  }
});

describe('L1: a job pack has what its producer always writes', () => {
  test('without its ledger it is no older pack, whatever its events have lost', async () => {
    const bare = without(files, LEDGER);
    for (const events of [
      readText(files, EVENTS),
      '',
      readText(files, EVENTS).replaceAll('producer_version', 'x'),
    ]) {
      const codes = (await found(forge(withFile(bare, EVENTS, events)))).findings.map(
        ({ code, member }) => `${member} ${code}`,
      );
      assert.ok(codes.includes(`${LEDGER} member_missing`), codes.join());
    }
  });
});

describe('H3: what is wrong with a pack is told in little, whatever there is of it', () => {
  test('a million lines that are no events', async () => {
    const text = '{}\n'.repeat(1_000_000);
    const older = {
      ...manifestFor(withFile(without(files, LEDGER), EVENTS, text)),
      producer_version: '1.2.0',
    };
    const verification = await found(forge(withFile(without(files, LEDGER), EVENTS, text), older));
    assert.equal(verification.findings.length, 100);
    assert.ok((verification.findings_omitted ?? 0) > 0);
    assert.ok(JSON.stringify(verification).length < 100_000);
  });

  test('a proof of nothing but newlines, and one of more records than members', async () => {
    for (const text of ['\n'.repeat(5_000_000), '{}\n'.repeat(1_000_000)]) {
      const all = withFile(files, 'proof_records.jsonl', text);
      const { findings } = await found(forge(all));
      assert.ok(findings.length < 10 && findings.some(({ code }) => code === 'proof_unreadable'));
    }
  });

  test('members that are declared and not there, more than anyone reads', async () => {
    const contents = Array.from({ length: 20_000 }, (_, i) => {
      return { path: `m${String(i).padStart(5, '0')}`, sha256: runs.digits('a'), type: 'blob' };
    });
    const verification = await found(forge(files, { ...manifestFor(files), contents }));
    assert.equal(verification.findings.length, 100);
    assert.ok((verification.findings_omitted ?? 0) >= 20_000 - 100);
    assert.equal(verification.missing_files.length, 100);
  });

  test('a document of more than 16 MiB is not read', async () => {
    const text = `{"a":"${'x'.repeat(17 * 1024 * 1024)}"}`;
    const { findings } = await found(forge(withFile(files, 'job_state.json', text)));
    assert.ok(
      findings.some(({ code, member }) => code === 'member_too_large' && member === 'job_state.json'),
    );
  });
});

describe('the tree over events that come one at a time', () => {
  test('is that of RFC 6962', () => {
    for (let size = 0; size <= 70; size += 1) {
      const leaves = Array.from({ length: size }, (_, i) => Buffer.from(`leaf ${i}`));
      const tree = new MerkleTree();
      for (const leaf of leaves) tree.add(leaf);
      const root = size === 0 ? sha256() : merkleTreeHash(leaves);
      assert.equal(tree.root(), root.toString('hex'), `${size} leaves`);
    }
  });
});
