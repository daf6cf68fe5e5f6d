import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { sharedWorkspace, workspace } from '../support/cli.ts';
import {
  digestOf,
  documentOf,
  linesIn,
  membersOf,
  putJson,
  runInput,
  SECRET,
  withIntent,
} from '../support/run_inputs.ts';

const INPUT = runInput();
const FILE = 'gait-out/runpack_run_demo.zip';

describe('run record', () => {
  const shared = sharedWorkspace(async (w) => {
    await putJson(w, 'run.json', INPUT);
    await w.ok('run record run.json');
  });

  test('answers what it wrote, and how to put it into a ticket', async () => {
    const w = shared();
    const output = await w.ok('run record --input run.json --out-dir again');
    const { manifest_digest } = documentOf(await membersOf(w.path(FILE)), 'manifest.json');
    const path = 'again/runpack_run_demo.zip';
    assert.deepEqual(
      [output.operation, output.run_id, output.path, output.bundle, output.manifest_digest],
      ['record', 'run_demo', path, path, manifest_digest],
    );
    assert.equal(output.capture_mode, 'reference');
    assert.deepEqual([output.signature_status, output.signature_key_id], ['missing', undefined]);
    const footer = `GAIT run_id=run_demo manifest=sha256:${manifest_digest} verify="gait verify run_demo"`;
    assert.equal(output.ticket_footer, footer);
    assert.equal((await stat(w.path(FILE))).mode & 0o777, 0o600);
    const text = await w.gait('run record run.json --out-dir again');
    for (const part of [path, '3 intents, 2 results', footer, `gait verify ${path}`])
      assert.ok(text.stdout.includes(part), text.stdout);
    assert.match(text.stderr, /^warning: reference capture left out/);
  });

  test('in reference mode keeps digests only: no argument and no result is in the file', async () => {
    const files = await membersOf(shared().path(FILE));
    assert.ok(!(await readFile(shared().path(FILE))).includes(SECRET));
    const intents = linesIn(files, 'intents.jsonl');
    assert.deepEqual(
      intents.map(({ intent_id, tool_name, args_digest, args }) => [intent_id, tool_name, args_digest, args]),
      INPUT.intents.map(({ intent_id, tool_name, args }) => [
        intent_id,
        tool_name,
        digestOf(args),
        undefined,
      ]),
    );
    assert.deepEqual(
      linesIn(files, 'results.jsonl').map(({ status, result_digest, result }) => [
        status,
        result_digest,
        result,
      ]),
      INPUT.results.map(({ status, result }) => [status, digestOf(result), undefined]),
    );
    assert.equal(documentOf(files, 'manifest.json')['capture_mode'], 'reference');
  });

  test('in raw mode keeps them, and warns; the flag is stronger than the input', async () => {
    const w = shared();
    await putJson(w, 'raw.json', { ...INPUT, capture_mode: 'raw' });
    for (const line of ['run record raw.json', 'run record run.json --capture-mode raw']) {
      const { capture_mode, warnings, path = '' } = await w.ok(`${line} --out-dir raw`);
      assert.equal(capture_mode, 'raw');
      assert.match(warnings?.join() ?? '', /confidential/);
      const files = await membersOf(w.path(path));
      assert.deepEqual(
        linesIn(files, 'intents.jsonl').map(({ args }) => args),
        INPUT.intents.map(({ args }) => args),
      );
      assert.deepEqual(
        linesIn(files, 'results.jsonl').map(({ result }) => result),
        INPUT.results.map(({ result }) => result),
      );
    }
    const { capture_mode } = await w.ok('run record raw.json --capture-mode reference --out-dir raw');
    assert.equal(capture_mode, 'reference');
  });

  test('writes the same bytes, whatever the zone, the umask and the directory', async () => {
    const w = shared();
    await Promise.all([
      w.ok('run record run.json --out-dir tz1', { env: { TZ: 'Asia/Kathmandu' } }),
      w.ok('run record run.json --out-dir tz2', { env: { TZ: 'America/Sao_Paulo', LANG: 'tr_TR.UTF-8' } }),
      w.ok('run record run.json --out-dir tz3', { shell: 'umask 000' }),
    ]);
    const bytes = await readFile(w.path(FILE));
    for (const dir of ['tz1', 'tz2', 'tz3'])
      assert.ok(bytes.equals(await readFile(w.path(dir, 'runpack_run_demo.zip'))), dir);
    assert.equal((await stat(w.path('tz3/runpack_run_demo.zip'))).mode & 0o777, 0o600);
  });

  test('--run-id stands in every document', async () => {
    const { path = '' } = await shared().ok('run record run.json --run-id run_b --out-dir b');
    assert.equal(path, 'b/runpack_run_b.zip');
    const files = await membersOf(shared().path(path));
    const documents = ['manifest.json', 'run.json', 'refs.json'].map((name) => documentOf(files, name));
    const records = ['intents.jsonl', 'results.jsonl'].flatMap((name) => linesIn(files, name));
    assert.deepEqual(new Set([...documents, ...records].map(({ run_id }) => run_id)), new Set(['run_b']));
    await shared().ok(`verify ./${path}`);
  });
});

