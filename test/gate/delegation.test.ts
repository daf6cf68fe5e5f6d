import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { checkDelegation, type DelegationSubject } from '../../src/gate/delegation.ts';
import { type DelegationProof, proveChain } from '../../src/gate/delegation_chain.ts';
import { intentDigest } from '../../src/gate/intent_digest.ts';
import { parseIntent } from '../../src/gate/intent_reader.ts';
import { policyDigest } from '../../src/gate/policy_digest.ts';
import { parsePolicy } from '../../src/gate/policy_text.ts';
import type { TokenRules } from '../../src/gate/token_reader.ts';
import { Keyring } from '../../src/signing/keyring.ts';
import { parsePublicKey } from '../../src/signing/keys.ts';
import { signaturesOf } from '../../src/signing/signed_document.ts';
import { corpusPath, skip } from '../interop/corpus.ts';
import { intentOf, NOW } from '../support/gate.ts';
import { trusted } from '../support/keyrings.ts';
import {
  BOB,
  believing,
  CAROL,
  cutOff,
  delegation,
  INTENT_DIGEST,
  legacyDelegation,
  MALLORY,
  POLICY_DIGEST,
  resigned,
  ringWith,
} from '../support/tokens.ts';

const OTHER = 'd'.repeat(64);

interface Given extends Partial<Omit<TokenRules, 'now'>> {
  readonly subject?: DelegationSubject;
  readonly now?: string;
  readonly revoked?: readonly string[];
}

function look(token: JsonObject, { subject = {}, revoked = [], ...rules }: Given = {}) {
  return checkDelegation(
    token,
    subject,
    { keyring: believing('delegator', BOB), now: NOW, ...rules },
    { isRevoked: (digest, id) => revoked.includes(digest) || revoked.includes(id) },
  );
}

function become(token: JsonObject, given: Given = {}): string {
  const { valid, error_code } = look(token, given);
  assert.equal(valid, error_code === undefined);
  return error_code?.replace('delegation_token_', '') ?? 'valid';
}

type Row = readonly [name: string, token: JsonObject, given: Given, becomes: string];

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
  const of = (identities: readonly string[]): Given => ({
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
    ['with an id that it does not make', legacyDelegation({ token_id: 'e'.repeat(24) }), {}, 'invalid'],
    ['with a member that nobody knows', legacyDelegation({ max_depth: 1 }), {}, 'invalid'],
    ['of another kind', legacyDelegation({ schema_id: 'gait.gate.approval_token' }), {}, 'invalid'],
    ['with no delegate', legacyDelegation({ delegate_identity: undefined }), {}, 'invalid'],
    ['with no scope', legacyDelegation({ scope: [] }), {}, 'invalid'],
  ]);

  test('an edit of any member shows', () => {
    for (const [name, value] of Object.entries(bound)) {
      const edited = { ...bound, [name]: typeof value === 'string' ? `${value}0` : 7 };
      assert.notEqual(become(edited, { subject: same }), 'valid', name);
    }
  });
});

/** A hop as a test writes it: from, to, and what for. */
type Hop = readonly [from: string, to: string, ...scope: string[]];

function found([delegator, delegate, ...scope]: Hop) {
  return look(delegation({ delegator, delegate, scope: scope.length === 0 ? ['write'] : scope }));
}

interface Claim {
  readonly chain?: readonly (readonly [from: string, to: string])[];
  readonly requester?: string;
  readonly identity?: string;
  readonly expires?: string;
  readonly linkExpires?: string;
  readonly scopes?: readonly (readonly string[])[];
  readonly tool?: string;
}

const A_TO_B: Claim = { chain: [['alice', 'bob']] };
const A_TO_C: Claim = {
  chain: [
    ['alice', 'bob'],
    ['bob', 'carol'],
  ],
};

/** What tokens prove of a claim; by default the one who asks is the last of the chain, and acts for itself. */
function proved(claim: Claim, findings: Parameters<typeof proveChain>[1]): DelegationProof {
  const { chain = [], scopes = [], tool = 'tool.write' } = claim;
  const requester = claim.requester ?? chain.at(-1)?.[1] ?? 'bob';
  const ends = (at: string | undefined): JsonObject => (at === undefined ? {} : { expires_at: at });
  const intent = intentOf({
    tool_name: tool,
    context: { identity: claim.identity ?? requester },
    delegation: {
      requester_identity: requester,
      chain: chain.map(([delegator_identity, delegate_identity]) => ({
        ...{ delegator_identity, delegate_identity, ...ends(claim.linkExpires) },
      })),
      ...ends(claim.expires),
    },
  });
  return proveChain(intent, findings, { scopes, now: NOW });
}

