import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { Keyring } from '../../src/signing/keyring.ts';
import { signaturesOf } from '../../src/signing/signed_document.ts';
import { trusted } from '../support/keyrings.ts';
import fc from '../support/property.ts';
import {
  ARGS_DIGEST,
  approval,
  BOB,
  approvalBecomes as become,
  believing,
  CAROL,
  HOUR,
  type LookedAtApproval,
  legacyApproval,
  MALLORY,
  NOW,
  recordedApprovalId,
  resigned,
  ringWith,
} from '../support/tokens.ts';

const OTHER = 'd'.repeat(64);

function digestOf(token: JsonObject): string {
  return signaturesOf(token).digest;
}

type Row = readonly [name: string, token: JsonObject, given: LookedAtApproval, becomes: string];

function table(rows: readonly Row[]): void {
  for (const [name, token, given, becomes] of rows) {
    test(`${name}: ${becomes}`, () => assert.equal(become(token, given), becomes));
  }
}

describe('an approval of an earlier program', () => {
  const plain = legacyApproval();
  table([
    ['as it was made', plain, {}, 'valid'],
    ['of every tool', legacyApproval({ scope: ['*'] }), {}, 'valid'],
    ['of several tools', legacyApproval({ scope: ['tool:tool.read', 'tool:tool.write'] }), {}, 'valid'],
    ['of another tool', legacyApproval({ scope: ['tool:tool.read'] }), {}, 'scope_mismatch'],
    ['of a tool whose name it begins', legacyApproval({ scope: ['tool:tool.wr'] }), {}, 'scope_mismatch'],
    ['without the word tool', legacyApproval({ scope: ['tool.write'] }), {}, 'scope_mismatch'],
    ['of another call', plain, { subject: { intentDigest: OTHER } }, 'intent_mismatch'],
    ['of another policy', plain, { subject: { policyDigest: OTHER } }, 'policy_mismatch'],
    ['at its last instant', plain, { now: '2026-05-01T12:59:59.999999999Z' }, 'valid'],
    ['at its end', plain, { now: '2026-05-01T13:00:00Z' }, 'expired'],
    [
      'at its end, which is written in another zone',
      legacyApproval({ expires_at: '2026-05-01T15:00:00+02:00' }),
      { now: '2026-05-01T13:00:00Z' },
      'expired',
    ],
    ['a minute from the future', legacyApproval({ created_at: '2026-05-01T12:01:00Z' }), {}, 'valid'],
    ['W-1: from later', legacyApproval({ created_at: '2026-05-01T12:01:00.001Z' }), {}, 'not_yet_valid'],
    ['W-1: living longer than it may', plain, { maxLifetimeMs: HOUR - 1 }, 'lifetime_exceeded'],
    [
      'W-1: living longer than it may, though not from now on',
      legacyApproval({ created_at: '2026-05-01T11:59:59Z' }),
      { maxLifetimeMs: HOUR },
      'lifetime_exceeded',
    ],
    ['living as long as it may', plain, { maxLifetimeMs: HOUR }, 'valid'],
    ['where only ours count', plain, { extRequired: true }, 'unbound'],
    ['W-1: used before', plain, { used: [digestOf(plain)] }, 'consumed'],
    ['W-2: taken back by its digest', plain, { revoked: [digestOf(plain)] }, 'revoked'],
    ['W-2: taken back by its id', plain, { revoked: [String(plain['token_id'])] }, 'revoked'],
    ['used, but another', plain, { used: [OTHER], revoked: [OTHER, 'e'.repeat(24)] }, 'valid'],
  ]);
});

describe('the delegation that an approval is bound to', () => {
  const bound = legacyApproval({ delegation_binding_digest: OTHER });
  const subject = { delegationDigest: OTHER };
  table([
    ['the same', bound, { subject }, 'valid'],
    ['another', bound, { subject: { delegationDigest: ARGS_DIGEST } }, 'delegation_binding_mismatch'],
    ['none, and the call has one', legacyApproval(), { subject }, 'delegation_binding_mismatch'],
  ]);
});

describe('the limits of version 1.4.0', () => {
  const limited = legacyApproval({ max_targets: 2, max_ops: 1 });
  table([
    ['kept', limited, { subject: { targets: 2 } }, 'valid'],
    ['of targets, exceeded', limited, { subject: { targets: 3 } }, 'max_targets_exceeded'],
    ['of operations, exceeded', limited, { subject: { operations: 2 } }, 'max_ops_exceeded'],
    ['of nought, which is none', legacyApproval({ max_targets: 0 }), { subject: { targets: 9 } }, 'valid'],
    ['that are no numbers', legacyApproval({ max_targets: '9' }), {}, 'max_targets_exceeded'],
  ]);
});

