import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import type { Claims } from '../../src/gate/intent/claims.ts';
import { ANY_CREDENTIAL, type CredentialRules } from '../../src/gate/policy/credential_rules.ts';
import { policyDigest } from '../../src/gate/policy/digest.ts';
import { lint } from '../../src/gate/policy/lint.ts';
import { receiptFaults } from '../../src/gate/rules/credential.ts';
import { simulate } from '../../src/gate/simulate.ts';
import { decisionOf, judgementOf, NOON, policyOf, requestOf } from '../support/gate.ts';

/** A rule that allows everything, but for what these members ask of a credential. */
const asking = (...members: readonly string[]): ReturnType<typeof policyOf> =>
  policyOf('rules:', '  - name: r', '    effect: allow', ...members.map((line) => `    ${line}`));

const MEMBERS = [
  'require_jit_credential: true',
  'block_standing_credentials: true',
  'allowed_credential_sources: [vault_dynamic, AWS_STS]',
  'allowed_credential_issuers: [Vault]',
  'allowed_credential_access_types: [jit]',
  'max_credential_ttl_seconds: 900',
] as const;

const FITS: JsonObject = {
  credential_ref: 'ref:1',
  credential_source: 'vault_dynamic',
  credential_access_type: 'jit',
  credential_issuer: 'Vault',
  credential_ttl_seconds: 900,
};

const verdictFor = (context: JsonObject, ...members: readonly string[]): string =>
  judgementOf(asking(...members), requestOf({ context })).verdict;

describe('rules about a credential', () => {
  test('let a call through that says of its credential what they ask for, and not without a broker', () => {
    assert.equal(verdictFor(FITS, ...MEMBERS), 'allow');
    for (const member of MEMBERS) {
      const { verdict, reason_codes } = decisionOf(asking(member), requestOf({ context: FITS }));
      assert.deepEqual([verdict, reason_codes[0]], ['block', 'broker_credential_required'], member);
    }
  });

  test('W-8: block a call that says nothing, whichever of them asks', () => {
    for (const member of MEMBERS) assert.equal(verdictFor({}, member), 'block', member);
  });

  for (const [member, said, reason] of [
    [0, { credential_access_type: 'static' }, 'credential_not_jit'],
    [1, { credential_access_type: 'cloud_admin' }, 'standing_credential_disallowed'],
    [1, { credential_access_type: 'unknown' }, 'standing_credential_disallowed'],
    [2, { credential_source: 'github_pat' }, 'credential_source_disallowed'],
    [2, { credential_source: null }, 'credential_source_unknown'],
    [3, { credential_issuer: 'vault' }, 'credential_issuer_disallowed'],
    [4, { credential_access_type: 'standing' }, 'credential_access_type_disallowed'],
    [4, { credential_access_type: null }, 'credential_access_type_unknown'],
    [5, { credential_ttl_seconds: 901 }, 'credential_ttl_exceeded'],
    [5, { credential_ttl_seconds: 0 }, 'credential_evidence_missing'],
    [5, { credential_ref: ' ' }, 'credential_evidence_missing'],
  ] as const) {
    test(`${MEMBERS[member]}: ${JSON.stringify(said)} is ${reason}`, () => {
      const request = requestOf({ context: { ...FITS, ...said } });
      const { verdict, reason_codes, violations } = judgementOf(asking(MEMBERS[member]), request);
      assert.equal(verdict, 'block');
      assert.ok(reason_codes.includes(reason) && violations.includes(reason), reason_codes.join());
    });
  }

  test('W-16: of several rules the strictest of each holds', () => {
    const policy = policyOf(
      'rules:',
      '  - {name: a, effect: allow, max_credential_ttl_seconds: 900, allowed_credential_sources: [env, stub]}',
      '  - {name: b, effect: allow, max_credential_ttl_seconds: 60, allowed_credential_sources: [stub, command]}',
      '  - {name: c, effect: require_approval, require_jit_credential: true, broker_scopes: [write]}',
    );
    const { duties } = judgementOf(policy, requestOf());
    assert.deepEqual(duties.credential, {
      ...ANY_CREDENTIAL,
      ...{ max_ttl_seconds: 60, sources: ['stub'], jit: true },
    });
    assert.deepEqual(duties.broker, { references: [], scopes: ['write'] });
  });

  test('W-16: lists that have nothing in common admit nothing', () => {
    const policy = policyOf(
      'rules:',
      '  - {name: a, effect: allow, allowed_credential_sources: [env]}',
      '  - {name: b, effect: allow, allowed_credential_sources: [stub]}',
    );
    const { credential } = judgementOf(policy, requestOf()).duties;
    assert.deepEqual(credential.sources, []);
    for (const source of ['env', 'stub']) {
      assert.deepEqual(receiptFaults(credential, { source }, {}), ['credential_source_disallowed']);
    }
  });

  test('are in the digest, each of them, and only where they ask', () => {
    const digests = [asking(), ...MEMBERS.map((one) => asking(one))].map(policyDigest);
    assert.equal(new Set(digests).size, MEMBERS.length + 1);
    const silent = asking('max_credential_ttl_seconds: 0');
    assert.equal(policyDigest(silent), digests[0]);
    assert.equal(judgementOf(silent, requestOf()).duties.broker, null);
  });

  test('a longer time to live, or another source, is something looser to owe', () => {
    const advice = (from: string, to: string): string => {
      const request = requestOf({ context: { ...FITS, credential_ttl_seconds: 30 } });
      return simulate(asking(from), asking(to), [{ path: 'call', request }], NOON).recommendation;
    };
    const [long, short] = ['max_credential_ttl_seconds: 900', 'max_credential_ttl_seconds: 60'];
    assert.deepEqual([advice(long, short), advice(short, long)], ['require_approval', 'observe']);
    const [few, many] = ['[vault_dynamic]', '[stub, vault_dynamic]'].map(
      (list) => `allowed_credential_sources: ${list}`,
    ) as [string, string];
    assert.deepEqual([advice(many, few), advice(few, many)], ['require_approval', 'observe']);
  });

  test('words that no call can say are pointed out', () => {
    const warned = (member: string): boolean =>
      lint(asking(member)).some(({ code }) => code === 'word_unknown');
    assert.ok(
      warned('allowed_credential_sources: [valt]') && warned('allowed_credential_access_types: [jt]'),
    );
    assert.ok(!warned('allowed_credential_sources: [vault_dynamic]'));
  });
});

