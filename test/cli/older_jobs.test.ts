import assert from 'node:assert/strict';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { describe, test } from 'node:test';
import { type Case, corpusPath, readCases, skip, VERSIONS } from '../interop/corpus.ts';
import { type Document, type Files, MANIFEST, packIdFormula } from '../pack/forge.ts';
import { sharedWorkspace, type Workspace, workspace } from '../support/cli.ts';
import { documentOf, linesIn, membersOf } from '../support/run_inputs.ts';
import { copyCase } from '../support/sessions.ts';

const JOB = 'job_nightly_rollup';
const BUILD = `pack build --type job --from ${JOB} --job-root . --out pack.zip`;
const PROOF = 'proof_records.jsonl';
/** What the Go versions call themselves in their packs. */
const PRODUCER = '0.0.0-dev';

const cases = skip === false ? readCases().filter(({ id }) => id.startsWith('pack-build.job-')) : [];
/** Those that both versions packed. */
const packed = cases.filter(({ results }) => VERSIONS.every((version) => results[version].exit === 0));

function caseNamed(name: string): Case {
  return cases.find(({ id }) => id === `pack-build.${name}`) ?? assert.fail(`no case ${name}`);
}

function contentsOf(files: Files): Document[] {
  return documentOf(files, MANIFEST)['contents'] as Document[];
}

/** The pack that a version made of the job. */
async function recorded({ results }: Case, version: (typeof VERSIONS)[number]): Promise<Files> {
  const golden = results[version].files.find(({ path }) => path.endsWith('.zip'))?.golden ?? '';
  return membersOf(corpusPath(golden));
}

