import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { sharedWorkspace } from '../support/cli.ts';
import { CALL, documentAt, evalOf, prepareGate, putIntent } from '../support/gate_cli.ts';
import { digestOf, putJson } from '../support/run_inputs.ts';
import { digits } from '../support/runs.ts';

const RECORD = {
  ...{ ref_id: 'r1', source_type: 'http', source_locator: 'https://example.test/1' },
  ...{ query_digest: digits('1'), content_digest: digits('2'), retrieved_at: '2026-01-01T00:00:00Z' },
  ...{ redaction_mode: 'reference', immutability: 'unknown' },
};
const ENVELOPE = {
  ...{ schema_id: 'gait.context.envelope', schema_version: '1.0.0', created_at: '2026-01-01T00:00:00Z' },
  ...{ producer_version: 'test-1', context_set_id: 'c', evidence_mode: 'required' },
  ...{ context_set_digest: digestOf([RECORD]), records: [RECORD] },
};
const CLAIMS = {
  ...{ context_set_digest: digits('a'), context_evidence_mode: 'required', context_refs: ['made_up'] },
  auth_context: { context_age_seconds: 1 },
};

describe('F2: gate eval and policy test with a context envelope', () => {
  const shared = sharedWorkspace(async (w) => {
    await prepareGate(w);
    const rule = '{name: know, effect: allow, require_context_evidence: true}';
    await writeFile(w.path('know.yaml'), `default_verdict: block\nrules: [${rule}]\n`);
    await putIntent(w, 'claims.json', { ...CALL, context: { ...CALL.context, ...CLAIMS } });
    await putJson(w, 'envelope.json', ENVELOPE);
    await putJson(w, 'other.json', { ...ENVELOPE, context_set_digest: digits('a') });
    await writeFile(w.path('torn.json'), '{');
  });

  const ROWS: readonly (readonly [line: string, exit: number, reason: string])[] = [
    ['', 3, 'context_evidence_missing'],
    ['--intent claims.json', 3, 'context_evidence_missing'],
    ['--context-envelope envelope.json', 0, 'matched_rule_know'],
    ['--context-envelope other.json', 3, 'context_envelope_invalid'],
    ['--context-envelope know.json', 6, ''],
    ['--context-envelope torn.json', 6, ''],
    ['--intent claims.json --context-envelope envelope.json', 3, 'context_envelope_mismatch'],
  ];
  for (const [line, exit, reason] of ROWS) {
    test(`${line || 'without one'}: exit ${exit} ${reason}`, async () => {
      const w = shared();
      const { exit: ended, answer } = await evalOf(w, 'know.yaml', line);
      assert.equal(ended, exit);
      if (reason !== '') assert.ok(answer.reason_codes?.includes(reason), answer.reason_codes?.join());
      const [, intent = 'intent.json'] = /--intent (\S+)/.exec(line) ?? [];
      const flags = line.replace(/--intent \S+ ?/, '');
      const tried = await w.gait(`policy test know.yaml ${intent} ${flags}`.trim());
      assert.equal(tried.exit, exit);
    });
  }

  test('the trace signs what is proven', async () => {
    const w = shared();
    const { answer } = await evalOf(w, 'know.yaml', '--context-envelope envelope.json');
    const { context_set_digest, context_ref_count } = await documentAt(w, answer.trace_path ?? '');
    assert.deepEqual([context_set_digest, context_ref_count], [ENVELOPE.context_set_digest, 1]);
  });
});
