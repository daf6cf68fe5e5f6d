import assert from 'node:assert/strict';
import { chmod, cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { journalBytes } from '../../src/run/session/journal.ts';
import { sharedWorkspace, type Workspace, workspace } from '../support/cli.ts';
import { GOLDEN_KEY_ID, GOLDEN_PUBLIC_FILE, GOLDEN_SEED, privateText } from '../support/keys.ts';
import { append, counts, J, START } from '../support/session_lines.ts';
import { event, header } from '../support/sessions.ts';

const CHECKPOINT = `run session checkpoint ${J}`;

async function started(w: Workspace): Promise<void> {
  for (const line of [START, append('one')]) await w.ok(line);
}

/** A session of its own in another journal. */
async function other(w: Workspace, journal: string, runId: string): Promise<void> {
  await w.ok(`run session start --journal ${journal} --session-id other --run-id ${runId}`);
  await w.ok(`run session append --journal ${journal} --tool other --verdict allow`);
}

describe('a checkpoint replaces nothing that it should not', () => {
  const PLACES: Readonly<Record<string, string>> = {
    '--out notes.txt': 'a text',
    '--out night.jsonl': 'the journal',
    '--out night_chain.json': 'the chain',
    '--out runpack_run_night_cp_0001.zip': 'the runpack of an earlier checkpoint',
    '--out ./gait-out/../runpack_run_night_cp_0001.zip': 'it by another name',
    '--out gait-out/keys/x.zip': 'a place where keys are kept',
    '--chain-out gait-out/ledger/x.json': 'a place where the ledger is kept',
    '--chain-out notes.txt': 'a text',
    '--chain-out night.jsonl': 'the journal',
    '--chain-out runpack_run_night_cp_0001.zip': 'a runpack',
    '--out new.zip --chain-out new.zip': 'the runpack that it makes',
  };
  const shared = sharedWorkspace(async (w) => {
    await started(w);
    await w.ok(CHECKPOINT);
    await w.ok(append('two'));
    await mkdir(w.path('gait-out/keys'), { recursive: true });
    await writeFile(w.path('notes.txt'), 'precious');
  });
  for (const [line, what] of Object.entries(PLACES)) {
    test(`${line}: ${what}`, async (t) => {
      const w = await workspace(t);
      await cp(shared().dir, w.dir, { recursive: true });
      const before = await w.everything();
      await w.refused(`${CHECKPOINT} ${line}`, 'out_unsafe', 'unsafe_operation');
      await w.unchanged(before);
    });
  }

  test('not the runpack of another session that makes the same run', async (t) => {
    const w = await workspace(t);
    await started(w);
    await other(w, 'day.jsonl', 'run_night');
    await w.ok(CHECKPOINT);
    await w.gait('run session checkpoint --journal day.jsonl --json');
    await w.ok('verify session-chain night_chain.json');
  });

  test('not the chain of another session whose journal is called alike', async (t) => {
    const w = await workspace(t);
    await started(w);
    await other(w, 'night.log', 'run_other');
    await w.ok(CHECKPOINT);
    await w.gait('run session checkpoint --journal night.log --json');
    assert.equal((await w.ok('verify session-chain night_chain.json')).session_id, 'night-1');
  });

  test('but what a checkpoint left that died before its line was in the journal', async (t) => {
    const w = await workspace(t);
    await started(w);
    const journal = await readFile(w.path('night.jsonl'));
    await w.ok(CHECKPOINT);
    await writeFile(w.path('night.jsonl'), journal);
    await w.ok(append('two'));
    await w.ok(CHECKPOINT);
    const { checkpoints_checked } = await w.ok('verify session-chain night_chain.json');
    assert.equal(checkpoints_checked, 1);
    assert.deepEqual(await counts(w), [2, 2, 1, 0]);
  });

  test('and is not made at all if its runpack would not verify', async (t) => {
    const w = await workspace(t);
    const impossible = event(1, { created_at: '2026-02-30T00:00:00Z' });
    await writeFile(w.path('night.jsonl'), journalBytes([header(), impossible]));
    const before = await w.everything();
    assert.notEqual((await w.gait(CHECKPOINT)).exit, 0);
    await w.unchanged(before);
  });

  test('nor outside of the directory, whatever the run of the journal is called', async (t) => {
    const w = await workspace(t);
    await mkdir(w.path('a/b/c'), { recursive: true });
    const ids = { run_id: 'x/../../../../escaped' };
    await writeFile(w.path('a/b/c/night.jsonl'), journalBytes([header(ids), event(1, ids)]));
    await w.gait(`${CHECKPOINT} --json`, { cwd: 'a/b/c' });
    await rm(w.path('a/b/c'), { recursive: true });
    assert.deepEqual(Object.keys(await w.everything()), []);
  });
});

describe('a chain verifies', () => {
  const shared = sharedWorkspace(async (w) => {
    await started(w);
    await w.ok(`${CHECKPOINT} --out packs/one.zip --chain-out elsewhere/deep/copy.json`);
    await w.ok(append('two'));
    await w.ok(CHECKPOINT);
    await w.ok(append('three'));
    await w.ok(`${CHECKPOINT} --out ${w.path('packs/three.zip')} --chain-out elsewhere/deep/copy.json`);
  });
  const VERIFY = ['verify', 'session-chain'];

  test('from any directory, by any path, and so does its copy', async () => {
    const w = shared();
    await mkdir(w.path('far/away'), { recursive: true });
    const paths = [
      ['', 'night_chain.json'],
      ['', w.path('night_chain.json')],
      ['far/away', '../../night_chain.json'],
      ['packs', '../night_chain.json'],
      ['far', '../elsewhere/deep/copy.json'],
      ['elsewhere/deep', 'copy.json'],
    ] as const;
    for (const [cwd, path] of paths) {
      const { checkpoints_checked } = await w.ok([...VERIFY, path], { cwd });
      assert.equal(checkpoints_checked, 3, `${path} from ${cwd}`);
      assert.equal(
        (await w.ok(['run', 'inspect', `./${path}`.replace('.//', '/')], { cwd })).entries?.length,
        3,
      );
    }
  });

  test('where it is moved with its runpacks: as they lay, or all in one directory', async () => {
    const w = shared();
    await cp(w.path('packs'), w.path('moved/packs'), { recursive: true });
    for (const file of ['night_chain.json', 'runpack_run_night_cp_0002.zip'])
      await cp(w.path(file), w.path('moved', file));
    await cp(w.path('packs'), w.path('flat'), { recursive: true });
    for (const file of ['night_chain.json', 'runpack_run_night_cp_0002.zip'])
      await cp(w.path(file), w.path('flat', file));
    const cwd = 'unrelated';
    await mkdir(w.path(cwd));
    for (const dir of ['moved', 'flat']) {
      const verify = [...VERIFY, w.path(dir, 'night_chain.json')];
      await w.ok(verify, { cwd });
      await rm(w.path(dir, 'runpack_run_night_cp_0002.zip'));
      const missing = await w.refused(verify, 'chain_damaged', 'verification_failed', { cwd });
      assert.equal(missing.checkpoint_errors?.length, 1);
      assert.match(missing.checkpoint_errors?.[0] ?? '', /^checkpoint 2: its runpack cannot be read/);
    }
    const { stdout } = await w.gait([...VERIFY, w.path('flat/night_chain.json')], { cwd });
    assert.match(stdout, /wrong {2}checkpoint 2: its runpack cannot be read/);
    assert.match(stdout, /checkpoint 3 {2}read/);
    assert.doesNotMatch(stdout, /checkpoint 2 {2}read/, 'it was not read');
  });

  test('checkpoint by checkpoint as a pack of a run', async () => {
    const w = shared();
    const built = [];
    for (const flags of ['', '--checkpoint latest', '--checkpoint 1', '--checkpoint 3']) {
      const { source_ref } = await w.ok(`pack build night_chain.json ${flags} --out pack.zip`);
      built.push(source_ref);
    }
    assert.deepEqual(built, [
      'run_night_cp_0003',
      'run_night_cp_0003',
      'run_night_cp_0001',
      'run_night_cp_0003',
    ]);
    await w.refused(
      'pack build night_chain.json --checkpoint 4 --out no.zip',
      'checkpoint_unknown',
      'invalid_input',
    );
    await w.refused(
      'pack build packs/one.zip --checkpoint 1 --out no.zip',
      'flags_conflict',
      'invalid_input',
    );
    await assert.rejects(stat(w.path('no.zip')), { code: 'ENOENT' });
  });
});

describe('the third attack on the evidence, 2: of a chain that does not verify nothing is shown, compared or packed', () => {
  const shared = sharedWorkspace(async (w) => {
    await started(w);
    await w.ok(CHECKPOINT);
    await w.ok(append('two'));
    await w.ok(CHECKPOINT);
    await writeFile(
      w.path('run.json'),
      JSON.stringify({ run: { run_id: 'run_1' }, intents: [], results: [] }),
    );
    await w.ok('run record run.json --out-dir .');
  });
  type Chain = { checkpoints: Record<string, unknown>[]; [name: string]: unknown };
  const second = (changes: Record<string, unknown>) => (chain: Chain) =>
    Object.assign(chain.checkpoints[1] ?? {}, changes);
  const EDITS: Readonly<Record<string, (chain: Chain) => unknown>> = {
    'the runpack of another run': second({ runpack_path: 'runpack_run_1.zip' }),
    'another session': (chain) => Object.assign(chain, { session_id: 'other' }),
    'another order': ({ checkpoints }) => checkpoints.reverse(),
    'one that is taken out': ({ checkpoints }) => checkpoints.shift(),
    'other events': second({ sequence_start: 1 }),
    'another digest of a manifest': second({ manifest_digest: '0'.repeat(64) }),
    'no checkpoint before': second({ prev_checkpoint_digest: undefined }),
    'another time': second({ created_at: '2020-01-01T00:00:00Z' }),
    'its end cut off': ({ checkpoints }) => checkpoints.pop(),
  };
  for (const [what, edit] of Object.entries(EDITS)) {
    test(what, async () => {
      const w = shared();
      const chain = JSON.parse(await readFile(w.path('night_chain.json'), 'utf8')) as Chain;
      edit(chain);
      await writeFile(w.path('edited.json'), JSON.stringify(chain));
      const lines = [
        'verify session-chain edited.json',
        'run inspect ./edited.json',
        'run diff ./edited.json ./night_chain.json',
        'run diff ./night_chain.json ./edited.json',
        'pack build ./edited.json --out edited.zip',
        'pack build ./edited.json --checkpoint 1 --out edited.zip',
      ];
      for (const line of lines) await w.refused(line, 'chain_damaged', 'verification_failed');
      await assert.rejects(stat(w.path('edited.zip')), { code: 'ENOENT' });
    });
  }
});

describe('the third attack on the evidence, 8: a file that is named after a run is held against the run in it', () => {
  test('by every command that takes the id of a run', async (t) => {
    const w = await workspace(t);
    for (const run_id of ['run_1', 'run_2']) {
      const intents = [{ intent_id: 'i1', tool_name: 'read', args: {} }];
      await writeFile(w.path('run.json'), JSON.stringify({ run: { run_id }, intents, results: [] }));
      await w.ok('run record run.json --capture-mode raw');
    }
    const lines = [
      'verify run_1',
      'run inspect run_1',
      'run receipt run_1',
      'run diff run_1 run_2',
      'run diff run_2 run_1',
      'run reduce run_1',
      'verify chain --run run_1',
      'pack build run_1 --out other.zip',
    ];
    await cp(w.path('gait-out/runpack_run_2.zip'), w.path('gait-out/runpack_run_1.zip'));
    for (const line of lines) await w.refused(line, 'pack_damaged', 'verification_failed');
    await w.ok('verify gait-out/runpack_run_1.zip');
    await w.ok('verify run_2');
  });
});

describe('checkpoints are signed', () => {
  const shared = sharedWorkspace(async (w) => {
    await started(w);
    await writeFile(w.path('own.key'), privateText(GOLDEN_SEED), { mode: 0o600 });
    await writeFile(w.path('own.pub'), GOLDEN_PUBLIC_FILE);
    await writeFile(w.path('open.key'), privateText(GOLDEN_SEED));
    await chmod(w.path('open.key'), 0o644);
  });

  test('by whom it is asked; the chain is believed only if all of them are', async () => {
    const w = shared();
    for (const profile of ['strict', 'oss-prod']) {
      const line = `${CHECKPOINT} --private-key open.key --profile ${profile}`;
      await w.refused(line, 'private_key_exposed', 'unsafe_operation');
    }
    assert.deepEqual(await counts(w), [1, 1, 0, 1]);
    const first = await w.ok(`${CHECKPOINT} --private-key own.key --profile strict`);
    assert.deepEqual([first.signature_status, first.signature_key_id], ['signed', GOLDEN_KEY_ID]);
    await w.ok(append('two'));
    const second = await w.ok(`${CHECKPOINT} --private-key open.key`);
    assert.match(second.warnings?.join() ?? '', /others can read the private key open\.key/);
    const strict = 'verify session-chain night_chain.json --profile strict';
    const { checkpoints } = await w.ok(`${strict} --public-key own.pub`);
    assert.deepEqual(
      checkpoints?.map((one) => one.signature_status),
      ['verified', 'verified'],
    );
    await w.refused(strict, 'public_key_missing', 'invalid_input');
    await w.ok(append('three'));
    const dev = await w.ok(`${CHECKPOINT} --key-mode dev`);
    assert.match(dev.warnings?.join() ?? '', /dev key/);
    const { checkpoint_errors } = await w.refused(
      `${strict} --public-key own.pub`,
      'chain_damaged',
      'verification_failed',
    );
    assert.match(checkpoint_errors?.join() ?? '', /^checkpoint 3: signature/);
    await w.ok(`${strict} --public-key own.pub --public-key gait-out/keys/dev_public.key`);
    await w.ok(append('four'));
    assert.equal((await w.ok(CHECKPOINT)).signature_status, 'missing');
    await w.refused(
      `${strict} --public-key own.pub --public-key gait-out/keys/dev_public.key`,
      'chain_damaged',
      'verification_failed',
    );
  });
});