describe('whose signature it is', () => {
  const own = (identities: readonly string[]): LookedAtApproval => ({
    keyring: ringWith(trusted(BOB, { purposes: ['approver'], identities })),
  });
  const { signature, ...unsigned } = legacyApproval();
  const signatureOf = (changes: JsonObject): JsonObject => ({
    ...unsigned,
    signature: { ...(signature as JsonObject), ...changes },
  });
  const revoked = trusted(BOB, { purposes: ['approver'], revokedAt: '2026-04-01T00:00:00Z' });
  const ended = trusted(BOB, { purposes: ['approver'], notAfter: NOW });
  const begins = trusted(BOB, { purposes: ['approver'], notBefore: '2026-05-01T12:00:01Z' });
  table([
    ['nobody’s', unsigned, {}, 'signature_missing'],
    ['no signature, but something', { ...unsigned, signature: 'x' }, {}, 'signature_missing'],
    ['W-4: no key is believed', legacyApproval(), { keyring: new Keyring() }, 'keys_missing'],
    [
      'W-4: the gate’s own key',
      legacyApproval(),
      { keyring: ringWith(trusted(BOB, { purposes: ['gate'] })) },
      'keys_missing',
    ],
    ['W-31: a delegator’s', legacyApproval(), { keyring: believing('delegator', BOB) }, 'keys_missing'],
    [
      'W-31: a key of another purpose beside an approver’s',
      legacyApproval({}, CAROL),
      {
        keyring: ringWith(
          trusted(BOB, { purposes: ['approver'] }),
          trusted(CAROL, { purposes: ['delegator', 'gate', 'pack'] }),
        ),
      },
      'signature_invalid',
    ],
    ['mallory’s', legacyApproval({}, MALLORY), {}, 'signature_invalid'],
    ['W-31: of an empty key id', signatureOf({ key_id: '' }), {}, 'signature_invalid'],
    ['of another algorithm', signatureOf({ alg: 'none' }), {}, 'signature_invalid'],
    ['over another digest', signatureOf({ signed_digest: OTHER }), {}, 'signature_invalid'],
    ['W-2: of a revoked key', legacyApproval(), { keyring: ringWith(revoked) }, 'key_revoked'],
    [
      'W-2: of a key that is revoked in one of two entries',
      legacyApproval(),
      { keyring: ringWith(trusted(BOB, { purposes: ['approver'] }), revoked) },
      'key_revoked',
    ],
    ['of a key that is over', legacyApproval(), { keyring: ringWith(ended) }, 'signature_invalid'],
    ['of a key that is not yet', legacyApproval(), { keyring: ringWith(begins) }, 'signature_invalid'],
    ['W-3: in the name of the key', legacyApproval(), own(['bob']), 'valid'],
    ['W-3: in another name', legacyApproval({ approver_identity: 'ann' }), own(['bob']), 'approver_mismatch'],
    ['W-3: of who asks', legacyApproval({ approver_identity: 'agent' }), {}, 'self_approval'],
    [
      'W-3: of who asks on behalf of others',
      legacyApproval(),
      { subject: { actors: ['agent', 'bob'] } },
      'self_approval',
    ],
    ['W-3: by a key of who asks, in another name', legacyApproval(), own(['agent', 'bob']), 'self_approval'],
  ]);
});

describe('a key that stands twice in a ring is that of all whom it is for', () => {
  const entry = (identities: readonly string[]) => trusted(BOB, { purposes: ['approver'], identities });
  test('W-3: of who asks among them: self_approval', () => {
    const keyring = ringWith(entry(['bob']), entry(['agent']));
    assert.equal(become(legacyApproval(), { keyring }), 'self_approval');
  });

  test('in either name: valid', () => {
    const keyring = ringWith(entry(['ann']), entry(['bob']));
    assert.equal(become(legacyApproval({ approver_identity: 'ann' }), { keyring }), 'valid');
    assert.equal(become(legacyApproval(), { keyring }), 'valid');
  });
});

