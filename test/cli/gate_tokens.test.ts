import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { timestamp } from '../../src/core/time.ts';
import { sharedWorkspace, type Workspace, workspace } from '../support/cli.ts';
import { CALL, enteredIn, evalOf, prepareGate, putApproval, putIntent } from '../support/gate_cli.ts';
import { entryOf, ringOf } from '../support/keyrings.ts';
import { CAROL, HOUR, MALLORY } from '../support/tokens.ts';

const BOBS = '--approval-public-key bob_public.key';
const SHOWN = `--approval-token token.json ${BOBS}`;
const PROD = '--profile oss-prod --private-key gate_private.key --state-dir gate-state';
const APPROVE = 'approve --intent intent.json --policy ask.yaml --scope tool:tool.write --reason-code r';
const BY_BOB = '--approver bob --private-key bob_private.key';

async function prepared(t: Parameters<typeof workspace>[0]): Promise<Workspace> {
  const w = await workspace(t);
  await prepareGate(w);
  return w;
}

/** The exit code and the faults of the tokens that were shown. */
async function faultsOf(w: Workspace, more: string, policy = 'ask.yaml'): Promise<[number, string[]]> {
  const { exit, answer } = await evalOf(w, policy, more);
  return [exit, (answer.token_faults ?? []).map(({ error_code }) => error_code)];
}

describe('an approval', () => {
  test('W-1: is given, checked, used, and then used up', async (t) => {
    const w = await prepared(t);
    const minted = await w.ok(`${APPROVE} --ttl 1h ${BY_BOB} --out token.json`);
    const check =
      'approve verify --token token.json --intent intent.json --policy ask.yaml --public-key bob_public.key';
    await w.ok(check);
    const { exit, answer } = await evalOf(w, 'ask.yaml', SHOWN);
    assert.deepEqual([exit, answer.verdict], [0, 'allow']);
    assert.equal(
      (answer as unknown as JsonObject)['approval_ref'],
      (minted as unknown as JsonObject)['token_id'],
    );
    assert.deepEqual(await faultsOf(w, SHOWN), [4, ['approval_token_consumed']]);
    await w.refused(check, 'approval_token_consumed', 'verification_failed');
  });

  test('W-1: used by two processes at once, is granted once', async (t) => {
    const w = await prepared(t);
    for (let round = 0; round < 4; round += 1) {
      const name = `round-${round}.json`;
      await putApproval(w, 'ask.yaml', { reasonCode: name }, { name });
      const line = `--approval-token ${name} ${BOBS} --private-key gate_private.key`;
      const call = () => evalOf(w, 'ask.yaml', line, { real: true });
      const both = await Promise.all([call(), call()]);
      assert.deepEqual(both.map(({ exit }) => exit).sort(), [0, 4], `round ${round}`);
    }
    assert.equal((await enteredIn(w, 'uses')).filter(({ type }) => type === 'call_admitted').length, 4);
    assert.equal((await enteredIn(w, 'decisions')).length, 8);
  });

  test('W-2: that was taken back, by its file or by its id, allows nothing', async (t) => {
    const w = await prepared(t);
    await putApproval(w, 'ask.yaml', { reasonCode: 'one' });
    await w.ok(['approve', 'revoke', '--token', 'token.json', '--reason', 'sent to the wrong agent']);
    assert.deepEqual(await faultsOf(w, SHOWN), [4, ['approval_token_revoked']]);
    const { token_id } = await putApproval(w, 'ask.yaml', { reasonCode: 'two' }, { name: 'two.json' });
    await w.ok(`approve revoke --token-id ${token_id} --reason lost`);
    const line = `--approval-token two.json ${BOBS}`;
    assert.deepEqual(await faultsOf(w, line), [4, ['approval_token_revoked']]);
    assert.deepEqual(
      await faultsOf(w, `${line} --state-dir elsewhere`),
      [0, []],
      'another gate was not told',
    );
  });

  test('W-14: is of these arguments to the letter', async (t) => {
    const w = await prepared(t);
    await w.ok(`${APPROVE} --ttl 1h ${BY_BOB} --out token.json`);
    await putIntent(w, 'spaced.json', { ...CALL, args: { ...CALL.args, text: 'two words ' } });
    const line = `${SHOWN} --intent spaced.json`;
    assert.deepEqual(await faultsOf(w, line), [4, ['approval_token_args_mismatch']]);
    await putIntent(w, 'other.json', { ...CALL, args: { ...CALL.args, text: 'two  words' } });
    const other = `${SHOWN} --intent other.json`;
    assert.deepEqual(await faultsOf(w, other), [4, ['approval_token_intent_mismatch']]);
    assert.deepEqual(await faultsOf(w, SHOWN), [0, []]);
  });

  test('W-2: that is none is not said to be taken back', async (t) => {
    const w = await prepared(t);
    await w.refused('approve revoke --token intent.json --reason lost', 'token_malformed', 'invalid_input');
  });

  test('W-21: is not written where a gate keeps its ledger', async (t) => {
    const w = await prepared(t);
    const line = `${APPROVE} --ttl 1h ${BY_BOB} --out gait-out/gate/uses/log.ndjson`;
    await w.refused(line, 'out_unsafe', 'unsafe_operation');
  });

  test('is written over nothing', async (t) => {
    const w = await prepared(t);
    const before = await w.everything();
    await w.refused(`${APPROVE} --ttl 1h ${BY_BOB} --out intent.json`, 'out_unsafe', 'unsafe_operation');
    await w.unchanged(before);
  });
});

