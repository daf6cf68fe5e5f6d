import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts';
import { isZonedTime } from '../../core/time.ts';
import type { Keyring } from '../../signing/keyring.ts';
import { signaturesOf } from '../../signing/signed_document.ts';
import { VERDICTS, type Verdict } from '../verdict.ts';
import { eventId, SIMULATED, TRACE_SCHEMA_ID, traceId, WITH_EXT } from './trace.ts';

/** One thing that is wrong with a trace. */
export interface TraceFinding {
  readonly code: string;
  readonly message: string;
}

/** What a trace says, and what is wrong with it. */
export interface TraceVerification {
  readonly trace_id: string;
  readonly event_id: string;
  readonly verdict: string;
  readonly policy_digest: string;
  readonly intent_digest: string;
  /** Whose signature holds. */
  readonly key_id: string;
  /** `full`: all of it is signed. `legacy`: by a program that signs no more than the members that all versions know. */
  readonly signature_scope: 'full' | 'legacy';
  readonly simulated: boolean;
  readonly findings: readonly TraceFinding[];
}

/** What the reader expects of a trace; what is absent is not asked for. */
export interface TraceExpectations {
  readonly policyDigest?: string | undefined;
  readonly intentDigest?: string | undefined;
  readonly verdict?: string | undefined;
}

/**
 * Checks a trace as it stands: its form, its ids made anew, every signature over all that it should be over. Everything
 * that is found is told. Pure; the keys are those that the reader believes at a time.
 */
export function verifyTrace(
  document: JsonObject,
  keyring: Keyring,
  now: string,
  expected: TraceExpectations = {},
): TraceVerification {
  const text = (name: string): string => (typeof document[name] === 'string' ? document[name] : '');
  const findings = [...formFindings(document, text), ...expectationFindings(text, expected)];
  const { signature, digest, ext, extSignature, extDigest } = signaturesOf(document);
  if (signature === undefined) findings.push({ code: 'signature_missing', message: 'it is not signed' });
  const signer = signature === undefined ? undefined : keyring.signer(signature, digest, 'gate', now);
  if (signer !== undefined && 'fault' in signer) {
    findings.push({ code: 'signature_invalid', message: `signature: ${signer.fault}` });
  }
  const owned = document['ext'] !== undefined || document['ext_signature'] !== undefined;
  if (owned && signer !== undefined && 'keyId' in signer) {
    const whole = ext && extSignature && keyring.signer(extSignature, extDigest, 'gate', now);
    if (whole === undefined || 'fault' in whole || whole.keyId !== signer.keyId) {
      const message = 'ext_signature: what stands in ext is not signed by the key that signed the rest';
      findings.push({ code: 'signature_invalid', message });
    }
  }
  return {
    ...{ trace_id: text('trace_id'), event_id: text('event_id'), verdict: text('verdict') },
    ...{ policy_digest: text('policy_digest'), intent_digest: text('intent_digest') },
    key_id: signer !== undefined && 'keyId' in signer ? signer.keyId : '',
    signature_scope: owned ? 'full' : 'legacy',
    simulated: ext?.['simulated'] === true || saysSimulated(document),
    findings,
  };
}

/** The mark that stands where every version signs. */
function saysSimulated({ violations }: JsonObject): boolean {
  return Array.isArray(violations) && violations.includes(SIMULATED);
}

function formFindings(document: JsonObject, text: (name: string) => string): TraceFinding[] {
  const findings: TraceFinding[] = [];
  const invalid = (message: string): void => void findings.push({ code: 'trace_invalid', message });
  if (text('schema_id') !== TRACE_SCHEMA_ID) invalid(`schema_id is ${text('schema_id')}`);
  if (text('schema_version') !== '1.0.0') invalid(`schema_version is ${text('schema_version')}`);
  for (const name of ['created_at', 'observed_at']) {
    if (!isZonedTime(text(name))) invalid(`${name} is not a valid timestamp: ${text(name)}`);
  }
  const verdict = VERDICTS.find((one) => one === text('verdict'));
  if (verdict === undefined) invalid(`verdict is ${text('verdict')}`);
  else findings.push(...idFindings(text, verdict));
  const { ext, ext_signature } = document;
  if (ext === undefined && text('producer_version').endsWith(WITH_EXT))
    invalid('the ext that it was signed with is gone');
  if ((ext === undefined) !== (ext_signature === undefined))
    invalid('of ext and ext_signature one is missing');
  if (ext !== undefined && !isJsonObject(ext)) invalid('ext is no object');
  if (isJsonObject(ext)) {
    const { decided_at, simulated } = ext;
    if (decided_at !== undefined && decided_at !== document['observed_at'])
      invalid('ext says another time of the decision');
    if (simulated === true && verdict === 'allow') invalid('a simulation never allows');
  }
  return findings;
}

function idFindings(text: (name: string) => string, verdict: Verdict): TraceFinding[] {
  const digests = { policyDigest: text('policy_digest'), intentDigest: text('intent_digest') };
  const id = traceId({ ...digests, verdict });
  const findings: TraceFinding[] = [];
  if (text('trace_id') !== id) {
    const message = `trace_id is ${text('trace_id')}, its members make ${id}`;
    findings.push({ code: 'trace_id_mismatch', message });
  }
  const event = text('event_id');
  if (event !== '' && event !== eventId(text('trace_id'), text('observed_at'))) {
    findings.push({ code: 'event_id_mismatch', message: `event_id is ${event}, its members make another` });
  }
  return findings;
}

function expectationFindings(
  text: (name: string) => string,
  { policyDigest, intentDigest, verdict }: TraceExpectations,
): TraceFinding[] {
  const wanted: readonly [string, string | undefined][] = [
    ['policy_digest', policyDigest],
    ['intent_digest', intentDigest],
    ['verdict', verdict],
  ];
  return wanted.flatMap(([name, value]) =>
    value === undefined || value === text(name)
      ? []
      : [{ code: 'trace_unexpected', message: `${name} is ${text(name)}, not ${value}` }],
  );
}

/** A file beside a trace that it names, and whether it is still what was signed. */
export interface NamedRecord {
  readonly type: string;
  readonly path: string;
  readonly sha256: string;
}

/** The records that a trace names by their digests. */
export function namedRecords(document: JsonObject): readonly NamedRecord[] {
  const { ext } = signaturesOf(document);
  const list: Json = ext?.['evidence'] ?? [];
  const all = Array.isArray(list) ? (list as readonly Json[]).filter(isJsonObject) : [];
  return all.flatMap(({ type, path, sha256 }) =>
    typeof type === 'string' && typeof path === 'string' && typeof sha256 === 'string'
      ? [{ type, path, sha256 }]
      : [],
  );
}
