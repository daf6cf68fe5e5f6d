import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { sha256Hex } from '../core/digest.ts';
import { type GaitError, invalidInput } from '../core/errors.ts';
import { stripped } from '../core/text.ts';

/** The raw public key of Ed25519: 32 bytes. RFC 8032 §5.1.5. */
export type PublicKey = Buffer;

/** A private key that can sign, and what is known of it. */
export interface SigningKey {
  readonly publicKey: PublicKey;
  readonly keyId: string;
  /** Kept as an object of node:crypto: importing it costs as much as a signature. */
  readonly secret: KeyObject;
  /** The file's form: base64 of seed ‖ public key. */
  readonly encoded: string;
}

const SEED_BYTES = 32;
const PUBLIC_BYTES = 32;

/** RFC 8410: the DER that precedes a raw seed in PKCS#8. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The id of a key: SHA-256 of its 32 raw public bytes, 64 hexadecimal digits. */
export function keyIdOf(publicKey: PublicKey): string {
  return sha256Hex(publicKey);
}

export function generateKey(): SigningKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8_PREFIX.length);
  return signingKey(seed);
}

/** Reads a private key file's text: one line of base64, 64 bytes, seed ‖ public. Throws `key_malformed`. */
export function parsePrivateKey(text: string, source: string): SigningKey {
  const bytes = decode(text, SEED_BYTES + PUBLIC_BYTES, 'private', source);
  const key = signingKey(bytes.subarray(0, SEED_BYTES));
  if (!key.publicKey.equals(bytes.subarray(SEED_BYTES))) {
    throw malformed(`the private key of ${source} holds a public half that its seed does not make`);
  }
  return key;
}

/** Reads a public key file's text: one line of base64, 32 bytes. Throws `key_malformed`. */
export function parsePublicKey(text: string, source: string): PublicKey {
  return decode(text, PUBLIC_BYTES, 'public', source);
}

/** The text of a key file: base64 and a newline. */
export function keyFileText(bytes: Uint8Array | string): string {
  return `${typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('base64')}\n`;
}

/** True for the text of a private or public key: base64 of 64 or 32 bytes. */
export function looksLikeKey(text: string): boolean {
  const line = text.trim();
  const bytes = Buffer.from(line, 'base64');
  const isKeySize = bytes.length === SEED_BYTES + PUBLIC_BYTES || bytes.length === PUBLIC_BYTES;
  return isKeySize && bytes.toString('base64') === line;
}

function signingKey(seed: Buffer): SigningKey {
  const der = Buffer.concat([PKCS8_PREFIX, seed]);
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const publicKey = rawPublicKey(createPublicKey(secret));
  const encoded = Buffer.concat([seed, publicKey]).toString('base64');
  return { publicKey, keyId: keyIdOf(publicKey), secret, encoded };
}

function rawPublicKey(key: KeyObject): PublicKey {
  const { x } = key.export({ format: 'jwk' });
  return Buffer.from(x ?? '', 'base64url');
}

function decode(text: string, length: number, kind: 'private' | 'public', source: string): Buffer {
  const line = stripped(text, ' \t\r\n');
  if (line.startsWith('-----BEGIN'))
    throw malformed(
      `the ${kind} key of ${source} is in PEM; what is taken is base64 of ${length} bytes, on one line`,
    );
  const bytes = Buffer.from(line, 'base64');
  // Node's decoder skips what is not base64: only the one spelling of these bytes is a key.
  if (bytes.toString('base64') !== line) throw malformed(`the ${kind} key of ${source} is not base64`);
  if (bytes.length !== length) {
    throw malformed(`the ${kind} key of ${source} has ${bytes.length} bytes, not ${length}`);
  }
  return bytes;
}

function malformed(message: string): GaitError {
  return invalidInput('key_malformed', message, '`gait keys init` makes a pair of key files.');
}
