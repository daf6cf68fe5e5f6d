import { sha256Hex } from '../../core/digest.ts';
import { epochMs, type Timestamp } from '../../core/time.ts';
import type { CredentialRequest } from './request.ts';
import { type CredentialTimes, completedTimes } from './times.ts';

/** What a broker issued: a name for a credential, never the credential itself. Members that are not known are not there. */
export interface Credential extends CredentialTimes {
  /** Who says to have issued it; the broker's own name unless it gives another. */
  readonly broker: string;
  readonly ref: string;
  /** What it is, as far as the broker says so: `stub`, `vault_dynamic` … */
  readonly source?: string;
  readonly issuer?: string;
  /** `jit` for one that was made for this call. */
  readonly access_type?: string;
}

/** Why there is no credential, or none that counts. `detail` is for people, and repeats nothing that a broker printed. */
export interface CredentialFault {
  readonly reason: CredentialReason;
  readonly violation: 'broker_credential_missing';
  readonly detail: string;
}

export type CredentialReason =
  | 'broker_credential_missing'
  | 'broker_credential_expired'
  | 'broker_credential_ttl_invalid'
  | 'broker_credential_ttl_exceeded';

/** What became of asking a broker. */
export type Issued = { readonly credential: Credential } | { readonly fault: CredentialFault };

export function faultOf(reason: CredentialReason, detail: string): { readonly fault: CredentialFault } {
  return { fault: { reason, violation: 'broker_credential_missing', detail } };
}

/** How far ahead of ours the clock of a broker may be, in milliseconds. */
const SKEW_MS = 60_000;

/** By how much the time that a credential is said to live may differ from its end less its begin, in milliseconds. */
const ROUNDING_MS = 1000;

/**
 * Why a credential does not count at this instant; undefined when it does. One of which no end is known counts, unless
 * there is a limit, in seconds, to how long one may live.
 */
export function credentialFault(
  credential: Credential,
  now: Timestamp,
  maxTtlSeconds?: number,
): CredentialFault | undefined {
  const { expires_at, ttl_seconds } = credential;
  if (expires_at !== undefined && epochMs(now) >= epochMs(expires_at))
    return faultOf('broker_credential_expired', 'the credential has expired').fault;
  const nonsense = nonsenseIn(credential, now);
  if (nonsense !== undefined) return faultOf('broker_credential_ttl_invalid', nonsense).fault;
  if (maxTtlSeconds === undefined || (ttl_seconds !== undefined && ttl_seconds <= maxTtlSeconds))
    return undefined;
  const detail = `the credential ${ttl_seconds === undefined ? 'has no known end' : 'lives too long'}: at most ${maxTtlSeconds} s are allowed`;
  return faultOf('broker_credential_ttl_exceeded', detail).fault;
}

function nonsenseIn({ issued_at, expires_at, ttl_seconds }: Credential, now: Timestamp): string | undefined {
  if (ttl_seconds !== undefined && ttl_seconds <= 0) return 'the credential lives for no whole second';
  if (issued_at !== undefined && epochMs(issued_at) > epochMs(now) + SKEW_MS)
    return 'the credential is issued in the future';
  const known = [issued_at, expires_at, ttl_seconds].filter((member) => member !== undefined).length;
  if (known === 2) return 'the times of the credential lead out of the years that can be said';
  if (issued_at === undefined || expires_at === undefined || ttl_seconds === undefined) return undefined;
  const lifeMs = epochMs(expires_at) - epochMs(issued_at);
  if (lifeMs <= 0) return 'the credential ends before it begins';
  if (Math.abs(ttl_seconds * 1000 - lifeMs) <= ROUNDING_MS) return undefined;
  return 'the credential does not live from its begin to its end';
}

const STUB_TTL_SECONDS = 300;

/** A credential that opens nothing, for trials: the same request has the same reference, as in the programs before this one. */
export function stubCredential(request: CredentialRequest, now: Timestamp): Credential {
  const { toolName, identity, workspace, sessionId, requestId, reference, scope } = request;
  const parts = [toolName, identity, workspace, sessionId, requestId, reference, scope.join(',')];
  const ref = `stub:${sha256Hex(parts.join('|')).slice(0, 24)}`;
  return {
    ...{ broker: 'stub', ref, source: 'stub', issuer: 'stub', access_type: 'jit' },
    ...completedTimes({ issued_at: now, ttl_seconds: STUB_TTL_SECONDS }, now),
  };
}
