import { canonicalize } from '../core/canonical.ts';
import { type GaitError, invalidInput } from '../core/errors.ts';
import { epochMs, type Timestamp } from '../core/time.ts';
import { KEY_PURPOSES } from './keyring.ts';
import { checkEntry, type KeyringDocument, type KeyringEntry, MAX_KEYS, sorted } from './keyring_file.ts';

/**
 * The ring with one more key. Nothing is merged: a key that is there stays as it is, and the same document is answered if
 * the new entry says the same of it (whoever added it, and when). Throws `key_known`, `key_revoked` (a revoked key never
 * comes back), `keyring_full`, or `keyring_invalid` for an entry that no ring may hold.
 */
export function added(document: KeyringDocument, entry: KeyringEntry): KeyringDocument {
  checkEntry(entry, 'the new key');
  const { keys } = document;
  const known = keys.find(({ key_id }) => key_id === entry.key_id);
  if (known?.revoked_at !== undefined) throw revokedAlready(known);
  if (known !== undefined) {
    if (statementOf(known) === statementOf(entry)) return document;
    const hint = 'Revoke it and add another key, so that nobody is believed for more than was decided once.';
    throw invalidInput(
      'key_known',
      `the ring has the key ${entry.key_id}, and says other things of it`,
      hint,
    );
  }
  if (keys.length >= MAX_KEYS) {
    const hint = 'Begin another ring.';
    throw invalidInput('keyring_full', `the ring has ${keys.length} keys, as many as it may`, hint);
  }
  return { ...document, keys: sorted([...keys, ordered(entry)]) };
}

/**
 * The ring with a key revoked, for ever. Revoking it again for the same reason changes nothing. Throws `key_unknown`,
 * `key_revoked` when another reason stands there, `keyring_invalid` for a reason or a name that a ring cannot hold.
 */
export function revoked(
  document: KeyringDocument,
  keyId: string,
  at: Timestamp,
  reason: string,
  by: string,
): KeyringDocument {
  const known = document.keys.find(({ key_id }) => key_id === keyId);
  if (known === undefined) throw unknown(keyId);
  if (known.revoked_reason === reason) return document;
  if (known.revoked_at !== undefined) throw revokedAlready(known);
  const ended = { ...known, revoked_at: at, revoked_reason: reason, revoked_by: by };
  checkEntry(ended, 'the revoked key');
  return { ...document, keys: document.keys.map((key) => (key === known ? ended : key)) };
}

/** The key of a ring whose id begins so. Throws `flag_value_invalid`, `key_unknown`, `key_ambiguous`. */
export function keyByPrefix({ keys }: KeyringDocument, prefix: string): KeyringEntry {
  if (!/^[0-9a-f]{8,64}$/.test(prefix)) {
    const hint = 'Give 8 to 64 of the digits that `gait keys list` shows.';
    throw invalidInput('flag_value_invalid', `no id of a key: ${JSON.stringify(prefix)}`, hint);
  }
  const [key, other] = keys.filter(({ key_id }) => key_id.startsWith(prefix));
  if (key === undefined) throw unknown(prefix);
  if (other === undefined) return key;
  throw invalidInput('key_ambiguous', `several keys begin with ${prefix}`, 'Give more of its digits.');
}

export type KeyStatus = 'valid' | 'not_yet_valid' | 'expired' | 'revoked';

/** What a key of a ring is worth at a time. */
export function keyStatus({ revoked_at, not_before, not_after }: KeyringEntry, now: Timestamp): KeyStatus {
  const at = epochMs(now);
  if (revoked_at !== undefined) return 'revoked';
  if (not_before !== undefined && at < epochMs(not_before)) return 'not_yet_valid';
  return not_after !== undefined && at >= epochMs(not_after) ? 'expired' : 'valid';
}

/** All that is said of a key, apart from who said it and when. */
function statementOf(entry: KeyringEntry): string {
  const { added_at: _at, added_by: _by, ...statement } = ordered(entry);
  return canonicalize(statement);
}

/** The same entry, its lists in the one order. */
function ordered(entry: KeyringEntry): KeyringEntry {
  const { purposes, identities } = entry;
  return {
    ...entry,
    purposes: KEY_PURPOSES.filter((purpose) => purposes.includes(purpose)),
    ...(identities === undefined ? {} : { identities: [...identities].sort() }),
  };
}

function revokedAlready({ key_id, revoked_at, revoked_reason }: KeyringEntry): GaitError {
  const message = `the key ${key_id} was revoked at ${revoked_at}: ${revoked_reason}`;
  return invalidInput('key_revoked', message, 'That stands for ever. `gait keys rotate` makes another pair.');
}

function unknown(keyId: string): GaitError {
  const hint = '`gait keys list` shows the keys of the ring.';
  return invalidInput('key_unknown', `no key of the ring has the id ${keyId}`, hint);
}
