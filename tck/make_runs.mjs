// The vectors of the PackSpec kit that concern runs and the artifacts from before PackSpec v1, made from fixtures/run.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { canonicalBytes } = await import('../dist/core/canonical.js');
const { canonicalDigest, sha256Hex } = await import('../dist/core/digest.js');
const { memberOf } = await import('../dist/pack/build.js');
const { buildRunPack } = await import('../dist/pack/kinds/run/build.js');
const { entryType, packIdOf } = await import('../dist/pack/manifest.js');
const { buildRunpack, manifestDigestOf } = await import('../dist/run/runpack.js');
const { recordRun } = await import('../dist/run/record.js');
const { parsePrivateKey } = await import('../dist/signing/keys.js');
const { EARLIER, PLAIN, sorted, styled, zip } = await import('./zips.mjs');

const MANIFEST = 'pack_manifest.json';
const SOURCE = 'source/runpack.zip';

/** The key whose seed is the bytes 0 to 31. FOR TESTS ONLY: everybody has it. */
const SEED = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
const PUBLIC = Buffer.from('03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8', 'hex');
/** The key of the kit. */
export const KEY = parsePrivateKey(Buffer.concat([SEED, PUBLIC]).toString('base64'), 'the kit');

/** The members as gait packs them. */
function packed(members) {
  return zip(sorted(members));
}

function record(change = (input) => input) {
  const input = change(JSON.parse(readFileSync(join(ROOT, 'fixtures', 'run', 'input.json'), 'utf8')));
  return recordRun(input, {
    now: '2026-02-14T06:00:00Z',
    machine: { os: 'linux', arch: 'amd64', runtime: 'node' },
  });
}

function membersOf({ members }) {
  return new Map(
    members.map((member) => [member.name, member.bytes ?? member.source.read(0, member.source.size)]),
  );
}

function runPack(captured, key) {
  const { manifest } = buildRunpack(captured);
  const facts = {
    run: captured.run,
    refs: captured.refs,
    intents: captured.intents.length,
    results: captured.results.length,
  };
  const runpack = memberOf(SOURCE, packed(membersOf(buildRunpack(captured))));
  return membersOf(buildRunPack({ manifest, facts, runpack }, 'golden-1', key));
}

