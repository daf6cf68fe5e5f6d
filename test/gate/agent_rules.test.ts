import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { policyDigest } from '../../src/gate/policy/digest.ts';
import { lint } from '../../src/gate/policy/lint.ts';
import { decided, NOON, policyOf, requestOf, verdictOf } from '../support/gate.ts';

/** A rule that allows everything, but for what these members ask of an agent. */
const asking = (...members: readonly string[]): ReturnType<typeof policyOf> =>
  policyOf('rules:', '  - name: r', '    effect: allow', ...members.map((line) => `    ${line}`));

const KNOWN: JsonObject = {
  agent_id: 'bot-1',
  agent_identity: {
    lifecycle_states: ['active', 'approved'],
    owner: 'team',
    manifest_digest: 'AB12',
    publisher: 'Acme',
    source: 'registry',
    expires_at: '2026-06-15T12:00:00.001Z',
  },
};

const MEMBERS = [
  'require_declared_agent: true',
  'allowed_agent_ids: [bot-1, bot-2]',
  'denied_agent_ids: [bot-9]',
  'required_agent_manifest_digest: Ab12',
  'allowed_agent_manifest_publishers: [ACME]',
  'allowed_agent_manifest_sources: [registry]',
  'required_agent_lifecycle_states: [approved, active]',
  'require_agent_owner: true',
  'require_unexpired_agent: true',
] as const;

function without(name: string): JsonObject {
  const { [name]: _, ...rest } = KNOWN['agent_identity'] as JsonObject;
  return { ...KNOWN, agent_identity: rest };
}

function changed(identity: JsonObject): JsonObject {
  return { ...KNOWN, agent_identity: { ...(KNOWN['agent_identity'] as JsonObject), ...identity } };
}

describe('rules about an agent', () => {
  test('let one through that says all of it', () => {
    assert.equal(verdictOf(asking(...MEMBERS), requestOf({ context: KNOWN }), NOON), 'allow');
  });

  test('W-8: block one that says nothing, whichever of them asks', () => {
    for (const member of MEMBERS) assert.equal(verdictOf(asking(member), requestOf()), 'block', member);
  });

  test('W-8: what an agent says of itself makes nothing weaker', () => {
    const blocks = policyOf(
      'rules:',
      '  - name: r',
      '    effect: block',
      ...MEMBERS.map((one) => `    ${one}`),
    );
    assert.equal(verdictOf(blocks, requestOf({ context: KNOWN })), 'block');
  });

  for (const [member, context, reason, violation] of [
    [0, { agent_id: 'bot-1' }, 'agent_unknown', 'agent_identity_missing'],
    [0, { ...KNOWN, agent_id: ' ' }, 'agent_unknown', 'agent_identity_missing'],
    [1, { ...KNOWN, agent_id: 'Bot-1' }, 'agent_unknown', 'agent_not_declared'],
    [2, { ...KNOWN, agent_id: 'BOT-9' }, 'agent_revoked', 'agent_revoked'],
    [2, { ...KNOWN, agent_id: 'ｂot-9' }, 'agent_revoked', 'agent_revoked'],
    [2, { agent_identity: { owner: 'team' } }, 'agent_unknown', 'agent_identity_missing'],
    [3, changed({ manifest_digest: 'ab13' }), 'agent_manifest_mismatch', 'agent_manifest_mismatch'],
    [4, changed({ publisher: 'acme2' }), 'agent_manifest_mismatch', 'agent_manifest_mismatch'],
    [5, without('source'), 'agent_manifest_mismatch', 'agent_manifest_mismatch'],
    [6, changed({ lifecycle_states: ['active'] }), 'agent_lifecycle_state_invalid', undefined],
    [7, without('owner'), 'agent_owner_missing', undefined],
    [8, changed({ expires_at: NOON }), 'agent_expired', undefined],
    [8, without('expires_at'), 'agent_expired', undefined],
    [7, changed({ revoked: true }), 'agent_revoked', undefined],
  ] as const) {
    test(`${MEMBERS[member]}: ${JSON.stringify(context)} is ${reason}`, () => {
      assert.deepEqual(decided(asking(MEMBERS[member]), requestOf({ context })), {
        verdict: 'block',
        reason_codes: [reason, 'matched_rule_r'].sort(),
        violations: [violation ?? reason],
      });
    });
  }

  test('that a rule allows by what nobody proves is pointed out', () => {
    const codes = lint(asking('allowed_agent_ids: [bot-1]')).map(({ code }) => code);
    assert.ok(codes.includes('agent_claimed'));
    const plain = lint(asking()).map(({ code }) => code);
    assert.ok(!plain.includes('agent_claimed'));
  });

  test('are in the digest, each of them, and only where they ask', () => {
    const digests = [asking(), ...MEMBERS.map((one) => asking(one))].map(policyDigest);
    assert.equal(new Set(digests).size, MEMBERS.length + 1);
    assert.equal(policyDigest(asking('require_agent_owner: false')), digests[0]);
  });
});
