import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { type DiffSide, differs, diffRuns, type Privacy, type RunDiff } from '../../src/run/diff.ts';
import type { RecordOptions } from '../../src/run/record.ts';
import { buildRunpack } from '../../src/run/runpack.ts';
import { digits, INPUT, NOW, RECEIPT, RUN_ID, recorded } from '../support/runs.ts';

function side(input: Json = INPUT, options: Partial<RecordOptions> = {}): DiffSide {
  const captured = recorded(input, options);
  const { run, intents, results, refs } = captured;
  return { manifest: buildRunpack(captured).manifest, run, intents, results, refs };
}

const LEFT = side();
const SAME: RunDiff = {
  run_id_left: RUN_ID,
  run_id_right: RUN_ID,
  manifest_changed: false,
  intents_changed: false,
  results_changed: false,
  refs_changed: false,
  context_drift_classification: 'none',
};
const [READ, WRITE] = INPUT.intents as [JsonObject, JsonObject];
const [READ_RESULT, WRITE_RESULT] = INPUT.results as [JsonObject, JsonObject];
const DOC_A = { ...RECEIPT, ref_id: 'doc_a', source_type: 'file' };

function intents(...list: JsonObject[]): DiffSide {
  return side({ ...INPUT, intents: list });
}

function results(...list: JsonObject[]): DiffSide {
  return side({ ...INPUT, results: list });
}

function receipts(...list: JsonObject[]): DiffSide {
  return side({ ...INPUT, refs: { receipts: list } });
}

/** The other run, and what the comparison says that it would not say of the same run; `metadata` where that differs. */
interface Row {
  readonly right: DiffSide;
  readonly full: Partial<RunDiff>;
  readonly metadata?: Partial<RunDiff>;
}

const RUNTIME: Partial<RunDiff> = {
  refs_changed: true,
  context_drift_classification: 'runtime_only',
  context_runtime_only_changes: true,
};
const SEMANTIC: Partial<RunDiff> = { refs_changed: true, context_drift_classification: 'semantic' };
const CHANGED_READ: Partial<RunDiff> = { intents_changed: true, changed_intents: ['read_1'] };
const CHANGED_RESULT: Partial<RunDiff> = { results_changed: true, changed_results: ['write_1'] };

