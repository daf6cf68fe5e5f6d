import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { BOUND_SCOPE } from '../../src/gate/tokens/token.ts';
import {
  ARGS_DIGEST,
  approval,
  BOB,
  approvalBecomes as become,
  believing,
  CAROL,
  cutOff,
  extSignedBy,
  type LookedAtApproval,
  resigned,
} from '../support/tokens.ts';

const OTHER = 'd'.repeat(64);

type Row = readonly [name: string, token: JsonObject, given: LookedAtApproval, becomes: string];

function table(rows: readonly Row[]): void {
  for (const [name, token, given, becomes] of rows) {
    test(`${name}: ${becomes}`, () => assert.equal(become(token, given), becomes));
  }
}

describe('what is ours beside the signature (gate.md, Appendix D)', () => {
  const exact = approval({ exactArgsDigest: ARGS_DIGEST });
  const plain = approval();
  const claims = approval({ claimsDigest: OTHER });
  const waits = approval({ notBefore: '2026-05-01T12:30:00Z' });
  const named = approval({ audience: 'gate-1' });
  const extOf = (changes: JsonObject): JsonObject => resigned(plain, {}, { ext: changes });
  const { ext_signature: _, ...extUnsigned } = plain;
  table([
    ['nothing asked', plain, { extRequired: true }, 'valid'],
    ['W-14: these arguments', exact, {}, 'valid'],
    ['W-14: other arguments', exact, { subject: { exactArgsDigest: OTHER } }, 'args_mismatch'],
    ['W-8: what the call says of itself', claims, { subject: { claimsDigest: OTHER } }, 'valid'],
    ['W-8: other things that it says', claims, { subject: { claimsDigest: ARGS_DIGEST } }, 'claims_mismatch'],
    ['W-8: nothing that it says', claims, {}, 'claims_mismatch'],
    ['before it begins', waits, { now: '2026-05-01T12:29:59Z' }, 'not_yet_valid'],
    ['from when on it holds', waits, { now: '2026-05-01T12:30:00Z' }, 'valid'],
    ['for this gate', named, { audience: 'gate-1' }, 'valid'],
    ['for another gate', named, { audience: 'gate-2' }, 'audience_mismatch'],
    ['for a gate, and this one has no name', named, {}, 'audience_mismatch'],
    ['cut off, where it restricts', cutOff(exact), {}, 'unbound'],
    ['cut off, where it names a gate', cutOff(named), { audience: 'gate-1' }, 'unbound'],
    ['cut off, where it names a begin', cutOff(waits), { now: '2026-05-01T12:30:00Z' }, 'unbound'],
    ['cut off, where it restricts nothing', cutOff(plain), {}, 'valid'],
    ['cut off, where only ours count', cutOff(plain), { extRequired: true }, 'unbound'],
    ['of another token of the same key', { ...exact, ext: plain['ext'] ?? null }, {}, 'signature_invalid'],
    [
      'of another token, with its signature',
      { ...exact, ext: plain['ext'] ?? null, ext_signature: plain['ext_signature'] ?? null },
      {},
      'signature_invalid',
    ],
    ['not signed', extUnsigned, {}, 'signature_invalid'],
    ['no object', { ...plain, ext: [] }, {}, 'invalid'],
    [
      'taken away, its signature left',
      { ...cutOff(exact), ext_signature: exact['ext_signature'] ?? null },
      {},
      'unbound',
    ],
    ['for a delegation', extOf({ purpose: 'delegation' }), {}, 'invalid'],
    ['for no purpose', resigned(plain, {}, { ext: { purpose: undefined } }), {}, 'invalid'],
    ['a restriction that nobody knows', extOf({ weekdays: 'only' }), {}, 'invalid'],
    ['a begin that is none', extOf({ not_before: 'soon' }), {}, 'not_yet_valid'],
    ['arguments that are no digest', extOf({ args_digest: 7 }), {}, 'args_mismatch'],
    ['a gate that is no name', extOf({ audience: 7 }), { audience: 'gate-1' }, 'audience_mismatch'],
  ]);

  test('signed by another key that is believed too: signature_invalid', () => {
    const keyring = believing('approver', BOB, CAROL);
    assert.equal(become(extSignedBy(exact, BOB), { keyring }), 'valid');
    assert.equal(become(extSignedBy(exact, CAROL), { keyring }), 'signature_invalid');
  });

  test('of a later version, which may restrict in words of its own: invalid', () => {
    for (const changes of [{ schema_version: '2.0.0' }, { schema_id: 'gait.gate.trace_ext' }]) {
      assert.equal(become(extOf(changes)), 'invalid', JSON.stringify(changes));
    }
  });

  test('a token that is restricted says so where every version looks', () => {
    for (const token of [exact, waits, named]) assert.ok((token['scope'] as string[]).includes(BOUND_SCOPE));
    assert.ok(!(plain['scope'] as string[]).includes(BOUND_SCOPE));
  });
});
