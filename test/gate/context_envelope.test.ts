import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { NO_CONTEXT } from '../../src/gate/context.ts';
import { type Decision, evaluate, rulesAlone } from '../../src/gate/evaluate.ts';
import { openGate } from '../../src/gate/open.ts';
import type { Policy } from '../../src/gate/policy/policy.ts';
import { contextEnvelopeOf } from '../../src/run/context.ts';
import { NOON, policyOf, requestOf } from '../support/gate.ts';
import { MemorySink, tickingClock, WatchedStore } from '../support/gates.ts';
import fc from '../support/property.ts';
import { digestOf } from '../support/run_inputs.ts';
import { digits, RECEIPT, recorded } from '../support/runs.ts';
import { GATE_KEY } from '../support/tokens.ts';

const READ_AT = '2026-06-15T11:59:00Z';

const RECORD: JsonObject = { ...RECEIPT, ref_id: 'r1', retrieved_at: READ_AT, immutability: 'unknown' };

/** An envelope over these records, with the digest of their list in order of their ids. */
function envelopeOf(records: readonly JsonObject[] = [RECORD], changes: JsonObject = {}): JsonObject {
  const sorted = [...records].sort((a, b) => (String(a['ref_id']) < String(b['ref_id']) ? -1 : 1));
  return {
    ...{ schema_id: 'gait.context.envelope', schema_version: '1.0.0', created_at: READ_AT },
    ...{ producer_version: 'test-1', context_set_id: 'c', evidence_mode: 'required' },
    ...{ context_set_digest: digestOf(sorted), records: [...records], ...changes },
  };
}

const ENVELOPE = envelopeOf();

function allowing(...lines: readonly string[]): Policy {
  const rule = ['  - name: a', '    effect: allow', ...lines.map((line) => `    ${line}`)];
  return policyOf('default_verdict: block', 'rules:', ...rule);
}

const REQUIRED = allowing('require_context_evidence: true');
const FRESH = allowing('max_context_age_seconds: 60');
const CLOSED = policyOf(
  'default_verdict: allow',
  'fail_closed: {enabled: true, risk_classes: [low], required_fields: [context_evidence]}',
);
const MODE = allowing('required_context_evidence_mode: required');
const POLICIES = [REQUIRED, FRESH, CLOSED, MODE];
const INDIFFERENT = allowing('match: {tool_names: [tool.write]}');

function decidedOn(policy: Policy, context: JsonObject = {}, envelope?: Json, now: string = NOON): Decision {
  return rulesAlone(policy, requestOf({ context }), now, envelope === undefined ? {} : { context: envelope });
}

function verdict(policy: Policy, context?: JsonObject, envelope?: Json, now?: string): string {
  return decidedOn(policy, context, envelope, now).verdict;
}

/** Everything that a call can claim of its context. */
const claims: fc.Arbitrary<JsonObject> = fc
  .record(
    {
      context_set_digest: fc.constantFrom(digits('a'), String(ENVELOPE['context_set_digest'])),
      context_evidence_mode: fc.constantFrom('required', 'best_effort'),
      context_refs: fc.subarray(['r1', 'r2', 'made_up'], { minLength: 1 }),
      age: fc.oneof(fc.integer({ min: 0, max: 90 }), fc.constantFrom('0', '1', -1)),
    },
    { requiredKeys: [] },
  )
  .map(({ age, ...said }) => {
    return age === undefined ? said : { ...said, auth_context: { context_age_seconds: age } };
  });