const SHORT = 'delegation_chain_insufficient';
const NARROW = ['delegation_chain_insufficient', 'delegation_scope_widened'];
const UNFIT = ['delegation_chain_insufficient', 'delegation_token_scope_mismatch'];
const GRANTED = ['delegation_granted'];

type ChainRow = readonly [name: string, claim: Claim, hops: readonly Hop[], reasons: readonly string[]];

const CHAINS: readonly ChainRow[] = [
  ['one hop', A_TO_B, [['alice', 'bob']], GRANTED],
  ['a claim without links is one hop, from whomever', {}, [['alice', 'bob']], GRANTED],
  [
    'a claim without links, and a token for another',
    {},
    [['alice', 'carol']],
    [SHORT, 'delegation_token_delegate_mismatch'],
  ],
  ['no token', A_TO_B, [], ['delegation_token_missing']],
  [
    'two hops',
    A_TO_C,
    [
      ['alice', 'bob'],
      ['bob', 'carol'],
    ],
    GRANTED,
  ],
  [
    'two hops, shown the other way round',
    A_TO_C,
    [
      ['bob', 'carol'],
      ['alice', 'bob'],
    ],
    GRANTED,
  ],
  ['W-5: the last hop alone', A_TO_C, [['bob', 'carol']], [SHORT, 'delegation_token_missing']],
  ['W-5: the first hop alone', A_TO_C, [['alice', 'bob']], [SHORT, 'delegation_token_missing']],
  [
    'W-5: from the first to the last at once',
    A_TO_C,
    [['alice', 'carol']],
    [SHORT, 'delegation_token_delegator_mismatch'],
  ],
  ['the hops turned round', A_TO_B, [['bob', 'alice']], [SHORT, 'delegation_token_delegate_mismatch']],
  [
    'one token for two equal hops',
    {
      chain: [
        ['bob', 'bob'],
        ['bob', 'bob'],
      ],
    },
    [['bob', 'bob']],
    [SHORT, 'delegation_token_missing'],
  ],
  [
    'W-5: links that do not join',
    {
      chain: [
        ['alice', 'bob'],
        ['dave', 'carol'],
      ],
    },
    [
      ['alice', 'bob'],
      ['dave', 'carol'],
    ],
    ['delegation_chain_broken'],
  ],
  [
    'W-5: a chain to another than asks',
    { ...A_TO_B, requester: 'mallory' },
    [['alice', 'bob']],
    ['delegation_chain_broken'],
  ],
  [
    'W-5: somebody else acts',
    { ...A_TO_B, identity: 'mallory' },
    [['alice', 'bob']],
    ['delegation_identity_mismatch'],
  ],
  ['the first of the chain acts', { ...A_TO_B, identity: 'alice' }, [['alice', 'bob']], GRANTED],
  [
    'somebody in the middle acts',
    { ...A_TO_C, identity: 'bob' },
    [
      ['alice', 'bob'],
      ['bob', 'carol'],
    ],
    ['delegation_identity_mismatch'],
  ],
  ['W-5: the claim is over', { ...A_TO_B, expires: NOW }, [['alice', 'bob']], ['delegation_expired']],
  [
    'the claim is about to be over',
    { ...A_TO_B, expires: '2026-05-01T12:00:01Z' },
    [['alice', 'bob']],
    GRANTED,
  ],
  [
    'W-5: a link of the claim is over',
    { ...A_TO_B, linkExpires: NOW },
    [['alice', 'bob']],
    ['delegation_expired'],
  ],
  ['W-5: for another tool', A_TO_B, [['alice', 'bob', 'tool:tool.read']], UNFIT],
  ['for the tool', A_TO_B, [['alice', 'bob', 'tool:tool.write']], GRANTED],
  ['for everything', A_TO_B, [['alice', 'bob', '*']], GRANTED],
  [
    'for what a rule wants',
    { ...A_TO_B, scopes: [['export', 'write']] },
    [['alice', 'bob', 'export']],
    GRANTED,
  ],
  [
    'for what one of two rules wants',
    { ...A_TO_B, scopes: [['export'], ['write']] },
    [['alice', 'bob', 'export']],
    UNFIT,
  ],
  [
    'for the tool, where a rule wants another scope',
    { ...A_TO_B, scopes: [['export']] },
    [['alice', 'bob', 'tool:tool.write']],
    UNFIT,
  ],
  [
    'W-5: narrower',
    A_TO_C,
    [
      ['alice', 'bob', 'read', 'write'],
      ['bob', 'carol', 'write'],
    ],
    GRANTED,
  ],
  [
    'W-5: wider',
    A_TO_C,
    [
      ['alice', 'bob', 'write'],
      ['bob', 'carol', 'read', 'write'],
    ],
    NARROW,
  ],
  [
    'W-5: from everything to something',
    A_TO_C,
    [
      ['alice', 'bob', '*'],
      ['bob', 'carol', 'write'],
    ],
    GRANTED,
  ],
  [
    'W-5: from something to everything',
    A_TO_C,
    [
      ['alice', 'bob', 'write'],
      ['bob', 'carol', '*'],
    ],
    NARROW,
  ],
  [
    'W-5: wider at the third hop',
    {
      chain: [
        ['alice', 'bob'],
        ['bob', 'carol'],
        ['carol', 'dave'],
      ],
    },
    [
      ['alice', 'bob', 'read', 'write'],
      ['bob', 'carol', 'write'],
      ['carol', 'dave', 'read', 'write'],
    ],
    NARROW,
  ],
  [
    'a token of no link beside the right one',
    A_TO_B,
    [
      ['alice', 'bob'],
      ['alice', 'dave'],
    ],
    GRANTED,
  ],
];

