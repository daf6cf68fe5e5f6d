import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import type { Issued } from '../../src/gate/credentials/credential.ts';
import type { EnforcementRequest } from '../../src/gate/enforce.ts';
import { USES_STREAM } from '../../src/gate/ledger/consumption.ts';
import { DECISIONS_STREAM } from '../../src/gate/ledger/decisions.ts';
import { intentOf, policyOf } from '../support/gate.ts';
import {
  ASKS,
  ASKS_ALL,
  approvalOf,
  asking,
  CREDENTIAL,
  DELEGATED,
  type Fixture,
  gateWith,
  issuing,
} from '../support/gates.ts';
import { gaitError } from '../support/refusals.ts';
import { delegation, HOUR } from '../support/tokens.ts';

/** What is asked with all that it takes. */
function proven(more: Partial<EnforcementRequest> = {}): EnforcementRequest {
  const asked = asking(ASKS_ALL, DELEGATED, { delegations: [delegation({ delegate: 'agent' })] });
  return { ...asked, approvals: [approvalOf(asked)], ...more };
}

function approved(more: Partial<EnforcementRequest> = {}): EnforcementRequest {
  const asked = asking(ASKS);
  return { ...asked, approvals: [approvalOf(asked)], ...more };
}

async function payloads({ store }: Fixture): Promise<JsonObject[]> {
  return (await store.events(DECISIONS_STREAM)).map(({ payload }) => payload as JsonObject);
}

async function nothingUsed({ store }: Fixture): Promise<void> {
  const { used, counts } = await store.uses();
  assert.deepEqual([used, Object.values(counts).filter((count) => count > 0)], [{}, []]);
}

const RECORDS = ['approval_audit', 'delegation_audit', 'credential'] as const;

describe('a gate that allows', () => {
  test('W-30: uses up, issues, keeps the records, enters the log, and signs the trace last', async () => {
    const { gate, effects } = gateWith();
    assert.equal((await gate.decide(proven())).decision.verdict, 'allow');
    assert.deepEqual(effects, [USES_STREAM, 'issue', ...RECORDS, DECISIONS_STREAM, 'trace']);
  });

  test('W-25: names the records by their digests in the trace and in the log', async () => {
    const made = gateWith();
    const { evidence } = await made.gate.decide(proven());
    assert.deepEqual(
      evidence.map(({ type }) => type),
      [...RECORDS],
    );
    const ext = made.sink.the('trace')?.['ext'] as JsonObject;
    assert.deepEqual(ext['evidence'], evidence);
    assert.deepEqual(
      (await payloads(made)).map((entry) => entry['evidence']),
      [evidence],
    );
  });

  test('W-29: says when it was decided, whatever the caller says', async () => {
    const { gate, sink, clock } = gateWith();
    clock.advance(HOUR / 2);
    await gate.decide(approved());
    const { created_at, ext } = sink.the('trace') ?? {};
    assert.equal(created_at, '2026-05-01T12:00:00Z');
    assert.match(String((ext as JsonObject)['decided_at']), /^2026-05-01T12:30:00/);
  });

  test('W-28: what is only said of approvals and delegations stands apart from what is proven', async () => {
    const { gate, sink } = gateWith();
    const claimed = intentOf({ delegation: { requester_identity: 'agent', token_refs: ['made-up'] } });
    await gate.decide(
      asking(policyOf('default_verdict: allow'), claimed, { claimedApprovalRef: 'trust-me' }),
    );
    const { approval_token_ref, delegation_ref, ext } = sink.the('trace') ?? {};
    assert.equal(approval_token_ref, undefined);
    assert.equal((delegation_ref as JsonObject)['delegation_token_ref'], undefined);
    assert.deepEqual(
      [(ext as JsonObject)['claimed_approval_ref'], (ext as JsonObject)['approvals']],
      ['trust-me', []],
    );
  });
});

