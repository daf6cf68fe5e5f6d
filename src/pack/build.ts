import { crc32 } from 'node:zlib';
import { canonicalBytes } from '../core/canonical.ts';
import { sha256Hex } from '../core/digest.ts';
import { digestSource } from '../files/digest_file.ts';
import { type ByteSource, sourceOf } from '../files/source.ts';
import type { SigningKey } from '../signing/keys.ts';
import { signDigest } from '../signing/signature.ts';
import {
  entryType,
  MANIFEST_MEMBER,
  PACK_CREATED_AT,
  PACK_MANIFEST_SCHEMA_ID,
  PACK_SCHEMA_VERSION,
  type PackManifest,
  packIdOf,
  signedPackDigestOf,
} from './manifest.ts';

/** A member of a pack, with what its manifest and headers say of it. */
export interface PackMember {
  readonly name: string;
  readonly source: ByteSource;
  readonly sha256: string;
  readonly crc32: number;
}

export interface Pack {
  readonly manifest: PackManifest;
  /** Every member, the manifest included. */
  readonly members: readonly PackMember[];
}

/** A member whose bytes are at hand. */
export function memberOf(name: string, bytes: Buffer): PackMember {
  return { name, source: sourceOf(bytes), sha256: sha256Hex(bytes), crc32: crc32(bytes) };
}

/** A member that is read in pieces, now for its digests and again when it is written. */
export function streamedMember(name: string, source: ByteSource): PackMember {
  return { name, source, ...digestSource(source) };
}

/** What a pack is made of. */
export interface PackParts {
  readonly packType: PackManifest['pack_type'];
  readonly sourceRef: string;
  readonly producerVersion: string;
  readonly members: readonly PackMember[];
}

/** Puts a manifest over members, signed if there is a key. */
export function sealPack(parts: PackParts, key?: SigningKey): Pack {
  const contents = parts.members
    .map(({ name, sha256 }) => ({ path: name, sha256, type: entryType(name) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const unsealed = {
    schema_id: PACK_MANIFEST_SCHEMA_ID,
    schema_version: PACK_SCHEMA_VERSION,
    created_at: PACK_CREATED_AT,
    producer_version: parts.producerVersion,
    pack_type: parts.packType,
    source_ref: parts.sourceRef,
    contents,
  } as const;
  const unsigned: PackManifest = { ...unsealed, pack_id: packIdOf(unsealed) };
  const manifest =
    key === undefined
      ? unsigned
      : { ...unsigned, signatures: [signDigest(signedPackDigestOf(unsigned), key)] };
  return {
    manifest,
    members: [...parts.members, memberOf(MANIFEST_MEMBER, canonicalBytes(manifest))],
  };
}
