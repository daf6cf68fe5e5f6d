import { canonicalize } from '../core/canonical.ts';
import { GaitError, invalidInput } from '../core/errors.ts';
import { parseJson } from '../core/json_text.ts';
import { epochMs, isTimestamp, type Timestamp } from '../core/time.ts';
import validate from '../schema/generated/gate_keyring.js';
import { schemaFault } from '../schema/validator.ts';
import { type KeyPurpose, Keyring } from './keyring.ts';
import { keyIdOf, parsePublicKey } from './keys.ts';

/** A key as it stands in a keyring file: schemas/v1/gate/keyring.schema.json. */
export interface KeyringEntry {
  /** SHA-256 of the 32 raw public bytes, in hexadecimal. */
  readonly key_id: string;
  /** Base64 of the 32 raw public bytes. */
  readonly public_key: string;
  readonly purposes: readonly KeyPurpose[];
  /** Who may sign with it; left out for whoever says so. */
  readonly identities?: readonly string[];
  /** Believed from then on. */
  readonly not_before?: Timestamp;
  /** Not believed any more from then on. */
  readonly not_after?: Timestamp;
  readonly revoked_at?: Timestamp;
  readonly revoked_reason?: string;
  readonly revoked_by?: string;
  readonly added_at: Timestamp;
  readonly added_by: string;
  readonly note?: string;
}

export interface KeyringDocument {
  readonly schema_id: 'gait.trust.keyring';
  readonly schema_version: '1.0.0';
  readonly keys: readonly KeyringEntry[];
}

export const EMPTY_KEYRING: KeyringDocument = {
  schema_id: 'gait.trust.keyring',
  schema_version: '1.0.0',
  keys: [],
};

/** More than a ring of {@link MAX_KEYS} keys can have, each of its texts as long as it may be. */
export const MAX_KEYRING_BYTES: number = 32 * 1024 * 1024;

export const MAX_KEYS = 1000;

/**
 * The keys of a keyring file, to judge signatures with. Strict: whatever a reader could misunderstand is refused. Throws
 * `keyring_invalid` with the place of the key, `json_malformed` or `json_ambiguous` (all invalid_input).
 */
export function parseKeyring(bytes: Uint8Array, source: string): Keyring {
  return read(bytes, source).ring;
}

/** The same file as a document, to show or to change. As strict as {@link parseKeyring}. */
export function parseKeyringDocument(bytes: Uint8Array, source: string): KeyringDocument {
  return read(bytes, source).document;
}

/** The text of a keyring file: canonical JSON, but that each key has a line of its own. */
export function keyringText({ keys, ...rest }: KeyringDocument): string {
  const lines = sorted(keys).map((key) => canonicalize(key));
  const list = lines.length === 0 ? '' : `\n${lines.join(',\n')}\n`;
  return `{"keys":[${list}],${canonicalize(rest).slice(1)}\n`;
}

/** Throws `keyring_invalid` for a key that no ring may hold. `source` is where it is from. */
export function checkEntry(entry: KeyringEntry, source: string): void {
  const fault = formFault({ ...EMPTY_KEYRING, keys: [entry] });
  if (fault !== undefined) throw invalid(source, '', fault.replace('/keys/0', '').trimStart());
  admit(new Keyring(), entry, '', source);
}

export function sorted(keys: readonly KeyringEntry[]): KeyringEntry[] {
  return [...keys].sort((a, b) => (a.key_id < b.key_id ? -1 : 1));
}

function read(
  bytes: Uint8Array,
  source: string,
): { readonly document: KeyringDocument; readonly ring: Keyring } {
  const value = parseJson(bytes, source);
  const fault = formFault(value);
  if (fault !== undefined) throw invalid(source, validate.errors?.[0]?.instancePath ?? '', fault);
  const document = value as unknown as KeyringDocument;
  const ring = new Keyring();
  for (const [index, entry] of document.keys.entries()) {
    const place = `/keys/${index}`;
    admit(ring, entry, place, source);
    if (ring.size <= index) throw invalid(source, place, `${place} is there twice: ${entry.key_id}`);
  }
  return { document, ring };
}

/** What a document has that its schema does not allow; a pattern says less to people than words do. */
function formFault(value: unknown): string | undefined {
  const fault = schemaFault(validate, value);
  if (fault?.includes('must match pattern') !== true) return fault;
  const place = validate.errors?.[0]?.instancePath ?? '';
  if (place.includes('/identities/')) return `${place} is no name: words with one space between them`;
  return /\/(note|added_by|revoked_by|revoked_reason)$/.test(place)
    ? `${place} is not one line of text`
    : `${place} has not the form that it must have`;
}

/** Admits a key that has the form of the schema. */
function admit(ring: Keyring, entry: KeyringEntry, place: string, source: string): void {
  const refused = (fault: string): GaitError =>
    invalid(source, place, place === '' ? fault : `${place}: ${fault}`);
  const time = (['not_before', 'not_after', 'revoked_at', 'added_at'] as const).find(
    (member) => !isTimestamp(entry[member] ?? entry.added_at),
  );
  if (time !== undefined) throw refused(`${time} is not a valid timestamp: ${entry[time]}`);
  const { key_id, not_before, not_after, revoked_at } = entry;
  if (not_before !== undefined && not_after !== undefined && epochMs(not_before) >= epochMs(not_after)) {
    throw refused('not_after is not later than not_before');
  }
  try {
    const publicKey = parsePublicKey(entry.public_key, key_id);
    if (keyIdOf(publicKey) !== key_id) {
      throw refused('key_id is not the digest of public_key');
    }
    ring.admit({
      ...{ publicKey, purposes: entry.purposes, identities: entry.identities ?? [], source },
      ...(not_before === undefined ? {} : { notBefore: not_before }),
      ...(not_after === undefined ? {} : { notAfter: not_after }),
      ...(revoked_at === undefined ? {} : { revokedAt: revoked_at }),
    });
  } catch (error) {
    if (!(error instanceof GaitError) || error.code === 'keyring_invalid') throw error;
    throw refused(error.message);
  }
}

function invalid(source: string, place: string, fault: string): GaitError {
  const hint = 'See docs/guides/keys.md for what a keyring holds; `gait keys add` writes one.';
  return invalidInput('keyring_invalid', `${source}: ${fault}`, hint, { place });
}
