import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sha256Hex } from '../../src/core/digest.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { EnforcementRequest } from '../../src/gate/enforce.ts';
import { verifyTrace } from '../../src/gate/records/verify_trace.ts';
import type { Keyring } from '../../src/signing/keyring.ts';
import { intentOf, policyOf } from '../support/gate.ts';
import { ASKS_ALL, approvalOf, asking, DELEGATED, gateWith } from '../support/gates.ts';
import { trusted } from '../support/keyrings.ts';
import {
  BOB,
  believing,
  cutOff,
  delegation,
  extSignedBy,
  GATE_KEY,
  MALLORY,
  NOW,
  resigned,
  ringWith,
} from '../support/tokens.ts';

async function traceOf(asked: EnforcementRequest): Promise<JsonObject> {
  const { gate, sink } = gateWith();
  await gate.decide(asked);
  const trace = sink.the('trace');
  assert.ok(trace !== undefined);
  return trace;
}

/** A trace with every part that one can have. */
async function fullTrace(): Promise<JsonObject> {
  const asked = asking(ASKS_ALL, DELEGATED, { delegations: [delegation({ delegate: 'agent' })] });
  return traceOf({ ...asked, approvals: [approvalOf(asked)], claimedApprovalRef: 'ticket' });
}

function codesOf(trace: JsonObject, keyring: Keyring = believing('gate', GATE_KEY)): string[] {
  return verifyTrace(trace, keyring, NOW).findings.map(({ code }) => code);
}

/** A value that is not what it was, but of the same kind. */
function flippedValue(value: unknown): JsonObject[string] {
  if (typeof value === 'string') return `${value.slice(0, -1)}${value.endsWith('0') ? '1' : '0'}`;
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  return Array.isArray(value) ? [...value, 'x'] : { ...(value as JsonObject), x: 1 };
}

function edits(object: JsonObject): [string, JsonObject][] {
  const all = Object.entries(object);
  return all.flatMap(([name, value]): [string, JsonObject][] => {
    const { [name]: _, ...cut } = object;
    return [
      [name, { ...object, [name]: flippedValue(value) }],
      [`without ${name}`, cut],
    ];
  });
}

