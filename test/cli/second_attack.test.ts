import assert from 'node:assert/strict';
import { appendFile, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { ROOT, workspace } from '../support/cli.ts';
import { checkpoint, submit } from '../support/given.ts';

/** What a second pair of eyes found by attacking the built commands, each as it was found. */

const KIT = `${ROOT}/tck/v1`;

describe('pack verify --extends', () => {
  for (const file of ['older-producer.zip', 'run.zip', 'runpack.zip', 'evidence.zip']) {
    test(`says no to ${file}, of which it cannot be told`, async (t) => {
      const w = await workspace(t);
      const line = `pack verify ${KIT}/${file} --extends ${KIT}/job.zip`;
      const { verify } = await w.refused(line, 'pack_damaged', 'verification_failed');
      assert.deepEqual(
        verify?.findings.map(({ code }) => code),
        ['history_missing'],
      );
      assert.equal(verify?.checks.find(({ check }) => check === 'extends')?.status, 'failed');
    });
  }
});

test('job repair keeps all of a cut of more than a MiB', async (t) => {
  const w = await workspace(t);
  const author = { actor: 'alice' };
  await w.jobs.execute('long', author, submit());
  await w.jobs.execute('long', author, checkpoint('progress', 'before'));
  const damage = Buffer.concat(Array.from({ length: 3000 }, (_, i) => Buffer.from(`${i}`.padEnd(1000, 'x'))));
  await appendFile(w.folder('long', 'log.ndjson'), Buffer.concat([damage, Buffer.from('\n')]));
  await w.ok('job repair --id long --yes');
  const kept = (await readdir(w.folder('long'))).find((name) => name.startsWith('cut-after-')) ?? '';
  assert.ok((await readFile(w.folder('long', kept))).subarray(0, damage.length).equals(damage));
});

test('session compact takes nothing out whose runpack is not there', async (t) => {
  const w = await workspace(t);
  await w.ok('run session start --journal n.jsonl --session-id n --run-id run_n');
  await w.ok('run session append --journal n.jsonl --tool a --verdict allow');
  const { path = '' } = await w.ok('run session checkpoint --journal n.jsonl');
  await rename(w.path(path), w.path('elsewhere.zip'));
  const before = await w.everything();
  await w.refused('run session compact --journal n.jsonl', 'runpack_missing', 'verification_failed');
  await w.unchanged(before);
  await rename(w.path('elsewhere.zip'), w.path(path));
  await w.ok('run session compact --journal n.jsonl');
});

test('an argument may be called toJSON', async (t) => {
  const w = await workspace(t);
  const intent = { intent_id: 'i', tool_name: 't', args: { toJSON: 'x' } };
  const input = { run: { run_id: 'run_j' }, intents: [intent], capture_mode: 'raw' };
  await writeFile(w.path('in.json'), JSON.stringify(input));
  await w.ok('run record in.json');
  await w.ok('verify run_j');
});
