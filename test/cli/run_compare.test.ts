import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { recordRun } from '../../src/run/record.ts';
import { buildRunpack } from '../../src/run/runpack.ts';
import { zipOf } from '../../src/zip/writer.ts';
import { sharedWorkspace, type Workspace, workspace } from '../support/cli.ts';
import { linesIn, membersOf, otherRun, putJson, record, runInput } from '../support/run_inputs.ts';

const FILE = 'gait-out/runpack_run_demo.zip';

/** A run, the same run with other ids of intents and times, one with other arguments. */
async function prepare(w: Workspace): Promise<void> {
  await record(w, runInput(), '--capture-mode raw');
  await record(
    w,
    runInput({ runId: 'run_again', at: '2026-03-01T09:30:00.25+02:00', producer: 'agent-2' }),
    '--capture-mode raw',
  );
  await record(w, otherRun('run_other'), '--capture-mode raw');
  await record(w, runInput({ runId: 'run_ref' }));
}

describe('run diff', () => {
  const shared = sharedWorkspace(prepare);

  test('of a run and itself, and of the same run at another time: the same, exit 0', async () => {
    for (const other of ['run_demo', 'run_again']) {
      const { summary, privacy } = await shared().ok(`run diff run_demo ${other} --privacy metadata`);
      assert.deepEqual(
        [summary?.intents_changed, summary?.results_changed, summary?.refs_changed, privacy],
        [false, false, false, 'metadata'],
      );
    }
    assert.match(await shared().text('run diff run_demo run_demo'), /^run_demo and run_demo: the same/);
  });

  test('of the same run at another time tells in full privacy that its context was only read at another time', async () => {
    const { summary } = (await shared().gait('run diff run_demo run_again --json')).json();
    assert.deepEqual([summary?.intents_changed, summary?.results_changed], [false, false]);
    assert.deepEqual(
      [summary?.context_drift_classification, summary?.context_runtime_only_changes],
      ['runtime_only', true],
    );
  });

  test('names what differs, exit 2; both sides mirror each other', async () => {
    const left = await shared().refused('run diff run_demo run_other', 'runs_differ', 'verification_failed');
    assert.deepEqual(left.summary?.changed_intents, ['i1']);
    assert.deepEqual([left.summary?.manifest_changed, left.summary?.results_changed], [false, false]);
    const right = await shared().refused('run diff run_other run_demo', 'runs_differ', 'verification_failed');
    assert.deepEqual(right.summary?.changed_intents, ['i1']);
    assert.deepEqual([right.summary?.run_id_left, right.summary?.run_id_right], ['run_other', 'run_demo']);
    const { exit, stdout } = await shared().gait('run diff run_demo run_other');
    assert.equal(exit, 2);
    assert.match(stdout, /different\n {2}intent changed +i1\n/);
  });

  test('names what stands on one side only, and another capture mode', async (t) => {
    const w = await workspace(t);
    const input = runInput({ runId: 'run_less' });
    await record(w, runInput(), '--capture-mode raw');
    const results = input.results.slice(1);
    await record(w, { ...input, intents: input.intents.slice(0, 2), results, refs: {} });
    const { summary } = await w.refused('run diff run_demo run_less', 'runs_differ', 'verification_failed');
    assert.deepEqual(
      [summary?.left_only_intents, summary?.left_only_results, summary?.manifest_changed],
      [['i3'], ['i1'], true],
    );
    const mirrored = await w.refused('run diff run_less run_demo', 'runs_differ', 'verification_failed');
    assert.deepEqual(
      [mirrored.summary?.right_only_intents, mirrored.summary?.right_only_results],
      [['i3'], ['i1']],
    );
    assert.equal(mirrored.summary?.left_only_intents, undefined);
  });

  test('--output writes the comparison, over an earlier one only', async (t) => {
    const w = await workspace(t);
    await record(w, runInput());
    await record(w, otherRun('run_other'));
    for (const side of ['run_demo', 'run_other'])
      await w.gait(`run diff run_demo ${side} --output diff.json`);
    const written = JSON.parse(String(await readFile(w.path('diff.json'))));
    const { summary } = (await w.gait('run diff run_demo run_other --json')).json();
    assert.deepEqual([written.schema_id, written.summary], ['gait.run.diff', summary]);
    await writeFile(w.path('notes.txt'), 'precious');
    const before = await w.everything();
    for (const out of ['notes.txt', FILE, 'gait-out/ledger/x.json'])
      await w.refused(`run diff run_demo run_other --output ${out}`, 'out_unsafe', 'unsafe_operation');
    await w.unchanged(before);
  });
});

