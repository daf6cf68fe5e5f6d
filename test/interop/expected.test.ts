import assert from 'node:assert/strict';
import { createPrivateKey, sign } from 'node:crypto';
import { test } from 'node:test';
import { VERSION } from '../../src/core/version.ts';
import { type Document, jcs, packIdFormula, sha256 } from '../pack/forge.ts';
import { madeByGait } from './as_gait.ts';
import { skip } from './corpus.ts';
import { packIdOver, RUN_MANIFEST, withCheckpoints, withDigests } from './derived.ts';
import { contentOf, type Members } from './files.ts';
import type { Json } from './json_values.ts';
import { differingSets } from './written_files.ts';

const ALPHA = '4403eda6c0c214212804f2c11af69790ab0019ed0caa949676ce6a2d8ae228fb';
const WRONG = '0'.repeat(64);

/** README of the corpus: the seed of a key is the digest of this text. */
function signatureOf(name: string, digest: Buffer): string {
  const seed = sha256(`TEST ONLY gait corpus shared ${name}`);
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]); // RFC 8410 §7
  return sign(null, digest, createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).toString('base64');
}

function digestOf(text: string): string {
  return sha256(text).toString('hex');
}

test('a new document is made by gait, one that was carried over keeps its maker', () => {
  const theirs = {
    producer_version: '0.0.0-dev',
    env: { runtime: 'go', os: 'linux' },
    n: [{ runtime: 'go' }],
  };
  const made = { producer_version: VERSION, env: { runtime: 'node', os: 'linux' }, n: [{ runtime: 'node' }] };
  assert.deepEqual(madeByGait(theirs, made, false), made);
  assert.deepEqual(madeByGait(theirs, theirs, false), theirs);
  assert.deepEqual(madeByGait(theirs, theirs, true), made);
  assert.deepEqual(madeByGait({ producer_version: 'agent 7' }, made, true), { producer_version: 'agent 7' });
});

test('the digests of a manifest are what the formulas make of what gait wrote', () => {
  const members: Members = new Map([['run.json', Buffer.from('{}')]]);
  const unsealed = {
    run_id: 'r',
    files: [{ path: 'run.json', sha256: digestOf('{}') }],
    manifest_digest: '',
  };
  const ours = { ...unsealed, manifest_digest: digestOf(jcs(unsealed)) };
  const golden = {
    ...unsealed,
    files: [
      { path: 'run.json', sha256: WRONG },
      { path: 'gone', sha256: WRONG },
    ],
  };
  assert.deepEqual(withDigests(RUN_MANIFEST, golden, ours, members), ours);
  const forged = { ...ours, manifest_digest: WRONG };
  assert.notDeepEqual(withDigests(RUN_MANIFEST, golden, forged, members), forged);
  const other = withDigests(RUN_MANIFEST, { ...golden, run_id: 'other' }, ours, members);
  assert.equal(other['run_id'], 'other', 'what is no digest comes from the recording');
});

test('the id of a pack follows from its members', () => {
  const manifest = { pack_id: WRONG, contents: [{ path: 'a', sha256: WRONG }] };
  const members: Members = new Map([['a', Buffer.from('x')]]);
  const id = packIdFormula({ pack_id: '', contents: [{ path: 'a', sha256: digestOf('x') }] });
  assert.equal(packIdOver(manifest, members), id);
});

test('a signature is taken where it holds for the recorded key, and nowhere else', { skip }, () => {
  const unsigned = { files: [], manifest_digest: digestOf(jcs({ files: [], manifest_digest: '' })) };
  const digest = sha256(jcs(unsigned));
  const signature = { alg: 'ed25519', key_id: ALPHA, signed_digest: digest.toString('hex') };
  const signed = (sig: string): Document => ({ ...unsigned, signatures: [{ ...signature, sig }] });
  const expected = (ours: Document): Document =>
    withDigests(RUN_MANIFEST, signed('recorded'), ours, new Map());
  const good = signed(signatureOf('alpha', digest));
  assert.deepEqual(expected(good), good);
  assert.deepEqual(expected(signed(signatureOf('bravo', digest))), signed('recorded'));
  assert.deepEqual(expected(signed(signatureOf('alpha', sha256('another')))), signed('recorded'));
  assert.deepEqual(expected(unsigned), signed('recorded'));
});

test('checkpoints are chained to each other and to the runpacks that were written', async () => {
  const manifest = Buffer.from(jcs({ manifest_digest: digestOf('m2') }));
  const files = new Map([
    ['cp2.zip', { bytes: Buffer.alloc(0), members: new Map([[RUN_MANIFEST, manifest]]) }],
  ]);
  const first = { checkpoint_index: 1, sequence_start: 1, sequence_end: 2, manifest_digest: digestOf('m1') };
  const second = { checkpoint_index: 2, sequence_start: 3, sequence_end: 3, runpack_path: 'cp2.zip' };
  const one = digestOf(`${digestOf('m1')}::1:1:2`);
  const two = digestOf(`${digestOf('m2')}:${one}:2:3:3`);
  const sealed = [
    { ...first, checkpoint_digest: one },
    { ...second, manifest_digest: digestOf('m2'), prev_checkpoint_digest: one, checkpoint_digest: two },
  ];
  const recorded = sealed.map((checkpoint) => ({ ...checkpoint, checkpoint_digest: WRONG }));
  const chain = { checkpoints: recorded } as unknown as Json;
  const ours = { checkpoints: sealed } as unknown as Json;
  assert.deepEqual(withCheckpoints(chain, ours, files), ours);
  const journal = (list: readonly object[]): Json =>
    [{ event: {} }, ...list.map((checkpoint) => ({ checkpoint }))] as Json;
  assert.deepEqual(withCheckpoints(journal(recorded), journal(sealed), files), journal(sealed));
});

test('files differ in being there, where they are, and in each place of what they say', async () => {
  const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const expected = new Map([
    ['a.json', await contentOf('a.json', text({ a: 1, b: { c: [1] } }))],
    ['lost.txt', await contentOf('lost.txt', Buffer.from('x'))],
    ['moved.zip', { bytes: Buffer.alloc(0), members: new Map([['m.json', text({ a: 1 })]]) }],
  ]);
  const ours = new Map([
    ['a.json', await contentOf('a.json', text({ b: { c: [2, 1] }, a: 1 }))],
    ['out/moved.zip', { bytes: Buffer.alloc(0), members: new Map([['m.json', text({ a: 2 })]]) }],
    ['more.txt', await contentOf('more.txt', Buffer.from('x'))],
  ]);
  assert.deepEqual(
    differingSets(expected, ours).map(({ name }) => name),
    ['a.json#/b/c/0', 'a.json#/b/c/1', 'lost.txt', 'moved.zip', 'moved.zip m.json#/a', 'more.txt'],
  );
  assert.deepEqual(differingSets(expected, expected), []);
});
