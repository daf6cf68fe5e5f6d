import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { type ComparedPack, diffPacks, type PackComparison, type PackDiff } from '../../src/pack/diff.ts';
import { ComparableRun } from '../../src/pack/kinds/run/compare.ts';
import validateDiff from '../../src/schema/generated/pack_diff.js';
import { schemaFault } from '../../src/schema/validator.ts';
import { submit } from '../support/given.ts';
import { numberedKey } from '../support/keys.ts';
import { historyOf, packBytes, STORY, type Step } from '../support/pack.ts';
import fc from '../support/property.ts';
import * as runs from '../support/runs.ts';
import { forge, jcs, MANIFEST, manifestFor, sha256, without, zipFiles } from './forge.ts';

const { INPUT, NOW, RECEIPT, SOURCE, digits, recorded, runPackFiles, runpackFiles } = runs;
type Input = runs.RunInput;

function sideOf(bytes: Buffer): ComparedPack {
  const run = new ComparableRun();
  const pack = runs.verifyInMemory(bytes, { visit: run });
  assert.deepEqual(pack.verification.findings, []);
  const declared = pack.manifest?.contents ?? pack.guard?.contents ?? pack.run?.manifest.files ?? [];
  return { pack, declared, documents: pack.documents, run };
}

/** Compares two packs both ways, and each with itself; answers what differs on the way there. */
function compared(left: Buffer, right: Buffer): PackComparison {
  const [l, r] = [sideOf(left), sideOf(right)];
  const there = diffPacks(l, r);
  assert.deepEqual(diffPacks(l, r), there, 'stable');
  assert.equal(schemaFault(validateDiff, JSON.parse(JSON.stringify(there.diff))), undefined);
  assert.deepEqual(mirrored(diffPacks(r, l).diff), there.diff, 'the same from the other side');
  for (const side of [l, r]) {
    const { diff, changes } = diffPacks(side, side);
    const nothing = { changed: false, manifest_delta: false, context_drift_classification: 'none' };
    assert.deepEqual([diff.summary, changes], [nothing, []], 'empty on itself');
  }
  return there;
}

function mirrored(diff: PackDiff): PackDiff {
  const { added_files: added, removed_files: removed, ...summary } = diff.summary;
  return {
    ...diff,
    ...{ left_pack_id: diff.right_pack_id, right_pack_id: diff.left_pack_id },
    ...{ left_pack_type: diff.right_pack_type, right_pack_type: diff.left_pack_type },
    summary: {
      ...summary,
      ...(removed === undefined ? {} : { added_files: removed }),
      ...(added === undefined ? {} : { removed_files: added }),
    },
  };
}

function packOf(input: JsonObject, options: runs.RunPackOptions = {}): Buffer {
  return zipFiles(runPackFiles(recorded(input), options));
}

const PACK = packOf(INPUT);
const [READ, WRITE] = INPUT.intents as [JsonObject, JsonObject];
const [READ_RESULT, WRITE_RESULT] = INPUT.results as [JsonObject, JsonObject];

function reading(...receipts: JsonObject[]): Buffer {
  return packOf({ ...INPUT, refs: { receipts } });
}

describe('two packs of a run that did the same', () => {
  const runpack = runs.earlierZip(runpackFiles());
  const later = { ...INPUT.run, created_at: '2027-01-01T00:00:00Z', run_id: 'later', producer_version: '9' };
  const renamed = JSON.parse(
    JSON.stringify(INPUT).replaceAll('read_1', 'r').replaceAll('write_1', 'a'),
  ) as Input;
  const doc = { ...RECEIPT, ref_id: 'doc_a', source_type: 'file' };
  const members = without(runPackFiles(), MANIFEST);
  const unproven = forge(members, manifestFor(members, { pack_type: 'run', source_ref: runs.RUN_ID }));
  const same: Readonly<Record<string, readonly [right: Buffer, delta: boolean]>> = {
    'the very same': [packOf(INPUT), false],
    signed: [packOf(INPUT, { key: numberedKey(1) }), false],
    'of another builder': [packOf(INPUT, { producerVersion: 'other' }), false],
    'sealed by another program': [unproven, false],
    'whose runpack is compressed': [packOf(INPUT, { runpack }), true],
    'in a container of another program': [runs.earlierZip(runPackFiles()), false],
    'under another id, later, by another version': [packOf({ ...INPUT, run: later }), true],
    'with other ids of intents': [packOf(renamed), true],
    'whose receipts have other ids': [reading({ ...RECEIPT, ref_id: 'z' }, { ...doc, ref_id: 'y' }), true],
    'whose receipts have other ids in another order': [
      reading({ ...RECEIPT, ref_id: 'a' }, { ...doc, ref_id: 'b' }),
      true,
    ],
    'with its results in another order': [packOf({ ...INPUT, results: [WRITE_RESULT, READ_RESULT] }), true],
  };
  for (const [what, [right, delta]] of Object.entries(same)) {
    test(`${what}: nothing changed`, () => {
      const { diff, changes } = compared(PACK, right);
      assert.deepEqual([diff.summary.changed, changes, diff.summary.changed_files], [false, [], undefined]);
      assert.equal(diff.summary.manifest_delta, delta);
    });
  }

  test('read at other times: the context changed at run time only', () => {
    const { summary } = compared(PACK, reading({ ...RECEIPT, retrieved_at: NOW }, doc)).diff;
    assert.deepEqual(
      [summary.changed, summary.context_changed, summary.context_runtime_only_changes],
      [false, true, true],
    );
    assert.equal(summary.context_drift_classification, 'runtime_only');
  });
});

