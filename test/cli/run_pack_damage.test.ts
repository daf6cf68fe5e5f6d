import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import {
  type Document,
  type Files,
  forge,
  jcs,
  MANIFEST,
  manifestFor,
  patched,
  readText,
  sha256,
  withFile,
  without,
  zipFiles,
} from '../pack/forge.ts';
import { sharedWorkspace, type Workspace } from '../support/cli.ts';
import { documentOf, membersOf, otherRun, record, runInput } from '../support/run_inputs.ts';

const PAYLOAD = 'run_payload.json';
const ENVELOPE = 'context_envelope.json';
const SOURCE = 'source/runpack.zip';

/** What a forger has: the members of a pack, those of its runpack, and the runpack of another run. */
interface Stock {
  readonly pack: Files;
  readonly runpack: Files;
  readonly other: Buffer;
}

let stock: Stock | undefined;

async function prepare(w: Workspace): Promise<void> {
  const own = await record(w, runInput());
  const another = await record(w, otherRun('run_other'));
  await w.ok('pack build run_demo --out pack.zip');
  const pack = await membersOf(w.path('pack.zip'));
  stock = { pack, runpack: await membersOf(w.path(own)), other: await readFile(w.path(another)) };
}

/** A pack of these members with a manifest that fits. */
function resealed(files: Files): Buffer {
  const members = without(files, MANIFEST);
  return forge(members, manifestFor(members, { pack_type: 'run', source_ref: 'run_demo' }));
}

/** The pack with another runpack in it, everything else left. */
function carrying({ pack, runpack }: Stock, change: (files: Files) => Files): Buffer {
  return resealed(withFile(pack, SOURCE, zipFiles(change(runpack))));
}

function flip(bytes: Buffer, at: number): Buffer {
  return Buffer.concat([bytes.subarray(0, at), Buffer.of((bytes[at] ?? 0) ^ 1), bytes.subarray(at + 1)]);
}

/** The manifest of a runpack with this list of files, its digest made to fit. */
function relisted(runpack: Files, files: readonly Document[]): string {
  const manifest = { ...documentOf(runpack, 'manifest.json'), files, manifest_digest: '' };
  return jcs({ ...manifest, manifest_digest: sha256(jcs(manifest)).toString('hex') });
}

interface Tampering {
  /** What is found: each as its code and the member that it names. */
  readonly finds: readonly string[];
  make(stock: Stock): Buffer;
}

const PACKS: Readonly<Record<string, Tampering>> = {
  'nothing at all': { finds: [], make: ({ pack }) => resealed(pack) },
  'the end cut off': { finds: ['container_unreadable'], make: ({ pack }) => zipFiles(pack).subarray(0, -1) },
  'a byte behind the end': {
    finds: ['container_unreadable'],
    make: ({ pack }) => Buffer.concat([zipFiles(pack), Buffer.from('x')]),
  },
  'a bit of the payload': {
    finds: [`crc_mismatch ${PAYLOAD}`, `digest_mismatch ${PAYLOAD}`],
    make: ({ pack }) => flip(zipFiles(pack), zipFiles(pack).indexOf('intents_count')),
  },
  'a payload of other content': {
    finds: [`digest_mismatch ${PAYLOAD}`],
    make: ({ pack }) => zipFiles(patched(pack, PAYLOAD, { intents_count: 4 })),
  },
  'two members of other content': {
    finds: [`digest_mismatch ${ENVELOPE}`, `digest_mismatch ${SOURCE}`],
    make: ({ pack, other }) => zipFiles(withFile(withFile(pack, SOURCE, other), ENVELOPE, '{}')),
  },
  'a member missing': {
    finds: [`member_missing ${SOURCE}`],
    make: ({ pack }) => zipFiles(without(pack, SOURCE)),
  },
  'a member that nobody declared': {
    finds: ['member_undeclared notes.txt'],
    make: ({ pack }) => zipFiles(withFile(pack, 'notes.txt', 'x')),
  },
  'one missing, one changed and one added': {
    finds: [`member_missing ${SOURCE}`, `digest_mismatch ${PAYLOAD}`, 'member_undeclared notes.txt'],
    make: ({ pack }) =>
      zipFiles(withFile(patched(without(pack, SOURCE), PAYLOAD, { run_id: 'x' }), 'notes.txt', 'x')),
  },
  'another producer': {
    finds: [`pack_id_mismatch ${MANIFEST}`],
    make: ({ pack }) => zipFiles(patched(pack, MANIFEST, { producer_version: 'x' })),
  },
  'a member of the manifest that it has not': {
    finds: [`schema_mismatch ${MANIFEST}`],
    make: ({ pack }) => zipFiles(patched(pack, MANIFEST, { x: 1 })),
  },
  'other counts, the manifest made to fit': {
    finds: [`payload_disagrees ${PAYLOAD}`],
    make: ({ pack }) => resealed(patched(pack, PAYLOAD, { intents_count: 4, refs_count: 0 })),
  },
  'another run in the payload': {
    finds: [`payload_disagrees ${PAYLOAD}`],
    make: ({ pack }) => resealed(patched(pack, PAYLOAD, { run_id: 'run_other' })),
  },
  'a payload with more members': {
    finds: [`schema_mismatch ${PAYLOAD}`],
    make: ({ pack }) => resealed(patched(pack, PAYLOAD, { x: 1 })),
  },
  'no payload': {
    finds: [`member_missing ${PAYLOAD}`],
    make: ({ pack }) => resealed(without(pack, PAYLOAD)),
  },
  'another context': {
    finds: [`payload_disagrees ${ENVELOPE}`],
    make: ({ pack }) => resealed(patched(pack, ENVELOPE, { context_set_digest: 'a'.repeat(64) })),
  },
  'no context': {
    finds: [`payload_disagrees ${ENVELOPE}`],
    make: ({ pack }) => resealed(without(pack, ENVELOPE)),
  },
  'the runpack of another run': {
    finds: [PAYLOAD, ENVELOPE, SOURCE].map((name) => `payload_disagrees ${name}`),
    make: ({ pack, other }) => resealed(withFile(pack, SOURCE, other)),
  },
  'no runpack': { finds: [`member_missing ${SOURCE}`], make: ({ pack }) => resealed(without(pack, SOURCE)) },
  'garbage for a runpack': {
    finds: [`container_unreadable ${SOURCE}`],
    make: ({ pack }) => resealed(withFile(pack, SOURCE, 'garbage')),
  },
  'another result inside': {
    finds: [`digest_mismatch ${SOURCE}!results.jsonl`],
    make: (all) =>
      carrying(all, (files) =>
        withFile(files, 'results.jsonl', readText(files, 'results.jsonl').replace('"error"', '"ok"')),
      ),
  },
  'a runpack with a member more': {
    finds: [`member_undeclared ${SOURCE}!notes.txt`],
    make: (all) => carrying(all, (files) => withFile(files, 'notes.txt', 'x')),
  },
  'a runpack without its results': {
    finds: [`member_missing ${SOURCE}!results.jsonl`],
    make: (all) => carrying(all, (files) => without(files, 'results.jsonl')),
  },
  'a runpack whose manifest says another mode': {
    finds: [`manifest_digest_mismatch ${SOURCE}!manifest.json`],
    make: (all) => carrying(all, (files) => patched(files, 'manifest.json', { capture_mode: 'raw' })),
  },
};

