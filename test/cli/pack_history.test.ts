import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Workspace, workspace } from '../support/cli.ts';

async function listed(w: Workspace): Promise<Record<string, unknown>[]> {
  const output = (await w.ok('pack list')) as unknown as { packs: Record<string, unknown>[] };
  return output.packs;
}

test('packs that were built are listed, each file once', async (t) => {
  const w = await workspace(t);
  assert.deepEqual(await listed(w), []);
  await w.ok('job submit --id demo');
  const first = await w.ok('pack build --type job --from demo --actor alice');
  await w.ok('pack build --type job --from demo --actor bob');
  await w.ok('job cancel --id demo');
  const second = await w.ok('pack build --type job --from demo --out later.zip --actor carol');
  const packs = await listed(w);
  assert.deepEqual(
    packs.map(({ pack_id, built_by, head }) => [pack_id, built_by, (head as { revision: number }).revision]),
    [
      [first['pack_id'], 'alice', 1],
      [second['pack_id'], 'carol', 2],
    ],
  );
  const { stdout } = await w.gait('pack list');
  assert.match(stdout, /later\.zip/);
});

test('a pack is verified to extend an earlier one', async (t) => {
  const w = await workspace(t);
  await w.ok('job submit --id demo');
  await w.ok('pack build --type job --from demo --out old.zip');
  await w.ok('job pause --id demo');
  await w.ok('pack build --type job --from demo --out new.zip');
  await w.ok('job submit --id other');
  await w.ok('pack build --type job --from other --out other.zip');
  await w.ok('pack verify new.zip --extends old.zip');
  await w.ok('pack verify new.zip --extends new.zip');
  await w.refused('pack verify old.zip --extends new.zip', 'pack_damaged', 'verification_failed');
  await w.refused('pack verify new.zip --extends other.zip', 'pack_damaged', 'verification_failed');
  await w.refused('pack verify new.zip --extends nowhere.zip', 'file_not_found', 'invalid_input');
});