describe('a gate that does not allow', () => {
  test('uses nothing up for a call that waits for approval, and asks no broker', async () => {
    const made = gateWith();
    const { decision } = await made.gate.decide(proven({ approvals: [] }));
    assert.equal(decision.verdict, 'require_approval');
    assert.deepEqual(made.effects, ['approval_audit', 'delegation_audit', DECISIONS_STREAM, 'trace']);
    await nothingUsed(made);
  });

  test('W-1: takes an approval once', async () => {
    const { gate } = gateWith();
    const asked = approved();
    const [first, second] = [await gate.decide(asked), await gate.decide(asked)];
    assert.deepEqual([first.decision.verdict, second.decision.verdict], ['allow', 'require_approval']);
    assert.ok(second.decision.reason_codes.includes('approval_token_consumed'));
  });

  test('W-26: its audit says approved only if that is what was decided', async () => {
    const two = policyOf('rules:', '  - {name: two, effect: require_approval, min_approvals: 2}');
    const asked = asking(two);
    const { gate, sink } = gateWith();
    const approvals = [approvalOf(asked), approvalOf(asked, { approver: 'ann' })];
    await gate.decide({ ...asked, approvals });
    const { approved: says, valid_approvals, required_approvals } = sink.the('approval_audit') ?? {};
    assert.deepEqual([says, valid_approvals, required_approvals], [false, 2, 2]);
  });

  test('W-47: its audit has a list of entries, though nothing was shown', async () => {
    const { gate, sink } = gateWith();
    await gate.decide(asking(ASKS));
    assert.deepEqual(sink.the('approval_audit')?.['entries'], []);
  });

  test('counts a call that was blocked against no limit', async () => {
    const limited = policyOf(
      'rules:',
      '  - {name: l, effect: allow, rate_limit: {requests: 1, window: hour}}',
    );
    const made = gateWith();
    const verdicts = [];
    for (let n = 0; n < 3; n += 1) verdicts.push((await made.gate.decide(asking(limited))).decision);
    assert.deepEqual(
      verdicts.map(({ verdict }) => verdict),
      ['allow', 'block', 'block'],
    );
    assert.ok(verdicts[2]?.reason_codes.includes('rate_limit_exceeded'));
    assert.deepEqual(Object.values((await made.store.uses()).counts), [1]);
  });
});

describe('a gate whose records cannot be kept gives no answer', () => {
  for (const kind of [...RECORDS, 'trace'] as const) {
    test(`W-30: the ${kind}: what was used up is given back, and the log says so`, async () => {
      const made = gateWith();
      made.sink.failsAt = kind;
      await assert.rejects(made.gate.decide(proven()), /no space left/);
      assert.equal(made.sink.the('trace'), undefined);
      await nothingUsed(made);
      assert.deepEqual(await made.store.entries(), kind === 'trace' ? ['decided', 'voided'] : []);
      const [decided, voided] = await payloads(made);
      assert.equal(decided?.['event_id'], voided?.['event_id']);
      made.sink.failsAt = undefined;
      assert.equal((await made.gate.decide(proven())).decision.verdict, 'allow');
    });
  }

  test('the log: no trace is signed, and what was used up is given back', async () => {
    const made = gateWith();
    made.store.before = (stream) => {
      if (stream === DECISIONS_STREAM) throw new Error('the disk is gone');
    };
    await assert.rejects(made.gate.decide(proven()), /the disk is gone/);
    assert.equal(made.sink.the('trace'), undefined);
    await nothingUsed(made);
  });

  test('the ledger: nothing is issued, kept or signed', async () => {
    const made = gateWith();
    made.store.before = () => {
      throw new Error('the disk is gone');
    };
    await assert.rejects(made.gate.decide(proven()), /the disk is gone/);
    assert.deepEqual(made.effects, []);
  });
});

