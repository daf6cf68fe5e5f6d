import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import validateDiff from '../../src/schema/generated/pack_diff.js';
import { schemaFault } from '../../src/schema/validator.ts';
import { skip } from '../interop/corpus.ts';
import { sharedWorkspace, type Workspace, workspace } from '../support/cli.ts';
import { GOLDEN_SEED, privateText } from '../support/keys.ts';
import { otherRun, type RunInput, record, runInput } from '../support/run_inputs.ts';
import { copyCase } from '../support/sessions.ts';

async function build(w: Workspace, name: string, input: RunInput, flags = ''): Promise<void> {
  const runpack = await record(w, input, '--capture-mode raw');
  await w.ok(`pack build ./${runpack} --out ${name}.zip ${flags}`);
}

describe('pack diff', () => {
  const again = { runId: 'run_again', at: '2026-03-01T09:30:00.25Z', prefix: 'step-', producer: 'agent-2' };
  const shared = sharedWorkspace(async (w) => {
    await writeFile(w.path('own.key'), privateText(GOLDEN_SEED), { mode: 0o600 });
    await build(w, 'demo', runInput());
    await build(w, 'signed', runInput(), '--private-key own.key');
    await build(w, 'again', runInput(again));
    await build(w, 'other', otherRun('run_other'));
    const bytes = await readFile(w.path('other.zip'));
    const at = bytes.indexOf('intents_count');
    await writeFile(
      w.path('tampered.zip'),
      Buffer.concat([bytes.subarray(0, at), Buffer.from('X'), bytes.subarray(at + 1)]),
    );
    await writeFile(w.path('notes.txt'), 'precious');
  });

  test('of a pack and itself, and of its signed twin: the same, exit 0', async () => {
    for (const right of ['demo.zip', 'signed.zip']) {
      const { diff, changes } = await shared().ok(`pack diff demo.zip ${right}`);
      assert.deepEqual(diff?.summary, {
        changed: false,
        manifest_delta: false,
        context_drift_classification: 'none',
      });
      assert.deepEqual([changes, diff?.left_pack_id], [[], diff?.right_pack_id]);
    }
  });

  test('of two runs of the same agent with other ids and times: exit 0, nothing of substance changed', async () => {
    const w = shared();
    for (const [left, right] of [
      ['demo', 'again'],
      ['again', 'demo'],
    ] as const) {
      const { diff, changes } = await w.ok(`pack diff ${left}.zip ${right}.zip --type run`);
      const { changed, added_files, removed_files, changed_files } = diff?.summary ?? {};
      assert.deepEqual(
        [changed, added_files, removed_files, changed_files, changes],
        [false, undefined, undefined, undefined, []],
      );
      assert.notEqual(diff?.left_pack_id, diff?.right_pack_id);
    }
    assert.match(
      await w.text('pack diff demo.zip again.zip'),
      /^demo\.zip and again\.zip: nothing of substance changed/,
    );
    assert.match(await w.text('pack diff demo.zip again.zip'), /only ids, times or who made them/);
  });

  test('names what differs, exit 2; from the other side the same', async () => {
    const w = shared();
    for (const [left, right] of [
      ['demo', 'other'],
      ['other', 'again'],
    ] as const) {
      const { diff, changes } = await w.refused(
        `pack diff ${left}.zip ${right}.zip`,
        'packs_differ',
        'verification_failed',
      );
      assert.deepEqual([diff?.summary.changed, diff?.summary.manifest_delta], [true, true]);
      assert.ok(diff?.summary.changed_files?.includes('source/runpack.zip'));
      const sections = changes?.find(({ member }) => member === 'source/runpack.zip')?.sections ?? [];
      // The trace of the first call is read back as context: with other arguments it is another.
      assert.deepEqual(sections, ['context', 'intents']);
    }
    const { exit, stdout } = await w.gait('pack diff demo.zip other.zip');
    assert.equal(exit, 2);
    assert.match(stdout, /different(.|\n)*changed +source\/runpack\.zip +context, intents/);
  });

  test('tells each of: another result, status, order, environment, call less, context', async (t) => {
    const w = await workspace(t);
    const input = runInput();
    const { run, intents, results, refs } = { ...input, refs: {} };
    const [first = {}, second = {}, third = {}] = intents;
    const [ok = {}, error = {}] = results;
    await build(w, 'demo', { ...input, refs });
    const VARIANTS: Readonly<Record<string, readonly [RunInput, readonly string[]]>> = {
      result: [{ run, intents, refs, results: [ok, { ...error, result: { error: 'other' } }] }, ['results']],
      status: [{ run, intents, refs, results: [ok, { ...error, status: 'ok' }] }, ['results']],
      order: [{ run, intents: [first, third, second], refs, results }, ['intents', 'results', 'timeline']],
      environment: [{ run: { ...run, env: { os: 'other' } }, intents, refs, results }, ['environment']],
      less: [{ run, intents: [first, second], refs, results }, ['intents']],
      timeline: [{ run: { ...run, timeline: [] }, intents, refs, results }, ['timeline']],
      context: [
        { ...input, refs: { receipts: (input.refs['receipts'] as RunInput[]).slice(1) } },
        ['context'],
      ],
    };
    for (const [name, [variant, sections]] of Object.entries(VARIANTS)) {
      await build(w, name, variant);
      const { changes } = await w.refused(
        `pack diff demo.zip ${name}.zip`,
        'packs_differ',
        'verification_failed',
      );
      const change = changes?.find(({ member }) => member === 'source/runpack.zip');
      assert.deepEqual(change?.sections, sections, name);
    }
  });

  test('verifies both sides first: a damaged one is exit 2 and says so, one that is not there exit 6', async () => {
    const w = shared();
    for (const line of [
      'demo.zip tampered.zip',
      'tampered.zip demo.zip',
      'tampered.zip tampered.zip',
      'other.zip tampered.zip',
    ]) {
      const { error = '', diff } = await w.refused(
        `pack diff ${line}`,
        'pack_damaged',
        'verification_failed',
      );
      assert.match(error, /tampered\.zip does not verify/);
      assert.equal(diff, undefined);
    }
    for (const line of ['demo.zip none.zip', 'none.zip demo.zip'])
      await w.refused(`pack diff ${line}`, 'file_not_found', 'invalid_input');
    await w.refused('pack diff demo.zip', 'argument_missing', 'invalid_input');
  });

  test('--output writes the comparison to its schema, over an earlier one only', async (t) => {
    const w = shared();
    for (const right of ['other', 'demo']) {
      const { diff } = (await w.gait(`pack diff demo.zip ${right}.zip --output diff.json --json`)).json();
      const written: unknown = JSON.parse(String(await readFile(w.path('diff.json'))));
      assert.equal(schemaFault(validateDiff, written), undefined);
      assert.deepEqual(written, diff);
      assert.deepEqual([diff?.schema_id, diff?.created_at], ['gait.pack.diff', '1980-01-01T00:00:00Z']);
    }
    await mkdir(w.path('gait-out/keys'), { recursive: true });
    const own = await workspace(t);
    for (const name of ['demo.zip', 'notes.txt'])
      await writeFile(own.path(name), await readFile(w.path(name)));
    const before = await own.everything();
    for (const out of ['notes.txt', 'demo.zip', 'gait-out/keys/diff.json']) {
      await own.refused(`pack diff demo.zip demo.zip --output ${out}`, 'out_unsafe', 'unsafe_operation');
    }
    await own.unchanged(before);
  });

  test('of two checkpoints of sessions that did the same at another time: nothing of substance', async (t) => {
    const w = await workspace(t);
    for (const name of ['monday', 'tuesday']) {
      await w.ok(`run session start --journal ${name}.jsonl --session-id ${name} --run-id run_${name}`);
      for (const tool of ['db.read', 'db.write']) {
        const ids = `--trace-id trace_${name}_${tool} --intent-id ${name}_${tool}`;
        await w.ok(`run session append --journal ${name}.jsonl --tool ${tool} --verdict allow ${ids}`);
      }
      await w.ok(`run session checkpoint --journal ${name}.jsonl`);
      await w.ok(`pack build ${name}_chain.json --out ${name}.zip`);
    }
    const { diff } = (await w.gait('pack diff monday.zip tuesday.zip --json')).json();
    assert.equal(diff?.summary.changed, false);
  });
});

