import { canonicalize } from '../../core/canonical.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { byBytes, lowered, trimmed } from '../../core/text.ts';
import { epochMs, inUtc, isZonedTime } from '../../core/time.ts';
import type { KeyPurpose, Keyring } from '../../signing/keyring.ts';
import { signaturesOf } from '../../signing/signed_document.ts';

/** A clock may be this far ahead of that of the one who signed. Milliseconds. */
export const CLOCK_SKEW_MS = 60_000;

/** In the scope of a token whose restrictions stand in `ext`: without `ext` it is worth nothing. */
export const BOUND_SCOPE = 'bound:ext';

/** Why a token counts for nothing, as the end of its code: `expired` of `approval_token_expired`. */
export type TokenFault =
  | 'invalid'
  | 'signature_missing'
  | 'signature_invalid'
  | 'key_revoked'
  | 'keys_missing'
  | 'expired'
  | 'not_yet_valid'
  | 'lifetime_exceeded'
  | 'unbound'
  | 'audience_mismatch'
  | 'intent_mismatch'
  | 'policy_mismatch';

/** What every kind of token has, once its form and its signatures hold. */
export interface TokenBase {
  readonly token_id: string;
  readonly created_at: string;
  readonly expires_at: string;
  readonly scope: readonly string[];
  /** What the signature is over, and what a token is used up by: two that differ in `ext` alone count as one. */
  readonly digest: string;
  readonly keyId: string;
  /** Who its key is believed to be; no name for any. */
  readonly identities: readonly string[];
  /** Every name that is known of its key. */
  readonly names: readonly string[];
  readonly ext: JsonObject | undefined;
}

/** How tokens are looked at by who asks. */
export interface TokenRules {
  readonly keyring: Keyring;
  readonly now: string;
  /** What this gate is called; a token for another is not for this one. */
  readonly audience?: string;
  /** The longest that a token may live. Milliseconds; undefined for any. */
  readonly maxLifetimeMs?: number;
  /** Tokens without an `ext` of ours do not count. */
  readonly extRequired?: boolean;
}

/** A token that holds, or why it does not. */
export type Checked<T> = { readonly token: T } | { readonly fault: TokenFault; readonly detail: string };

/** Text members of a token, as they were signed: trimmed, or they would not verify elsewhere. */
export function textsIn(document: JsonObject, names: readonly string[]): Record<string, string> | undefined {
  const texts: Record<string, string> = {};
  for (const name of names) {
    const value = document[name];
    if (value === undefined) continue;
    if (typeof value !== 'string' || value === '' || trimmed(value) !== value) return undefined;
    texts[name] = value;
  }
  return texts;
}

/** A list of scopes as it must stand in a token: small letters, sorted, each once, at least one. */
export function scopesIn(value: Json | undefined): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const scopes = value.filter((scope): scope is string => typeof scope === 'string');
  const plain = [...new Set(scopes.map((scope) => lowered(trimmed(scope))))].sort(byBytes);
  const same = scopes.length === value.length && plain.join('\n') === scopes.join('\n');
  return same && !plain.includes('') ? scopes : undefined;
}

/**
 * Checks what all tokens have in common: form, signature by a key for the purpose, lifetime, and what `ext` adds.
 * `known` are the members that this kind may have: one that is unknown may be a restriction, so it is refused.
 */
export function checkBase(
  document: JsonObject,
  known: ReadonlySet<string>,
  purpose: KeyPurpose & ('approver' | 'delegator'),
  rules: TokenRules,
): Checked<TokenBase> {
  const { keyring, now } = rules;
  if (!isCanonical(document)) return { fault: 'invalid', detail: 'it is nothing that can be signed' };
  const { signature, digest, ext } = signaturesOf(document);
  if (signature === undefined) return { fault: 'signature_missing', detail: 'it is not signed' };
  if (keyring.count(purpose) === 0) {
    return { fault: 'keys_missing', detail: `no key is believed for the purpose ${purpose}` };
  }
  const signer = keyring.signer(signature, digest, purpose, now);
  if ('fault' in signer) {
    return { fault: signer.revoked === true ? 'key_revoked' : 'signature_invalid', detail: signer.fault };
  }
  const strange = Object.keys(document).find((name) => !known.has(name) && !SIGNATURES.has(name));
  // What stands otherwise than in the form that is signed is not what was signed, to every reader.
  if (strange !== undefined) return malformed(`it has an unknown member ${strange}`);
  const { token_id, created_at, expires_at } = document;
  const scope = scopesIn(document['scope']);
  if (!isTime(created_at) || !isTime(expires_at))
    return malformed('its timestamps are not in the canonical form that was signed (UTC, `…Z`)');
  if (scope === undefined) return malformed('its scope is no sorted list of small letters');
  if (typeof token_id !== 'string') return { fault: 'invalid', detail: 'it has no token_id' };
  const token = { ...signer, token_id, created_at, expires_at, scope, digest, ext };
  return lifetimeFault(token, rules) ?? extFault(document, token, purpose, rules) ?? { token };
}

