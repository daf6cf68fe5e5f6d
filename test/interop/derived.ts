import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Document, jcs, packIdFormula, sha256 } from '../pack/forge.ts';
import { corpusPath } from './corpus.ts';
import type { Files, Members } from './files.ts';
import { isObject, type Json, parseFile } from './json_values.ts';

export const PACK_MANIFEST = 'pack_manifest.json';
export const RUN_MANIFEST = 'manifest.json';

/**
 * An expected manifest with the digests, the id and the signatures that follow from what gait wrote: so these are held
 * against the formulas, and everything else, here and in the members, against the recording.
 */
export function withDigests(name: string, expected: Document, ours: Document, members: Members): Document {
  const list = listIn(name);
  const rows = expected[list] as { path: string }[] | null;
  // A member that only one side has is told as such.
  const known = rows?.filter(({ path }) => members.has(path));
  const digested = known?.map((row) => ({ ...row, sha256: hex(members.get(row.path) ?? '') }));
  const own =
    name === PACK_MANIFEST ? { pack_id: packIdFormula(ours) } : { manifest_digest: digestFormula(ours) };
  const { signatures, ...rest }: Document = { ...expected, [list]: digested ?? rows, ...own };
  return Array.isArray(signatures) ? { ...rest, signatures: checked(signatures as Signature[], ours) } : rest;
}

/** The id of the pack with this manifest once its members are these. */
export function packIdOver(manifest: Document, members: Members): string {
  const rows = manifest['contents'] as { path: string }[];
  const contents = rows.map((row) => ({ ...row, sha256: hex(members.get(row.path) ?? '') }));
  return packIdFormula({ ...manifest, contents });
}

function listIn(name: string): string {
  return name === PACK_MANIFEST ? 'contents' : 'files';
}

function hex(...parts: readonly (string | Buffer)[]): string {
  return sha256(...parts).toString('hex');
}

/** artifacts.md §1.3: the digest of the manifest with an empty manifest_digest and without signatures. */
function digestFormula({ signatures: _, ...manifest }: Document): string {
  return hex(jcs({ ...manifest, manifest_digest: '' }));
}

interface Signature extends Document {
  readonly key_id: string;
  readonly sig: string;
}

/** The signatures with the digest that has to be signed, and with gait's own where those hold for the same test key. */
function checked(expected: readonly Signature[], { signatures, ...unsigned }: Document): Document[] {
  const mine = Array.isArray(signatures) ? (signatures as Signature[]) : [];
  const digest = sha256(jcs(unsigned));
  return expected.map((one, i) => {
    const sig = mine[i]?.sig ?? '';
    const signed_digest = digest.toString('hex');
    return { ...one, signed_digest, ...(holds(one.key_id, sig, digest) ? { sig } : {}) };
  });
}

interface TestKey {
  readonly key_id: string;
  readonly public_key_base64: string;
}

/** Whether this is the signature of the test key with this id over the digest. */
function holds(keyId: string, sig: string, digest: Buffer): boolean {
  const keys = JSON.parse(readFileSync(corpusPath('keys/keys.json'), 'utf8')) as TestKey[];
  const key = keys.find(({ key_id }) => key_id === keyId);
  if (key === undefined) return false;
  const prefix = Buffer.from('302a300506032b6570032100', 'hex'); // RFC 8410 §4
  const spki = Buffer.concat([prefix, Buffer.from(key.public_key_base64, 'base64')]);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  return verify(null, digest, publicKey, Buffer.from(sig, 'base64'));
}

/** An expected journal or chain with the digests that follow from the checkpoints and runpacks that gait wrote. */
export function withCheckpoints(expected: Json, ours: Json | undefined, files: Files): Json {
  const digests = digestsOf(checkpointsIn(ours), files).values();
  const put = (checkpoint: Json): Json => ({ ...(checkpoint as Document), ...digests.next().value }) as Json;
  if (Array.isArray(expected)) {
    return expected.map((line) =>
      isCheckpoint(line) ? { ...line, checkpoint: put(line.checkpoint) } : line,
    );
  }
  if (!isObject(expected) || !Array.isArray(expected['checkpoints'])) return expected;
  return { ...expected, checkpoints: expected['checkpoints'].map(put) };
}

function checkpointsIn(document: Json | undefined): Document[] {
  const list = Array.isArray(document)
    ? document.filter(isCheckpoint).map(({ checkpoint }) => checkpoint)
    : isObject(document) && Array.isArray(document['checkpoints'])
      ? document['checkpoints']
      : [];
  return list.filter(isObject);
}

function isCheckpoint(line: Json): line is { checkpoint: Json } {
  return isObject(line) && isObject(line['checkpoint']);
}

/** artifacts.md §1.3: each checkpoint is chained to the one before it, and to its runpack. */
function digestsOf(checkpoints: readonly Document[], files: Files): Document[] {
  let previous: string | undefined;
  return checkpoints.map(({ runpack_path, manifest_digest: said, ...checkpoint }) => {
    const manifest_digest = manifestDigestIn(files, String(runpack_path)) ?? said;
    const { checkpoint_index, sequence_start, sequence_end } = checkpoint;
    const link = previous === undefined ? {} : { prev_checkpoint_digest: previous };
    previous = hex(
      [manifest_digest, previous ?? '', checkpoint_index, sequence_start, sequence_end].join(':'),
    );
    return { manifest_digest, ...link, checkpoint_digest: previous };
  });
}

/** What the runpack at this path names as its digest; undefined where it was there before. */
function manifestDigestIn(files: Files, path: string): unknown {
  const bytes = files.get(path)?.members?.get(RUN_MANIFEST);
  const manifest = bytes === undefined ? undefined : parseFile(RUN_MANIFEST, bytes);
  return isObject(manifest) ? manifest['manifest_digest'] : undefined;
}