describe('two packs of runs that did not do the same', () => {
  const intents = (...list: JsonObject[]): Buffer => packOf({ ...INPUT, intents: list });
  const results = (...list: JsonObject[]): Buffer => packOf({ ...INPUT, results: list });
  const doc = { ...RECEIPT, ref_id: 'doc_a', source_type: 'file' };
  const [env, timeline] = [{ os: 'plan9' }, [{ event: 'other', ts: NOW, ref: 'read_1' }]];
  const rows: Readonly<Record<string, readonly [right: Buffer, ...sections: string[]]>> = {
    'another argument': [intents({ ...READ, args: { table: 'x' } }, WRITE), 'intents'],
    'another tool': [intents({ ...READ, tool_name: 'db.peek' }, WRITE), 'intents'],
    'an intent less': [packOf({ ...INPUT, intents: [READ], results: [READ_RESULT] }), 'intents', 'results'],
    'the same again': [intents(READ, WRITE, { ...READ, intent_id: 'again' }), 'intents'],
    'another order': [intents(WRITE, READ), 'intents', 'results', 'timeline'],
    'another status': [results({ ...READ_RESULT, status: 'error' }, WRITE_RESULT), 'results'],
    'another result': [results({ ...READ_RESULT, result: { rows: 41 } }, WRITE_RESULT), 'results'],
    'no result': [results(WRITE_RESULT), 'results'],
    'results of each other': [
      results({ ...READ_RESULT, intent_id: 'write_1' }, { ...WRITE_RESULT, intent_id: 'read_1' }),
      'results',
    ],
    'another machine': [packOf({ ...INPUT, run: { ...INPUT.run, env } }), 'environment'],
    'another timeline': [packOf({ ...INPUT, run: { ...INPUT.run, timeline } }), 'timeline'],
    'other content': [reading({ ...RECEIPT, content_digest: digits('5') }, doc), 'context'],
    'a receipt less': [reading(doc), 'context'],
    'nothing read': [reading(), 'context'],
    'contents left out': [packOf({ ...INPUT, capture_mode: 'reference' }), 'intents', 'results'],
  };
  for (const [what, [right, ...sections]] of Object.entries(rows)) {
    test(`${what}: ${sections.join(', ')}`, () => {
      const { diff, changes } = compared(PACK, right);
      assert.equal(diff.summary.changed, true);
      assert.ok(diff.summary.manifest_delta && diff.summary.changed_files?.includes(SOURCE));
      assert.deepEqual(changes.find(({ member }) => member === SOURCE)?.sections, sections);
      const semantic = sections.includes('context');
      assert.equal(diff.summary.context_drift_classification, semantic ? 'semantic' : 'none');
    });
  }

  test('a member on one side only is added or removed', () => {
    const { summary } = compared(PACK, reading()).diff;
    assert.deepEqual([summary.added_files, summary.removed_files], [undefined, ['context_envelope.json']]);
    assert.deepEqual(compared(reading(), PACK).diff.summary.added_files, ['context_envelope.json']);
  });

  test('the third attack on the evidence, 13: a timeline is compared with all that its entries say', () => {
    const told = INPUT.run['timeline'] as JsonObject[];
    const timeline = told.map((item) => ({ ...item, approved_by: 'mallory' }));
    const right = zipFiles(runs.edited(runpackFiles(), runs.RUN, { timeline }));
    const { changes, diff } = compared(zipFiles(runpackFiles()), right);
    assert.equal(diff.summary.changed, true);
    assert.deepEqual(
      changes.flatMap(({ sections }) => sections),
      ['timeline'],
    );
  });

  test('runpacks by themselves are compared in the same way', () => {
    const other = recorded({ ...INPUT, results: [READ_RESULT, { ...WRITE_RESULT, status: 'ok' }] });
    const { changes } = compared(zipFiles(runpackFiles()), zipFiles(runpackFiles(other)));
    assert.deepEqual(changes, [{ member: 'results.jsonl', sections: ['results'] }]);
  });
});

