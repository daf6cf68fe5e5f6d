import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import type { EvaluationContext } from '../../src/gate/context.ts';
import { evaluate } from '../../src/gate/evaluate.ts';
import { NO_USES } from '../../src/gate/ledger/consumption.ts';
import { Keyring } from '../../src/signing/keyring.ts';
import { signaturesOf } from '../../src/signing/signed_document.ts';
import { policyOf } from '../support/gate.ts';
import { ASKS_ALL, approvalOf, asking, CREDENTIAL, DELEGATED } from '../support/gates.ts';
import { trusted } from '../support/keyrings.ts';
import fc from '../support/property.ts';
import { BOB, CAROL, cutOff, delegation, MALLORY, NOW, ringWith } from '../support/tokens.ts';

const ASKED = asking(ASKS_ALL, DELEGATED);
const APPROVAL = approvalOf(ASKED);
const DELEGATION = delegation({ delegate: 'agent' });

/** All that {@link ASKS_ALL} wants is proven and done. */
const PROVEN: EvaluationContext = {
  gate: { profile: 'standard' },
  keyring: ringWith(trusted(BOB, { purposes: ['approver', 'delegator'] })),
  approvals: [APPROVAL],
  delegations: [DELEGATION],
  uses: NO_USES,
  switches: [],
  admission: 'ab'.repeat(12),
  credential: CREDENTIAL,
  mode: 'enforce',
  brokered: true,
};

function verdictOf(evidence: unknown, now: string = NOW): string {
  return evaluate(ASKS_ALL, ASKED.request, evidence as EvaluationContext, now).verdict;
}

/** A token that is damaged, or of somebody else, or none at all. */
function notThe(token: JsonObject): fc.Arbitrary<unknown> {
  const name = fc.constantFrom(...Object.keys(token));
  const edited = fc
    .tuple(name, fc.jsonValue())
    .map(([member, value]) => ({ ...token, [member]: value as JsonObject }))
    .filter((one) => JSON.stringify(one) !== JSON.stringify(token));
  const cut = name
    .filter((member) => !member.startsWith('ext'))
    .map((member) => Object.fromEntries(Object.entries(token).filter(([own]) => own !== member)));
  const foreign = fc.constantFrom(
    approvalOf(ASKED, { approver: 'agent' }),
    approvalOf(ASKED, {}, MALLORY),
    approvalOf(ASKED, { intentDigest: 'd'.repeat(64) }),
    delegation({ delegate: 'agent' }, MALLORY),
    delegation({ delegate: 'somebody' }),
    delegation({ delegate: 'agent', scope: ['read'] }),
  );
  return fc.oneof(edited, cut, foreign, fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue());
}

function noneOf(token: JsonObject): fc.Arbitrary<unknown> {
  const junk = fc.constantFrom(null, undefined, 7, 'x', {});
  return fc.oneof(fc.array(notThe(token), { maxLength: 3 }), junk);
}

const foreignRing = fc.constantFrom<unknown>(
  new Keyring(),
  ringWith(trusted(BOB, { purposes: ['gate', 'pack'] })),
  ringWith(trusted(BOB, { purposes: ['approver'] })),
  ringWith(trusted(BOB, { purposes: ['delegator'] })),
  ringWith(trusted(CAROL, { purposes: ['approver', 'delegator'] })),
  ringWith(trusted(BOB, { purposes: ['approver', 'delegator'], identities: ['agent'] })),
  ringWith(trusted(BOB, { purposes: ['approver', 'delegator'], revokedAt: NOW })),
  ringWith(trusted(BOB, { purposes: ['approver', 'delegator'], notAfter: NOW })),
  null,
  undefined,
  {},
);