describe('a trace of ours', () => {
  test('verifies as a whole', async () => {
    const trace = await fullTrace();
    const found = verifyTrace(trace, believing('gate', GATE_KEY), NOW);
    assert.deepEqual([found.findings, found.signature_scope, found.key_id], [[], 'full', GATE_KEY.keyId]);
    assert.deepEqual([found.verdict, found.simulated], ['allow', false]);
  });

  test('W-31: its ids are those of gate.md §4', async () => {
    const { policy_digest, intent_digest, verdict, trace_id, event_id, observed_at } = await fullTrace();
    const id = (text: string): string => sha256Hex(text).slice(0, 24);
    assert.equal(trace_id, id(`${policy_digest}:${intent_digest}:${verdict}`));
    assert.equal(event_id, id(`${trace_id}:${observed_at}`));
  });

  test('has no member that other readers drop before they digest', async () => {
    const plain = await traceOf(asking(policyOf('default_verdict: allow')));
    for (const trace of [plain, await fullTrace()]) {
      for (const [name, value] of Object.entries(trace)) {
        const empty =
          value === '' || value === 0 || value === null || (Array.isArray(value) && value.length === 0);
        assert.ok(!empty, name);
      }
    }
  });

  test('an edit of any member shows, and one that is missing', async () => {
    const trace = await fullTrace();
    for (const [name, edited] of edits(trace)) {
      if (name.includes('ext')) continue; // see below
      assert.notDeepEqual(codesOf(edited), [], name);
    }
  });

  test('W-25: an edit of anything in ext shows, and what is missing there', async () => {
    const trace = await fullTrace();
    for (const [name, ext] of edits(trace['ext'] as JsonObject)) {
      if (name.endsWith('schema_id')) continue;
      const codes = codesOf({ ...trace, ext });
      const contradicts = name === 'decided_at' || name === 'simulated';
      assert.deepEqual(
        codes,
        contradicts ? ['trace_invalid', 'signature_invalid'] : ['signature_invalid'],
        name,
      );
    }
    const { ext_signature: _, ...unsigned } = trace;
    assert.deepEqual(codesOf(unsigned), ['trace_invalid', 'signature_invalid']);
  });

  test('W-25: another schema_id in ext does not turn its signature off', async () => {
    const trace = await fullTrace();
    const ext = { ...(trace['ext'] as JsonObject), schema_id: 'x', simulated: true };
    assert.notDeepEqual(codesOf({ ...trace, ext }), []);
  });

  test('W-25: the signature that is left behind by an ext shows that it was there', async () => {
    const { ext: _, ...without } = await fullTrace();
    assert.notDeepEqual(codesOf(without), []);
  });

  test('W-25: an ext that was cut off with its signature shows', async () => {
    assert.notDeepEqual(codesOf(cutOff(await fullTrace())), []);
  });

  test('W-25: an ext that is no object, and signed by nobody, shows', async () => {
    assert.notDeepEqual(codesOf({ ...cutOff(await fullTrace()), ext: 'approved by the board' }), []);
  });

  test('W-31: what nobody signed has no place inside a signature either', async () => {
    const trace = await fullTrace();
    const signature = { ...(trace['ext_signature'] as JsonObject), note: 'approved by the board' };
    assert.notDeepEqual(codesOf({ ...trace, ext_signature: signature }), []);
  });

  test('a signature of another trace does not hold', async () => {
    const [one, other] = [await fullTrace(), await traceOf(asking(policyOf('default_verdict: block')))];
    for (const name of ['signature', 'ext_signature']) {
      assert.ok(codesOf({ ...one, [name]: other[name] ?? null }).includes('signature_invalid'), name);
    }
    const { ext, ext_signature } = other;
    assert.ok(
      codesOf({ ...one, ext: ext ?? null, ext_signature: ext_signature ?? null }).includes(
        'signature_invalid',
      ),
    );
  });

  test('W-31: counts for nothing by a key of another purpose, or of nobody', async () => {
    const trace = await fullTrace();
    for (const keyring of [
      believing('approver', GATE_KEY),
      believing('gate', BOB),
      ringWith(trusted(GATE_KEY, { purposes: ['gate'], revokedAt: NOW })),
    ]) {
      assert.ok(codesOf(trace, keyring).includes('signature_invalid'));
    }
  });

  test('ext signed by another key that is believed too does not hold', async () => {
    const trace = await fullTrace();
    const keyring = believing('gate', GATE_KEY, MALLORY);
    assert.deepEqual(codesOf(extSignedBy(trace, GATE_KEY), keyring), []);
    assert.deepEqual(codesOf(extSignedBy(trace, MALLORY), keyring), ['signature_invalid']);
  });

  const REWRITTEN: readonly (readonly [string, JsonObject, string])[] = [
    ['another verdict', { verdict: 'dry_run' }, 'trace_id_mismatch'],
    ['a verdict that is none', { verdict: 'maybe' }, 'trace_invalid'],
    ['another call', { intent_digest: 'd'.repeat(64) }, 'trace_id_mismatch'],
    ['another policy', { policy_digest: 'd'.repeat(64) }, 'trace_id_mismatch'],
    ['another time', { observed_at: '2026-05-01T13:00:00Z' }, 'event_id_mismatch'],
    ['no time', { observed_at: 'then' }, 'trace_invalid'],
    ['another kind', { schema_id: 'gait.gate.approval_token' }, 'trace_invalid'],
    ['another version', { schema_version: '9.0.0' }, 'trace_invalid'],
  ];
  for (const [name, changes, code] of REWRITTEN) {
    test(`W-31: ${name}, signed by the gate itself: ${code}`, async () => {
      const found = codesOf(resigned(await fullTrace(), changes, { key: GATE_KEY }));
      assert.ok(found.includes(code) && !found.includes('signature_invalid'), found.join());
    });
  }

  test('is held against what is expected of it', async () => {
    const trace = await fullTrace();
    const ring = believing('gate', GATE_KEY);
    const { policy_digest: policyDigest, intent_digest: intentDigest } = trace as Record<string, string>;
    const same = { policyDigest, intentDigest, verdict: 'allow' };
    assert.deepEqual(verifyTrace(trace, ring, NOW, same).findings, []);
    for (const name of Object.keys(same)) {
      const { findings } = verifyTrace(trace, ring, NOW, { ...same, [name]: 'block' });
      assert.deepEqual(
        findings.map(({ code }) => code),
        ['trace_unexpected'],
        name,
      );
    }
  });
});

describe('a trace of a simulation', () => {
  const simulated = (): Promise<JsonObject> =>
    traceOf(asking(policyOf('default_verdict: allow'), intentOf(), { simulate: true }));

  test('W-24: says so', async () => {
    const { verdict, simulated: says } = verifyTrace(await simulated(), believing('gate', GATE_KEY), NOW);
    assert.deepEqual([verdict, says], ['dry_run', true]);
  });

  test('W-24: says so without its ext', async () => {
    const cut = cutOff(await simulated());
    assert.deepEqual(
      [codesOf(cut), (cut['violations'] as string[])[0]],
      [['trace_invalid'], 'simulate_mode_non_enforcing'],
    );
    assert.equal(verifyTrace(cut, believing('gate', GATE_KEY), NOW).simulated, true);
  });
});
