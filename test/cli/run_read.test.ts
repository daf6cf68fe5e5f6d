import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { sharedWorkspace, type Workspace, workspace } from '../support/cli.ts';
import { documentOf, membersOf, otherRun, record, runInput } from '../support/run_inputs.ts';

const FILE = 'gait-out/runpack_run_demo.zip';

/** A run, the same run with other ids of intents and times, one with other arguments, and one that was tampered with. */
async function prepare(w: Workspace): Promise<void> {
  await record(w, runInput(), '--capture-mode raw');
  await record(
    w,
    runInput({ runId: 'run_again', at: '2026-03-01T09:30:00.25+02:00', producer: 'agent-2' }),
    '--capture-mode raw',
  );
  await record(w, otherRun('run_other'), '--capture-mode raw');
  await record(w, runInput({ runId: 'run_ref' }));
  const bytes = await readFile(w.path(FILE));
  const at = bytes.indexOf('mail.send');
  await writeFile(
    w.path('tampered.zip'),
    Buffer.concat([bytes.subarray(0, at), Buffer.from('X'), bytes.subarray(at + 1)]),
  );
  await writeFile(w.path('text.zip'), 'no zip');
}

describe('a run is named', () => {
  const shared = sharedWorkspace(async (w) => {
    await prepare(w);
    await mkdir(w.path('home/.gait/runpacks'), { recursive: true });
    await record(w, runInput({ runId: 'run_home' }), '--out-dir home/.gait/runpacks');
    await copyFile(w.path(FILE), w.path('bare.zip'));
  });
  const FOUND: Readonly<Record<string, string>> = {
    'by its id': 'run_demo',
    'by its path': FILE,
    'by a bare file': 'bare.zip',
    'by --from': `--from ./${FILE}`,
    'by an id in the home directory': 'run_home',
  };
  for (const [name, line] of Object.entries(FOUND)) {
    test(name, async () => {
      const env = { HOME: shared().path('home') };
      const expected = line === 'run_home' ? line : 'run_demo';
      assert.equal((await shared().ok(`run receipt ${line}`, { env })).run_id, expected);
    });
  }

  test('by its id wherever GAIT_OUT_DIR says that runs are, and nowhere else', async () => {
    const env = { GAIT_OUT_DIR: shared().path('gait-out') };
    await shared().ok('verify run_demo', { env, cwd: 'home' });
    await shared().refused('verify run_demo', 'run_not_found', 'invalid_input', { cwd: 'home' });
  });

  const REFUSED: Readonly<Record<string, string>> = {
    run_dem: 'run_not_found',
    './run_demo': 'file_not_found',
    'none.zip': 'file_not_found',
    '': 'argument_missing',
    'run_demo --from run_demo': 'argument_unexpected',
  };
  for (const [i, [line, code]] of Object.entries(REFUSED).entries()) {
    const command = ['run inspect', 'run receipt', 'run reduce'][i % 3];
    test(`${command} ${line}: ${code}`, async () => {
      await shared().refused(`${command} ${line}`, code, 'invalid_input');
    });
  }

  const READERS = [
    'run inspect F',
    'run receipt F',
    'run diff F run_demo',
    'run diff run_demo F',
    'run reduce F --out no.zip',
    'verify F',
    'pack build F',
  ];
  for (const line of READERS) {
    test(`${line}: what was tampered with is refused, and nothing is written`, async () => {
      const w = shared();
      const before = Object.keys(await w.everything('gait-out'));
      const tampered = line.replace('F', './tampered.zip');
      const { error = '' } = await w.refused(tampered, 'pack_damaged', 'verification_failed');
      assert.match(error, /intents\.jsonl/);
      assert.deepEqual(Object.keys(await w.everything('gait-out')), before);
      await assert.rejects(stat(w.path('no.zip')), { code: 'ENOENT' });
    });
  }
});

describe('run inspect and receipt', () => {
  const shared = sharedWorkspace(prepare);

  test('show every intent with what came of it', async () => {
    const {
      entries = [],
      artifact_type,
      capture_mode,
      intents_total,
      results_total,
    } = await shared().ok('run inspect run_demo');
    assert.deepEqual([artifact_type, capture_mode, intents_total, results_total], ['runpack', 'raw', 3, 2]);
    assert.deepEqual(
      entries.map(({ index, intent_id, tool_name, status }) => [index, intent_id, tool_name, status]),
      [
        [1, 'i1', 'db.read', 'ok'],
        [2, 'i2', 'db.write', 'error'],
        [3, 'i3', 'mail.send', undefined],
      ],
    );
    const text = await shared().text('run inspect run_demo');
    for (const part of [
      /run_demo {2}raw capture, 3 intents, 2 results/,
      /1 {2}ok +db\.read +i1/,
      /2 {2}error +db\.write +i2/,
      /3 {2}no result +mail\.send +i3/,
    ])
      assert.match(text, part);
  });

  test('tell a result that nobody asked for, and escape what could move a terminal', async (t) => {
    const w = await workspace(t);
    const input = runInput({ runId: 'run_odd' });
    const odd = { intent_id: '\u001b[2Jgone', status: 'o\u0007k', result: {} };
    await record(w, { ...input, results: [...input.results, odd] });
    const { unmatched_results } = await w.ok('run inspect run_odd');
    assert.deepEqual(
      unmatched_results?.map(({ intent_id, status }) => [intent_id, status]),
      [[odd.intent_id, odd.status]],
    );
    const text = await w.text('run inspect run_odd');
    assert.match(text, /a result of .*gone, which was not asked for/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be printed
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f]/);
  });

  test('print the ticket line, and only that', async () => {
    const { manifest_digest } = documentOf(await membersOf(shared().path(FILE)), 'manifest.json');
    const line = `GAIT run_id=run_demo manifest=sha256:${manifest_digest} verify="gait verify run_demo"`;
    assert.equal(await shared().text('run receipt run_demo'), `${line}\n`);
    const output = await shared().ok('run receipt run_demo');
    assert.deepEqual(
      [output.ticket_footer, output.manifest_digest, output.path],
      [line, manifest_digest, FILE],
    );
  });
});
