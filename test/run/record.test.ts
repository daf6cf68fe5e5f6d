import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Json, JsonObject } from '../../src/core/json.ts';
import type { Recorded, RecordOptions } from '../../src/run/record.ts';
import { jcs, sha256 } from '../pack/forge.ts';
import { PRODUCER } from '../support/pack.ts';
import { gaitError } from '../support/refusals.ts';
import { digits, INPUT, MACHINE, NOW, RUN_ID, recorded } from '../support/runs.ts';

function digestOf(value: unknown): string {
  return sha256(jcs(value)).toString('hex');
}

const ARGS = { table: 'prices', rows: [1, 2.5, 1e21], ž: '\u2028' };
const INTENT: JsonObject = { intent_id: 'i1', tool_name: 'db.read', args: ARGS };
const RESULT: JsonObject = { intent_id: 'i1', status: 'ok', result: { rows: 40 } };
const BASE = { created_at: NOW, producer_version: '0.0.0-dev', run_id: 'r', schema_version: '1.0.0' };

/** An input of one intent and one result, in raw capture. */
function inputOf(changes: JsonObject = {}): JsonObject {
  return { run: { run_id: 'r' }, intents: [INTENT], results: [RESULT], capture_mode: 'raw', ...changes };
}

/** That input with other fields of its run, its intent or its result. */
function withRun(fields: JsonObject): JsonObject {
  return inputOf({ run: { run_id: 'r', ...fields } });
}

function withIntent(fields: JsonObject): JsonObject {
  return inputOf({ intents: [{ ...INTENT, ...fields }] });
}

function withResult(fields: JsonObject): JsonObject {
  return inputOf({ results: [{ ...RESULT, ...fields }] });
}