async function built(w: Workspace, one: Case): Promise<Files> {
  await copyCase(one.dir.replace(/^cases\//, ''), w.dir);
  const line = one.command.filter((word) => word !== '--json');
  const { path = '' } = await w.ok(line);
  return membersOf(w.path(path));
}

describe('jobs as the Go versions kept them', { skip }, () => {
  test('there are enough of them', () => assert.ok(packed.length >= 8, `${packed.length} cases`));

  for (const one of packed) {
    test(`${one.id}: is packed under the version that kept it, with the id that they gave it`, async (t) => {
      const w = await workspace(t);
      const files = await built(w, one);
      const { signatures: _, ...manifest } = documentOf(files, MANIFEST);
      assert.equal(manifest['producer_version'], PRODUCER);
      assert.equal(packIdFormula(manifest), manifest['pack_id']);
      const same: string[] = [];
      for (const version of VERSIONS) {
        const theirs = await recorded(one, version);
        // The later version puts a record of each member beside them, which is a member too.
        const proof = contentsOf(theirs).filter(({ path }) => path === PROOF);
        const theirId = packIdFormula({
          ...manifest,
          producer_version: PRODUCER,
          contents: [...contentsOf(files), ...proof],
        });
        if (theirId === documentOf(theirs, MANIFEST)['pack_id']) same.push(version);
        else
          assert.notDeepEqual(
            contentsOf(theirs).filter(({ path }) => path !== PROOF),
            contentsOf(files),
          );
      }
      // The earlier version drops what it does not know of the later one's jobs, the later one adds to the earlier one's.
      assert.deepEqual(same, [one.id.endsWith('140') ? 'go-1.4.0' : 'go-1.2.0']);
    });
  }

  test('every event is in the pack, in order, and the pack verifies as far as such a one can', async (t) => {
    const w = await workspace(t);
    const files = await built(w, caseNamed('job-full-go-120'));
    const events = String(await readFile(w.path(JOB, 'events.jsonl')))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(linesIn(files, 'job_events.jsonl'), events);
    assert.deepEqual(
      documentOf(files, 'job_state.json'),
      JSON.parse(String(await readFile(w.path(JOB, 'state.json')))),
    );
    const { verify } = await w.ok('pack verify out/pack.zip --type job');
    const statuses = Object.fromEntries((verify?.checks ?? []).map(({ check, status }) => [check, status]));
    assert.deepEqual(
      [statuses['event_chain'], statuses['event_fold'], verify?.findings],
      ['not_applicable', 'not_applicable', []],
    );
    const { packs } = await w.ok('pack list');
    assert.deepEqual(
      packs?.map(({ source_ref, pack_type, head }) => [source_ref, pack_type, head]),
      [[JOB, 'job', undefined]],
    );
  });

  test('is signed with the key that is named, as they sign it', async (t) => {
    const w = await workspace(t);
    const files = await built(w, caseNamed('job-signed'));
    const theirs = documentOf(await recorded(caseNamed('job-signed'), 'go-1.2.0'), MANIFEST);
    const keyOf = (manifest: Document): unknown => (manifest['signatures'] as Document[])[0]?.['key_id'];
    assert.equal(keyOf(documentOf(files, MANIFEST)), keyOf(theirs));
    await writeFile(w.path('alpha.pub'), await readFile(corpusPath('keys/TESTONLY_alpha_public.key')));
    await w.ok('pack verify out/pack.zip --profile strict --public-key alpha.pub');
  });

  test('is named by its id, its folder or its state, and gives the same file', async (t) => {
    const w = await workspace(t);
    await copyCase('pack-build/job-by-directory', w.dir);
    const folder = `gait-out/jobs/${JOB}`;
    const made: Buffer[] = [];
    for (const from of [JOB, folder, w.path(folder), `${folder}/state.json`]) {
      const { path = '' } = await w.ok(['pack', 'build', '--type', 'job', '--from', from]);
      assert.equal(basename(path).length, 'pack_.zip'.length + 64);
      made.push(await readFile(w.path(path)));
    }
    for (const bytes of made) assert.ok(made[0]?.equals(bytes));
    await w.refused(
      `pack build --type job --from ${JOB} --out ${folder}/pack.zip`,
      'out_unsafe',
      'unsafe_operation',
    );
  });

  test('its timeline is shown, and its decision with who approved it and why', async (t) => {
    const w = await workspace(t);
    await built(w, caseNamed('job-full-go-120'));
    const text = await w.text('pack inspect out/pack.zip');
    for (const part of [/submitted {2}alice/, /approved {2}carol/, /paused {2}bob/]) assert.match(text, part);
    for (const part of [/choose ledger A or B/, /ledger A is right/]) assert.match(text, part);
  });
});

describe('a job of the Go versions that is damaged is not packed', { skip }, () => {
  const shared = sharedWorkspace(async () => {});
  const DAMAGE: Readonly<Record<string, (w: Workspace, folder: string) => Promise<void>>> = {
    'a torn event': (_, folder) => appendFile(`${folder}/events.jsonl`, '{"type":"pau'),
    'an event that is none': (_, folder) => appendFile(`${folder}/events.jsonl`, '[]\n'),
    'an event that is no JSON': (_, folder) => appendFile(`${folder}/events.jsonl`, 'x\n'),
    'a state that is none': (_, folder) => writeFile(`${folder}/state.json`, '{}'),
    'a state that is no JSON': (_, folder) => writeFile(`${folder}/state.json`, '{'),
    'an empty state': (_, folder) => writeFile(`${folder}/state.json`, ''),
  };
  for (const [name, damage] of Object.entries(DAMAGE)) {
    test(`${name}: older_job_damaged, and nothing is written`, async () => {
      const w = shared();
      const folder = name.replaceAll(' ', '_');
      await copyCase('pack-build/job-decision', w.path(folder));
      await damage(w, w.path(folder, JOB));
      await w.refused(BUILD, 'older_job_damaged', 'verification_failed', { cwd: folder });
      const names = Object.keys(await w.everything(folder)).map((file) => basename(file));
      assert.deepEqual(names, ['TESTONLY_alpha_private.key', 'events.jsonl', 'state.json']);
    });
  }

  test('whose pack would not verify is not packed', async () => {
    const w = shared();
    await copyCase('pack-build/job-decision', w.path('edited'));
    const path = w.path('edited', JOB, 'events.jsonl');
    const lines = String(await readFile(path));
    for (const other of [lines.replace('"revision":2', '"revision":7'), lines.replaceAll(JOB, 'job_other')]) {
      assert.notEqual(other, lines);
      await writeFile(path, other);
      const result = await w.gait(`${BUILD} --json`, { cwd: 'edited' });
      if (result.exit === 0) await w.ok('pack verify pack.zip', { cwd: 'edited' });
    }
  });
});
