import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import yauzl from 'yauzl';
import { canonicalize } from '../../src/core/canonical.ts';
import { type PackManifest, packIdOf } from '../../src/pack/manifest.ts';
import { codesOf, statusesOf, verifyBytes } from '../support/pack.ts';
import { type Files, MANIFEST, packIdFormula, sha256, zipFiles } from './forge.ts';

const CORPUS = join(process.env['GAIT_ROOT'] ?? process.cwd(), '..', 'shared', 'interop');
const INDEX = join(CORPUS, 'index.json');

/** A recorded `pack verify` of an existing program, version 1.2.0. */
interface Case {
  readonly id: string;
  readonly kind: string;
  readonly dir: string;
  readonly producer: string;
  readonly expect: { readonly exit: number; readonly stdout_json: string | null };
}

const skip = existsSync(INDEX) ? false : 'the corpus of other programs’ packs is not beside this repository';
const cases = skip === false ? (JSON.parse(readFileSync(INDEX, 'utf8')) as Case[]) : [];
const jobPacks = cases.filter(({ kind, id }) => kind === 'verify-pack' && id.startsWith('verify-pack.job-'));
const honest = jobPacks.filter(({ producer }) => producer === 'go-1.2.0');
const refused = jobPacks.filter(({ producer, expect }) => producer === 'handmade' && expect.exit === 2);

function pathOf({ dir }: Case): string {
  return join(CORPUS, dir, 'pack.zip');
}

async function readZip(path: string): Promise<Files> {
  const zip = await yauzl.openPromise(path);
  const files = new Map<string, Buffer>();
  for await (const entry of zip.eachEntry()) {
    files.set(entry.fileName, await buffer(await zip.openReadStreamPromise(entry)));
  }
  return files;
}

function manifestIn(files: Files): PackManifest {
  return JSON.parse((files.get(MANIFEST) ?? '').toString()) as PackManifest;
}

describe('job packs of version 1.2.0', { skip }, () => {
  test('are in the corpus', () => {
    assert.ok(
      honest.length >= 5 && refused.length >= 5,
      `${honest.length} honest, ${refused.length} refused`,
    );
  });

  for (const one of honest) {
    test(`${one.id}: the id and the digests are what we compute`, async () => {
      const files = await readZip(pathOf(one));
      const manifest = manifestIn(files);
      assert.equal(packIdOf(manifest), manifest.pack_id);
      assert.equal(packIdFormula({ ...manifest }), manifest.pack_id);
      assert.equal(recordedPackId(one), manifest.pack_id, 'what the program itself printed');
      assert.deepEqual(
        [...files.keys()].sort(),
        [...manifest.contents.map(({ path }) => path), MANIFEST].sort(),
      );
      for (const { path, sha256: digest } of manifest.contents) {
        assert.equal(sha256(files.get(path) ?? '').toString('hex'), digest, path);
      }
    });

    test(`${one.id}: its documents are canonical to the byte`, async () => {
      for (const [name, bytes] of await readZip(pathOf(one))) {
        const documents = name.endsWith('.jsonl')
          ? bytes.toString().split('\n').slice(0, -1)
          : [bytes.toString()];
        for (const text of documents) assert.equal(canonicalize(JSON.parse(text)), text, name);
      }
    });

    test(`${one.id}: its members verify, but for what it could not provide`, async () => {
      const { verification } = await verifyBytes(zipFiles(await readZip(pathOf(one))));
      assert.deepEqual(verification.findings, []);
      const { event_chain, event_fold, payload_agreement } = statusesOf(verification);
      assert.deepEqual([event_chain, event_fold], ['not_applicable', 'not_applicable']);
      assert.equal(payload_agreement, 'passed');
    });
  }

  for (const one of refused) {
    test(`${one.id}: is refused here too`, async () => {
      assert.notDeepEqual(await codesOf(zipFiles(await readZip(pathOf(one)))), []);
    });
  }
});

function recordedPackId({ expect }: Case): string | undefined {
  if (expect.stdout_json === null) return undefined;
  const recorded = JSON.parse(readFileSync(join(CORPUS, expect.stdout_json), 'utf8')) as { pack_id?: string };
  return recorded.pack_id;
}