describe('what is recorded of a run', () => {
  test('that only has an id: the defaults', () => {
    const { run, intents, results, refs, captureMode, warnings } = recorded({ run: { run_id: 'r' } });
    assert.deepEqual([intents, results, captureMode, warnings], [[], [], 'reference', []]);
    assert.deepEqual(run, { ...BASE, schema_id: 'gait.runpack.run', env: MACHINE, timeline: null });
    const mode = { context_evidence_mode: 'best_effort' };
    assert.deepEqual(refs, { ...BASE, schema_id: 'gait.runpack.refs', receipts: [], ...mode });
  });

  test('that says everything: every document, in the order of the input', () => {
    const envelope = { ...BASE, producer_version: PRODUCER, run_id: RUN_ID };
    const { run, intents, results, refs } = recorded();
    const [timeline] = [INPUT.run['timeline']];
    assert.deepEqual(run, { ...envelope, schema_id: 'gait.runpack.run', env: MACHINE, timeline });
    assert.deepEqual(
      intents,
      INPUT.intents.map((intent) => {
        const schema_id = 'gait.runpack.intent';
        return { ...envelope, ...intent, schema_id, args_digest: digestOf(intent['args']) };
      }),
    );
    assert.deepEqual(
      results,
      INPUT.results.map((result) => {
        const schema_id = 'gait.runpack.result';
        return { ...envelope, ...result, schema_id, result_digest: digestOf(result['result']) };
      }),
    );
    assert.deepEqual(
      refs.receipts?.map(({ ref_id }) => ref_id),
      ['doc_a', 'doc_b'],
    );
    assert.equal(refs.context_ref_count, 2);
  });

  type Row = readonly [
    what: string,
    input: JsonObject,
    options: Partial<RecordOptions>,
    then: (made: Recorded) => unknown,
    expected: unknown,
  ];
  const captured = ({ intents: [i], results: [r] }: Recorded): unknown => [i?.args, r?.result];
  const digests = ({ intents: [i], results: [r] }: Recorded): unknown => [i?.args_digest, r?.result_digest];
  const both = [digestOf(ARGS), digestOf({ rows: 40 })];
  const other = { a: 1 };
  const normalization = { intent_args: { i1: other }, result_payloads: { i1: other } };
  const bare: JsonObject = {
    intents: [{ intent_id: 'i1', tool_name: 't' }],
    results: [{ intent_id: 'i1', status: 'ok' }],
  };
  const ids = ({ run, refs, intents, results }: Recorded): string[] => {
    return [...new Set([run, refs, ...intents, ...results].map(({ run_id }) => run_id))];
  };
  const times = ({ run, intents: [i], results: [r] }: Recorded): unknown => [
    run.created_at,
    i?.created_at,
    r?.created_at,
  ];
  const offset = '2026-02-14T08:00:00.250+02:00';
  const ts = ({ run }: Recorded): unknown => run.timeline;
  const rows: readonly Row[] = [
    ['raw keeps what was captured', inputOf(), {}, captured, [ARGS, { rows: 40 }]],
    ['reference leaves it out', inputOf({ capture_mode: 'reference' }), {}, captured, [undefined, undefined]],
    ['reference is the default', inputOf({ capture_mode: '' }), {}, captured, [undefined, undefined]],
    [
      'an option comes before the input',
      inputOf(),
      { captureMode: 'reference' },
      captured,
      [undefined, undefined],
    ],
    ['digests are of what was captured', inputOf(), {}, digests, both],
    ['digests stay when it is left out', inputOf({ capture_mode: 'reference' }), {}, digests, both],
    [
      'digests that are right',
      withIntent({ args_digest: ` ${String(both[0]).toUpperCase()} ` }),
      {},
      digests,
      both,
    ],
    [
      'empty arguments are none, and have a digest',
      withIntent({ args: {} }),
      {},
      captured,
      [undefined, { rows: 40 }],
    ],
    ['and this digest', withIntent({ args: {} }), {}, digests, [digestOf({}), both[1]]],
    ['a digest alone', inputOf({ ...bare, normalization }), {}, captured, [undefined, undefined]],
    [
      'a digest of what is normalised',
      inputOf({ ...bare, normalization }),
      {},
      digests,
      [digestOf(other), digestOf(other)],
    ],
    ['only of its own intent', inputOf({ normalization: { intent_args: { i2: other } } }), {}, digests, both],
    [
      'null is absent',
      inputOf({ intents: null, results: null, refs: null, normalization: null }),
      {},
      ids,
      ['r'],
    ],
    ['an option names the run', inputOf(), { runId: 'run_2' }, ids, ['run_2']],
    ['also where it was another', withIntent({ run_id: 'x' }), { runId: 'run_2' }, ids, ['run_2']],
    ['the id of the run, said again', withResult({ run_id: 'r' }), {}, ids, ['r']],
    [
      'the time of the run',
      withRun({ created_at: offset }),
      {},
      times,
      Array(3).fill('2026-02-14T08:00:00.25+02:00'),
    ],
    [
      'each its own time',
      withIntent({ created_at: '2026-01-01T00:00:00+00:00' }),
      {},
      times,
      [NOW, '2026-01-01T00:00:00Z', NOW],
    ],
    ['a year 1 is no time', withRun({ created_at: '0001-01-01T00:00:00Z' }), {}, times, [NOW, NOW, NOW]],
    ['no time in the timeline', withRun({ timeline: [{ event: 'e' }] }), {}, ts, [{ event: 'e', ts: NOW }]],
    ['an empty timeline', withRun({ timeline: [] }), {}, ts, []],
    [
      'a part of the machine',
      withRun({ env: { os: 'plan9', arch: '', more: 1 } }),
      {},
      ({ run }) => run.env,
      { ...MACHINE, os: 'plan9', more: 1 },
    ],
    ['any status', withResult({ status: 'timeout' }), {}, ({ results: [r] }) => r?.status, 'timeout'],
    [
      'a result of no intent, with a warning',
      inputOf({ intents: [] }),
      {},
      ({ warnings }) => warnings[1],
      'there is a result of i1, but no such intent',
    ],
    [
      'what nobody asked for, with a warning',
      withIntent({ cost: 3 }),
      {},
      ({ warnings }) => warnings[1],
      'ignored: intents[0].cost',
    ],
    ['a warning of raw capture', inputOf(), {}, ({ warnings }) => /confidential/.test(warnings.join()), true],
    [
      'a warning of what is left out',
      inputOf({ capture_mode: 'reference' }),
      {},
      ({ warnings }) => warnings.length,
      1,
    ],
    [
      'no warning without',
      inputOf({ ...bare, normalization, capture_mode: 'reference' }),
      {},
      ({ warnings }) => warnings,
      [],
    ],
  ];
  for (const [what, input, options, then, expected] of rows) {
    test(what, () => assert.deepEqual(then(recorded(input, options)), expected));
  }
});

