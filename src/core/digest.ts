import { createHash } from 'node:crypto';
import { canonicalBytes } from './canonical.ts';

/** SHA-256 as 64 lower-case hexadecimal digits, the only spelling of a digest in gait's artifacts. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** SHA-256 as 32 bytes, over the concatenation of its arguments. */
export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** SHA-256 of the canonical JSON (RFC 8785) of a value. */
export function canonicalDigest(value: unknown): string {
  return sha256Hex(canonicalBytes(value));
}

export const DIGEST_PATTERN: RegExp = /^[0-9a-f]{64}$/;