describe('run reduce', () => {
  const shared = sharedWorkspace(prepare);

  for (const [predicate, kept, status] of [
    ['missing_result', 'i3', undefined],
    ['non_ok_status', 'i2', 'error'],
  ] as const) {
    test(`--predicate ${predicate}: the one intent that fails so, beside the input`, async () => {
      const w = shared();
      const output = await w.ok(`run reduce run_demo --predicate ${predicate}`);
      const path = `gait-out/runpack_run_demo_reduced_${predicate}.zip`;
      const id = `run_demo_reduced_${predicate.replaceAll('_', '')}`;
      assert.deepEqual(
        [output.output, output.report_path, output.reduced_run_id],
        [path, `${path}.reduce_report.json`, id],
      );
      const { entries } = await w.ok(`run inspect ${path}`);
      assert.deepEqual(
        entries?.map((entry) => [entry.intent_id, entry.status]),
        [[kept, status]],
      );
      assert.deepEqual(
        JSON.parse(String(await readFile(w.path(`${path}.reduce_report.json`)))),
        output.report,
      );
      const { selected_intent_id, original_intent_count, reduced_intent_count, still_failing } =
        output.report ?? {};
      assert.deepEqual(
        [selected_intent_id, original_intent_count, reduced_intent_count, still_failing],
        [kept, 3, 1, true],
      );
      const { verify, run_id } = await w.ok(`verify ./${path}`);
      assert.deepEqual([verify?.signature_status, run_id], ['missing', id]);
      assert.equal(linesIn(await membersOf(w.path(path)), 'intents.jsonl')[0]?.['run_id'], id);
    });
  }

  test('writes where it is told, and the same bytes each time', async () => {
    const w = shared();
    for (const name of ['one', 'two'])
      await w.ok([
        'run',
        'reduce',
        'run_ref',
        '--out',
        `to/${name}.zip`,
        '--report-out',
        `to/${name} report.json`,
      ]);
    const [one, two] = await Promise.all(['one', 'two'].map((name) => readFile(w.path(`to/${name}.zip`))));
    assert.ok(one?.equals(two ?? Buffer.of()));
    assert.equal(JSON.parse(String(await readFile(w.path('to/two report.json')))).run_id, 'run_ref');
  });

  test('refuses where nothing fails so, and where something stands; the run itself is never replaced', async (t) => {
    const w = await workspace(t);
    const input = runInput();
    await record(w, {
      ...input,
      intents: input.intents.slice(0, 1),
      results: input.results.slice(0, 1),
      refs: {},
    });
    await w.refused('run reduce run_demo', 'predicate_not_met', 'invalid_input');
    await w.refused('run reduce run_demo --predicate other', 'flag_value_invalid', 'invalid_input');
    await record(w, input);
    await putJson(w, 'notes.json', 'precious');
    const before = await w.everything();
    for (const flags of [
      '--out notes.json',
      `--out ${FILE}`,
      '--report-out notes.json --out x.zip',
      '--out x.zip --report-out x.zip',
      '--out gait-out/keys/x.zip',
    ]) {
      await w.refused(`run reduce run_demo ${flags}`, 'out_unsafe', 'unsafe_operation');
      await w.unchanged(before);
    }
  });

  test('of a run with an odd id writes nothing outside of the directory', async (t) => {
    const w = await workspace(t);
    await mkdir(w.path('a/b/gait-out'), { recursive: true });
    const id = 'x/../../../../escaped';
    const now = { now: '2026-02-14T06:00:00Z', machine: {} };
    const { run, intents, results, refs, captureMode } = recordRun(runInput(), now);
    const named = { captureMode, run: { ...run, run_id: id }, refs: { ...refs, run_id: id } };
    const records = {
      intents: intents.map((one) => ({ ...one, run_id: id })),
      results: results.map((one) => ({ ...one, run_id: id })),
    };
    await writeFile(
      w.path('a/b/gait-out/odd.zip'),
      await zipOf(buildRunpack({ ...named, ...records }).members),
    );
    await w.gait('run reduce ./gait-out/odd.zip --json', { cwd: 'a/b' });
    await rm(w.path('a/b'), { recursive: true });
    assert.deepEqual(Object.keys(await w.everything()), []);
  });
});
