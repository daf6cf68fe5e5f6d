import type { TrustedKey } from '../../src/signing/keyring.ts';
import type { KeyringDocument, KeyringEntry } from '../../src/signing/keyring_file.ts';
import type { SigningKey } from '../../src/signing/keys.ts';
import { numberedKey } from './keys.ts';

/** A key that is believed for packs, with what a test changes of that. */
export function trusted(key: SigningKey, changes: Partial<TrustedKey> = {}): TrustedKey {
  return { publicKey: key.publicKey, purposes: ['pack'], identities: [], source: 'a test', ...changes };
}

/** The entry of the key of a number, for packs, with what a test changes of that. */
export function entryOf(n: number, changes: Partial<KeyringEntry> = {}): KeyringEntry {
  const { keyId, publicKey } = numberedKey(n);
  return {
    ...{ key_id: keyId, public_key: publicKey.toString('base64'), purposes: ['pack'] },
    ...{ added_at: '2026-01-01T00:00:00Z', added_by: 'alice' },
    ...changes,
  };
}

export function ringOf(...keys: readonly KeyringEntry[]): KeyringDocument {
  return { schema_id: 'gait.trust.keyring', schema_version: '1.0.0', keys };
}
