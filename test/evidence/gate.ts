import assert from 'node:assert/strict';
import { canonicalDigest, sha256Hex } from '../../src/core/digest.ts';
import { GaitError } from '../../src/core/errors.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { verifyTrace } from '../../src/gate/records/verify_trace.ts';
import type { SigningKey } from '../../src/signing/keys.ts';
import { signDigest } from '../../src/signing/signature.ts';
import { jcs } from '../pack/forge.ts';
import type { Prng } from '../simulate/prng.ts';
import { intentOf, policyOf } from '../support/gate.ts';
import { ASKS_ALL, approvalOf, asking, DELEGATED, gateWith } from '../support/gates.ts';
import {
  ARGS_DIGEST,
  approval,
  approvalBecomes,
  BOB,
  believing,
  delegation,
  delegationBecomes,
  GATE_KEY,
  legacyApproval,
  legacyDelegation,
  MALLORY,
  NOW,
  recordedApprovalId,
} from '../support/tokens.ts';
import type { Kind, Told } from './kind.ts';
import { isMembers, mutated } from './mutate.ts';

/** All that a document says but its outermost signature, which is over the rest and says nothing by itself. */
function said(document: JsonObject): string {
  const { signature, ext_signature: _, ...members } = document;
  return jcs(members['ext'] === undefined ? members : { ...members, signature });
}

/** gate.md: an `ext` that restricts is named in the scope, and cannot be cut off; another one holds nothing but a nonce. */
function saidToGates(token: JsonObject): string {
  const { ext: _, ext_signature: __, ...legacy } = token;
  return said((token['scope'] as readonly string[]).includes('bound:ext') ? token : legacy);
}

/** What somebody would like a document to say. */
const CLAIMS: readonly JsonObject[] = [
  { reason_code: 'ticket-99' },
  { approver_identity: 'eve' },
  { delegate_identity: 'eve' },
  { created_at: '2026-05-01T11:59:59Z' },
  { tool_name: 'tool.other' },
  { expires_at: '2026-05-01T14:00:00Z' },
];

/** True for a claim that the document makes already, in other words. */
function known(document: object): (claim: JsonObject) => boolean {
  return (claim) => Object.keys(claim).every((name) => Object.hasOwn(document, name));
}

/** A document changed, its ids made anew, what its signatures say that they are over too; they may be taken from another. */
function forgedDocument(own: JsonObject, donor: JsonObject, owner: string, p: Prng): JsonObject | undefined {
  let made: unknown = own;
  for (let left = p.below(3); left > 0; left -= 1) made = mutated(made, donor, p);
  if (!isMembers(made)) return undefined;
  if (p.chance(0.3)) made = { ...made, ...p.pick(CLAIMS.filter(known(made)) as [JsonObject]) };
  let document = p.chance(0.8) ? withIds(made as JsonObject) : (made as JsonObject);
  if (p.chance(0.2)) document = cut(document, p);
  if (p.chance(0.2)) document = { ...document, ...taken(donor, p) };
  if (p.chance(0.5)) document = restated(document);
  return p.chance(0.4) ? resigned(document, owner, p) : document;
}

function withIds(document: JsonObject): JsonObject {
  const id = (text: string): string => sha256Hex(text).slice(0, 24);
  const { policy_digest, intent_digest, verdict, observed_at } = document;
  if (document['trace_id'] !== undefined) {
    const trace_id = id(`${String(policy_digest)}:${String(intent_digest)}:${String(verdict)}`);
    const event =
      document['event_id'] === undefined ? {} : { event_id: id(`${trace_id}:${String(observed_at)}`) };
    return { ...document, trace_id, ...event };
  }
  return document['approver_identity'] === undefined
    ? document
    : { ...document, token_id: recordedApprovalId(document) };
}

function cut(document: JsonObject, p: Prng): JsonObject {
  const { ext: _, ext_signature: __, ...legacy } = document;
  const { producer_version: producer, scope } = legacy;
  if (p.chance(0.5)) return legacy;
  const version = typeof producer === 'string' ? { producer_version: producer.replace('+ext', '') } : {};
  const scopes = Array.isArray(scope)
    ? { scope: (scope as string[]).filter((one) => one !== 'bound:ext') }
    : {};
  return { ...legacy, ...version, ...scopes };
}

function taken(donor: JsonObject, p: Prng): JsonObject {
  const names = p.pick([
    ['signature'],
    ['ext_signature'],
    ['ext'],
    ['ext', 'ext_signature'],
    ['signature', 'ext_signature'],
  ]);
  return Object.fromEntries(
    names.flatMap((name) => (donor[name] === undefined ? [] : [[name, donor[name]]])),
  );
}

