import { createHash } from 'node:crypto';
import { getPublicKey, hashes } from '@noble/ed25519';
import { keyFileText, parsePrivateKey, type SigningKey } from '../../src/signing/keys.ts';
import type { Signature } from '../../src/signing/signature.ts';
import { TrustSet } from '../../src/signing/trust.ts';

// noble is the second opinion of these tests; its synchronous functions need to be given a SHA-512.
hashes.sha512 = (message) => createHash('sha512').update(message).digest();

/** artifacts.md §15: the key whose seed is 00 01 … 1f. */
export const GOLDEN_SEED: Buffer = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
export const GOLDEN_KEY_ID = '56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c';
export const GOLDEN_PUBLIC_FILE = 'A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n';

/** Seed ‖ public, as a private key file holds it; the public half is made by noble. */
export function privateText(seed: Uint8Array): string {
  return keyFileText(Buffer.concat([seed, getPublicKey(seed)]));
}

export function keyOfSeed(seed: Uint8Array): SigningKey {
  return parsePrivateKey(privateText(seed), 'a test');
}

/** A key that differs with its number. */
export function numberedKey(n: number): SigningKey {
  return keyOfSeed(Buffer.alloc(32, n));
}

export function trusting(...keys: readonly SigningKey[]): TrustSet {
  const trust = new TrustSet();
  for (const { publicKey } of keys) trust.admit(publicKey, 'a test');
  return trust;
}

/** The same bytes with one bit turned. */
export function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = bit >> 3;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

/** The signature with one bit of its 64 bytes turned. */
export function corrupted(signature: Signature, bit: number): Signature {
  return { ...signature, sig: flipped(Buffer.from(signature.sig, 'base64'), bit).toString('base64') };
}

/** Every spelling in which the seed of a private key file could leak. */
export function secretsOf(privateKeyText: string): string[] {
  const seed = Buffer.from(privateKeyText, 'base64').subarray(0, 32);
  const [base64, url] = (['base64', 'base64url'] as const).map((form) => seed.toString(form).slice(0, 40));
  return [base64 ?? '', url ?? '', seed.toString('hex'), seed.toString('hex').toUpperCase()];
}
