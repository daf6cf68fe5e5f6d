import assert from 'node:assert/strict';
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { VERSION } from '../../src/core/version.ts';
import { MANIFEST, sha256 } from '../pack/forge.ts';
import { type Line, sharedWorkspace, type Workspace, workspace } from '../support/cli.ts';
import { GOLDEN_KEY_ID, GOLDEN_PUBLIC_FILE, GOLDEN_SEED, privateText } from '../support/keys.ts';
import { documentOf, membersOf, otherRun, record, runInput } from '../support/run_inputs.ts';
import { append, J, START } from '../support/session_lines.ts';

const RUNPACK = 'gait-out/runpack_run_demo.zip';

async function prepare(w: Workspace): Promise<void> {
  await record(w, runInput());
  await record(w, otherRun('run_other'));
  await w.ok('pack build run_demo --out pack.zip');
  await writeFile(w.path('own.key'), privateText(GOLDEN_SEED), { mode: 0o600 });
  await writeFile(w.path('own.pub'), GOLDEN_PUBLIC_FILE);
}

describe('pack build of a run', () => {
  const shared = sharedWorkspace(prepare);

  test('carries the runpack byte for byte, and says what is in it', async () => {
    const w = shared();
    const files = await membersOf(w.path('pack.zip'));
    assert.deepEqual(
      [...files.keys()],
      ['context_envelope.json', MANIFEST, 'run_payload.json', 'source/runpack.zip'],
    );
    assert.ok(files.get('source/runpack.zip')?.equals(await readFile(w.path(RUNPACK))));
    const payload = documentOf(files, 'run_payload.json');
    const manifest = documentOf(await membersOf(w.path(RUNPACK)), 'manifest.json');
    const { intents_count, results_count, refs_count, run_id, manifest_digest } = payload;
    assert.deepEqual(
      [intents_count, results_count, refs_count, run_id, manifest_digest],
      [3, 2, 2, 'run_demo', manifest['manifest_digest']],
    );
    const { pack_type, source_ref, created_at, producer_version } = documentOf(files, MANIFEST);
    assert.deepEqual(
      [pack_type, source_ref, created_at, producer_version],
      ['run', 'run_demo', '1980-01-01T00:00:00Z', VERSION],
    );
  });

  test('answers the file that it wrote, by default under its id', async () => {
    const w = shared();
    const built = await w.ok('pack build --type run --from run_demo');
    const path = `gait-out/pack_${built.pack_id}.zip`;
    const bytes = await readFile(w.path(path));
    assert.deepEqual(
      [built.path, built.pack_type, built.source_ref, built.size],
      [path, 'run', 'run_demo', bytes.length],
    );
    assert.equal(built.file_sha256, sha256(bytes).toString('hex'));
    assert.equal((await stat(w.path(path))).mode & 0o777, 0o600);
    const text = await w.text('pack build run_demo');
    for (const part of [path, String(built.pack_id), 'of run    run_demo', `gait pack verify ${path}`])
      assert.ok(text.includes(part), text);
  });

  test('gives the same file, whatever the zone, the umask, the directory, the name and the builder', async () => {
    const w = shared();
    await mkdir(w.path('far'));
    const builds: readonly [Line, Parameters<Workspace['ok']>[1]][] = [
      ['pack build run_demo --out a.zip', { env: { TZ: 'Asia/Kathmandu' } }],
      [
        'pack build run_demo --out b.zip',
        { env: { TZ: 'America/Sao_Paulo', LANG: 'tr_TR.UTF-8', GAIT_ACTOR: 'bob' } },
      ],
      ['pack build run_demo --out c.zip', { env: { TZ: 'UTC' }, shell: 'umask 000' }],
      [`pack build ../${RUNPACK} --out ../d.zip`, { cwd: 'far' }],
    ];
    for (const [line, options] of builds) await w.ok(line, options);
    const bytes = await readFile(w.path('pack.zip'));
    for (const name of ['a', 'b', 'c', 'd'])
      assert.ok(bytes.equals(await readFile(w.path(`${name}.zip`))), name);
  });

  test('signs when it is asked to; the id stays, and the signature of the pack is not that of its runpack', async () => {
    const w = shared();
    const { pack_id } = documentOf(await membersOf(w.path('pack.zip')), MANIFEST);
    const built = await w.ok('pack build run_demo --private-key own.key --profile strict --out signed.zip');
    assert.deepEqual(
      [built.pack_id, built.signature_status, built.signature_key_id],
      [pack_id, 'signed', GOLDEN_KEY_ID],
    );
    const { verify } = await w.ok('pack verify signed.zip --profile strict --public-key own.pub');
    assert.deepEqual([verify?.signature_status, verify?.source_signature_status], ['verified', 'missing']);
    await record(w, runInput({ runId: 'run_signed' }), '--private-key own.key');
    await w.ok('pack build run_signed --out carries.zip');
    const carried = await w.ok('pack verify carries.zip --public-key own.pub');
    assert.deepEqual(
      [carried.verify?.signature_status, carried.verify?.source_signature_status],
      ['missing', 'verified'],
    );
    await w.refused(
      'pack verify carries.zip --public-key own.pub --profile strict',
      'signature_refused',
      'verification_failed',
    );
  });

  test('of a run in any time zone verifies', async () => {
    const w = shared();
    await record(w, runInput({ runId: 'run_zone', at: '2026-02-14T11:45:00.5+05:45' }));
    await w.ok('pack build run_zone --out zone.zip');
    assert.deepEqual((await w.ok('pack verify zone.zip')).verify?.findings, []);
  });

  test('is entered into the ledger, once for a file', async (t) => {
    const w = await workspace(t);
    await prepare(w);
    const lines = ['run_demo --out pack.zip', 'run_other --actor bob', 'run_demo --out other.zip'];
    for (const line of lines) await w.ok(`pack build ${line}`, { env: { GAIT_ACTOR: 'alice' } });
    const { packs = [] } = await w.ok('pack list');
    assert.deepEqual(
      packs
        .map(({ pack_type, source_ref, built_by, head }) => [pack_type, source_ref, built_by, head])
        .slice(1),
      [
        ['run', 'run_other', 'bob', undefined],
        ['run', 'run_demo', 'alice', undefined],
      ],
    );
    assert.deepEqual(packs.map(({ file }) => file).toSpliced(1, 1), ['pack.zip', 'other.zip']);
    assert.equal(packs[0]?.file_sha256, sha256(await readFile(w.path('pack.zip'))).toString('hex'));
    assert.match(await w.text('pack list'), /run +run_other/);
  });
});

