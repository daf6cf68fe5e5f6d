// Makes the vectors of the PackSpec kit from the golden pack: `node tck/make.mjs` after a build. A test checks that the
// committed vectors are exactly what this makes, so nobody has to trust a binary file.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { canonicalBytes } = await import('../dist/core/canonical.js');
const { sha256Hex } = await import('../dist/core/digest.js');
const { MANIFEST_MEMBER, entryType, packIdOf, signedPackDigestOf } = await import('../dist/pack/manifest.js');
const { openContainer, readMember } = await import('../dist/zip/reader.js');
const { signDigest } = await import('../dist/signing/signature.js');
const { KEY, runVectors } = await import('./make_runs.mjs');
const { PYTHON, sorted, styled, zip } = await import('./zips.mjs');

/** The members of the golden pack, as bytes by name. */
async function goldenMembers() {
  const container = await openContainer(join(ROOT, 'fixtures', 'job', 'golden.pack.zip'));
  const members = new Map(
    container.members.map((member) => [member.name, readMember(container, member, { keep: true }).bytes]),
  );
  container.close();
  return members;
}

/** The members with a manifest that declares them as they are: what a forger who knows the format makes. */
function declared(members, change = (manifest) => manifest) {
  const old = JSON.parse(members.get(MANIFEST_MEMBER));
  const contents = sorted(members)
    .filter(([name]) => name !== MANIFEST_MEMBER)
    .map(([path, bytes]) => ({ path, sha256: sha256Hex(bytes), type: entryType(path) }));
  const manifest = change({ ...old, contents, pack_id: '' });
  const pack_id = manifest.pack_id === '' ? packIdOf(manifest) : manifest.pack_id;
  return new Map([...members, [MANIFEST_MEMBER, canonicalBytes({ ...manifest, pack_id })]]);
}

/** A copy of the members with one of them changed, or dropped when `change` answers undefined. */
function changed(members, name, change) {
  const bytes = change(members.get(name));
  const copy = new Map(members);
  if (bytes === undefined) copy.delete(name);
  else copy.set(name, bytes);
  return copy;
}

function json(change) {
  return (bytes) => canonicalBytes(change(JSON.parse(bytes)));
}

/** The members that PackSpec v1 had before the ledger: events that name what happened, and a state beside them. */
function olderMembers(members) {
  const job = { job_id: 'older', environment_fingerprint: 'envfp:older' };
  const times = { created_at: '2026-02-14T00:00:00Z', updated_at: '2026-02-14T00:01:00.5Z' };
  const status = { status: 'paused', stop_reason: 'paused_by_user', status_reason_code: 'paused' };
  const event = (revision, type, created_at, more) => {
    const envelope = {
      schema_id: 'gait.job.event',
      schema_version: '1.0.0',
      created_at,
      job_id: 'older',
      revision,
    };
    return canonicalBytes({ ...envelope, type, actor: 'alice', reason_code: type, ...more });
  };
  const payload = { environment_fingerprint: job.environment_fingerprint };
  const events = [
    event(1, 'submitted', times.created_at, { payload }),
    event(2, 'paused', times.updated_at, {}),
  ];
  const state = {
    schema_id: 'gait.job.runtime',
    schema_version: '1.0.0',
    producer_version: '0.0.0-dev',
    ...times,
  };
  const glance = { schema_id: 'gait.pack.job', schema_version: '1.0.0', created_at: times.created_at };
  const manifest = {
    ...JSON.parse(members.get(MANIFEST_MEMBER)),
    source_ref: 'older',
    producer_version: '0.0.0-dev',
  };
  return new Map([
    ['job_events.jsonl', Buffer.from(events.map((line) => `${line}\n`).join(''))],
    [
      'job_payload.json',
      canonicalBytes({ ...glance, ...job, ...status, checkpoint_count: 0, approval_count: 0 }),
    ],
    ['job_state.json', canonicalBytes({ ...state, ...job, ...status, revision: 2, checkpoints: [] })],
    [MANIFEST_MEMBER, canonicalBytes(manifest)],
  ]);
}

