import { randomBytes } from 'node:crypto';
import { stripped, trimmed } from '../../core/text.ts';
import type { Timestamp } from '../../core/time.ts';
import { faultOf, type Issued } from '../../gate/credentials/credential.ts';
import type { CredentialRequest } from '../../gate/credentials/request.ts';
import { type CredentialTimes, completedTimes, instantIn } from '../../gate/credentials/times.ts';
import type { Env } from '../host.ts';

/** Variables beside that of a credential that say from when until when it counts. */
const COMPANIONS = {
  issued_at: '_ISSUED_AT',
  expires_at: '_EXPIRES_AT',
  ttl_seconds: '_TTL_SECONDS',
} as const;

/** Variables beside it that say what it is. */
const FACTS = { source: '_SOURCE', issuer: '_ISSUER', access_type: '_ACCESS_TYPE' } as const;

/**
 * A credential that stands in a variable of the environment. What is given out is a random handle: nothing that is made
 * of the secret, which could be guessed at from it.
 */
export function envCredential(
  { reference, toolName }: CredentialRequest,
  prefix: string,
  env: Env,
  now: Timestamp,
): Issued {
  const key = `${prefix}${variableWord(reference === '' ? toolName : reference)}`;
  if ([...Object.values(COMPANIONS), ...Object.values(FACTS)].some((end) => key.endsWith(end)))
    return faultOf('broker_credential_missing', `the variable ${key} says something of another one`);
  if (textOf(key, env) === '') return faultOf('broker_credential_missing', `the variable ${key} is not set`);
  const times = timesOf(key, env);
  if (times === undefined) {
    const detail = `a variable that says how long ${key} counts is malformed`;
    return faultOf('broker_credential_ttl_invalid', detail);
  }
  const ref = `env:${key}:${randomBytes(8).toString('hex')}`;
  const facts = Object.entries(FACTS).map(([name, end]) => [name, textOf(`${key}${end}`, env)] as const);
  const said = Object.fromEntries(facts.filter(([, value]) => value !== ''));
  return { credential: { broker: 'env', ref, source: 'env', ...said, ...completedTimes(times, now) } };
}

/** `vault-main` is `VAULT_MAIN`, what has no letter and no digit is `DEFAULT`. */
function variableWord(name: string): string {
  const letters = Array.from(name, inCapitals).join('').replace(/[.-]/g, '_');
  const word = stripped(letters.replace(/[^A-Z0-9_]+/g, '_'), '_');
  return word === '' ? 'DEFAULT' : word;
}

/** Code point by code point: ß is no SS. */
function inCapitals(point: string): string {
  const capital = point.toUpperCase();
  return capital.length === point.length ? capital : point;
}

function textOf(name: string, env: Env): string {
  return Object.hasOwn(env, name) ? trimmed(env[name] ?? '') : '';
}

function timesOf(key: string, env: Env): CredentialTimes | undefined {
  const companion = (member: keyof typeof COMPANIONS): string => textOf(`${key}${COMPANIONS[member]}`, env);
  const [issued, expires] = [instantOf(companion('issued_at')), instantOf(companion('expires_at'))];
  const ttl = companion('ttl_seconds');
  if (issued === undefined || expires === undefined || !/^[0-9]{0,15}$/.test(ttl)) return undefined;
  return {
    ...(issued.at === undefined ? {} : { issued_at: issued.at }),
    ...(expires.at === undefined ? {} : { expires_at: expires.at }),
    ...(ttl === '' ? {} : { ttl_seconds: Number(ttl) }),
  };
}

function instantOf(text: string): ReturnType<typeof instantIn> {
  return text === '' ? {} : instantIn(text);
}
