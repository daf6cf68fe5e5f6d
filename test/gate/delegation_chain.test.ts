import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { intentDigest } from '../../src/gate/intent/digest.ts';
import { parseIntent } from '../../src/gate/intent/reader.ts';
import { policyDigest } from '../../src/gate/policy/digest.ts';
import { parsePolicy } from '../../src/gate/policy/yaml.ts';
import type { DelegationFinding } from '../../src/gate/tokens/delegation.ts';
import { type DelegationProof, proveChain } from '../../src/gate/tokens/delegation_chain.ts';
import type { SigningKey } from '../../src/signing/keys.ts';
import { parsePublicKey } from '../../src/signing/keys.ts';
import { corpusPath, skip } from '../interop/corpus.ts';
import { intentOf } from '../support/gate.ts';
import { trusted } from '../support/keyrings.ts';
import fc from '../support/property.ts';
import {
  BOB,
  CAROL,
  delegation,
  delegationFinding as look,
  MALLORY,
  NOW,
  ringWith,
} from '../support/tokens.ts';

/** A hop as a test writes it: `alice>bob`, or `alice>bob: read, write` for other scopes than to write. */
type Hop = `${string}>${string}`;

function partsOf(hop: Hop): { delegator: string; delegate: string; scope: string[] } {
  const [names = '', scopes = 'write'] = hop.split(': ');
  const [delegator = '', delegate = ''] = names.split('>');
  return { delegator, delegate, scope: scopes.split(', ') };
}

function found(hop: Hop): DelegationFinding {
  return look(delegation(partsOf(hop)));
}

/** What a call claims, and what the rules want. */
interface Claim {
  readonly chain?: readonly Hop[];
  readonly requester?: string;
  readonly identity?: string;
  readonly expires?: string;
  readonly linkExpires?: string;
  readonly scopes?: readonly (readonly string[])[];
}

const A_TO_B: Claim = { chain: ['alice>bob'] };
const A_TO_C: Claim = { chain: ['alice>bob', 'bob>carol'] };
const A_TO_D: Claim = { chain: ['alice>bob', 'bob>carol', 'carol>dave'] };

/** What tokens prove of a claim; by default the one who asks is the last of the chain, and acts for itself. */
function proved(claim: Claim, findings: readonly DelegationFinding[]): DelegationProof {
  const links = (claim.chain ?? []).map(partsOf);
  const requester = claim.requester ?? links.at(-1)?.delegate ?? 'bob';
  const ends = (at: string | undefined): JsonObject => (at === undefined ? {} : { expires_at: at });
  const intent = intentOf({
    context: { identity: claim.identity ?? requester },
    delegation: {
      requester_identity: requester,
      chain: links.map(({ delegator, delegate }) => ({
        ...{ delegator_identity: delegator, delegate_identity: delegate, ...ends(claim.linkExpires) },
      })),
      ...ends(claim.expires),
    },
  });
  return proveChain(intent, findings, { scopes: claim.scopes ?? [], tools: ['tool.write'], now: NOW });
}

const GRANTED = ['delegation_granted'];
const MISSING = ['delegation_token_missing'];
const BROKEN = ['delegation_chain_broken'];
const STRANGER = ['delegation_identity_mismatch'];
const OVER = ['delegation_expired'];
const SHORT = 'delegation_chain_insufficient';
const A_HOP_SHORT = [SHORT, 'delegation_token_missing'];
const WIDENED = [SHORT, 'delegation_scope_widened'];
const UNFIT = [SHORT, 'delegation_token_scope_mismatch'];
const FOR_ANOTHER = [SHORT, 'delegation_token_delegate_mismatch'];
const BY_ANOTHER = [SHORT, 'delegation_token_delegator_mismatch'];

type ChainRow = readonly [name: string, claim: Claim, hops: readonly Hop[], reasons: readonly string[]];

const [WANTS_ONE, WANTS_BOTH, WANTS_OTHER] = [[['export', 'write']], [['export'], ['write']], [['export']]];
const SOON = '2026-05-01T12:00:01Z';