function dropLine(bytes, index) {
  const lines = bytes.toString().split('\n');
  lines.splice(index, 1);
  return Buffer.from(lines.join('\n'));
}

/** Every vector: its bytes, the exit code, and a finding that a thorough verifier names. */
export async function makeVectors() {
  const golden = await goldenMembers();
  return [...jobVectors(golden), ...(await runVectors()), ...laterVectors(golden)];
}

/** Signed by the key of the kit, so often. */
function signed(members, times) {
  const manifest = JSON.parse(members.get(MANIFEST_MEMBER));
  const signatures = new Array(times).fill(signDigest(signedPackDigestOf(manifest), KEY));
  return new Map([...members, [MANIFEST_MEMBER, canonicalBytes({ ...manifest, signatures })]]);
}

/** What was added to the kit since its first edition. */
function laterVectors(golden) {
  const members = sorted(golden);
  const link = { ...PYTHON, attributes: (0o120777 << 16) >>> 0 };
  const stray = new Map([...golden, ['run_payload.json', Buffer.from('{}')]]);
  const args = ['--public-key', 'golden_public.key'];
  const bad = (name, code, says, bytes) => ({ name, says, exit: 2, code, bytes });
  return [
    {
      name: 'other-writer',
      says: 'packed by another writer of zips',
      exit: 0,
      bytes: styled(members, PYTHON),
    },
    {
      ...bad(
        'other-writer-strict',
        'container_style',
        'the same, and the reader wants it as gait writes',
        [],
      ),
      args: ['--profile', 'strict', ...args],
      bytes: styled(sorted(signed(golden, 1)), PYTHON),
    },
    bad('other-writer-link', 'member_not_a_file', 'another writer packed links', styled(members, link)),
    bad(
      'member-of-other-type',
      'member_of_no_type',
      'a job pack that declares a member of run packs',
      zip(sorted(declared(stray))),
    ),
    {
      ...bad('signed-twice', 'signature_repeated', 'one signature stands there twice', []),
      args,
      bytes: zip(sorted(signed(golden, 2))),
    },
  ];
}

