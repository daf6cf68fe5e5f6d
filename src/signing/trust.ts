import { createPublicKey, verify } from 'node:crypto';
import { Point } from '@noble/ed25519';
import { DIGEST_PATTERN } from '../core/digest.ts';
import { invalidInput } from '../core/errors.ts';
import { keyIdOf, type PublicKey } from './keys.ts';
import type { Signature } from './signature.ts';

/** Whom a reader believes. An input, never taken from what is verified. */
export interface Trust {
  /** How many keys there are; with none, nothing is checked. */
  readonly size: number;
  /** Why a signature over a digest does not hold for any key that is believed; undefined when it does. */
  fault(signature: Signature, digest: string): string | undefined;
  /** True for a key that is believed to approve in a name, as far as the reader says what its keys are for and whose. */
  isApprover(keyId: string, identity: string): boolean;
}

/** Public keys that are believed without further condition. */
export class TrustSet implements Trust {
  readonly #keys = new Map<string, PublicKey>();
  readonly #sources: string[] = [];

  /** Throws `key_untrustworthy` for a key that no honest pair has: not canonical, off the curve, or of small order. */
  admit(publicKey: PublicKey, source: string): void {
    if (!isSoundKey(publicKey)) {
      const hint = 'Such a key verifies signatures that nobody made.';
      throw invalidInput('key_untrustworthy', `the public key of ${source} is not a valid Ed25519 key`, hint);
    }
    this.#keys.set(keyIdOf(publicKey), publicKey);
    this.#sources.push(source);
  }

  get size(): number {
    return this.#keys.size;
  }

  /** Where the keys are from, in the order in which they were admitted. */
  get sources(): readonly string[] {
    return this.#sources;
  }

  get keyIds(): readonly string[] {
    return [...this.#keys.keys()].sort();
  }

  isApprover(keyId: string): boolean {
    return this.#keys.has(keyId);
  }

  fault(signature: Signature, digest: string): string | undefined {
    return faultUnder(this.#keys.get(signature.key_id), signature, digest);
  }
}

/** Why a signature over a digest does not hold for a key, which was found sound; undefined when it does. */
export function faultUnder(
  key: PublicKey | undefined,
  { alg, key_id, sig, signed_digest }: Signature,
  digest: string,
): string | undefined {
  if (signed_digest === undefined) return 'missing signed_digest';
  if (signed_digest !== digest) return `signed_digest is ${signed_digest}, the document makes ${digest}`;
  if (alg !== 'ed25519') return `unsupported alg: ${alg}`;
  if (key === undefined) return `no trusted key has the id ${key_id}`;
  const bytes = Buffer.from(sig, 'base64');
  if (bytes.length !== 64 || bytes.toString('base64') !== sig) return 'sig is not base64 of 64 bytes';
  return verifies(bytes, digest, key) ? undefined : 'the signature is not of this document and key';
}

/** True if the point is canonical, on the curve and not of small order. RFC 8032 §5.1.3; ZIP 215 is not what is wanted. */
export function isSoundKey(publicKey: PublicKey): boolean {
  try {
    return !Point.fromBytes(publicKey, false).isSmallOrder();
  } catch {
    return false;
  }
}

function verifies(signature: Buffer, digest: string, publicKey: PublicKey): boolean {
  if (!DIGEST_PATTERN.test(digest)) return false;
  const x = publicKey.toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return verify(null, Buffer.from(digest, 'hex'), key, signature);
}