const CHAINS: readonly ChainRow[] = [
  ['one hop', A_TO_B, ['alice>bob'], GRANTED],
  ['a claim without links is one hop, from whomever', {}, ['alice>bob'], GRANTED],
  ['a claim without links, and a token for another', {}, ['alice>carol'], FOR_ANOTHER],
  ['no token', A_TO_B, [], MISSING],
  ['two hops', A_TO_C, ['alice>bob', 'bob>carol'], GRANTED],
  ['two hops, shown the other way round', A_TO_C, ['bob>carol', 'alice>bob'], GRANTED],
  ['W-5: the last hop alone', A_TO_C, ['bob>carol'], A_HOP_SHORT],
  ['W-5: the first hop alone', A_TO_C, ['alice>bob'], A_HOP_SHORT],
  ['W-5: from the first to the last at once', A_TO_C, ['alice>carol'], BY_ANOTHER],
  ['the hop turned round', A_TO_B, ['bob>alice'], FOR_ANOTHER],
  ['a chain that comes back', { chain: ['bob>bob', 'bob>bob'] }, ['bob>bob'], BROKEN],
  ['W-5: links that do not join', { chain: ['alice>bob', 'eve>carol'] }, ['alice>bob', 'eve>carol'], BROKEN],
  ['W-5: a chain to another than asks', { ...A_TO_B, requester: 'mallory' }, ['alice>bob'], BROKEN],
  ['W-5: somebody else acts', { ...A_TO_B, identity: 'mallory' }, ['alice>bob'], STRANGER],
  ['the first of the chain acts', { ...A_TO_B, identity: 'alice' }, ['alice>bob'], GRANTED],
  ['one in the middle acts', { ...A_TO_C, identity: 'bob' }, ['alice>bob', 'bob>carol'], STRANGER],
  ['W-5: the claim is over', { ...A_TO_B, expires: NOW }, ['alice>bob'], OVER],
  ['the claim is about to be over', { ...A_TO_B, expires: SOON }, ['alice>bob'], GRANTED],
  ['W-5: a link of the claim is over', { ...A_TO_B, linkExpires: NOW }, ['alice>bob'], OVER],
  ['W-5: for another tool', A_TO_B, ['alice>bob: tool:tool.read'], UNFIT],
  ['for the tool', A_TO_B, ['alice>bob: tool:tool.write'], GRANTED],
  ['for everything', A_TO_B, ['alice>bob: *'], GRANTED],
  ['for what a rule wants', { ...A_TO_B, scopes: WANTS_ONE }, ['alice>bob: export'], GRANTED],
  ['for what one of two rules wants', { ...A_TO_B, scopes: WANTS_BOTH }, ['alice>bob: export'], UNFIT],
  [
    'for the tool, but a rule wants more',
    { ...A_TO_B, scopes: WANTS_OTHER },
    ['alice>bob: tool:tool.write'],
    UNFIT,
  ],
  ['W-5: narrower', A_TO_C, ['alice>bob: read, write', 'bob>carol'], GRANTED],
  ['W-5: wider', A_TO_C, ['alice>bob', 'bob>carol: read, write'], WIDENED],
  ['W-5: from everything to something', A_TO_C, ['alice>bob: *', 'bob>carol'], GRANTED],
  ['W-5: from something to everything', A_TO_C, ['alice>bob', 'bob>carol: *'], WIDENED],
  ['W-5: wider again', A_TO_D, ['alice>bob: read, write', 'bob>carol', 'carol>dave: read, write'], WIDENED],
  ['a token of no link beside the right one', A_TO_B, ['alice>bob', 'alice>dave'], GRANTED],
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
    const { granted, reasons } = proveChain(intentOf(), [found('alice>bob')], {
      scopes: [],
      tools: ['tool.write'],
      now: NOW,
    });
    assert.deepEqual([granted, reasons], [false, ['delegation_token_missing']]);
  });

  test('a token that counts for nothing proves no hop, and its reason is told', () => {
    const late = look(delegation({ now: '2026-05-01T10:00:00Z', ttlMs: 1000 }));
    const { granted, reasons } = proved(A_TO_B, [late]);
    assert.deepEqual([granted, reasons], [false, [SHORT, 'delegation_token_expired']]);
    assert.ok(proved(A_TO_B, [late, found('alice>bob')]).granted);
  });

  test('a scope class is handed on like a scope', () => {
    const classed = (from: string, to: string, scopeClass: string) =>
      look(delegation({ delegator: from, delegate: to, scope: ['tool:tool.write'], scopeClass }));
    assert.ok(proved({ ...A_TO_B, scopes: [['egress']] }, [classed('alice', 'bob', 'egress')]).granted);
    const widened = [classed('alice', 'bob', 'egress'), classed('bob', 'carol', 'admin')];
    assert.deepEqual(proved(A_TO_C, widened).reasons, WIDENED);
  });

  test('a token that is too narrow takes nothing away from one that is not', () => {
    const [narrow, wide] = [found('alice>bob: read'), found('alice>bob: write')];
    assert.ok(proved(A_TO_B, [wide, narrow]).granted);
    assert.ok(proved(A_TO_B, [narrow, wide]).granted);
  });

  test('a hop that is for one gate alone is narrower than one for every gate', () => {
    const hops = [
      look(delegation({ scope: ['write'] }), { audience: 'g' }),
      look(delegation({ delegator: 'bob', delegate: 'carol', audience: 'g' }), { audience: 'g' }),
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
        const chain = names.slice(0, depth).map((from, at): Hop => `${from}>${names[at + 1]}`);
        const { granted, hops } = proved({ chain }, findings);
        if (!granted) return assert.deepEqual(hops, []);
        assert.equal(new Set(hops).size, depth);
        for (const [at, one] of hops.entries()) {
          assert.equal(`${one.delegator_identity}>${one.delegate_identity}`, chain[at]);
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

test('two keys of delegators: each signs in its own name', () => {
  const keyring = ringWith(
    trusted(BOB, { purposes: ['delegator'], identities: ['alice'] }),
    trusted(CAROL, { purposes: ['delegator'], identities: ['bob'] }),
  );
  const hop = (delegator: string, delegate: string, key: SigningKey) =>
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
    return proveChain(intent, findings, { scopes, tools: [intent.tool_name], now: given.now });
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