describe('packs of the Go versions', { skip }, () => {
  const PACKS: Readonly<Record<string, readonly [type: string, legacy: string | undefined]>> = {
    'verify-pack/run-unsigned-go-120': ['run', undefined],
    'verify-pack/run-unsigned-go-140': ['run', undefined],
    'verify-pack/run-context-go-140': ['run', undefined],
    'verify-pack/run-signed-go-140': ['run', undefined],
    'verify-pack/job-decision-go-120': ['job', undefined],
    'verify-pack/job-decision-go-140': ['job', undefined],
    'verify-pack/legacy-runpack': ['run', 'runpack'],
    'verify-runpack/valid-reference-go-140': ['run', 'runpack'],
    'verify-pack/guard-pack-via-pack-verify': ['guard', 'guard'],
    'verify-guard/incident-go-140': ['guard', 'guard'],
  };
  for (const [name, [type, legacy]] of Object.entries(PACKS)) {
    test(`${name}: verifies, is shown, and is the same as itself`, async (t) => {
      const w = await workspace(t);
      await copyCase(name, w.dir);
      const [pack = ''] = Object.keys(await w.everything()).filter((file) => file.endsWith('.zip'));
      const { verify, pack_type } = await w.ok(['pack', 'verify', pack, '--type', type]);
      assert.deepEqual([verify?.findings, verify?.legacy_type, pack_type], [[], legacy, type]);
      const { inspect } = await w.ok(['pack', 'inspect', pack]);
      assert.equal(inspect?.pack_type, type);
      const text = await w.text(['pack', 'inspect', pack]);
      assert.ok(text.split('\n').length > 3, text);
      const { diff } = await w.ok(['pack', 'diff', pack, pack]);
      assert.equal(diff?.summary.changed, false);
    });
  }
});
