import { GaitError } from '../../core/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts';
import { parseJson } from '../../core/json_text.ts';
import { trimmed } from '../../core/text.ts';
import type { Timestamp } from '../../core/time.ts';
import { faultOf, type Issued } from './credential.ts';
import { type CredentialTimes, completedTimes, instantIn } from './times.ts';

/** Longer names of credentials, and of who issued them, are refused. UTF-8 bytes. */
const MAX_NAME_BYTES = 256;

/** What a credential is, where a broker says so. */
const FACTS = ['source', 'issuer', 'access_type'] as const;

const MEMBERS = ['issued_by', 'credential_ref', 'issued_at', 'expires_at', 'ttl_seconds', ...FACTS] as const;
type Member = (typeof MEMBERS)[number];

/**
 * What a command answered, as a credential: `{credential_ref, issued_by?, issued_at?, expires_at?, ttl_seconds?}`, other
 * members ignored. Never throws. Whether the credential counts is for {@link credentialFault}.
 */
export function readCredential(bytes: Uint8Array, brokerName: string, now: Timestamp): Issued {
  const answer = objectIn(bytes);
  if (answer === undefined) return missing('the answer is not one JSON object in which each key stands once');
  if (Object.keys(answer).some(isMisspelled))
    return missing('the answer has a member that differs from a known one only by case');
  const ref = nameIn(answer, 'credential_ref');
  if (ref === '') return missing('the answer has no credential_ref');
  const broker = nameIn(answer, 'issued_by');
  if (ref === undefined || broker === undefined)
    return missing(`credential_ref and issued_by must be text of one line, of up to ${MAX_NAME_BYTES} bytes`);
  const facts = FACTS.map((name) => [name, nameIn(answer, name)] as const);
  if (facts.some(([, value]) => value === undefined))
    return missing(
      `source, issuer and access_type must be text of one line, of up to ${MAX_NAME_BYTES} bytes`,
    );
  const said = Object.fromEntries(facts.filter(([, value]) => value !== ''));
  const times = timesIn(answer);
  if (times === undefined)
    return missing('issued_at and expires_at must be RFC 3339 times, ttl_seconds a whole number');
  return { credential: { broker: broker || brokerName, ref, ...said, ...completedTimes(times, now) } };
}

function missing(detail: string): Issued {
  return faultOf('broker_credential_missing', detail);
}

function objectIn(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value = parseJson(bytes, 'the answer');
    return isJsonObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof GaitError) return undefined; // its message may quote the answer
    throw error;
  }
}

/** Some readers would take it for the known one. */
function isMisspelled(name: string): boolean {
  const known: readonly string[] = MEMBERS;
  return !known.includes(name) && known.includes(name.toLowerCase());
}

function memberOf(answer: JsonObject, name: Member): Json | undefined {
  return answer[name] ?? undefined;
}

/** Empty where there is none, undefined for what is no name. */
function nameIn(answer: JsonObject, member: Member): string | undefined {
  const value = memberOf(answer, member) ?? '';
  if (typeof value !== 'string' || !value.isWellFormed()) return undefined;
  const name = trimmed(value);
  return UNPRINTABLE.test(name) || Buffer.byteLength(name) > MAX_NAME_BYTES ? undefined : name;
}

/** Control and format characters, and what breaks a line. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

function timesIn(answer: JsonObject): CredentialTimes | undefined {
  const [issued, expires] = [timeIn(answer, 'issued_at'), timeIn(answer, 'expires_at')];
  const ttl = memberOf(answer, 'ttl_seconds');
  if (issued === undefined || expires === undefined) return undefined;
  if (ttl !== undefined && !(typeof ttl === 'number' && Number.isSafeInteger(ttl))) return undefined;
  return {
    ...(issued.at === undefined ? {} : { issued_at: issued.at }),
    ...(expires.at === undefined ? {} : { expires_at: expires.at }),
    ...(ttl === undefined ? {} : { ttl_seconds: ttl }),
  };
}

function timeIn(answer: JsonObject, member: Member): { readonly at?: Timestamp } | undefined {
  const text = memberOf(answer, member);
  if (text === undefined) return {};
  return typeof text === 'string' ? instantIn(text) : undefined;
}
