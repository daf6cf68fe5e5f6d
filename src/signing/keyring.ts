import type { Timestamp } from '../core/time.ts';
import { epochMs } from '../core/time.ts';
import { keyIdOf, type PublicKey } from './keys.ts';
import type { Signature } from './signature.ts';
import { TrustSet } from './trust.ts';

/** What a key may sign. One key for two purposes is two entries' worth of trust: say so on purpose. */
export const KEY_PURPOSES = ['gate', 'approver', 'delegator', 'pack'] as const;
export type KeyPurpose = (typeof KEY_PURPOSES)[number];

/** A public key that a reader believes, for what, of whom, and how long. */
export interface TrustedKey {
  readonly publicKey: PublicKey;
  readonly purposes: readonly KeyPurpose[];
  /** Who may sign with it; empty for whoever says so. */
  readonly identities: readonly string[];
  readonly notBefore?: Timestamp;
  readonly notAfter?: Timestamp;
  readonly revokedAt?: Timestamp;
  /** Where it is from, for messages. */
  readonly source: string;
}

/** The key that made a signature, or why it counts for nothing. */
export type SignedBy =
  | {
      readonly keyId: string;
      /** Who it is believed to be in this: no name for any. */
      readonly identities: readonly string[];
      /** Every name that the ring has for it, for whatever purpose. */
      readonly names: readonly string[];
    }
  | { readonly fault: string; readonly revoked?: true };

/** Keys with purposes. An input, never taken from what is verified. */
export class Keyring {
  readonly #keys = new Map<string, TrustedKey[]>();
  readonly #trust = new TrustSet();

  /** Throws `key_untrustworthy`. A key that is admitted twice is believed for both, and revoked if either is. */
  admit(key: TrustedKey): void {
    this.#trust.admit(key.publicKey, key.source);
    const id = keyIdOf(key.publicKey);
    this.#keys.set(id, [...(this.#keys.get(id) ?? []), key]);
  }

  get size(): number {
    return this.#keys.size;
  }

  /** How many keys there are for a purpose, usable or not. */
  count(purpose: KeyPurpose): number {
    const all = [...this.#keys.values()];
    return all.filter((keys) => keys.some(({ purposes }) => purposes.includes(purpose))).length;
  }

  /** True if a key is for a purpose, for whoever signs with it, and valid at a time. */
  believes(
    { keyId, identity }: { readonly keyId: string; readonly identity: string },
    purpose: KeyPurpose,
    now: Timestamp,
  ): boolean {
    const keys = this.#keys.get(keyId) ?? [];
    if (keys.some(({ revokedAt }) => revokedAt !== undefined)) return false;
    return keys.some(({ identities, purposes, ...times }) => {
      const isTheirs = identities.length === 0 || identities.includes(identity);
      return isTheirs && purposes.includes(purpose) && isValidAt(times, now);
    });
  }

  /** Who made a signature over a digest for a purpose, at a time that the key is valid at. */
  signer(signature: Signature, digest: string, purpose: KeyPurpose, now: Timestamp): SignedBy {
    const fault = this.#trust.fault(signature, digest);
    if (fault !== undefined) return { fault };
    const keys = this.#keys.get(signature.key_id) ?? [];
    if (keys.some(({ revokedAt }) => revokedAt !== undefined)) {
      return { fault: `the key ${signature.key_id} is revoked`, revoked: true };
    }
    const meant = keys.filter(({ purposes }) => purposes.includes(purpose));
    if (meant.length === 0) return { fault: `the key ${signature.key_id} is not for the purpose ${purpose}` };
    const valid = meant.filter((one) => isValidAt(one, now));
    if (valid.length === 0) return { fault: `the key ${signature.key_id} is not valid at ${now}` };
    const anybody = valid.some(({ identities }) => identities.length === 0);
    return {
      keyId: signature.key_id,
      identities: anybody ? [] : valid.flatMap(({ identities }) => identities),
      names: keys.flatMap(({ identities }) => identities),
    };
  }
}

function isValidAt(
  { notBefore, notAfter }: Pick<TrustedKey, 'notBefore' | 'notAfter'>,
  now: Timestamp,
): boolean {
  const at = epochMs(now);
  const begun = notBefore === undefined || epochMs(notBefore) <= at;
  return begun && (notAfter === undefined || at < epochMs(notAfter));
}
