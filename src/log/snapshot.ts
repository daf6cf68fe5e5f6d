import { canonicalBytes, parseCanonical } from '../core/canonical.ts';
import { DIGEST_PATTERN, sha256Hex } from '../core/digest.ts';
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts';
import type { Snapshot } from './store.ts';

export const SNAPSHOT_FILE = 'snapshot.json';

/** A larger one is not read: the state of a stream is small, and the log has all of it. Bytes. */
export const MAX_SNAPSHOT_BYTES: number = 16 * 1024 * 1024;
export const SNAPSHOT_SCHEMA_ID = 'gait.log.snapshot';
const SCHEMA_VERSION = '1.0.0';

/** A snapshot as canonical JSON: `{hash, offset, revision, schema_id, schema_version, state, stream}`. */
export function snapshotBytes(stream: string, { position, state }: Snapshot): Buffer {
  const { revision, hash, offset } = position;
  const header = { schema_id: SNAPSHOT_SCHEMA_ID, schema_version: SCHEMA_VERSION };
  const body = { ...header, stream, revision, hash, offset, state };
  return canonicalBytes({ ...body, digest: sha256Hex(canonicalBytes(body)) });
}

/** The snapshot in these bytes, or undefined: a cache that cannot be read is no snapshot, and no error. */
export function parseSnapshot(bytes: Uint8Array, stream: string): Snapshot | undefined {
  let value: Json;
  try {
    value = parseCanonical(bytes);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value) || value['schema_id'] !== SNAPSHOT_SCHEMA_ID) return undefined;
  if (value['schema_version'] !== SCHEMA_VERSION || value['stream'] !== stream) return undefined;
  const { digest, ...body } = value;
  if (digest !== sha256Hex(canonicalBytes(body))) return undefined;
  const { revision, hash, offset, state } = value;
  if (!isCount(revision) || !isCount(offset) || !isJsonObject(state)) return undefined;
  if (typeof hash !== 'string' || !DIGEST_PATTERN.test(hash)) return undefined;
  return { position: { revision, hash, offset }, state: state as JsonObject };
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}