describe('the form of an approval', () => {
  table([
    ['another kind', legacyApproval({ schema_id: 'gait.gate.delegation_token' }), {}, 'invalid'],
    ['another version', legacyApproval({ schema_version: '2.0.0' }), {}, 'invalid'],
    ['a member that nobody knows', legacyApproval({ only_on: 'mondays' }), {}, 'signature_invalid'],
    [
      'W-31: of ours, an id that its members do not make',
      resigned(approval(), { token_id: 'e'.repeat(24) }),
      {},
      'invalid',
    ],
    [
      'of an earlier program, whatever id it signed',
      legacyApproval({ token_id: 'e'.repeat(24) }),
      {},
      'valid',
    ],
    ['no id', resigned(legacyApproval(), { token_id: undefined }), {}, 'invalid'],
    ['no approver', legacyApproval({ approver_identity: undefined }), {}, 'invalid'],
    ['an approver with a space behind', legacyApproval({ approver_identity: 'bob ' }), {}, 'invalid'],
    ['no reason', legacyApproval({ reason_code: '' }), {}, 'invalid'],
    ['no end', legacyApproval({ expires_at: undefined }), {}, 'signature_invalid'],
    ['an end that is none', legacyApproval({ expires_at: 'never' }), {}, 'signature_invalid'],
    [
      'a spelling of its end that no Go version signs',
      legacyApproval({ expires_at: '2026-05-01T13:00:00.000Z' }),
      {},
      'signature_invalid',
    ],
    ['no scope', legacyApproval({ scope: [] }), {}, 'signature_invalid'],
    ['a scope in capitals', legacyApproval({ scope: ['TOOL:tool.write'] }), {}, 'signature_invalid'],
    ['scopes out of order', legacyApproval({ scope: ['tool:tool.write', '*'] }), {}, 'signature_invalid'],
    ['a scope twice', legacyApproval({ scope: ['*', '*'] }), {}, 'signature_invalid'],
    ['a scope that is a text', legacyApproval({ scope: '*' }), {}, 'signature_invalid'],
  ]);

  test('an edit of any member shows', () => {
    const token = approval({ exactArgsDigest: ARGS_DIGEST });
    assert.equal(become(token), 'valid');
    for (const [name, value] of Object.entries(token)) {
      const edited = { ...token, [name]: typeof value === 'string' ? `${value}0` : 7 };
      assert.notEqual(become(edited), 'valid', name);
      const { [name]: _, ...cut } = token;
      assert.notEqual(become(cut), 'valid', `without ${name}`);
    }
  });
});

describe('the id of an approval', () => {
  test('is that of version 1.2.0, and of 1.4.0 where there are limits', () => {
    const token = approval();
    assert.equal(token['token_id'], recordedApprovalId(token));
    const limited = legacyApproval({ max_targets: 3 });
    const without = recordedApprovalId({ ...limited, max_targets: null, max_ops: null });
    assert.notEqual(limited['token_id'], without);
    assert.equal(become(limited), 'valid');
    const { token_id } = approval();
    const widened = resigned(approval(), { scope: ['*'], token_id: token_id ?? '' });
    assert.equal(become(widened), 'invalid');
  });

  test('of version 1.4.0 is known where no limit is set', () => {
    const members = { max_targets: 0, max_ops: 0 };
    const { token_id } = legacyApproval(members);
    assert.equal(become(legacyApproval({ token_id: token_id ?? '' })), 'valid');
  });
});

test('W-1: two approvals that differ in their ext alone count as one: to cut it off makes no new one', () => {
  assert.equal(digestOf(approval()), digestOf(approval()));
});

test('whatever is shown as an approval, nothing is thrown, and nothing but an approval is valid', () => {
  const sound = approval();
  const name = fc.constantFrom(...Object.keys(sound), 'purpose', '__proto__');
  const damaged = fc
    .dictionary(name, fc.jsonValue(), { minKeys: 1 })
    .map((parts) => ({ ...sound, ...parts }));
  const anything = fc.dictionary(fc.string(), fc.jsonValue());
  fc.assert(
    fc.property(fc.oneof(damaged, anything), (token) => {
      const same = JSON.stringify(token) === JSON.stringify(sound);
      assert.equal(become(token as Record<string, Json> as JsonObject) === 'valid', same);
    }),
    { numRuns: 500 },
  );
});

test('W-43: half of a surrogate pair in a token is no reason to throw', () => {
  assert.equal(become({ ...approval(), reason_code: '\ud800' }), 'invalid');
});