function restated(document: JsonObject): JsonObject {
  const { ext_signature, ...whole } = document;
  const { signature, ext: _, ...members } = whole;
  const first = isMembers(signature) ? { ...signature, signed_digest: canonicalDigest(members) } : signature;
  const again = first === undefined ? whole : { ...whole, signature: first };
  if (!isMembers(ext_signature)) return again as JsonObject;
  return {
    ...again,
    ext_signature: { ...ext_signature, signed_digest: canonicalDigest(again as JsonObject) },
  } as JsonObject;
}

/** Signed by a key that is not believed, which may call itself the owner's. */
function resigned(document: JsonObject, owner: string, p: Prng): JsonObject {
  const { signature, ext_signature: _, ...rest } = document;
  const { ext, ...members } = rest;
  const own = (digest: string): JsonObject => {
    return { ...signDigest(digest, MALLORY), ...(p.chance(0.5) ? { key_id: owner } : {}) };
  };
  const first = p.chance(0.5) && signature !== undefined ? signature : own(canonicalDigest(members));
  const signed = { ...members, signature: first };
  if (ext === undefined) return signed;
  return { ...signed, ext, ext_signature: own(canonicalDigest({ ...signed, ext })) };
}

/** As it comes from a file; what cannot be signed at all is refused with a typed error. */
function asRead(document: JsonObject, told: (document: JsonObject) => Told): Told {
  try {
    return told(JSON.parse(JSON.stringify(document)) as JsonObject);
  } catch (error) {
    assert.ok(error instanceof GaitError, String(error));
    return undefined;
  }
}

function kindOf(
  name: string,
  kept: readonly JsonObject[],
  owner: string,
  told: (document: JsonObject, ...believed: readonly SigningKey[]) => Told,
): Kind {
  const honest = new Set(kept.flatMap((document) => told(document) ?? []));
  assert.equal(honest.size, kept.length, name);
  const forgedBy = (p: Prng, ...more: readonly SigningKey[]): Told => {
    const [own, donor] = [p.pick(kept as [JsonObject]), p.pick(kept as [JsonObject])];
    const document = forgedDocument(own, donor, owner, p);
    return document === undefined ? undefined : asRead(document, (read) => told(read, ...more));
  };
  return { name, honest, forged: (p) => forgedBy(p), unasked: (p) => forgedBy(p, MALLORY) };
}

export async function traceKind(): Promise<Kind> {
  const asked = asking(ASKS_ALL, DELEGATED, { delegations: [delegation({ delegate: 'agent' })] });
  const traces: JsonObject[] = [];
  for (const one of [
    { ...asked, approvals: [approvalOf(asked)], claimedApprovalRef: 'ticket' },
    asking(policyOf('default_verdict: allow')),
    asking(policyOf('default_verdict: block')),
    asking(policyOf('default_verdict: allow'), intentOf(), { simulate: true }),
  ]) {
    const { gate, sink } = gateWith();
    await gate.decide(one);
    traces.push(JSON.parse(JSON.stringify(sink.the('trace') ?? assert.fail('no trace'))));
  }
  return kindOf('traces of the gate', traces, GATE_KEY.keyId, (document, ...more) => {
    const ring = believing('gate', GATE_KEY, ...more);
    const { findings, ...verdict } = verifyTrace(document, ring, NOW);
    return findings.length > 0 ? undefined : jcs([verdict, said(document)]);
  });
}

export function tokenKinds(): readonly Kind[] {
  const later = { reasonCode: 'ticket-8' };
  const bound = { exactArgsDigest: ARGS_DIGEST, reasonCode: 'ticket-9' };
  const approvals = [approval(), approval(later), approval(bound), legacyApproval()];
  const delegations = [delegation(), delegation({ scope: ['write', 'read'] }), legacyDelegation()];
  const told = (
    purpose: 'approver' | 'delegator',
    becomes: typeof approvalBecomes | typeof delegationBecomes,
  ) => {
    return (token: JsonObject, ...more: readonly SigningKey[]): Told => {
      const given = { keyring: believing(purpose, BOB, ...more) };
      return becomes(token, given) === 'valid' ? saidToGates(token) : undefined;
    };
  };
  return [
    kindOf('approvals', approvals, BOB.keyId, told('approver', approvalBecomes)),
    kindOf('delegations', delegations, BOB.keyId, told('delegator', delegationBecomes)),
  ];
}