const LEGACY: Readonly<Record<string, Tampering>> = {
  'nothing at all': { finds: [], make: ({ runpack }) => zipFiles(runpack) },
  'another manifest digest': {
    finds: ['manifest_digest_mismatch manifest.json'],
    make: ({ runpack }) => zipFiles(patched(runpack, 'manifest.json', { manifest_digest: 'a'.repeat(64) })),
  },
  'an intent of other content': {
    finds: ['digest_mismatch intents.jsonl'],
    make: ({ runpack }) =>
      zipFiles(
        withFile(
          runpack,
          'intents.jsonl',
          readText(runpack, 'intents.jsonl').replace('mail.send', 'mail.read'),
        ),
      ),
  },
  'a member missing and one added': {
    finds: ['member_missing refs.json', 'member_undeclared notes.txt'],
    make: ({ runpack }) => zipFiles(withFile(without(runpack, 'refs.json'), 'notes.txt', 'x')),
  },
  'no list of files': {
    finds: ['member_not_listed', 'member_undeclared'].flatMap((code) =>
      ['intents.jsonl', 'refs.json', 'results.jsonl', 'run.json'].map((name) => `${code} ${name}`),
    ),
    make: ({ runpack }) => zipFiles(withFile(runpack, 'manifest.json', relisted(runpack, []))),
  },
  'the documents of another run': {
    finds: ['payload_disagrees run.json'],
    make: ({ runpack }) => {
      const files = patched(runpack, 'run.json', { run_id: 'run_other' });
      const list = (documentOf(runpack, 'manifest.json')['files'] as Document[]).map((one) =>
        one['path'] !== 'run.json'
          ? one
          : { ...one, sha256: sha256(files.get('run.json') ?? '').toString('hex') },
      );
      return zipFiles(withFile(files, 'manifest.json', relisted(files, list)));
    },
  },
};

describe('a tampered pack of a run does not verify, and all that is wrong is named', {}, () => {
  const shared = sharedWorkspace(prepare);

  for (const [kind, cases] of Object.entries({ pack: PACKS, runpack: LEGACY })) {
    for (const [name, { finds, make }] of Object.entries(cases)) {
      test(`${kind}: ${name}: ${finds.join(', ') || 'sound'}`, async () => {
        const w = shared();
        const file = `${kind} ${name.replaceAll(/\W/g, '_')}.zip`;
        assert.ok(stock !== undefined);
        await writeFile(w.path(file), make(stock));
        const { exit, json } = await w.gait(['pack', 'verify', file, '--json']);
        const { verify, error_code } = json();
        const found = verify?.findings.map(({ code, member }) => [code, member].join(' ').trim());
        assert.deepEqual(
          [exit, [...new Set(found)].sort()],
          [finds.length === 0 ? 0 : 2, [...finds].sort()],
          JSON.stringify(verify?.findings),
        );
        if (finds.length === 0) return;
        assert.equal(error_code, 'pack_damaged');
        if (finds.length === 1) return;
        const text = await w.gait(['verify', `./${file}`]);
        assert.equal(text.exit, 2);
        for (const { code, message } of verify?.findings ?? [])
          assert.ok(text.stdout.includes(`${code}  ${message}`), text.stdout);
      });
    }
  }
});
