import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { verifyDecisions } from '../../src/gate/ledger/verify.ts';
import { verifyTrace } from '../../src/gate/records/verify_trace.ts';
import { signDocument } from '../../src/signing/signed_document.ts';
import { ASKS_ALL, approvalOf, asking, DELEGATED, type Fixture, gateWith } from '../support/gates.ts';
import { believing, delegation, GATE_KEY, NOW } from '../support/tokens.ts';

/** A gate that decided once, and the trace of that. */
async function decided(simulate = false): Promise<{ fixture: Fixture; trace: JsonObject }> {
  const fixture = gateWith();
  const asked = asking(ASKS_ALL, DELEGATED, { delegations: [delegation({ delegate: 'agent' })], simulate });
  await fixture.gate.decide({ ...asked, approvals: [approvalOf(asked)] });
  const trace = fixture.sink.the('trace');
  assert.ok(trace !== undefined);
  return { fixture, trace };
}

/** The trace with these members, signed anew as whoever has the gate's key can. */
function signedAnew(trace: JsonObject, changes: JsonObject, inExt: JsonObject = {}): JsonObject {
  const { signature: _, ext_signature: __, ext, ...members } = trace;
  return signDocument({ ...members, ...changes }, { ...(ext as JsonObject), ...inExt }, GATE_KEY);
}

async function codesOf({ store }: Fixture, trace: JsonObject): Promise<string[]> {
  const { findings } = await verifyDecisions(store, trace);
  return findings.map(({ code, message }) => `${code} ${message}`);
}

describe('the attack on the evidence, 11: a trace says in all what its entry in the decision log says', () => {
  for (const simulate of [false, true]) {
    test(simulate ? 'that of a simulation' : 'an honest one', async () => {
      const { fixture, trace } = await decided(simulate);
      assert.deepEqual(await codesOf(fixture, trace), []);
      assert.deepEqual(await codesOf(fixture, signedAnew(trace, {})), []);
      assert.deepEqual(verifyTrace(trace, believing('gate', GATE_KEY), NOW).findings, []);
    });
  }

  const inTrace: JsonObject = {
    tool_name: 'tool.harmless',
    violations: ['other'],
    event_id: '0'.repeat(24),
    observed_at: '2020-01-01T00:00:00Z',
  };
  const inExt: JsonObject = {
    reason_codes: ['x'],
    matched_rules: ['other'],
    evidence: [],
    simulated: true,
    profile: 'other',
    request_sha256: '1'.repeat(64),
    decided_at: '2020-01-01T00:00:00Z',
    // Of no use in ext: what stands there all the same must not say otherwise.
    verdict: 'block',
  };
  for (const [members, ext] of [
    ...Object.entries(inTrace).map(([name, value]) => [{ [name]: value }, {}] as const),
    ...Object.entries(inExt).map(([name, value]) => [{}, { [name]: value }] as const),
  ]) {
    const [name = ''] = [...Object.keys(members), ...Object.keys(ext)];
    test(`one of another ${name}`, async () => {
      const { fixture, trace } = await decided();
      const [finding = '', ...others] = await codesOf(fixture, signedAnew(trace, members, ext));
      assert.deepEqual(others, []);
      assert.match(finding, new RegExp(`^decision_differs .* another ${name}`));
    });
  }

  test('one that lost what its entry says', async () => {
    const { fixture, trace } = await decided();
    const { reason_codes: _, ...ext } = trace['ext'] as JsonObject;
    const found = await codesOf(fixture, signedAnew({ ...trace, ext }, {}));
    assert.match(found.join(), /^decision_differs .* another reason_codes/);
  });

  test('nor does it contradict itself', async () => {
    const { trace } = await decided();
    for (const ext of [{ decided_at: '2020-01-01T00:00:00Z' }, { simulated: true }]) {
      const { findings } = verifyTrace(signedAnew(trace, {}, ext), believing('gate', GATE_KEY), NOW);
      assert.deepEqual(
        findings.map(({ code }) => code),
        ['trace_invalid'],
      );
    }
  });
});