describe('a chain of delegations', () => {
  for (const [name, claim, hops, reasons] of CHAINS) {
    test(`${name}: ${reasons.join(', ')}`, () => {
      const { granted, reasons: are, hops: by } = proved(claim, hops.map(found));
      assert.deepEqual([granted, are], [reasons === GRANTED, reasons]);
      assert.equal(by.length, granted ? Math.max(1, claim.chain?.length ?? 0) : 0);
    });
  }

  test('a call that claims none has none', () => {
    const { granted, reasons } = proveChain(intentOf(), [found(['alice', 'bob'])], { scopes: [], now: NOW });
    assert.deepEqual([granted, reasons], [false, ['delegation_token_missing']]);
  });

  test('a token that counts for nothing proves no hop, and its reason is told', () => {
    const late = look(delegation({ now: '2026-05-01T10:00:00Z', ttlMs: 1000 }));
    const { granted, reasons } = proved(A_TO_B, [late]);
    assert.deepEqual([granted, reasons], [false, [SHORT, 'delegation_token_expired']]);
    assert.ok(proved(A_TO_B, [late, found(['alice', 'bob'])]).granted);
  });

  test('a scope class is handed on like a scope', () => {
    const classed = (from: string, to: string, scopeClass: string) =>
      look(delegation({ delegator: from, delegate: to, scope: ['tool:tool.write'], scopeClass }));
    assert.ok(proved({ ...A_TO_B, scopes: [['egress']] }, [classed('alice', 'bob', 'egress')]).granted);
    const widened = [classed('alice', 'bob', 'egress'), classed('bob', 'carol', 'admin')];
    assert.deepEqual(proved(A_TO_C, widened).reasons, NARROW);
  });

  const greedy = 'the first token of a hop is taken, though another one of the same hop would do';
  test('a token that is too narrow takes nothing away from one that is not', { todo: greedy }, () => {
    const [narrow, wide] = [found(['alice', 'bob', 'read']), found(['alice', 'bob', 'write'])];
    assert.ok(proved(A_TO_B, [wide, narrow]).granted);
    assert.ok(proved(A_TO_B, [narrow, wide]).granted);
  });

  const restricted = 'bound:ext, which marks a restriction, counts as a scope that is handed on';
  test('a hop that is for one gate alone is narrower than one for every gate', { todo: restricted }, () => {
    const keyring = believing('delegator', BOB);
    const hops = [
      look(delegation({ scope: ['write'] }), { keyring, audience: 'g' }),
      look(delegation({ delegator: 'bob', delegate: 'carol', audience: 'g' }), { keyring, audience: 'g' }),
    ];
    assert.deepEqual(proved(A_TO_C, hops).reasons, GRANTED);
  });

  test('is granted only if every link has a valid token of its own, no wider than the one before', () => {
    const names = ['alice', 'bob', 'carol', 'dave'];
    const scope = fc.constantFrom(['write'], ['read', 'write'], ['read'], ['*']);
    const hop = fc
      .record({
        from: fc.constantFrom(...names),
        to: fc.constantFrom(...names),
        scope,
        by: fc.constantFrom(BOB, MALLORY),
      })
      .map(({ from, to, scope: said, by }) =>
        look(delegation({ delegator: from, delegate: to, scope: said }, by)),
      );
    fc.assert(
      fc.property(fc.array(hop, { maxLength: 5 }), fc.integer({ min: 1, max: 3 }), (findings, depth) => {
        const chain = names.slice(0, depth).map((from, at) => [from, names[at + 1] ?? ''] as const);
        const { granted, hops } = proved({ chain }, findings);
        if (!granted) return assert.deepEqual(hops, []);
        assert.equal(new Set(hops).size, depth);
        for (const [at, one] of hops.entries()) {
          assert.deepEqual([one.delegator_identity, one.delegate_identity], chain[at]);
          assert.ok(one.valid && one.key_id === BOB.keyId);
          const [mine = [], given = ['*']] = [one.scope, hops[at - 1]?.scope];
          assert.ok(given.includes('*') || mine.every((word) => given.includes(word)), 'wider');
          assert.ok(mine.includes('*') || mine.includes('write'), 'for another tool');
        }
      }),
      { numRuns: 200 },
    );
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

test('two keys of delegators: each signs in its own name', () => {
  const keyring = ringWith(
    trusted(BOB, { purposes: ['delegator'], identities: ['alice'] }),
    trusted(CAROL, { purposes: ['delegator'], identities: ['bob'] }),
  );
  const hop = (delegator: string, delegate: string, key: typeof BOB) =>
    look(delegation({ delegator, delegate }, key), { keyring });
  assert.ok(proved(A_TO_C, [hop('alice', 'bob', BOB), hop('bob', 'carol', CAROL)]).granted);
  const { granted, reasons } = proved(A_TO_C, [hop('alice', 'bob', BOB), hop('bob', 'carol', BOB)]);
  assert.deepEqual([granted, reasons.includes('delegation_token_delegator_mismatch')], [false, true]);
});

describe('delegations that the Go versions recorded', { skip }, () => {
  const dir = corpusPath('cases/gate-delegation');
  const proofOf = (name: string): DelegationProof => {
    const bytes = (file: string): Buffer => readFileSync(join(dir, name, file));
    const intent = parseIntent(bytes('intent.json'), name).intent;
    const policy = parsePolicy(bytes('policy.yaml'), name);
    const subject = { intentDigest: intentDigest(intent), policyDigest: policyDigest(policy) };
    const publicKey = parsePublicKey(bytes('TESTONLY_charlie_public.key').toString(), name);
    const keyring = ringWith({ publicKey, purposes: ['delegator'], identities: [], source: name });
    const given = { keyring, now: '2027-01-01T00:00:00Z', subject };
    const tokens = readdirSync(join(dir, name)).filter((file) => /^del\d\.json$/.test(file));
    const findings = tokens.map((file) => look(JSON.parse(bytes(file).toString()), given));
    const scopes = policy.rules
      .map(({ match }) => match.delegation_scopes)
      .filter(({ length }) => length > 0);
    return proveChain(intent, findings, { scopes, now: given.now });
  };
  const RECORDED: readonly [name: string, reasons: readonly string[]][] = [
    ['valid', GRANTED],
    ['two-hops-two-tokens', GRANTED],
    ['one-valid-one-bad', GRANTED],
    ['expired', [SHORT, 'delegation_token_expired']],
    ['two-hops-one-token', [SHORT, 'delegation_token_missing']],
    ['scope-ignored', UNFIT],
    ['other-delegator', [SHORT, 'delegation_token_delegator_mismatch']],
    ['other-delegate', [SHORT, 'delegation_token_delegate_mismatch']],
    ['wrong-key', [SHORT, 'delegation_token_signature_invalid']],
  ];
  for (const [name, reasons] of RECORDED) {
    test(`${name}: ${reasons.join(', ')}`, (t) => {
      if (!existsSync(join(dir, name))) return t.skip('not in this part of the corpus');
      assert.deepEqual(proofOf(name).reasons, reasons);
    });
  }
});