describe('what is not recorded', () => {
  const d = digits('a');
  const rows: readonly [what: string, code: string, input: Json][] = [
    ['a list', 'record_invalid', []],
    ['text', 'record_invalid', 'run'],
    ['no run', 'record_invalid', {}],
    ['no id of the run', 'record_invalid', { run: { run_id: ' ' } }],
    ['an id that is a number', 'record_invalid', { run: { run_id: 1 } }],
    ...['a b', '../r', 'a/b', 'a\\b', '-r', '.r', 'a.b', 'run_ž', 'r'.repeat(129)].map(
      (run_id): [string, string, Json] => {
        return [`the id ${JSON.stringify(run_id).slice(0, 20)}`, 'run_id_invalid', { run: { run_id } }];
      },
    ),
    ['a run that is a list', 'record_invalid', { run: [] }],
    ['a mode that there is not', 'record_invalid', inputOf({ capture_mode: 'Raw' })],
    ['intents that are no list', 'record_invalid', inputOf({ intents: { a: INTENT } })],
    ['an intent that is text', 'record_invalid', inputOf({ intents: ['i1'] })],
    ['an intent without an id', 'record_invalid', withIntent({ intent_id: null })],
    ['an intent without a tool', 'record_invalid', withIntent({ tool_name: ' ' })],
    ['arguments that are a list', 'record_invalid', withIntent({ args: [1] })],
    ['arguments that are text', 'record_invalid', withIntent({ args: '{}' })],
    ['neither arguments nor digest', 'record_invalid', withIntent({ args: null })],
    ['neither result nor digest', 'record_invalid', withResult({ result: null })],
    ['a result without a status', 'record_invalid', withResult({ status: '' })],
    ['the same intent twice', 'record_invalid', inputOf({ intents: [INTENT, { ...INTENT, args: {} }] })],
    ['two results of an intent', 'record_invalid', inputOf({ results: [RESULT, RESULT] })],
    ['a document of another run', 'record_invalid', withResult({ run_id: 'other' })],
    ['a document of another schema', 'record_invalid', withIntent({ schema_id: 'gait.runpack.result' })],
    ['a document of another version', 'record_invalid', withRun({ schema_version: '1.1.0' })],
    ['a digest of other arguments', 'digest_wrong', withIntent({ args_digest: d })],
    ['a digest that is none', 'digest_wrong', withIntent({ args_digest: 'abc', args: null })],
    ['a digest with a prefix', 'digest_wrong', withIntent({ args_digest: `sha256:${d}`, args: null })],
    ['a digest of another result', 'digest_wrong', withResult({ result_digest: d })],
    [
      'a digest of what is not normalised',
      'digest_wrong',
      inputOf({
        intents: [{ ...INTENT, args: null, args_digest: d }],
        normalization: { intent_args: { i1: {} } },
      }),
    ],
    ['normalised text', 'record_invalid', inputOf({ normalization: { intent_args: { i1: '{}' } } })],
    ...[
      '2026-02-30T00:00:00Z',
      '2026-02-14',
      '2026-02-14 06:00:00Z',
      '2026-02-14T06:00:00',
      ''.padEnd(9, '9'),
    ].map((time): [string, string, Json] => {
      return [`the time ${time}`, 'record_invalid', withRun({ timeline: [{ event: 'e', ts: time }] })];
    }),
    ['a time that is a number', 'record_invalid', withRun({ created_at: 1_770_000_000 })],
    ['an event without a name', 'record_invalid', withRun({ timeline: [{ ts: NOW }] })],
    ['a key in another case', 'record_ambiguous', inputOf({ Intents: [] })],
    ['a key of an intent in another case', 'record_ambiguous', withIntent({ ARGS: {} })],
    ['an id in another case only', 'record_ambiguous', { run: { Run_ID: 'r' } }],
    ['a lone surrogate', 'not_canonicalizable', withIntent({ args: { a: '\ud800' } })],
    [
      'a number that JSON cannot carry',
      'not_canonicalizable',
      withIntent({ args: { a: Number.POSITIVE_INFINITY } }),
    ],
  ];
  for (const [what, code, input] of rows) {
    test(`${what}: ${code}`, () => assert.throws(() => recorded(input), gaitError(code, 'invalid_input')));
  }

  test('an id of 128 characters is one', () => {
    assert.equal(recorded({ run: { run_id: 'r'.repeat(128) } }).run.run_id.length, 128);
  });
});