describe('pack build of a run refuses, and writes nothing', () => {
  const shared = sharedWorkspace(async (w) => {
    await prepare(w);
    for (const dir of ['gait-out/jobs', 'gait-out/keys']) await mkdir(w.path(dir), { recursive: true });
    await symlink('gait-out/keys', w.path('link'));
    await symlink('pack.zip', w.path('link.zip'));
    await writeFile(w.path('notes.txt'), 'precious');
  });
  const LINES: Readonly<Record<string, readonly [code: string, exit: number]>> = {
    nothing: ['run_not_found', 6],
    './nothing.zip': ['file_not_found', 6],
    './notes.txt': ['pack_damaged', 2],
    'pack.zip': ['not_a_runpack', 6],
    'run_demo --type job': ['job_not_found', 6],
    'run_demo --type other': ['flag_value_invalid', 6],
    'run_demo --from run_demo': ['argument_unexpected', 6],
    'run_demo --checkpoint 1': ['flags_conflict', 6],
    'run_demo --key-mode prod': ['private_key_missing', 6],
    "run_demo --out ''": ['flag_value_invalid', 6],
    'run_demo --out notes.txt': ['out_unsafe', 8],
    'run_demo --out link.zip': ['out_unsafe', 8],
    'run_demo --out gait-out/keys': ['out_unsafe', 8],
    'run_demo --out link/pack.zip': ['out_unsafe', 8],
    [`run_demo --out ${RUNPACK}`]: ['out_unsafe', 8],
    '': ['argument_missing', 6],
  };
  for (const [line, [code, exit]] of Object.entries(LINES)) {
    test(`${line || 'nothing named'}: ${code}`, async () => {
      const before = await shared().everything();
      const result = await shared().gait(`pack build ${line} --json`);
      assert.deepEqual([result.exit, result.json().error_code], [exit, code], result.stdout);
      await shared().unchanged(before);
    });
  }
});