/** The members with a manifest that declares them as they are. */
function declared(members) {
  const contents = [...members]
    .filter(([name]) => name !== MANIFEST)
    .map(([path, bytes]) => ({ path, sha256: sha256Hex(bytes), type: entryType(path) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const { signatures: _, ...old } = JSON.parse(members.get(MANIFEST));
  const manifest = { ...old, contents };
  return new Map([...members, [MANIFEST, canonicalBytes({ ...manifest, pack_id: packIdOf(manifest) })]]);
}

function withMember(members, name, bytes) {
  return new Map(members).set(name, bytes);
}

function editJson(members, name, change) {
  return withMember(members, name, canonicalBytes(change(JSON.parse(members.get(name)))));
}

/** A runpack whose manifest is made anew over what stands in it. */
function resealed(members) {
  const old = JSON.parse(members.get('manifest.json'));
  const files = old.files.map(({ path }) => ({ path, sha256: sha256Hex(members.get(path)) }));
  const manifest = { ...old, files };
  return withMember(
    members,
    'manifest.json',
    canonicalBytes({ ...manifest, manifest_digest: manifestDigestOf(manifest) }),
  );
}

function evidencePack() {
  const files = new Map([
    ['referenced_runpacks.json', canonicalBytes({ run_id: 'run_golden', receipts: [], references: 0 })],
    ['trace_summary.json', canonicalBytes({ traces: [], verdict_counts: {}, total: 0 })],
  ]);
  const contents = [...files].map(([path, bytes]) => {
    return { path, sha256: sha256Hex(bytes), type: path.startsWith('trace') ? 'trace' : 'evidence' };
  });
  const pack_id = `pack_${canonicalDigest({ run_id: 'run_golden', contents }).slice(0, 16)}`;
  const manifest = {
    schema_id: 'gait.guard.pack_manifest',
    schema_version: '1.0.0',
    created_at: '2026-02-14T06:00:00Z',
    generated_at: '2026-02-14T06:00:00Z',
    producer_version: '0.0.0-dev',
    pack_id,
    run_id: 'run_golden',
    contents,
  };
  return files.set(MANIFEST, canonicalBytes(manifest));
}

/** The vectors, in the form of tck/make.mjs. */
export async function runVectors() {
  const sound = (name, says, bytes, args) => ({ name, says, exit: 0, bytes, ...(args ? { args } : {}) });
  const bad = (name, code, says, bytes, args) => ({
    name,
    says,
    exit: 2,
    code,
    bytes,
    ...(args ? { args } : {}),
  });
  const captured = record();
  const pack = runPack(captured);
  const runpack = membersOf(buildRunpack(captured));
  const evidence = evidencePack();
  const inner = (change) => withMember(pack, SOURCE, packed(change(runpack)));
  const list = [...runpack].sort(([a], [b]) => (a < b ? -1 : 1));
  const lies = (name, change) => (facts) => (facts.name === name ? change(facts) : facts);
  const trusted = ['--public-key', 'golden_public.key'];
  const signed = packed(runPack(captured, KEY));
  return [
    sound('run', 'the pack of a run that read from its context', packed(pack)),
    sound(
      'run-reference',
      'the pack of a run without arguments, results and context',
      packed(runPack(record((input) => ({ ...input, refs: {}, capture_mode: 'reference' })))),
    ),
    sound('run-signed', 'signed, and the reader has the key', signed, trusted),
    sound('run-signed-no-key', 'signed, and the reader has no key', signed),
    bad('run-signed-other-key', 'signature_invalid', 'signed, and the reader trusts another key', signed, [
      '--public-key',
      'other_public.key',
    ]),
    bad(
      'run-unsigned-strict',
      'signature_missing',
      'unsigned, and the reader demands a signature',
      packed(pack),
      ['--profile', 'strict', ...trusted],
    ),
    bad(
      'run-payload-count',
      'payload_disagrees',
      'the payload counts other intents than the runpack has',
      packed(declared(editJson(pack, 'run_payload.json', (p) => ({ ...p, intents_count: 2 })))),
    ),
    bad(
      'run-source-garbage',
      'container_unreadable',
      'what stands in the runpack’s place is none',
      packed(declared(withMember(pack, SOURCE, Buffer.from('garbage')))),
    ),
    bad(
      'run-source-tampered',
      'digest_mismatch',
      'a record of the runpack is another, and only the pack was sealed anew',
      packed(declared(inner((members) => withMember(members, 'results.jsonl', Buffer.from('{}\n'))))),
    ),
    bad(
      'run-source-other',
      'payload_disagrees',
      'the runpack is another one',
      packed(
        declared(
          inner(() =>
            membersOf(buildRunpack(record((input) => ({ ...input, intents: input.intents.slice(0, 2) })))),
          ),
        ),
      ),
    ),
    bad(
      'run-envelope-missing',
      'payload_disagrees',
      'the run has receipts, the pack no context envelope',
      packed(declared(new Map([...pack].filter(([name]) => name !== 'context_envelope.json')))),
    ),
    sound('runpack', 'a runpack by itself, from before PackSpec v1', styled(list, EARLIER)),
    sound('runpack-stored', 'the same, its members stored', styled(list, PLAIN)),
    bad(
      'runpack-manifest-digest',
      'manifest_digest_mismatch',
      'the manifest does not have the digest that it says',
      packed(editJson(runpack, 'manifest.json', (m) => ({ ...m, manifest_digest: 'a'.repeat(64) }))),
    ),
    bad(
      'runpack-undeclared',
      'member_undeclared',
      'a member that the manifest does not list',
      packed(withMember(runpack, 'notes.txt', Buffer.from('x'))),
    ),
    bad(
      'runpack-not-listed',
      'member_not_listed',
      'the manifest does not list the results',
      packed(
        editJson(runpack, 'manifest.json', (m) => ({
          ...m,
          files: m.files.filter(({ path }) => path !== 'results.jsonl'),
        })),
      ),
    ),
    bad(
      'runpack-record-not-json',
      'json_malformed',
      'an intent is no JSON, and the manifest was made anew',
      packed(resealed(withMember(runpack, 'intents.jsonl', Buffer.from('not json\n')))),
    ),
    bad(
      'runpack-link',
      'member_not_a_file',
      'a member is a link',
      styled(
        list,
        PLAIN,
        lies('refs.json', (f) => ({ ...f, style: { ...f.style, attributes: (0o120777 << 16) >>> 0 } })),
      ),
    ),
    bad(
      'runpack-encrypted',
      'member_encrypted',
      'a member says that it is encrypted',
      styled(
        list,
        PLAIN,
        lies('refs.json', (f) => ({ ...f, style: { ...f.style, flags: 1 } })),
      ),
    ),
    bad(
      'runpack-method',
      'method_unsupported',
      'a member is compressed in another way',
      styled(
        list,
        PLAIN,
        lies('refs.json', (f) => ({ ...f, style: { ...f.style, method: 12 } })),
      ),
    ),
    bad(
      'runpack-bomb',
      'member_too_large',
      'a member says that it inflates to 3 GiB',
      styled(
        list,
        EARLIER,
        lies('refs.json', (f) => ({ ...f, layout: { ...f.layout, size: 3 * 2 ** 30 } })),
      ),
    ),
    bad(
      'runpack-inflates-to-more',
      'member_unreadable',
      'a member inflates to more than it says',
      styled(
        list,
        EARLIER,
        lies('refs.json', (f) => ({ ...f, layout: { ...f.layout, size: f.layout.size - 1 } })),
      ),
    ),
    bad(
      'runpack-wrong-crc',
      'crc_mismatch',
      'a member has another CRC-32 than it says',
      styled(
        list,
        EARLIER,
        lies('refs.json', (f) => ({ ...f, layout: { ...f.layout, crc32: 1 } })),
      ),
    ),
    bad(
      'runpack-climbs-out',
      'member_name_unsafe',
      'a member would be written outside',
      styled([...list, ['../evil.txt', Buffer.from('x')]], PLAIN),
    ),
    bad(
      'runpack-case-twin',
      'member_duplicate',
      'two members differ only by case',
      styled([...list, ['RUN.json', Buffer.from('{}')]], PLAIN),
    ),
    sound('evidence', 'an evidence pack, from before PackSpec v1', styled([...evidence], EARLIER)),
    bad(
      'evidence-changed',
      'digest_mismatch',
      'a member of an evidence pack is another',
      packed(withMember(evidence, 'trace_summary.json', Buffer.from('{}'))),
    ),
    bad(
      'evidence-pack-id',
      'pack_id_mismatch',
      'the id of an evidence pack is not of its contents',
      packed(editJson(evidence, MANIFEST, (m) => ({ ...m, pack_id: 'pack_0000000000000000' }))),
    ),
  ];
}
