import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Json } from '../../src/core/json.ts';
import { intentDigest } from '../../src/gate/intent/digest.ts';
import { decisionOf, policyOf, requestOf } from '../support/gate.ts';
import { gaitError } from '../support/refusals.ts';

const claimsOf = (context: { readonly [name: string]: Json }) => requestOf({ context }).claims;

describe('what a caller claims', () => {
  test('is read in one form: trimmed, words in small letters, times in UTC, what says nothing left out', () => {
    const claims = claimsOf({
      agent_id: ' Bot-1 ',
      environment: ' Prod ',
      phase: 'APPLY',
      run_id: 'run_1',
      job_id: ' ',
      credential_source: 'AWS_STS',
      credential_ttl_seconds: 0,
      agent_identity: {
        lifecycle_states: ['Approved', 'active', 'active'],
        owner: 'team',
        publisher: 'Acme',
        expires_at: '2026-06-01T02:00:00+02:00',
        issued_at: '0001-01-01T00:00:00Z',
        revoked: false,
      },
    });
    assert.deepEqual(claims, {
      agent_id: 'Bot-1',
      environment: 'prod',
      phase: 'apply',
      run_id: 'run_1',
      credential_source: 'aws_sts',
      agent_identity: {
        lifecycle_states: ['active', 'approved'],
        owner: 'team',
        publisher: 'acme',
        expires_at: '2026-06-01T00:00:00Z',
      },
    });
    assert.deepEqual(claimsOf({ agent_identity: {}, environment: null }), {});
  });

  test('is no part of the digest', () => {
    const digest = (context: { readonly [name: string]: Json }): string =>
      intentDigest(requestOf({ context }).intent);
    assert.equal(digest({ agent_id: 'a', environment: 'prod', credential_ref: 'r' }), digest({}));
  });

  for (const [name, context, code] of [
    ['an environment that is no text', { environment: ['prod'] }, 'record_invalid'],
    ['an identity that is no object', { agent_identity: 'me' }, 'record_invalid'],
    ['a revocation that is no truth value', { agent_identity: { revoked: 'no' } }, 'record_invalid'],
    ['a state that is no text', { agent_identity: { lifecycle_states: [1] } }, 'intent_invalid'],
    ['a time that is none', { agent_identity: { expires_at: 'soon' } }, 'record_invalid'],
    ['a negative time to live', { credential_ttl_seconds: -5 }, 'record_invalid'],
    ['half a second to live', { credential_ttl_seconds: 0.5 }, 'record_invalid'],
    ['an unknown phase', { phase: 'aply' }, 'intent_invalid'],
    ['an unknown source', { credential_source: 'pocket' }, 'intent_invalid'],
    ['an unknown access type', { credential_access_type: 'root' }, 'intent_invalid'],
    ['a member in other letters', { Environment: 'prod' }, 'record_ambiguous'],
    ['a member of the identity in other letters', { agent_identity: { Revoked: true } }, 'record_ambiguous'],
  ] as const) {
    test(`${name} is refused`, () => assert.throws(() => claimsOf(context), gaitError(code)));
  }
});

test('a time of judging that is none blocks', () => {
  const policy = policyOf('default_verdict: allow');
  for (const now of ['', 'now', '2026-13-01T00:00:00Z', '2026-06-01T00:00:00+02:00']) {
    const { verdict, reason_codes } = decisionOf(policy, requestOf(), now);
    assert.deepEqual([verdict, reason_codes], ['block', ['evaluation_failed']], now);
  }
});