describe('packs of jobs', () => {
  const other = (step: Partial<Step>): Step[] => STORY.map((one, i) => (i === 3 ? { ...one, ...step } : one));
  test('of the same story under another id are the same', async () => {
    const [left, right] = [await historyOf(STORY), await historyOf(STORY, { jobId: 'job_2' })];
    const { diff, changes } = compared(await packBytes(left), await packBytes(right, 'other'));
    assert.deepEqual([diff.summary.changed, changes, diff.summary.manifest_delta], [false, [], true]);
  });
  for (const [what, story] of [
    ['another approver', other({ actor: 'mallory' })],
    ['another reason', other({ reason: 'why not' })],
    ['a step less', STORY.slice(0, -1)],
  ] as const) {
    test(`with ${what} are not`, async () => {
      const [left, right] = [await historyOf(STORY), await historyOf(story)];
      const { diff, changes } = compared(await packBytes(left), await packBytes(right));
      assert.equal(diff.summary.changed, true);
      assert.ok(changes.some(({ member }) => member === 'job_events.jsonl'));
    });
  }
  test('and of runs are of other types', async () => {
    const job = await packBytes(await historyOf([{ command: submit() }]));
    const { left_pack_type, right_pack_type, summary } = compared(PACK, job).diff;
    assert.deepEqual([left_pack_type, right_pack_type, summary.changed], ['run', 'job', true]);
  });
});

describe('the attack on the evidence, 8: what a tool was asked is compared, whatever its arguments are called', () => {
  const ids = { session_id: 'night', sequence: 1, trace_id: 't', trace_path: 'x.json' };
  const asking = (args: JsonObject, runId = runs.RUN_ID): Buffer => {
    const intent = { ...READ, args, args_digest: undefined } as unknown as JsonObject;
    const run = { ...INPUT.run, run_id: runId };
    return packOf(JSON.parse(JSON.stringify({ ...INPUT, run, intents: [intent, WRITE] })) as JsonObject);
  };
  const others: readonly JsonObject[] = [
    { session_id: 'prod' },
    { sequence: 2 },
    { trace_id: 'u' },
    { trace_path: 'y.json' },
  ];
  const isChanged = (args: JsonObject, runId?: string): boolean =>
    compared(asking(ids, runId), asking({ ...ids, ...args }, runId)).diff.summary.changed;

  test('in a run that is no checkpoint', () => {
    for (const other of others) assert.equal(isChanged(other), true, JSON.stringify(other));
  });

  test('in a checkpoint, ids are left out where they are ids', () => {
    for (const other of others) assert.equal(isChanged(other, 'run_cp_0001'), false, JSON.stringify(other));
    for (const name of Object.keys(ids)) {
      assert.equal(isChanged({ [name]: { run: 'rm -rf /' } }, 'run_cp_0001'), true, name);
    }
    assert.equal(isChanged({ table: 'x' }, 'run_cp_0001'), true);
  });
});

describe('the attack on the evidence, 10 and 14: what a manifest states is compared', () => {
  test('the capture mode of a runpack', () => {
    const raw = runpackFiles();
    const { diff, changes } = compared(
      zipFiles(raw),
      zipFiles(runs.resealed(raw, { capture_mode: 'reference' })),
    );
    assert.deepEqual(changes, [{ member: 'manifest.json', sections: ['capture_mode'] }]);
    const { changed, manifest_delta, changed_files, added_files } = diff.summary;
    assert.deepEqual([changed, manifest_delta, changed_files], [true, true, ['manifest.json']]);
    assert.equal(added_files, undefined);
  });

  const evidence = (changes: JsonObject): Buffer => {
    const contents = [{ path: 'a.json', sha256: sha256('{}').toString('hex'), type: 'evidence' }];
    const run_id = 'run_1';
    const pack_id = `pack_${sha256(jcs({ run_id, contents })).toString('hex').slice(0, 16)}`;
    const manifest = {
      ...{ schema_id: 'gait.guard.pack_manifest', schema_version: '1.0.0', created_at: NOW },
      ...{ generated_at: NOW, producer_version: '1.2.0', pack_id, run_id, contents },
      ...changes,
    };
    return zipFiles(
      new Map([
        ['a.json', Buffer.from('{}')],
        [MANIFEST, Buffer.from(jcs(manifest))],
      ]),
    );
  };

  test('template, controls and window of an evidence pack; not when and by whom it was made', () => {
    const control = { control_id: 'CC6.6', title: 'x', evidence_paths: ['a.json'] };
    const base = {
      template_id: 'soc2',
      control_index: [control],
      incident_window: { from: NOW, to: NOW, window_seconds: 0 },
    };
    const later = '2027-01-01T00:00:00Z';
    for (const [name, value] of Object.entries({
      template_id: 'pci',
      control_index: [{ ...control, title: 'y' }],
      incident_window: { from: NOW, to: later, window_seconds: 0 },
    })) {
      const { changes } = compared(evidence(base), evidence({ ...base, [name]: value }));
      assert.deepEqual(changes, [{ member: MANIFEST, sections: [name] }]);
    }
    const remade = { ...base, created_at: later, generated_at: later, producer_version: '9' };
    assert.equal(compared(evidence(base), evidence(remade)).diff.summary.changed, false);
  });
});

