import { createHash } from 'node:crypto';
import type { JobHistory } from '../../src/job/read/history.ts';
import { buildJobPack } from '../../src/pack/kinds/job/build.ts';
import { JOB_ID } from '../support/given.ts';
import { PRODUCER } from '../support/pack.ts';
import { rawZip } from '../zip/raw_zip.ts';

/** What a forger works on: the members by name, without the manifest. */
export type Files = ReadonlyMap<string, Buffer>;

export type Document = Record<string, unknown>;
export type EventLine = Document & { type: string; revision: number; payload: Document };

export const MANIFEST = 'pack_manifest.json';
export const EVENTS = 'job_events.jsonl';
export const LEDGER = 'job_ledger.json';
export const PAYLOAD = 'job_payload.json';
export const STATE = 'job_state.json';

export function sha256(...parts: readonly (string | Buffer)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** RFC 8785 for what stands in packs: plain objects, arrays and scalars. */
export function jcs(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jcs).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const sorted = members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, member]) => `${JSON.stringify(key)}:${jcs(member)}`).join(',')}}`;
}

/** artifacts.md §1.3: the digest of the manifest with an empty pack_id and without signatures. */
export function packIdFormula({ signatures: _, ...manifest }: Document): string {
  return sha256(jcs({ ...manifest, pack_id: '' })).toString('hex');
}

/** hash_n = sha256( hash_{n-1} ‖ event_n ), hash_0 = 32 zero bytes. */
export function chainHead(texts: readonly string[]): string {
  return texts.reduce<Buffer>((head, text) => sha256(head, text), Buffer.alloc(32)).toString('hex');
}

/** RFC 6962 §2.1, word by word: k is the largest power of two smaller than n. */
export function merkleTreeHash(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves;
  if (first === undefined) return sha256();
  if (leaves.length === 1) return sha256(Buffer.from([0]), first);
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha256(Buffer.from([1]), merkleTreeHash(leaves.slice(0, k)), merkleTreeHash(leaves.slice(k)));
}

/** The members of the pack of a job. */
export function filesOf(history: JobHistory): Files {
  const { members } = buildJobPack(history, PRODUCER);
  return new Map(
    members
      .filter(({ name }) => name !== MANIFEST)
      .map(({ name, source }) => [name, source.read(0, source.size)]),
  );
}

export function withFile(files: Files, name: string, bytes: Buffer | string): Files {
  return new Map(files).set(name, Buffer.from(bytes));
}

export function without(files: Files, name: string): Files {
  return new Map([...files].filter(([other]) => other !== name));
}

export function readText(files: Files, name: string): string {
  return (files.get(name) ?? Buffer.alloc(0)).toString('utf8');
}

export function readDocument(files: Files, name: string): Document {
  return JSON.parse(readText(files, name)) as Document;
}

/** The document with these members in place of its own, in canonical form. */
export function patched(files: Files, name: string, changes: Document): Files {
  return withFile(files, name, jcs({ ...readDocument(files, name), ...changes }));
}

export function eventsOf(files: Files): EventLine[] {
  const lines = readText(files, EVENTS).split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as EventLine);
}

export function linesOf(events: readonly unknown[]): string {
  return events.map((event) => `${jcs(event)}\n`).join('');
}

/** The events with `revision` counted anew. */
export function renumbered(events: readonly EventLine[]): EventLine[] {
  return events.map((event, i) => ({ ...event, revision: i + 1 }));
}

/** Other events, and a ledger that a forger made fit them; the state and the payload stay as they were. */
export function rechained(files: Files, events: readonly unknown[]): Files {
  const texts = events.map(jcs);
  const merkle_root = merkleTreeHash(texts.map((text) => Buffer.from(text))).toString('hex');
  const head = { revision: texts.length, hash: chainHead(texts) };
  const changed = withFile(files, EVENTS, linesOf(events));
  return patched(changed, LEDGER, { size: texts.length, head, merkle_root });
}

/** The manifest that makes these members a pack: every digest and the id fit. */
export function manifestFor(files: Files, changes: Document = {}): Document {
  const contents = [...files].map(([path, bytes]) => {
    return {
      path,
      sha256: sha256(bytes).toString('hex'),
      type: /\.(json|jsonl|zip)$/.exec(path)?.[1] ?? 'blob',
    };
  });
  const manifest: Document = {
    schema_id: 'gait.pack.manifest',
    schema_version: '1.0.0',
    created_at: '1980-01-01T00:00:00Z',
    producer_version: PRODUCER,
    pack_type: 'job',
    source_ref: JOB_ID,
    contents: contents.sort((a, b) => (a.path < b.path ? -1 : 1)),
    ...changes,
  };
  return { pack_id: packIdFormula(manifest), ...manifest };
}

/** A pack of these members as a forger would make it: with a manifest that fits, or with this one. */
export function forge(files: Files, manifest: Document | Buffer = manifestFor(files)): Buffer {
  const bytes = Buffer.isBuffer(manifest) ? manifest : Buffer.from(jcs(manifest));
  return zipFiles(withFile(files, MANIFEST, bytes));
}

export function zipFiles(files: Files): Buffer {
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  return rawZip({ members: sorted.map(([name, data]) => ({ name, data })) });
}