describe('an approval that is refused', () => {
  const shared = sharedWorkspace(prepareGate);
  const later = timestamp(Date.now() + 48 * HOUR);

  /** Tokens made as the row says, and what becomes of the call. */
  type Row = readonly [
    name: string,
    changes: Parameters<typeof putApproval>[2],
    line: string,
    exit: number,
    fault?: string,
  ];
  const ROWS: readonly Row[] = [
    ['for another gate', { audience: 'g1' }, `${BOBS} --audience g2`, 4, 'audience_mismatch'],
    ['for a gate, by one without a name', { audience: 'g1' }, BOBS, 4, 'audience_mismatch'],
    ['for this gate', { audience: 'g1' }, `${BOBS} --audience g1`, 0],
    ['that does not hold yet', { ttlMs: 72 * HOUR, notBefore: later }, BOBS, 4, 'not_yet_valid'],
    [
      'W-1: that lives too long',
      { ttlMs: 2 * HOUR },
      `${BOBS} --max-token-lifetime 1h`,
      4,
      'lifetime_exceeded',
    ],
    [
      'W-1: that lives too long for oss-prod',
      { ttlMs: 25 * HOUR },
      `${BOBS} ${PROD}`,
      4,
      'lifetime_exceeded',
    ],
    ['W-1: that lives no longer than oss-prod takes', { ttlMs: 24 * HOUR }, `${BOBS} ${PROD}`, 0],
    ['W-3: by who asks', { approver: 'agent' }, BOBS, 4, 'self_approval'],
    ['by nobody who is believed', {}, '--approval-public-key carol_public.key', 4, 'signature_invalid'],
    ['W-4: where no key is believed', {}, '', 4, 'keys_missing'],
    ['W-4: by the key of the gate', {}, '--private-key bob_private.key', 4, 'keys_missing'],
    ['for another tool', { scope: ['tool:tool.read'] }, BOBS, 4, 'scope_mismatch'],
    ['of another call', { intentDigest: 'd'.repeat(64) }, BOBS, 4, 'intent_mismatch'],
    ['of another policy', { policyDigest: 'd'.repeat(64) }, BOBS, 4, 'policy_mismatch'],
  ];
  for (const [at, [name, changes, line, exit, fault]] of ROWS.entries()) {
    test(`${name}: ${fault ?? 'valid'}, exit ${exit}`, async () => {
      const w = shared();
      const file = `token-${at}.json`;
      await putApproval(w, 'ask.yaml', { reasonCode: file, ...changes }, { name: file });
      const expected = fault === undefined ? [] : [`approval_token_${fault}`];
      assert.deepEqual(await faultsOf(w, `--approval-token ${file} ${line}`), [exit, expected]);
    });
  }

  test('W-43: with a key twice: exit 6', async () => {
    const w = shared();
    const token = JSON.stringify(await putApproval(w, 'ask.yaml', {}, { name: 'twice.json' }));
    await writeFile(w.path('twice.json'), token.replace('"reason_code"', '"reason_code":"x","reason_code"'));
    const { exit, answer } = await evalOf(w, 'ask.yaml', `--approval-token twice.json ${BOBS}`);
    assert.deepEqual([exit, answer.error_code], [6, 'json_ambiguous']);
  });

  test('W-31: by a key that the keyring has for another purpose', async () => {
    const w = shared();
    const carol = { key_id: CAROL.keyId, public_key: CAROL.publicKey.toString('base64') };
    const mallory = { key_id: MALLORY.keyId, public_key: MALLORY.publicKey.toString('base64') };
    const ring = ringOf(
      entryOf(1, { ...carol, purposes: ['delegator', 'gate', 'pack'] }),
      entryOf(1, { ...mallory, purposes: ['approver'] }),
    );
    await putIntent(w, 'ring.json', ring);
    await putApproval(w, 'ask.yaml', { approver: 'carol' }, { key: CAROL, name: 'carol.json' });
    const line = '--approval-token carol.json --keyring ring.json';
    assert.deepEqual(await faultsOf(w, line), [4, ['approval_token_signature_invalid']]);
  });

  test('W-3: two names by one key are one approver, by two keys they are two', async () => {
    const w = shared();
    await putApproval(w, 'two.yaml', {}, { name: 'bob.json' });
    await putApproval(w, 'two.yaml', { approver: 'ann' }, { name: 'ann.json' });
    await putApproval(w, 'two.yaml', { approver: 'carol' }, { key: CAROL, name: 'by-carol.json' });
    const both = `${BOBS} --approval-public-key carol_public.key --approval-token bob.json`;
    const one = await evalOf(w, 'two.yaml', `${both} --approval-token-chain ann.json,bob.json`);
    assert.equal(one.exit, 4);
    assert.ok(one.answer.reason_codes?.includes('approval_distinct_approvers_required'));
    assert.equal((await evalOf(w, 'two.yaml', `${both} --approval-token-chain by-carol.json`)).exit, 0);
  });

  const MINTS: readonly [line: string, code: string][] = [
    ['--ttl 91d', 'lifetime_exceeded'],
    ['--ttl 0s', 'flag_value_invalid'],
    ['--ttl 1h --not-before 2999-01-01T00:00:00Z', 'lifetime_empty'],
    [`--ttl 1h --intent-digest ${'d'.repeat(64)}`, 'flags_conflict'],
  ];
  for (const [line, code] of MINTS) {
    test(`approve ${line}: ${code}, and no file`, async () => {
      const w = shared();
      await w.refused(`${APPROVE} ${line} ${BY_BOB} --out never.json`, code, 'invalid_input');
      assert.ok(!(await readdir(w.dir)).includes('never.json'));
    });
  }
});

