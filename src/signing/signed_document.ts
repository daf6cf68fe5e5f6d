import { canonicalDigest } from '../core/digest.ts';
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts';
import type { SigningKey } from './keys.ts';
import { type Signature, signDigest } from './signature.ts';

/**
 * A document that readers of two ages check: `signature` is over the members that every version knows, `ext` holds what
 * is ours, and `ext_signature` is over all of it, the first signature too. A reader that does not know `ext` drops it
 * before it digests, and so still verifies the rest.
 */
export interface Signatures {
  readonly signature: Signature | undefined;
  /** What `signature` is over. */
  readonly digest: string;
  readonly ext: JsonObject | undefined;
  readonly extSignature: Signature | undefined;
  /** What `ext_signature` is over. */
  readonly extDigest: string;
}

/** Signs members, and what is ours beside them. The members must be without empty ones: other readers drop those. */
export function signDocument(members: JsonObject, ext: JsonObject | undefined, key: SigningKey): JsonObject {
  const signed = { ...members, signature: asJson(signDigest(canonicalDigest(members), key)) };
  if (ext === undefined) return signed;
  const whole = { ...signed, ext };
  return { ...whole, ext_signature: asJson(signDigest(canonicalDigest(whole), key)) };
}

/** The signatures of a document as it was read, and what each of them has to be over. */
export function signaturesOf(document: JsonObject): Signatures {
  const { ext_signature, ...whole } = document;
  const { signature, ext, ...members } = whole;
  return {
    signature: signatureOf(signature),
    digest: canonicalDigest(members),
    ext: isJsonObject(ext) ? ext : undefined,
    extSignature: signatureOf(ext_signature),
    extDigest: canonicalDigest(whole),
  };
}

/** A signature as it stands in a document; undefined for what has no form of one. */
export function signatureOf(value: Json | undefined): Signature | undefined {
  if (!isJsonObject(value)) return undefined;
  const { alg, key_id, sig, signed_digest, ...others } = value;
  if (Object.keys(others).length > 0) return undefined; // nobody signed those
  if (typeof alg !== 'string' || typeof key_id !== 'string' || typeof sig !== 'string') return undefined;
  if (signed_digest !== undefined && typeof signed_digest !== 'string') return undefined;
  return { alg, key_id, sig, ...(signed_digest === undefined ? {} : { signed_digest }) };
}

function asJson(signature: Signature): JsonObject {
  return { ...signature };
}
