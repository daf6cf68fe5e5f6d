import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { parseIntent } from '../../src/gate/intent/reader.ts';
import { parsePolicy } from '../../src/gate/policy/yaml.ts';
import { type ApprovalFinding, countApprovals } from '../../src/gate/tokens/approval.ts';
import { approvalSubject } from '../../src/gate/tokens/terms.ts';
import { parsePublicKey } from '../../src/signing/keys.ts';
import { corpusPath, skip } from '../interop/corpus.ts';
import { approval, approvalFinding, BOB, believing, CAROL, MINUTE, ringWith } from '../support/tokens.ts';

describe('counting approvals', () => {
  const look = (token: JsonObject, key = BOB): ApprovalFinding =>
    approvalFinding(token, { keyring: believing('approver', key) });
  const bob = look(approval());
  const bobAgain = look(approval({ now: '2026-05-01T12:00:30Z' }));
  const bobAsAnn = look(approval({ approver: 'ann' }));
  const carol = look(approval({ approver: 'carol' }, CAROL), CAROL);
  const carolAsBob = look(approval({ now: '2026-05-01T12:00:30Z' }, CAROL), CAROL);
  const late = look(approval({ now: '2026-05-01T10:00:00Z', ttlMs: MINUTE }));

  const granted = ['approval_granted'];
  const distinct = ['approval_distinct_approvers_required'];
  const short = ['approval_chain_insufficient', ...distinct];
  const rows: readonly [string, number, Parameters<typeof countApprovals>[1], readonly string[]][] = [
    ['one of one', 1, [bob], granted],
    ['none of one', 1, [], ['approval_token_missing']],
    ['a late one', 1, [late], ['approval_chain_insufficient', 'approval_token_expired']],
    ['one of two', 2, [bob], short],
    ['two keys, two names', 2, [bob, carol], granted],
    ['W-3: one key, two names', 2, [bob, bobAsAnn], distinct],
    ['W-3: two keys, one name', 2, [bob, carolAsBob], distinct],
    ['two by one approver', 2, [bob, bobAgain], distinct],
    ['W-1: the same token twice', 2, [bob, bob], short],
    ['one more than it takes, and a late one', 1, [late, carol, bob], granted],
  ];
  for (const [name, required, findings, reasons] of rows) {
    test(`${name}: ${reasons.join(', ')}`, () => {
      const count = countApprovals(required, findings);
      assert.deepEqual([count.granted, count.reasons], [reasons === granted, reasons]);
    });
  }

  test('ann by the one key and bob by the other are two, in whatever order they are shown', () => {
    for (const findings of [
      [bobAsAnn, bob, carolAsBob],
      [bob, bobAsAnn, carolAsBob],
    ]) {
      assert.ok(countApprovals(2, findings).granted);
    }
  });
});

describe('approvals that the Go versions recorded', { skip }, () => {
  const dir = corpusPath('cases/gate-approval');
  const lookAt = (name: string): string => {
    const bytes = (file: string): Buffer => readFileSync(join(dir, name, file));
    const policy = parsePolicy(bytes('policy.yaml'), name);
    const subject = approvalSubject(policy, parseIntent(bytes('intent.json'), name));
    const publicKey = parsePublicKey(bytes('TESTONLY_bravo_public.key').toString(), name);
    const keyring = ringWith({ publicKey, purposes: ['approver'], identities: [], source: name });
    const now = '2027-01-01T00:00:00Z';
    const { error_code } = approvalFinding(JSON.parse(bytes('tok1.json').toString()), {
      keyring,
      now,
      subject,
    });
    return error_code?.replace('approval_token_', '') ?? 'valid';
  };
  const RECORDED: readonly [name: string, becomes: string][] = [
    ['token-valid-go-120', 'valid'],
    ['token-multi-scope-go-120', 'valid'],
    ['token-upper-scope-go-120', 'valid'],
    ['binding-ok-go-120', 'valid'],
    ['binding-none-go-120', 'delegation_binding_mismatch'],
    ['token-wrong-intent-go-120', 'intent_mismatch'],
    ['token-wrong-policy-go-120', 'policy_mismatch'],
    ['token-wrong-scope-go-120', 'scope_mismatch'],
    ['token-plain-scope-go-120', 'scope_mismatch'],
    ['token-wrong-key-go-120', 'signature_invalid'],
    // Of version 1.4.0: its signature and its id hold, its digest of the call is another one.
    ['token-valid-go-140', 'intent_mismatch'],
    ['handmade-no-signature', 'signature_missing'],
    ['handmade-approver-edited', 'signature_invalid'],
    ['handmade-empty-key-id', 'signature_invalid'],
    ['handmade-token-id-wrong', 'valid'],
    ['handmade-scope-unsorted', 'signature_invalid'],
    ['handmade-time-plain', 'valid'],
    ['handmade-time-offset', 'valid'],
    ['handmade-pretty-keys-shuffled', 'valid'],
  ];
  for (const [name, becomes] of RECORDED) {
    test(`${name}: ${becomes}`, (t) => {
      if (!existsSync(join(dir, name))) return t.skip('not in this part of the corpus');
      assert.equal(lookAt(name), becomes);
    });
  }
});
