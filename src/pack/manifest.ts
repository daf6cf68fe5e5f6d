import { canonicalDigest } from '../core/digest.ts';
import type { Timestamp } from '../core/time.ts';
import type { Signature } from '../signing/signature.ts';

export const MANIFEST_MEMBER = 'pack_manifest.json';
export const PACK_MANIFEST_SCHEMA_ID = 'gait.pack.manifest';
export const PACK_SCHEMA_VERSION = '1.0.0';

/** The time in every manifest: a pack says what was done, not when someone packed it. */
export const PACK_CREATED_AT: Timestamp = '1980-01-01T00:00:00Z';

export interface ManifestEntry {
  readonly path: string;
  /** SHA-256 of the member's bytes. */
  readonly sha256: string;
  /** `json`, `jsonl`, `zip` or `blob`, by the ending of the name. */
  readonly type: string;
}

/** schemas/v1/pack/manifest.schema.json */
export interface PackManifest {
  readonly schema_id: typeof PACK_MANIFEST_SCHEMA_ID;
  readonly schema_version: typeof PACK_SCHEMA_VERSION;
  readonly created_at: Timestamp;
  readonly producer_version: string;
  readonly pack_id: string;
  readonly pack_type: 'run' | 'job';
  readonly source_ref: string;
  readonly contents: readonly ManifestEntry[];
  readonly signatures?: readonly Signature[] | null;
}

/** The id of a pack: the digest of its manifest with an empty `pack_id` and without signatures. 64 hex digits. */
export function packIdOf(manifest: Omit<PackManifest, 'pack_id'>): string {
  const { signatures: _, ...unsigned } = manifest;
  return canonicalDigest({ ...unsigned, pack_id: '' });
}

/** What a signature of a pack is over: the digest of its manifest, pack id included, without signatures. */
export function signedPackDigestOf({ signatures: _, ...unsigned }: PackManifest): string {
  return canonicalDigest(unsigned);
}

export function entryType(path: string): string {
  const ending = /\.(json|jsonl|zip)$/.exec(path)?.[1];
  return ending ?? 'blob';
}
