import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { BINARY, sharedWorkspace, workspace } from '../support/cli.ts';
import { putJson, runInput, withIntent } from '../support/run_inputs.ts';
import { runShell } from '../support/shell.ts';

const INPUT = runInput();

describe('run record refuses, and writes nothing', () => {
  const shared = sharedWorkspace(async (w) => {
    await putJson(w, 'run.json', INPUT);
    await writeFile(w.path('text.json'), 'no JSON');
    await putJson(w, 'none.json', { ...INPUT, run: {} });
    await putJson(w, 'other.json', { ...INPUT, results: [{ ...INPUT.results[0], run_id: 'run_b' }] });
    await putJson(w, 'twice.json', { ...INPUT, intents: [...INPUT.intents, ...INPUT.intents] });
    await putJson(w, 'case.json', { ...INPUT, run: { ...INPUT.run, Run_ID: 'run_b' } });
    await putJson(w, 'raw.json', {
      ...INPUT,
      refs: { receipts: [{ ...receiptOf(1), redaction_mode: 'raw' }] },
    });
    await putJson(w, 'id.json', runInput({ runId: '../../escaped' }));
    await putJson(w, 'env.json', { ...INPUT, run: { ...INPUT.run, env: { os: 5 } } });
    await putJson(w, 'long.json', withIntent(INPUT, { args: { text: 'x'.repeat(11 * 1024 * 1024) } }));
  });
  const receiptOf = (at: number): object => (INPUT.refs['receipts'] as object[])[at] ?? {};

  const IDS = [
    '../x',
    'a/b',
    'a\\b',
    '..',
    '.',
    '',
    ' ',
    'a b',
    '-x',
    '_x',
    'x.zip',
    'ž',
    'x'.repeat(129),
    'a\nb',
  ];
  const LINES: Readonly<Record<string, string>> = {
    '../text.json': 'json_malformed',
    '../none.json': 'record_invalid',
    '../other.json': 'record_invalid',
    '../twice.json': 'record_invalid',
    '../case.json': 'record_ambiguous',
    '../raw.json': 'context_raw',
    '../id.json': 'run_id_invalid',
    '../env.json': '',
    '../long.json --capture-mode raw': '',
    'nowhere.json': 'file_not_found',
    '': 'argument_missing',
    '../run.json --input ../run.json': 'argument_unexpected',
    '../run.json --capture-mode partly': 'flag_value_invalid',
    '../run.json --context-evidence-mode required': 'record_invalid',
    '../run.json --key-mode none': 'flag_value_invalid',
    '../run.json --key-mode prod': 'private_key_missing',
    '../run.json --out-dir ../run.json': 'path_unusable',
    "../run.json --out-dir ''": 'flag_value_invalid',
  };

  test('ids that are no names of files', async (t) => {
    const w = await workspace(t);
    await putJson(w, 'run.json', INPUT);
    await mkdir(w.path('work'));
    const before = await w.everything();
    for (const id of IDS) {
      const line = ['run', 'record', '../run.json', `--run-id=${id}`, '--json'];
      const { exit, json } = await w.gait(line, { cwd: 'work' });
      assert.deepEqual([exit, json().error_category], [6, 'invalid_input'], JSON.stringify(id));
    }
    await w.unchanged(before);
  });

  for (const [i, [line, code]] of Object.entries(LINES).entries()) {
    test(`${line || 'no input'}: ${code || 'what would not verify'}`, async () => {
      const cwd = `work${i}`;
      await mkdir(shared().path(cwd));
      const { exit, json } = await shared().gait(`run record ${line} --json`, { cwd });
      const { error_code, error_category } = json();
      assert.deepEqual(
        [exit, error_category, code === '' || error_code],
        [6, 'invalid_input', code === '' || code],
      );
      assert.deepEqual(await shared().everything(cwd), {});
    });
  }

  test('places where logs and keys are kept, also behind a link', async (t) => {
    const w = await workspace(t);
    await putJson(w, 'run.json', INPUT);
    for (const dir of ['jobs', 'keys', 'ledger']) await mkdir(w.path('gait-out', dir), { recursive: true });
    await symlink('gait-out/keys', w.path('link'));
    const before = await w.everything();
    for (const dir of ['gait-out/jobs', 'gait-out/keys/x', 'gait-out/ledger', 'link']) {
      await w.refused(['run', 'record', 'run.json', '--out-dir', dir], 'out_unsafe', 'unsafe_operation');
    }
    await w.unchanged(before);
  });

  test('to replace anything but a zip', async (t) => {
    const w = await workspace(t);
    await putJson(w, 'run.json', INPUT);
    await putJson(w, 'elsewhere', 'precious');
    await mkdir(w.path('dir/runpack_run_demo.zip'), { recursive: true });
    for (const dir of ['text', 'link', 'dangling', 'empty']) await mkdir(w.path(dir));
    await writeFile(w.path('text/runpack_run_demo.zip'), 'precious');
    await writeFile(w.path('empty/runpack_run_demo.zip'), '');
    await symlink('../elsewhere', w.path('link/runpack_run_demo.zip'));
    await symlink('../nowhere', w.path('dangling/runpack_run_demo.zip'));
    const before = await w.everything();
    for (const dir of ['dir', 'text', 'link', 'dangling', 'empty']) {
      await w.refused(`run record run.json --out-dir ${dir}`, 'out_unsafe', 'unsafe_operation');
    }
    await w.unchanged(before);
    await mkdir(w.path('zip'));
    await writeFile(
      w.path('zip/runpack_run_demo.zip'),
      await readFile(w.path((await w.ok('run record run.json --run-id run_b')).path ?? '')),
    );
    await w.ok('run record run.json --out-dir zip');
    assert.equal((await w.ok('verify ./zip/runpack_run_demo.zip')).run_id, 'run_demo');
  });

  test('but not directories with odd names, which it makes', async (t) => {
    const w = await workspace(t);
    await putJson(w, 'a run.json', INPUT);
    for (const dir of ['new/and deep', "it's", '--dir', '../žluť', '$(touch x)']) {
      const { path = '' } = await w.ok(['run', 'record', 'a run.json', `--out-dir=${dir}`], { cwd: '.' });
      assert.deepEqual(await readdir(w.path(dir)), ['runpack_run_demo.zip']);
      const { stdout } = await w.gait(['run', 'record', 'a run.json', `--out-dir=${dir}`]);
      const line = /check it {2}gait (.*)/.exec(stdout)?.[1] ?? '';
      const checked = await runShell(`"${process.execPath}" "${BINARY}" ${line}`, w.dir);
      assert.match(checked, /: runpack of run_demo, /, line);
      assert.equal((await w.ok(['verify', path])).ok, true);
    }
  });
});