describe('a delegation', () => {
  const DELEGATED = {
    ...CALL,
    delegation: {
      requester_identity: 'agent',
      chain: [
        { delegator_identity: 'alice', delegate_identity: 'lead' },
        { delegator_identity: 'lead', delegate_identity: 'agent' },
      ],
    },
  };
  const MINT = 'delegate mint --ttl 1h --private-key carol_private.key --scope';

  test('W-5: is proven hop by hop, narrows only, and may be taken back', async (t) => {
    const w = await prepared(t);
    await putIntent(w, 'intent.json', DELEGATED);
    await w.ok(`${MINT} write --delegator alice --delegate lead --out first.json`);
    await w.ok(`${MINT} write --delegator lead --delegate agent --out second.json`);
    await w.ok(`${MINT} write,read --delegator lead --delegate agent --out wider.json`);
    await w.ok(
      'delegate verify --token first.json --public-key carol_public.key --delegator alice --delegate lead --scope write',
    );
    const believed = '--delegation-public-key carol_public.key --delegation-token';
    const reasonsOf = async (tokens: string): Promise<[number, boolean | undefined]> => {
      const { exit, answer } = await evalOf(w, 'delegate.yaml', `${believed} ${tokens}`);
      return [exit, answer.reason_codes?.includes('delegation_granted')];
    };
    assert.deepEqual(await reasonsOf('second.json'), [3, false]);
    assert.deepEqual(await reasonsOf('first.json --delegation-token-chain wider.json'), [3, false]);
    const whole = 'first.json --delegation-token-chain second.json';
    assert.deepEqual(await reasonsOf(whole), [0, true]);
    assert.deepEqual(await reasonsOf(whole), [0, true], 'it is not used up');
    const lone = '--delegation-token first.json --delegation-token-chain second.json';
    assert.equal((await evalOf(w, 'delegate.yaml', lone)).exit, 3, 'W-4: no key is believed');
    await w.ok('approve revoke --token first.json --reason over');
    assert.deepEqual(await reasonsOf(whole), [3, false]);
  });

  test('W-28: that is only claimed proves nothing', async (t) => {
    const w = await prepared(t);
    await putIntent(w, 'intent.json', DELEGATED);
    const { exit, answer } = await evalOf(w, 'delegate.yaml', '--delegation-public-key carol_public.key');
    assert.equal(exit, 3);
    assert.ok(answer.reason_codes?.includes('delegation_token_missing'));
    const trace = await readFile(w.path(answer.trace_path ?? ''), 'utf8');
    assert.ok(!trace.includes('delegation_token_ref'));
  });
});
