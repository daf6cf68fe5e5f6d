import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { Keyring } from '../../src/signing/keyring.ts';
import { signaturesOf } from '../../src/signing/signed_document.ts';
import { trusted } from '../support/keyrings.ts';
import fc from '../support/property.ts';
import {
  BOB,
  delegationBecomes as become,
  believing,
  cutOff,
  delegation,
  INTENT_DIGEST,
  type LookedAtDelegation,
  legacyDelegation,
  MALLORY,
  POLICY_DIGEST,
  resigned,
  ringWith,
} from '../support/tokens.ts';

const OTHER = 'd'.repeat(64);

type Row = readonly [name: string, token: JsonObject, given: LookedAtDelegation, becomes: string];

function table(rows: readonly Row[]): void {
  for (const [name, token, given, becomes] of rows) {
    test(`${name}: ${becomes}`, () => assert.equal(become(token, given), becomes));
  }
}

describe('one delegation', () => {
  const legacy = legacyDelegation();
  const ours = delegation();
  const bound = delegation({ intentDigest: INTENT_DIGEST, policyDigest: POLICY_DIGEST });
  const same = { intentDigest: INTENT_DIGEST, policyDigest: POLICY_DIGEST };
  const { signature: _, ...unsigned } = legacy;
  const of = (identities: readonly string[]): LookedAtDelegation => ({
    keyring: ringWith(trusted(BOB, { purposes: ['delegator'], identities })),
  });
  table([
    ['of an earlier program', legacy, {}, 'valid'],
    ['of an earlier program, where only ours count', legacy, { extRequired: true }, 'unbound'],
    ['of ours', ours, { extRequired: true }, 'valid'],
    ['by another than is asked', ours, { subject: { delegator: 'carol' } }, 'delegator_mismatch'],
    ['for another than is asked', ours, { subject: { delegate: 'carol' } }, 'delegate_mismatch'],
    ['for the call', bound, { subject: same }, 'valid'],
    ['for another call', bound, { subject: { ...same, intentDigest: OTHER } }, 'intent_mismatch'],
    ['for one call, and none is asked', bound, { subject: {} }, 'intent_mismatch'],
    ['under another policy', bound, { subject: { ...same, policyDigest: OTHER } }, 'policy_mismatch'],
    ['at its end', ours, { now: '2026-05-01T13:00:00Z' }, 'expired'],
    ['from the future', legacyDelegation({ created_at: '2026-05-01T12:02:00Z' }), {}, 'not_yet_valid'],
    ['living too long', ours, { maxLifetimeMs: 1000 }, 'lifetime_exceeded'],
    ['not signed', unsigned, {}, 'signature_missing'],
    ['by a key that nobody believes', delegation({}, MALLORY), {}, 'signature_invalid'],
    ['and no key is believed', ours, { keyring: new Keyring() }, 'keys_missing'],
    ['W-31: by an approver’s key', ours, { keyring: believing('approver', BOB) }, 'keys_missing'],
    ['W-5: by the delegator’s own key', ours, of(['alice']), 'valid'],
    ['W-5: by the key of another', ours, of(['carol']), 'delegator_mismatch'],
    ['W-2: taken back by its id', ours, { revoked: [String(ours['token_id'])] }, 'revoked'],
    ['W-2: taken back by its digest', ours, { revoked: [signaturesOf(ours).digest] }, 'revoked'],
    ['for another gate', delegation({ audience: 'g1' }), { audience: 'g2' }, 'audience_mismatch'],
    ['for this gate', delegation({ audience: 'g1' }), { audience: 'g1' }, 'valid'],
    ['for a gate, its ext cut off', cutOff(delegation({ audience: 'g1' })), { audience: 'g1' }, 'unbound'],
    ['that is an approval by its ext', resigned(ours, {}, { ext: { purpose: 'approval' } }), {}, 'invalid'],
    ['with arguments in its ext', resigned(ours, {}, { ext: { args_digest: OTHER } }), {}, 'invalid'],
    [
      'W-31: of ours, with an id that it does not make',
      resigned(ours, { token_id: 'e'.repeat(24) }),
      {},
      'invalid',
    ],
    ['with a member that nobody knows', legacyDelegation({ max_depth: 1 }), {}, 'signature_invalid'],
    ['of another kind', legacyDelegation({ schema_id: 'gait.gate.approval_token' }), {}, 'invalid'],
    ['with no delegate', legacyDelegation({ delegate_identity: undefined }), {}, 'invalid'],
    ['with no scope', legacyDelegation({ scope: [] }), {}, 'signature_invalid'],
  ]);

  test('an edit of any member shows', () => {
    for (const [name, value] of Object.entries(bound)) {
      const edited = { ...bound, [name]: typeof value === 'string' ? `${value}0` : 7 };
      assert.notEqual(become(edited, { subject: same }), 'valid', name);
    }
  });
});

test('whatever is shown as a delegation, nothing is thrown, and nothing but a delegation is valid', () => {
  const sound = delegation();
  const name = fc.constantFrom(...Object.keys(sound), 'purpose', '__proto__');
  const damaged = fc
    .dictionary(name, fc.jsonValue(), { minKeys: 1 })
    .map((parts) => ({ ...sound, ...parts }));
  fc.assert(
    fc.property(fc.oneof(damaged, fc.dictionary(fc.string(), fc.jsonValue())), (token) => {
      const same = JSON.stringify(token) === JSON.stringify(sound);
      assert.equal(become(token as Record<string, Json> as JsonObject) === 'valid', same);
    }),
    { numRuns: 300 },
  );
});
