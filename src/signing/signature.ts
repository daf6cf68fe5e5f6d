import { sign } from 'node:crypto';
import { DIGEST_PATTERN } from '../core/digest.ts';
import { invalidInput } from '../core/errors.ts';
import type { SigningKey } from './keys.ts';

/** A signature as it stands in an artifact. */
export interface Signature {
  readonly alg: string;
  /** SHA-256 of the 32 raw public bytes, in hexadecimal. */
  readonly key_id: string;
  /** Standard base64 of 64 bytes. */
  readonly sig: string;
  /** What was signed: the SHA-256 of the canonical document, in hexadecimal. */
  readonly signed_digest?: string;
}

/** Signs a digest: Ed25519 over its 32 raw bytes. Deterministic, RFC 8032 §5.1.6. */
export function signDigest(digest: string, key: SigningKey): Signature {
  if (!DIGEST_PATTERN.test(digest))
    throw invalidInput('digest_malformed', `not a SHA-256 in hexadecimal: ${digest}`);
  const sig = sign(null, Buffer.from(digest, 'hex'), key.secret).toString('base64');
  return { alg: 'ed25519', key_id: key.keyId, sig, signed_digest: digest };
}