/** False for half characters, and what is nested too deep. */
function isCanonical(document: JsonObject): boolean {
  try {
    canonicalize(document);
    return true;
  } catch {
    return false;
  }
}

function malformed(detail: string): Checked<never> {
  return { fault: 'signature_invalid', detail };
}

const SIGNATURES: ReadonlySet<string> = new Set(['signature', 'ext', 'ext_signature']);

function isTime(value: Json | undefined): value is string {
  return typeof value === 'string' && isZonedTime(value);
}

function lifetimeFault(
  { created_at, expires_at }: TokenBase,
  { now, maxLifetimeMs }: TokenRules,
): Checked<never> | undefined {
  const at = epochMs(now);
  const [created, expires] = [epochMs(inUtc(created_at)), epochMs(inUtc(expires_at))];
  if (at >= expires) return { fault: 'expired', detail: `it ended at ${expires_at}` };
  if (created > at + CLOCK_SKEW_MS) return { fault: 'not_yet_valid', detail: `it is of ${created_at}` };
  if (maxLifetimeMs !== undefined && expires - created > maxLifetimeMs) {
    return { fault: 'lifetime_exceeded', detail: `it lives longer than ${maxLifetimeMs / 1000} s` };
  }
  return undefined;
}

/** What `ext` says restricts further. One that is there must be signed by the same key; one that was cut off shows. */
function extFault(
  document: JsonObject,
  { scope, keyId, ext }: TokenBase,
  purpose: KeyPurpose,
  { keyring, now, audience, extRequired = false }: TokenRules,
): Checked<never> | undefined {
  if (ext === undefined) {
    if (document['ext'] !== undefined) return { fault: 'invalid', detail: 'its ext is no object' };
    if (extRequired) return { fault: 'unbound', detail: 'it has no ext, which this profile demands' };
    const bound = scope.includes(BOUND_SCOPE);
    return bound ? { fault: 'unbound', detail: 'the ext that it was signed with is gone' } : undefined;
  }
  const { extSignature, extDigest } = signaturesOf(document);
  const signer =
    extSignature === undefined ? undefined : keyring.signer(extSignature, extDigest, purpose, now);
  if (signer === undefined || 'fault' in signer || signer.keyId !== keyId) {
    return { fault: 'signature_invalid', detail: 'its ext is not signed by the key that signed it' };
  }
  const { schema_id, schema_version, purpose: meant, not_before, audience: wanted } = ext;
  if (schema_id !== 'gait.gate.token_ext' || schema_version !== '1.0.0') {
    return { fault: 'invalid', detail: 'its ext is of a version that this gate does not know' };
  }
  if (typeof ext['nonce'] !== 'string' || !/^[0-9a-f]{32}$/.test(ext['nonce'])) {
    return { fault: 'invalid', detail: 'its ext has no nonce' };
  }
  if (meant !== PURPOSE_WORDS[purpose])
    return { fault: 'invalid', detail: 'it was signed for another purpose' };
  if (not_before !== undefined && (!isTime(not_before) || epochMs(now) < epochMs(inUtc(not_before)))) {
    return { fault: 'not_yet_valid', detail: `it does not hold before ${String(not_before)}` };
  }
  if (wanted === undefined && audience !== undefined && extRequired) {
    return { fault: 'audience_mismatch', detail: `it does not say that it is for the gate ${audience}` };
  }
  if (wanted !== undefined && wanted !== audience) {
    return { fault: 'audience_mismatch', detail: `it is for the gate ${JSON.stringify(wanted)}` };
  }
  return undefined;
}

/** What a token of each kind says that it was signed for. */
export const PURPOSE_WORDS: Readonly<Record<KeyPurpose, string>> = {
  gate: 'trace',
  approver: 'approval',
  delegator: 'delegation',
  pack: 'pack',
};