/** For each part of the evidence, what proves nothing in its place. */
const GARBAGE: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  keyring: foreignRing,
  approvals: noneOf(APPROVAL),
  delegations: noneOf(DELEGATION),
  uses: fc.constantFrom<unknown>(
    null,
    undefined,
    {},
    { ...NO_USES, revoked: null },
    { ...NO_USES, revoked: { [signaturesOf(APPROVAL).digest]: 'lost' } },
    { ...NO_USES, revoked: { [String(DELEGATION['token_id'])]: 'lost' } },
  ),
  admission: fc.constantFrom<unknown>(false, undefined, null, 0, ''),
  credential: fc.constantFrom<unknown>(undefined, null, 7, 'x', { fault: { reason: 'r', violation: 'v' } }),
  switches: fc.constantFrom<unknown>('unavailable', null, undefined, 7, {}),
  gate: fc.constantFrom<unknown>(null, undefined, { profile: 'standard', maxTokenLifetimeMs: 1000 }),
};

describe('a call to which everything is owed', () => {
  test('is allowed when all of it is proven', () => assert.equal(verdictOf(PROVEN), 'allow'));

  test('is not allowed, and nothing is thrown, while any part of it is garbage', () => {
    const parts = fc.subarray(Object.keys(GARBAGE), { minLength: 1 });
    const evidence = parts.chain((names) =>
      fc.record(Object.fromEntries(names.map((name) => [name, GARBAGE[name] ?? fc.constant(null)]))),
    );
    fc.assert(
      fc.property(evidence, (garbage) => {
        assert.notEqual(verdictOf({ ...PROVEN, ...garbage }), 'allow');
      }),
      { numRuns: 600 },
    );
  });

  test('is not allowed without any one of the parts', () => {
    for (const name of Object.keys(GARBAGE)) {
      const { [name as keyof EvaluationContext]: _, ...rest } = PROVEN;
      assert.notEqual(verdictOf(rest), 'allow', name);
    }
    for (const nothing of [null, undefined, 7, []]) assert.equal(verdictOf(nothing), 'block');
  });

  test('is not allowed by a credential that is none', () => {
    for (const credential of [{}, [], { credential: null }, { credential: {} }]) {
      assert.notEqual(verdictOf({ ...PROVEN, credential }), 'allow', JSON.stringify(credential));
    }
  });

  test('is not allowed at a time that is none, before its tokens and after them', () => {
    for (const now of ['2026-05-01T11:00:00Z', '2026-05-01T13:00:00Z', '', 'now', '2026-05-01']) {
      assert.notEqual(verdictOf(PROVEN, now), 'allow', now);
    }
  });

  test('is allowed however much garbage lies beside what proves it', () => {
    const beside = fc.array(
      notThe(APPROVAL).filter((one) => typeof one === 'object' && one !== null),
      {
        maxLength: 3,
      },
    );
    fc.assert(
      fc.property(beside, (garbage) => {
        const approvals = [...garbage, APPROVAL];
        assert.equal(verdictOf({ ...PROVEN, approvals }), 'allow');
      }),
      { numRuns: 200 },
    );
  });

  test('W-44: a dry run, a block and a trial are no allow of an enforcing gate', () => {
    const { admission: _, ...waiting } = PROVEN;
    const { verdict, next } = evaluate(ASKS_ALL, ASKED.request, waiting, NOW);
    assert.deepEqual([verdict, next], ['block', 'admit']);
    const { credential: __, ...admitted } = PROVEN;
    const issue = evaluate(ASKS_ALL, ASKED.request, admitted, NOW);
    assert.deepEqual([issue.verdict, issue.next], ['block', 'issue']);
  });
});

test('W-6: a rule that is passed over for want of a delegation is not got round by the default', () => {
  const policy = policyOf(
    'default_verdict: allow',
    'rules: [{name: d, effect: allow, match: {require_delegation: true}}]',
  );
  const { verdict, reason_codes } = evaluate(policy, asking(policy).request, PROVEN, NOW);
  assert.deepEqual([verdict, reason_codes.includes('delegation_token_missing')], ['block', true]);
});

describe('the careful profile', () => {
  const careful: EvaluationContext = { ...PROVEN, gate: { profile: 'oss-prod' } };

  test('takes tokens of ours, and none that could be cut from one', () => {
    assert.equal(verdictOf(careful), 'allow');
    assert.equal(verdictOf({ ...careful, approvals: [cutOff(APPROVAL)] }), 'require_approval');
    assert.equal(verdictOf({ ...careful, delegations: [cutOff(DELEGATION)] }), 'block');
  });
});
