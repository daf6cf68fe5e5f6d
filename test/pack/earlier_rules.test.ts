import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { memberOf, type Pack } from '../../src/pack/build.ts';
import { buildJobPack } from '../../src/pack/kinds/job/build.ts';
import { buildRunPack } from '../../src/pack/kinds/run/build.ts';
import { SOURCE_MEMBER } from '../../src/pack/kinds/run/members.ts';
import { recordRun } from '../../src/run/record.ts';
import { buildRunpack } from '../../src/run/runpack.ts';
import { parsePrivateKey, type SigningKey } from '../../src/signing/keys.ts';
import type { Signature } from '../../src/signing/signature.ts';
import { zipOf } from '../../src/zip/writer.ts';
import { GOLDEN_SEED, privateText } from '../support/keys.ts';
import { historyOf, STORY } from '../support/pack.ts';
import { jcs } from './forge.ts';

/** The rules by which the programs before this one verify, written anew from their description. Nothing of src/ is used. */

const KEY: SigningKey = parsePrivateKey(privateText(GOLDEN_SEED), 'test');

function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

interface Signed {
  readonly signatures: readonly Signature[];
  readonly [member: string]: unknown;
}

/** Ed25519 over the 32 raw bytes of the digest of the canonical document without its signatures. */
function signatureHolds({ signatures, ...unsigned }: Signed, publicKey: Buffer): boolean {
  const digest = sha256(jcs(unsigned));
  const x = publicKey.toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return signatures.some(({ alg, key_id, sig, signed_digest }) => {
    if (signed_digest !== digest || alg !== 'ed25519' || key_id !== sha256(publicKey)) return false;
    return verify(null, Buffer.from(digest, 'hex'), key, Buffer.from(sig, 'base64'));
  });
}

function filesOf(pack: Pick<Pack, 'members'>): Map<string, Buffer> {
  return new Map(pack.members.map(({ name, source }) => [name, source.read(0, source.size)]));
}

/** Strictly decoded members may hold these, and nothing else. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  'pack_manifest.json':
    'schema_id schema_version created_at producer_version pack_id pack_type source_ref contents signatures'.split(
      ' ',
    ),
  'run_payload.json':
    'schema_id schema_version created_at run_id capture_mode manifest_digest intents_count results_count refs_count context_set_digest context_ref_count context_evidence_mode context_privacy_mode'.split(
      ' ',
    ),
  'job_payload.json':
    'schema_id schema_version created_at job_id status stop_reason status_reason_code environment_fingerprint checkpoint_count approval_count'.split(
      ' ',
    ),
  'job_state.json':
    'schema_id schema_version created_at updated_at producer_version job_id status stop_reason status_reason_code environment_fingerprint revision checkpoints approvals'.split(
      ' ',
    ),
};

function assertVerifies(files: Map<string, Buffer>, publicKey: Buffer): void {
  const manifest = JSON.parse(String(files.get('pack_manifest.json'))) as Signed & {
    readonly pack_id: string;
    readonly contents: readonly { readonly path: string; readonly sha256: string; readonly type: string }[];
  };
  const { signatures: _, ...unsigned } = manifest;
  assert.equal(sha256(jcs({ ...unsigned, pack_id: '' })), manifest.pack_id);
  const declared = manifest.contents.map(({ path }) => path);
  assert.deepEqual(
    [...files.keys()].filter((name) => name !== 'pack_manifest.json').sort(),
    [...declared].sort(),
  );
  for (const { path, sha256: digest, type } of manifest.contents) {
    assert.equal(sha256(files.get(path) ?? ''), digest, path);
    assert.notEqual(type, '');
  }
  for (const [name, fields] of Object.entries(FIELDS)) {
    const bytes = files.get(name);
    if (bytes === undefined) continue;
    const strangers = Object.keys(JSON.parse(String(bytes))).filter((field) => !fields.includes(field));
    assert.deepEqual(strangers, [], `${name} has members that a strict decoder refuses`);
  }
  assert.ok(signatureHolds(manifest, publicKey));
}

function captured(): ReturnType<typeof recordRun> {
  const file = join(process.env['GAIT_ROOT'] ?? process.cwd(), 'fixtures', 'run', 'input.json');
  const options = { now: '2026-02-14T06:00:00Z', machine: { os: 'linux', arch: 'amd64', runtime: 'node' } };
  return recordRun(JSON.parse(readFileSync(file, 'utf8')), options);
}

describe('what is signed here, by the rules of the programs before this one', () => {
  test('a runpack verifies', () => {
    const { manifest, members } = buildRunpack(captured(), KEY);
    const { signatures: _, ...unsigned } = manifest;
    assert.equal(sha256(jcs({ ...unsigned, manifest_digest: '' })), manifest.manifest_digest);
    const digests = new Map(members.map(({ name, bytes }) => [name, sha256(bytes)]));
    assert.deepEqual(
      (manifest.files ?? []).map(({ path, sha256: digest }) => [path, digest]),
      ['intents.jsonl', 'refs.json', 'results.jsonl', 'run.json'].map((name) => [name, digests.get(name)]),
    );
    assert.ok(signatureHolds(manifest as unknown as Signed, KEY.publicKey));
  });

  test('a run pack verifies', async () => {
    const run = captured();
    const { manifest, members } = buildRunpack(run, KEY);
    const facts = { run: run.run, refs: run.refs, intents: run.intents.length, results: run.results.length };
    const runpack = memberOf(SOURCE_MEMBER, await zipOf(members));
    assertVerifies(filesOf(buildRunPack({ manifest, facts, runpack }, '0.0.0-dev', KEY)), KEY.publicKey);
  });

  test('a job pack verifies', async () => {
    assertVerifies(filesOf(buildJobPack(await historyOf(STORY), '0.0.0-dev', KEY)), KEY.publicKey);
  });
});