describe('a broker', () => {
  const missing: Issued = {
    fault: { reason: 'broker_credential_missing', violation: 'broker_credential_missing', detail: 'gone' },
  };

  test('W-37: that has no credential blocks, and the approval may be used again', async () => {
    const made = gateWith({ broker: issuing(missing) });
    const asked = proven();
    const { decision } = await made.gate.decide(asked);
    assert.deepEqual([decision.verdict, decision.next], ['block', undefined]);
    assert.ok(decision.reason_codes.includes('broker_credential_missing'));
    await nothingUsed(made);
    assert.equal(made.sink.the('credential'), undefined);
    assert.equal(made.sink.the('approval_audit')?.['approved'], false);
  });

  test('W-37: is asked once, after everything else holds', async () => {
    const { gate, effects } = gateWith();
    await gate.decide(proven({ delegations: [] }));
    assert.ok(!effects.includes('issue'), 'it is not even asked');
  });

  test('that nobody named: blocked, and the approval may be used again', async () => {
    const made = gateWith({ broker: null });
    const { decision } = await made.gate.decide(proven());
    assert.equal(decision.verdict, 'block');
    assert.ok(decision.reason_codes.includes('broker_credential_required'));
    await nothingUsed(made);
  });

  test('that takes longer than the approval holds lets nothing run', async () => {
    const slow = async (): Promise<Issued> => {
      made.clock.advance(2 * HOUR);
      return CREDENTIAL;
    };
    const made = gateWith({ broker: issuing(slow) });
    const { decision } = await made.gate.decide(proven());
    assert.notEqual(decision.verdict, 'allow');
    await nothingUsed(made);
  });

  test('that throws gives the approval back', async () => {
    const made = gateWith({ broker: issuing(async () => Promise.reject(new Error('gone'))) });
    await made.gate.decide(proven()).catch(() => {});
    await nothingUsed(made);
  });

  test('that throws blocks, and the log says so', async () => {
    const made = gateWith({ broker: issuing(async () => Promise.reject(new Error('gone'))) });
    await made.gate.decide(proven()).catch(() => {});
    assert.equal((await made.store.entries()).length, 1);
  });

  test('W-33: whose credential is over lets nothing run', async () => {
    const over = { credential: { broker: 'test', ref: 'test:1', expires_at: '2026-05-01T11:00:00Z' } };
    const { gate } = gateWith({ broker: issuing(over) });
    assert.notEqual((await gate.decide(proven())).decision.verdict, 'allow');
  });
});

describe('a simulation', () => {
  test('W-24, W-37: uses nothing up, issues nothing, and nothing that it leaves says allow', async () => {
    const made = gateWith();
    const { decision, would } = await made.gate.decide(proven({ simulate: true }));
    assert.deepEqual([decision.verdict, would?.verdict], ['dry_run', 'allow']);
    assert.deepEqual(await made.store.events(USES_STREAM), []);
    assert.ok(!made.effects.includes('issue'));
    const left = [...made.sink.kept.map(({ document }) => document), ...(await payloads(made))];
    for (const document of left) assert.ok(!textsOf(document).includes('allow'), JSON.stringify(document));
    assert.equal(made.sink.the('approval_audit')?.['approved'], false);
  });

  test('is marked in what is signed, and in the log', async () => {
    const made = gateWith();
    await made.gate.decide(asking(ASKS, intentOf(), { simulate: true }));
    const { ext, violations } = made.sink.the('trace') ?? {};
    assert.equal((ext as JsonObject)['simulated'], true);
    assert.deepEqual(violations, ['approval_not_granted', 'simulate_mode_non_enforcing']);
    assert.deepEqual(
      (await payloads(made)).map(({ simulated }) => simulated),
      [true],
    );
  });

  test('leaves the approval for the call itself', async () => {
    const { gate } = gateWith();
    const asked = approved();
    await gate.decide({ ...asked, simulate: true });
    assert.equal((await gate.decide(asked)).decision.verdict, 'allow');
    const { would } = await gate.decide({ ...asked, simulate: true });
    assert.equal(would?.verdict, 'require_approval', 'and knows that it is used');
  });

  test('is refused under oss-prod, and the log says so', async () => {
    const made = gateWith({ settings: { profile: 'oss-prod' } });
    await assert.rejects(made.gate.decide(proven({ simulate: true })), gaitError('profile_incomplete'));
    assert.deepEqual(await made.store.entries(), ['refused']);
  });
});

/** Every text that stands somewhere in a document as a value. */
function textsOf(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [value];
  return Object.values(value).flatMap(textsOf);
}
