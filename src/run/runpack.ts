import { canonicalBytes } from '../core/canonical.ts';
import { canonicalDigest, sha256Hex } from '../core/digest.ts';
import { invalidInput } from '../core/errors.ts';
import { MAX_RECORD_BYTES } from '../core/limits.ts';
import type { SigningKey } from '../signing/keys.ts';
import { signDigest } from '../signing/signature.ts';
import type { NewMember } from '../zip/writer.ts';
import {
  type CapturedRun,
  INTENTS_MEMBER,
  REFS_MEMBER,
  RESULTS_MEMBER,
  RUN_MANIFEST_MEMBER,
  RUN_MANIFEST_SCHEMA_ID,
  RUN_MEMBER,
  RUN_SCHEMA_VERSION,
  type RunManifest,
} from './documents.ts';

export interface Runpack {
  readonly manifest: RunManifest;
  /** Every member, the manifest included. */
  readonly members: readonly NewMember[];
}

/** The runpack of a captured run. Pure: the same run and key give the same bytes. */
export function buildRunpack(captured: CapturedRun, key?: SigningKey): Runpack {
  const { run, captureMode } = captured;
  const members: NewMember[] = [
    { name: INTENTS_MEMBER, bytes: lines(captured.intents) },
    { name: REFS_MEMBER, bytes: canonicalBytes(captured.refs) },
    { name: RESULTS_MEMBER, bytes: lines(captured.results) },
    { name: RUN_MEMBER, bytes: canonicalBytes(run) },
  ];
  const undigested = {
    schema_id: RUN_MANIFEST_SCHEMA_ID,
    schema_version: RUN_SCHEMA_VERSION,
    created_at: run.created_at,
    producer_version: run.producer_version,
    run_id: run.run_id,
    capture_mode: captureMode,
    files: members.map(({ name, bytes }) => ({ path: name, sha256: sha256Hex(bytes) })),
    manifest_digest: '',
  };
  const unsigned: RunManifest = { ...undigested, manifest_digest: manifestDigestOf(undigested) };
  const manifest =
    key === undefined ? unsigned : { ...unsigned, signatures: [signDigest(signedDigestOf(unsigned), key)] };
  return {
    manifest,
    members: [...members, { name: RUN_MANIFEST_MEMBER, bytes: canonicalBytes(manifest) }],
  };
}

/** The digest of a manifest: of itself with an empty `manifest_digest` and without signatures. */
export function manifestDigestOf(manifest: RunManifest): string {
  const { signatures: _, ...unsigned } = manifest;
  return canonicalDigest({ ...unsigned, manifest_digest: '' });
}

/** What a signature of a runpack is over: the digest of its manifest, manifest digest included, without signatures. */
export function signedDigestOf({ signatures: _, ...unsigned }: RunManifest): string {
  return canonicalDigest(unsigned);
}

function lines(records: readonly object[]): Buffer {
  return Buffer.concat(records.flatMap((record) => [lineOf(record), NEWLINE]));
}

function lineOf(record: object): Buffer {
  const bytes = canonicalBytes(record);
  if (bytes.length <= MAX_RECORD_BYTES) return bytes;
  const message = `a record of ${bytes.length} bytes; the limit is ${MAX_RECORD_BYTES}`;
  throw invalidInput('record_invalid', message, 'Keep large content elsewhere, and its digest here.');
}

const NEWLINE = Buffer.from('\n');
