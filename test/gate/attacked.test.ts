import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { readIntent } from '../../src/gate/intent/reader.ts';
import { USES_STREAM, usesModel } from '../../src/gate/ledger/consumption.ts';
import { openGate } from '../../src/gate/open.ts';
import { checkApproval } from '../../src/gate/tokens/approval.ts';
import { approvalSubject } from '../../src/gate/tokens/terms.ts';
import { StreamHandle } from '../../src/log/stream.ts';
import { policyOf } from '../support/gate.ts';
import { approvalOf, asking, gateWith } from '../support/gates.ts';
import { approval, BOB, believing, CAROL, GATE_KEY, NOW } from '../support/tokens.ts';

const ASKS = policyOf('rules:', '  - {name: ask, effect: require_approval}');
const ALLOWS = policyOf('rules:', '  - {name: all, effect: allow}');

const READ: JsonObject = {
  tool_name: 'tool.read',
  context: { identity: 'agent', workspace: '/repo', risk_class: 'low' },
};

describe('W-17: a gate of the library', () => {
  const stopped = JSON.stringify({
    ...{ schema_id: 'gait.gate.kill_switch_state', schema_version: '1.0.0' },
    entries: [{ entry_id: 'all', enabled: true, reason: 'stop', actor: 'bob', created_at: NOW }],
  });

  async function askedWith(put: (dir: string) => Promise<void>): Promise<readonly [boolean, string]> {
    const dir = await mkdtemp(join(tmpdir(), 'gait-gate-'));
    try {
      await put(dir);
      const { allowed, decision } = await openGate({ policy: ALLOWS, key: GATE_KEY, dir }).ask(READ);
      return [allowed, decision.reason_codes.join(' ')];
    } finally {
      await rm(dir, { recursive: true });
    }
  }

  const state = (dir: string): string => join(dir, 'kill_switch.json');
  test('lets a call run where nothing stops it', async () => {
    assert.deepEqual(await askedWith(async () => {}), [true, 'matched_rule_all']);
  });

  test('is stopped by the kill switches of its directory', async () => {
    const [allowed, reasons] = await askedWith((dir) => writeFile(state(dir), stopped));
    assert.deepEqual([allowed, /kill_switch_active/.test(reasons)], [false, true]);
  });

  const UNREADABLE: Readonly<Record<string, (dir: string) => Promise<void>>> = {
    'that are garbage': (dir) => writeFile(state(dir), 'garbage'),
    'that lead nowhere': (dir) => symlink(join(dir, 'nowhere'), state(dir)),
  };
  for (const [what, put] of Object.entries(UNREADABLE)) {
    test(`is stopped by switches ${what}`, async () => {
      const [allowed, reasons] = await askedWith(put);
      assert.deepEqual([allowed, /kill_switch_state_unavailable/.test(reasons)], [false, true]);
    });
  }
});

describe('what a decision says of its approvals', () => {
  test('W-26, W-28: a token that was used up before is not named in the place of the one that was used now', async () => {
    const asked = asking(ASKS);
    const [first, second] = [approvalOf(asked), approvalOf(asked, { approver: 'carol' }, CAROL)];
    const { gate, sink } = gateWith();
    await gate.decide({ ...asked, approvals: [first] });
    const { decision } = await gate.decide({ ...asked, approvals: [first, second] });
    assert.equal(decision.verdict, 'allow');
    const { findings = [], distinct = [] } = decision.approval ?? {};
    assert.deepEqual(
      findings.map(({ approver_identity, error_code }) => [approver_identity, error_code]),
      [
        ['bob', 'approval_token_consumed'],
        ['carol', undefined],
      ],
    );
    assert.deepEqual(
      distinct.map(({ token_id }) => token_id),
      [second['token_id']],
    );
    const trace = sink.kept.findLast(({ kind }) => kind === 'trace')?.document;
    assert.equal(trace?.['approval_token_ref'], second['token_id']);
  });

  test('W-14: an approval of a script binds its steps to the letter', () => {
    const script = (x: string) =>
      readIntent({
        script: { steps: [{ tool_name: 'tool.exec', args: { x } }] },
        context: READ['context'] as JsonObject,
      });
    const [approved, run] = [script('rm a'), script('rm a\n')];
    const { toolName, intentDigest, policyDigest, exactArgsDigest, claimsDigest } = approvalSubject(
      ASKS,
      approved,
    );
    const token = approval({
      ...{ intentDigest, policyDigest, exactArgsDigest, claimsDigest },
      scope: [`tool:${toolName}`],
    });
    const rules = { keyring: believing('approver', BOB), now: NOW };
    const unused = { isUsed: () => false, isRevoked: () => false };
    const become = (request: typeof run): string | undefined =>
      checkApproval(token, approvalSubject(ASKS, request), rules, unused).error_code;
    assert.deepEqual([become(approved), become(run)], [undefined, 'approval_token_args_mismatch']);
  });
});

test('W-21: a snapshot that somebody wrote gives no approval back', async () => {
  const asked = asking(ASKS);
  const shown = { ...asked, approvals: [approvalOf(asked)] };
  const { gate, store } = gateWith();
  assert.equal((await gate.decide(shown)).decision.verdict, 'allow');
  const { position } = await new StreamHandle(store, usesModel, USES_STREAM).load();
  await store.saveSnapshot(USES_STREAM, {
    position,
    state: { revision: position.revision, used: {}, revoked: {}, counts: {}, admitted: {} },
  });
  const later = gateWith({ store });
  assert.equal((await later.gate.decide(shown)).decision.verdict, 'require_approval');
});