describe('run record: digests', () => {
  const digest = digestOf({ a: 1 });
  const wrong = digestOf({ a: 2 });
  const TAKEN: Readonly<Record<string, object>> = {
    'computed from the arguments': { args: { a: 1 } },
    'given with the arguments that they are of': { args: { a: 1 }, args_digest: digest.toUpperCase() },
    'given alone': { args_digest: digest },
  };
  const shared = sharedWorkspace(async () => {});

  for (const [name, intent] of Object.entries(TAKEN)) {
    test(`${name} are kept`, async () => {
      await putJson(shared(), `${name}.json`, withIntent(INPUT, intent));
      const { path = '' } = await shared().ok(['run', 'record', `${name}.json`, '--out-dir', name]);
      const [kept] = linesIn(await membersOf(shared().path(path)), 'intents.jsonl');
      assert.equal(kept?.['args_digest'], digest);
    });
  }

  const normalized = { normalization: { intent_args: { i: { a: 2 } } } };
  const REFUSED: Readonly<Record<string, readonly [code: string, input: object]>> = {
    'wrong ones': [
      'digest_wrong',
      { ...withIntent(INPUT, { args: { a: 1 }, args_digest: wrong }), capture_mode: 'raw' },
    ],
    'ones that are not of the normalized arguments': [
      'digest_wrong',
      { ...withIntent(INPUT, { args_digest: digest }), ...normalized },
    ],
    'none that is one': ['digest_wrong', withIntent(INPUT, { args_digest: 'sha256:abc' })],
    'none, and nothing that they would be of': ['record_invalid', withIntent(INPUT, {})],
    'wrong ones of results': [
      'digest_wrong',
      {
        ...INPUT,
        results: [{ intent_id: 'i1', status: 'ok', result: {}, result_digest: wrong }],
        capture_mode: 'raw',
      },
    ],
  };
  for (const [name, [code, input]] of Object.entries(REFUSED)) {
    test(`${name}: ${code}, and nothing is written`, async (t) => {
      const w = await workspace(t);
      await putJson(w, 'run.json', input);
      const before = await w.everything();
      await w.refused('run record run.json', code, 'invalid_input');
      await w.unchanged(before);
    });
  }

  test('F1: wrong ones are kept in reference capture, with a warning; a strict profile refuses them', async (t) => {
    const w = await workspace(t);
    await putJson(w, 'run.json', withIntent(INPUT, { args: { a: 1 }, args_digest: wrong }));
    for (const profile of ['strict', 'oss-prod']) {
      await w.refused(`run record run.json --profile ${profile}`, 'digest_wrong', 'invalid_input');
    }
    const { path = '', warnings = [] } = await w.ok('run record run.json');
    const unverified = warnings.filter((warning) => warning.startsWith('digest_unverified: intent i: '));
    assert.equal(unverified.length, 1);
    const [kept] = linesIn(await membersOf(w.path(path)), 'intents.jsonl');
    assert.deepEqual([kept?.['args_digest'], kept?.['args']], [wrong, undefined]);
    const { stderr } = await w.gait('run record run.json');
    assert.match(stderr, /warning: digest_unverified: intent i: /);
  });
});