describe('F2: context evidence counts only from an envelope that is given, checked and matches', () => {
  test('without one nothing that a call claims of its context changes the judgement', () => {
    fc.assert(
      fc.property(fc.constantFrom(...POLICIES, INDIFFERENT), claims, (policy, said) => {
        assert.deepEqual(decidedOn(policy, said), decidedOn(policy));
        if (policy !== INDIFFERENT) assert.equal(verdict(policy, said), 'block');
      }),
      { numRuns: 500 },
    );
  });

  test('with one, a call that claims nothing else is let run', () => {
    const [digest, refs] = [ENVELOPE['context_set_digest'] ?? null, ['r1']];
    const honest: JsonObject[] = [
      {},
      { context_set_digest: String(digest).toUpperCase(), context_evidence_mode: 'required' },
      { context_refs: refs, auth_context: { context_age_seconds: 9_999 } },
    ];
    for (const policy of POLICIES) {
      for (const said of honest) assert.equal(verdict(policy, said, ENVELOPE), 'allow', JSON.stringify(said));
    }
    const { context } = decidedOn(REQUIRED, {}, ENVELOPE);
    assert.deepEqual(context, { set_digest: digest, mode: 'required', refs, age_seconds: 60 });
  });

  test('with one, whoever claims something else is stopped, also where no rule asks', () => {
    fc.assert(
      fc.property(fc.constantFrom(...POLICIES, INDIFFERENT), claims, (policy, said) => {
        const { context_set_digest: digest, context_evidence_mode: mode, context_refs: refs } = said;
        const matches =
          (digest === undefined || digest === ENVELOPE['context_set_digest']) &&
          (mode === undefined || mode === 'required') &&
          (refs === undefined || digestOf(refs) === digestOf(['r1']));
        const { verdict: made, reason_codes, next } = decidedOn(policy, said, ENVELOPE);
        assert.equal(made, matches ? 'allow' : 'block');
        assert.equal(reason_codes.includes('context_envelope_mismatch'), !matches);
        assert.equal(next, undefined);
      }),
      { numRuns: 500 },
    );
  });

  test('of one that was changed nothing counts, whatever was changed in it', () => {
    const value = fc.oneof(fc.constantFrom('', 'x', digits('b'), NOON, 0, true, null), fc.constant([]));
    const at = fc.constantFrom(...Object.keys(ENVELOPE));
    const inRecord = fc.constantFrom(...Object.keys(RECORD), 'unknown');
    const edits = fc.oneof(
      fc.tuple(at, value).map(([name, other]) => ({ ...ENVELOPE, [name]: other })),
      fc.tuple(inRecord, value).map(([name, other]) => {
        return { ...ENVELOPE, records: [{ ...RECORD, [name]: other }] };
      }),
      at.map((name) => Object.fromEntries(Object.entries(ENVELOPE).filter(([key]) => key !== name))),
      fc.constantFrom<Json>({ ...ENVELOPE, more: 1 }, [ENVELOPE], 'envelope', null, {}),
      fc.constant({ ...ENVELOPE, records: [RECORD, RECORD] }),
    );
    // What no digest is over, and what may be said of it.
    const free = new Set(['created_at', 'producer_version', 'context_set_id']);
    fc.assert(
      fc.property(fc.constantFrom(...POLICIES, INDIFFERENT), edits, (policy, edited) => {
        const bare = (one: Json): string =>
          digestOf(Object.entries(one as object).filter(([name]) => !free.has(name)));
        if (edited !== null && typeof edited === 'object' && bare(edited) === bare(ENVELOPE)) return;
        const { verdict: made, reason_codes } = decidedOn(policy, {}, edited);
        assert.deepEqual([made, reason_codes.includes('context_envelope_invalid')], ['block', true]);
      }),
      { numRuns: 1000 },
    );
  });

  test('is as old as the oldest of its records; of one from the future the age is not known', () => {
    const aged = (...seconds: readonly number[]): JsonObject => {
      const records = seconds.map((age, i) => {
        const at = new Date(Date.parse(NOON) - age * 1000).toISOString();
        return { ...RECORD, ref_id: `r${i}`, retrieved_at: at.replace('.000Z', 'Z') };
      });
      return envelopeOf(records);
    };
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -130, max: 130 }), { minLength: 1, maxLength: 3 }), (ages) => {
        const late = ages.some((age) => age > 60 || age < -60);
        assert.equal(verdict(FRESH, {}, aged(...ages)), late ? 'block' : 'allow', String(ages));
        assert.equal(verdict(REQUIRED, {}, aged(...ages)), 'allow');
      }),
      { numRuns: 300 },
    );
    assert.equal(decidedOn(FRESH, {}, aged(61)).reason_codes.includes('context_freshness_exceeded'), true);
  });

  test('of best_effort, and of no records, is not what is required', () => {
    const modest = decidedOn(MODE, {}, envelopeOf([RECORD], { evidence_mode: 'best_effort' }));
    assert.deepEqual([modest.verdict, modest.reason_codes[0]], ['block', 'context_evidence_mode_mismatch']);
    for (const policy of POLICIES) assert.equal(verdict(policy, {}, envelopeOf([])), 'block');
    assert.equal(verdict(INDIFFERENT, {}, envelopeOf([])), 'allow');
  });

  test('counts for every step of a script', () => {
    const steps = [1, 2].map((n) => ({ tool_name: 'tool.write', args: { n } }));
    const request = requestOf({ tool_name: 'script', script: { steps } });
    const verdicts = (context?: Json): string =>
      rulesAlone(REQUIRED, request, NOON, context === undefined ? {} : { context }).verdict;
    assert.deepEqual([verdicts(), verdicts(ENVELOPE)], ['block', 'allow']);
  });

  test('is none that a request brings along', () => {
    const proven_context = {
      set_digest: digits('a'),
      mode: 'required',
      refs: ['x'],
      age_seconds: 0,
    } as const;
    const request = { ...requestOf(), proven_context };
    for (const policy of POLICIES) assert.equal(evaluate(policy, request, NO_CONTEXT, NOON).verdict, 'block');
  });

  test('is what a recorded run makes of its receipts', () => {
    const { refs } = recorded({
      run: { run_id: 'r' },
      refs: {
        receipts: [{ ...RECEIPT, retrieved_at: '2026-06-15T13:59:30+02:00', content_digest: digits('A') }],
      },
    });
    const envelope = contextEnvelopeOf({ ...refs, context_evidence_mode: 'required' }) ?? assert.fail();
    for (const policy of POLICIES) {
      assert.equal(verdict(policy, {}, envelope as unknown as Json), 'allow');
    }
  });
});

describe('F2: a gate of the library', () => {
  const CALL = { tool_name: 'tool.write', context: { identity: 'a', workspace: '/w', risk_class: 'low' } };

  test('takes an envelope with a call, and signs what it proves, not what is claimed', async () => {
    const sink = new MemorySink();
    const parts = { store: new WatchedStore(), files: sink, switches: () => [], clock: tickingClock(NOON) };
    const gate = openGate({ policy: REQUIRED, key: GATE_KEY, ...parts });
    const signed = (): unknown[] => {
      const { document = {} } = sink.kept.findLast(({ kind }) => kind === 'trace') ?? {};
      return ['verdict', 'context_set_digest', 'context_evidence_mode', 'context_ref_count'].map(
        (name) => document[name],
      );
    };
    const claimed = { context_set_digest: digits('a'), context_evidence_mode: 'required' };
    const { allowed } = await gate.ask({ ...CALL, context: { ...CALL.context, ...claimed } });
    assert.deepEqual([allowed, ...signed()], [false, 'block', undefined, undefined, undefined]);
    const answer = await gate.ask(CALL, { contextEnvelope: ENVELOPE });
    const proven = ['allow', ENVELOPE['context_set_digest'], 'required', 1];
    assert.deepEqual([answer.allowed, ...signed()], [true, ...proven]);
  });
});