describe('the receipt of a credential', () => {
  const rules: CredentialRules = {
    max_ttl_seconds: 900,
    sources: ['vault_dynamic'],
    issuers: ['Vault'],
    access_types: ['jit'],
    jit: true,
    no_standing: true,
  };
  const GOOD = { source: 'Vault_Dynamic', issuer: 'Vault', access_type: 'jit', ttl_seconds: 900 };
  const CLAIMS: Claims = { credential_source: 'vault_dynamic', credential_issuer: 'Vault' };

  test('has no fault when it is what the rules ask for', () => {
    assert.deepEqual(receiptFaults(rules, GOOD, CLAIMS), []);
    assert.deepEqual(receiptFaults(rules, GOOD, {}), []);
    assert.deepEqual(receiptFaults(ANY_CREDENTIAL, {}, CLAIMS), []);
  });

  for (const [name, changes, codes] of [
    ['no source', { source: undefined }, ['credential_source_unknown', 'credential_source_disallowed']],
    [
      'another source',
      { source: 'env' },
      ['credential_source_disallowed', 'broker_credential_source_mismatch'],
    ],
    ['no issuer', { issuer: ' ' }, ['credential_issuer_disallowed']],
    [
      'a word for its access that nobody knows',
      { access_type: 'forever' },
      ['credential_access_type_disallowed', 'credential_not_jit', 'standing_credential_disallowed'],
    ],
    ['W-33: no time to live', { ttl_seconds: undefined }, ['broker_credential_ttl_invalid']],
    ['W-33: a negative time to live', { ttl_seconds: -5 }, ['broker_credential_ttl_invalid']],
    [
      'W-33: a time to live that is no number',
      { ttl_seconds: Number.NaN },
      ['broker_credential_ttl_invalid'],
    ],
    ['a second too much', { ttl_seconds: 901 }, ['broker_credential_ttl_exceeded']],
  ] as const) {
    test(`with ${name} has its faults`, () => {
      assert.deepEqual(receiptFaults(rules, { ...GOOD, ...changes }, CLAIMS), codes);
    });
  }

  test('is asked only for what the rules are about', () => {
    const short = { ...ANY_CREDENTIAL, max_ttl_seconds: 60 };
    assert.deepEqual(receiptFaults(short, { ttl_seconds: 60 }, {}), []);
  });
});