function jobVectors(golden) {
  const good = zip(sorted(golden));
  const tampered = Buffer.from(good);
  tampered[good.indexOf('alice')] ^= 1;
  const sound = (name, says, bytes) => ({ name, says, exit: 0, bytes });
  const bad = (name, code, says, bytes) => ({ name, says, exit: 2, code, bytes });
  const forged = (name, member, code, says, change) => {
    return bad(name, code, says, zip(sorted(declared(changed(golden, member, change)))));
  };
  const extra = new Map([...golden, ['extra.txt', Buffer.from('extra')]]);
  return [
    sound('job', 'the pack of a job', good),
    sound(
      'older-producer',
      'a pack of a producer that knows no ledger: there is no chain to check, and that is said',
      zip(sorted(declared(olderMembers(golden)))),
    ),
    bad(
      'job-extra-declared',
      'member_of_no_type',
      'one more member, which the manifest declares and no job pack has',
      zip(sorted(declared(extra))),
    ),
    bad('content-changed', 'digest_mismatch', 'one letter of a member is another', tampered),
    bad(
      'member-undeclared',
      'member_undeclared',
      'a member that the manifest does not declare',
      zip(sorted(extra)),
    ),
    bad('member-missing', 'member_missing', 'a declared member is not there', zip(sorted(golden).slice(1))),
    bad(
      'members-unsorted',
      'members_unsorted',
      'the members stand in another order',
      zip(sorted(golden).reverse()),
    ),
    bad(
      'member-twice',
      'member_duplicate',
      'two members have one name',
      zip([...sorted(golden), ...sorted(golden).slice(-1)]),
    ),
    bad(
      'junk-before',
      'container_unreadable',
      'bytes before the first member',
      Buffer.concat([Buffer.from('#!/bin/sh\n'), good]),
    ),
    bad(
      'junk-after',
      'container_unreadable',
      'bytes after the end record',
      Buffer.concat([good, Buffer.from('\n')]),
    ),
    bad('cut-short', 'container_unreadable', 'the last byte is not there', good.subarray(0, -1)),
    bad(
      'not-a-zip',
      'container_unreadable',
      'no zip at all',
      Buffer.from('{"schema_id":"gait.pack.manifest"}\n'),
    ),
    bad(
      'no-manifest',
      'manifest_missing',
      'there is no manifest',
      zip(sorted(changed(golden, MANIFEST_MEMBER, () => undefined))),
    ),
    bad(
      'manifest-unknown-member',
      'schema_mismatch',
      'the manifest has a member that no schema knows',
      zip(sorted(declared(golden, (m) => ({ ...m, note: 'x' })))),
    ),
    bad(
      'manifest-other-schema',
      'schema_mismatch',
      'the manifest is of another schema',
      zip(sorted(declared(golden, (m) => ({ ...m, schema_id: 'gait.pack.other' })))),
    ),
    bad(
      'pack-id-wrong',
      'pack_id_mismatch',
      'the pack id is not the digest of the manifest',
      zip(sorted(declared(golden, (m) => ({ ...m, pack_id: 'a'.repeat(64) })))),
    ),
    forged(
      'second-document',
      'job_payload.json',
      'json_malformed',
      'a second JSON document in a member',
      (bytes) => Buffer.concat([bytes, Buffer.from('{}')]),
    ),
    forged(
      'doubled-key',
      'job_payload.json',
      'json_not_canonical',
      'a key stands twice in a member',
      (bytes) => Buffer.from(bytes.toString().replace('{', '{"approval_count":1,')),
    ),
    forged(
      'payload-count',
      'job_payload.json',
      'payload_disagrees',
      'the payload counts other checkpoints than the state has',
      json((payload) => ({ ...payload, checkpoint_count: payload.checkpoint_count + 1 })),
    ),
    forged(
      'state-not-folded',
      'job_state.json',
      'state_differs',
      'the state says what no event says',
      json((state) => ({
        ...state,
        checkpoints: state.checkpoints.map((c, i) => (i === 0 ? { ...c, summary: 'something else' } : c)),
      })),
    ),
    forged(
      'ledger-dropped',
      'job_ledger.json',
      'member_missing',
      'the ledger is not there, though the events are of a producer that writes one',
      () => undefined,
    ),
    forged(
      'event-dropped',
      'job_events.jsonl',
      'event_misplaced',
      'an event in the middle is not there',
      (bytes) => dropLine(bytes, 2),
    ),
    forged('event-cut-off', 'job_events.jsonl', 'ledger_differs', 'the last event is not there', (bytes) =>
      dropLine(bytes, bytes.toString().split('\n').length - 2),
    ),
    forged('event-edited', 'job_events.jsonl', 'ledger_differs', 'an approver has another name', (bytes) =>
      Buffer.from(bytes.toString().replaceAll('"actor":"alice"', '"actor":"mallory"')),
    ),
    forged(
      'ledger-other-head',
      'job_ledger.json',
      'ledger_differs',
      'the ledger names another head',
      json((ledger) => ({ ...ledger, head: { ...ledger.head, hash: 'b'.repeat(64) } })),
    ),
    forged(
      'ledger-other-root',
      'job_ledger.json',
      'ledger_differs',
      'the ledger names another Merkle root',
      json((ledger) => ({ ...ledger, merkle_root: 'c'.repeat(64) })),
    ),
  ];
}

/** The list that goes with the vectors. */
export function listOf(vectors) {
  const entries = vectors.map(({ name, says, exit, code, args, bytes }) => {
    const found = code === undefined ? {} : { finding: code };
    const given = args === undefined ? {} : { args };
    return { file: `${name}.zip`, says, exit, ...given, ...found, sha256: sha256Hex(bytes) };
  });
  return `${JSON.stringify(entries, null, 2)}\n`;
}

if (import.meta.url === new URL(process.argv[1], 'file:').href) {
  const vectors = await makeVectors();
  const dir = join(ROOT, 'tck', 'v1');
  mkdirSync(dir, { recursive: true });
  for (const { name, bytes } of vectors) writeFileSync(join(dir, `${name}.zip`), bytes);
  writeFileSync(join(dir, 'vectors.json'), listOf(vectors));
  console.log(`${vectors.length} vectors`);
}