/** The same run under other ids of itself and its intents, at other times, by another version. */
function disguised(input: Input, salt: number): Input {
  const order = input.intents.map((_, i) => `i${(i * 7 + salt) % 11}_${i}`);
  const ids = new Map(input.intents.map(({ intent_id }, i) => [String(intent_id), order[i] ?? '']));
  const of = (id: unknown): string => ids.get(String(id)) ?? String(id);
  const receipts = (input.refs['receipts'] as JsonObject[]).map((receipt) => {
    const [, intent] = /^trace_(.+)$/.exec(String(receipt['ref_id'])) ?? [];
    const traced = receipt['source_type'] === 'gait.trace' && intent !== undefined;
    return traced ? { ...receipt, ref_id: `trace_${of(intent)}` } : receipt;
  });
  const timeline = (input.run['timeline'] as JsonObject[]).map((item) => ({
    ...item,
    ts: NOW,
    ref: of(item['ref']),
  }));
  return {
    ...input,
    run: {
      ...input.run,
      run_id: 'disguised',
      created_at: '2030-01-01T00:00:00Z',
      producer_version: 'x',
      timeline,
    },
    intents: input.intents.map((intent) => ({
      ...intent,
      intent_id: of(intent['intent_id']),
      created_at: NOW,
    })),
    results: input.results.map((result) => ({ ...result, intent_id: of(result['intent_id']) })),
    refs: { receipts },
  };
}

/** Times in UTC, so that packs of runs with receipts verify. */
const inputs = runs.runInputs().map((input) => ({ ...input, run: { ...input.run, created_at: NOW } }));

describe('any two packs of runs', () => {
  test('are the same if only ids, times and versions differ', () => {
    fc.assert(
      fc.property(inputs, fc.nat(10), (input, salt) => {
        const { diff, changes } = compared(
          packOf(input),
          packOf(disguised(input, salt), { producerVersion: 'x' }),
        );
        assert.deepEqual([diff.summary.changed, changes], [false, []]);
      }),
    );
  });

  test('are not the same if an argument, a tool, a status or the order of intents differs', () => {
    const how = fc.constantFrom('args', 'tool_name', 'status', 'result', 'order', 'drop');
    fc.assert(
      fc.property(inputs, fc.nat(), how, (input, which, what) => {
        const list = what === 'status' || what === 'result' ? input.results : input.intents;
        fc.pre(list.length > 0);
        const at = which % list.length;
        const change = (one: JsonObject, i: number): JsonObject => {
          if (i !== at) return one;
          return {
            ...one,
            [what]: what === 'args' || what === 'result' ? { [`x${which}`]: 1.5 } : 'changed',
          };
        };
        const [first, second] = [input.intents[at], input.intents[at + 1]];
        const told = ({ args, tool_name }: JsonObject = {}): string => JSON.stringify([args, tool_name]);
        fc.pre(what !== 'order' || (second !== undefined && told(first) !== told(second)));
        const swapped = input.intents.map(
          (one, i) => (i === at ? second : i === at + 1 ? first : one) ?? one,
        );
        const receipts = (input.refs['receipts'] as JsonObject[]).filter(
          (one) => one['source_type'] === 'http',
        );
        const base = { ...input, refs: { receipts } };
        const changed = {
          ...base,
          ...(list === input.results ? { results: list.map(change) } : { intents: list.map(change) }),
          ...(what === 'order' ? { intents: swapped } : {}),
          ...(what === 'drop' ? { intents: input.intents.toSpliced(at, 1) } : {}),
        };
        assert.equal(compared(packOf(base), packOf(changed)).diff.summary.changed, true);
      }),
      { numRuns: 100 },
    );
  });

  test('differ in the same whichever is left', () => {
    fc.assert(
      fc.property(inputs, inputs, (a, b) => void compared(packOf(a), packOf(b))),
      { numRuns: 50 },
    );
  });
});