describe('what a pack of a run tells', () => {
  const shared = sharedWorkspace(async (w) => {
    await prepare(w);
    for (const line of [
      START,
      append('db.read'),
      append('db.drop', 'require_approval', '--reason-codes owner'),
    ])
      await w.ok(line);
    await w.ok(`run session checkpoint ${J}`);
    await w.ok('pack build night_chain.json --out night.zip');
  });

  for (const [path, legacy] of [
    ['pack.zip', undefined],
    [RUNPACK, 'runpack'],
  ] as const) {
    test(`pack inspect ${path}: calls, what came of them, the timeline`, async () => {
      const { inspect, pack_type, source_ref } = await shared().ok(`pack inspect ${path}`);
      assert.deepEqual([pack_type, source_ref], ['run', 'run_demo']);
      assert.equal((inspect as { legacy_type?: string } | undefined)?.legacy_type, legacy);
      assert.deepEqual(
        inspect?.entries.map(({ tool_name, status }) => [tool_name, status]),
        [
          ['db.read', 'ok'],
          ['db.write', 'error'],
          ['mail.send', undefined],
        ],
      );
      assert.deepEqual(
        inspect?.timeline.map((item) => Reflect.get(item, 'event')),
        ['run_started', 'tool_call', 'reference_capture'],
      );
      const { timeline_events, receipt_count, intent_results } = inspect?.run_lineage ?? {};
      assert.deepEqual([timeline_events, receipt_count, intent_results?.length], [3, 2, 3]);
      const text = await shared().text(`pack inspect ${path}`);
      for (const part of [
        /run_demo {2}reference capture/,
        /3 intents, 2 results, 2 receipts/,
        /error +db\.write {2}i2/,
        /no result +mail\.send {2}i3/,
      ])
        assert.match(text, part);
    });

    test(`verify and pack verify ${path}: every check, and what it is`, async () => {
      const w = shared();
      const { manifest_digest } = documentOf(await membersOf(w.path(RUNPACK)), 'manifest.json');
      const verified = await w.ok(`verify ./${path}`);
      assert.deepEqual([verified.run_id, verified.manifest_digest], ['run_demo', manifest_digest]);
      const { verify } = await w.ok(`pack verify --path ${path} --type run`);
      assert.deepEqual(verify, verified.verify);
      assert.deepEqual([verify?.legacy_type, verify?.findings], [legacy, []]);
      const open = verify?.checks.filter(({ status }) => status !== 'passed');
      assert.deepEqual(
        open?.map(({ check, status }) => [check, status]),
        [['signatures', 'not_applicable']],
      );
      const names = verify?.checks.map(({ check }) => check) ?? [];
      assert.ok(names.includes(legacy === undefined ? 'source_runpack' : 'manifest_digest'), String(names));
      assert.match(
        await w.text(`verify ./${path}`),
        new RegExp(`${legacy ?? 'run pack'} of run_demo(.|\n)*passed +payload: payload agreement`),
      );
    });
  }

  test('of a checkpoint of a session tells what needed an approval', async () => {
    const { inspect } = await shared().ok('pack inspect night.zip');
    assert.deepEqual(
      inspect?.entries.map(({ tool_name, status, verdict, reason_codes }) => [
        tool_name,
        status,
        verdict,
        reason_codes,
      ]),
      [
        ['db.read', 'ok', 'allow', undefined],
        ['db.drop', 'error', 'require_approval', ['owner']],
      ],
    );
    assert.match(await shared().text('pack inspect night.zip'), /db\.drop.*require_approval/);
  });

  test('--type refuses a pack of another type, as damaged', async () => {
    for (const line of [
      'verify pack.zip',
      'diff pack.zip pack.zip',
      `verify ${RUNPACK}`,
      `diff ${RUNPACK} pack.zip`,
    ]) {
      for (const type of ['job', 'guard'])
        await shared().refused(`pack ${line} --type ${type}`, 'pack_type_other', 'verification_failed');
      assert.notEqual(
        (await shared().gait(`pack ${line} --type run --json`)).json().error_code,
        'pack_type_other',
      );
    }
    await shared().refused('pack verify pack.zip --type other', 'flag_value_invalid', 'invalid_input');
    await shared().refused('pack verify pack.zip --extends pack.zip', 'history_missing', 'invalid_input');
  });
});