const ROWS: Readonly<Record<string, Row>> = {
  'the same': { right: side(), full: {} },
  'another id': { right: side(INPUT, { runId: 'run_2' }), full: { run_id_right: 'run_2' } },
  'another time and producer': {
    right: side({
      ...INPUT,
      run: { ...INPUT.run, created_at: '2026-03-01T00:00:00+01:00', producer_version: '9' },
    }),
    full: {},
  },
  'the attack on the evidence, 9: another order of intents': {
    right: intents(WRITE, READ),
    full: { order_changed: true },
  },
  'the attack on the evidence, 9: no timeline': {
    right: side({ ...INPUT, run: { ...INPUT.run, timeline: [] } }),
    full: { timeline_changed: true },
  },
  'the attack on the evidence, 9: another machine': {
    right: side({ ...INPUT, run: { ...INPUT.run, env: { os: 'plan9' } } }),
    full: { environment_changed: true },
  },
  'a timeline at other times': {
    right: side({
      ...INPUT,
      run: {
        ...INPUT.run,
        timeline: (INPUT.run['timeline'] as JsonObject[]).map((item) => ({ ...item, ts: NOW })),
      },
    }),
    full: {},
  },
  'another argument': { right: intents({ ...READ, args: { table: 'x' } }, WRITE), full: CHANGED_READ },
  'another tool': { right: intents({ ...READ, tool_name: 'db.peek' }, WRITE), full: CHANGED_READ },
  'the arguments only in one': {
    right: side({ ...INPUT, capture_mode: 'reference' }),
    full: {
      manifest_changed: true,
      ...{ intents_changed: true, changed_intents: ['read_1', 'write_1'] },
      ...{ results_changed: true, changed_results: ['read_1', 'write_1'] },
    },
    metadata: { manifest_changed: true },
  },
  'an intent more': {
    right: intents(READ, WRITE, { ...READ, intent_id: 'read_2' }),
    full: { intents_changed: true, right_only_intents: ['read_2'] },
  },
  'an intent less': { right: intents(WRITE), full: { intents_changed: true, left_only_intents: ['read_1'] } },
  'another id of an intent': {
    right: intents({ ...READ, intent_id: 'a' }, WRITE),
    full: { intents_changed: true, left_only_intents: ['read_1'], right_only_intents: ['a'] },
  },
  'another status': { right: results(READ_RESULT, { ...WRITE_RESULT, status: 'ok' }), full: CHANGED_RESULT },
  'another result': { right: results(READ_RESULT, { ...WRITE_RESULT, result: {} }), full: CHANGED_RESULT },
  'a result less': {
    right: results(READ_RESULT),
    full: { results_changed: true, left_only_results: ['write_1'] },
  },
  'the receipts in another order': { right: receipts(DOC_A, RECEIPT), full: {} },
  'read at another time': {
    right: receipts({ ...RECEIPT, retrieved_at: NOW }, DOC_A),
    full: RUNTIME,
    metadata: {},
  },
  'other content': {
    right: receipts({ ...RECEIPT, content_digest: digits('5') }, DOC_A),
    full: SEMANTIC,
    metadata: {},
  },
  'another redaction': {
    right: receipts({ ...RECEIPT, redaction_mode: 'hash' }, DOC_A),
    full: SEMANTIC,
    metadata: {},
  },
  'other content at another time': {
    right: receipts({ ...RECEIPT, content_digest: digits('5'), retrieved_at: NOW }, DOC_A),
    full: SEMANTIC,
    metadata: {},
  },
  'a receipt less': { right: receipts(DOC_A), full: SEMANTIC, metadata: { refs_changed: true } },
  'no receipts': { right: receipts(), full: SEMANTIC, metadata: { refs_changed: true } },
  'evidence that is required': {
    right: side({
      ...INPUT,
      refs: { ...INPUT.refs, context_evidence_mode: 'required', context_set_digest: digits('a') },
    }),
    full: SEMANTIC,
    metadata: {},
  },
  'a member more': {
    right: {
      ...LEFT,
      manifest: {
        ...LEFT.manifest,
        files: [...(LEFT.manifest.files ?? []), { path: 'x', sha256: digits('a') }],
      },
    },
    full: { manifest_changed: true, files_changed: ['x'] },
  },
  'no list of members': {
    right: { ...LEFT, manifest: { ...LEFT.manifest, files: null } },
    full: {
      manifest_changed: true,
      files_changed: ['intents.jsonl', 'refs.json', 'results.jsonl', 'run.json'],
    },
  },
  'members of other bytes': {
    right: {
      ...LEFT,
      manifest: {
        ...LEFT.manifest,
        files: (LEFT.manifest.files ?? []).map(({ path }) => ({ path, sha256: digits('a') })),
      },
    },
    full: {},
  },
  'a second record under the same id': {
    right: { ...LEFT, intents: [...LEFT.intents, ...LEFT.intents.slice(0, 1)] },
    full: CHANGED_READ,
  },
};

/** What the comparison says with left and right exchanged. */
function mirrored(diff: RunDiff): RunDiff {
  const {
    left_only_intents: li,
    right_only_intents: ri,
    left_only_results: lr,
    right_only_results: rr,
    ...rest
  } = diff;
  return {
    ...rest,
    run_id_left: diff.run_id_right,
    run_id_right: diff.run_id_left,
    ...(ri === undefined ? {} : { left_only_intents: ri }),
    ...(li === undefined ? {} : { right_only_intents: li }),
    ...(rr === undefined ? {} : { left_only_results: rr }),
    ...(lr === undefined ? {} : { right_only_results: lr }),
  };
}

for (const privacy of ['full', 'metadata'] as const satisfies readonly Privacy[]) {
  describe(`runs compared with privacy ${privacy}`, () => {
    for (const [what, { right, full, metadata = full }] of Object.entries(ROWS)) {
      const expected = { ...SAME, ...(privacy === 'full' ? full : metadata) };
      test(`${what}: ${JSON.stringify(privacy === 'full' ? full : metadata)}`, () => {
        const diff = diffRuns(LEFT, right, privacy);
        assert.deepEqual(diff, expected);
        assert.deepEqual(diffRuns(right, LEFT, privacy), mirrored(expected));
        const changed =
          expected.manifest_changed ||
          expected.intents_changed ||
          expected.results_changed ||
          expected.refs_changed ||
          Object.keys(expected).some((key) => /^(environment|timeline|order)_changed$/.test(key));
        assert.equal(differs(diff), changed);
      });
    }
  });
}
