import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Workspace, workspace } from '../support/cli.ts';

/** The token of a fresh claim. */
async function claimed(w: Workspace, line: string): Promise<number> {
  const { token } = (await w.ok(`job claim --id demo ${line}`)) as unknown as { token: number };
  return token;
}

test('a worker of any language: claim, renew, checkpoint, release', async (t) => {
  const w = await workspace(t);
  await w.ok('job submit --id demo');
  const token = await claimed(w, '--worker w1 --ttl 60s');
  assert.equal(token, 2);
  await w.refused('job claim --id demo --worker w2', 'lease_held', 'state_contention');
  await w.ok(`job renew --id demo --token ${token} --ttl 60s`);
  await w.refused(
    'job checkpoint add --id demo --type progress --summary half',
    'lease_lost',
    'state_contention',
  );
  await w.ok(`job checkpoint add --id demo --type progress --summary half --token ${token}`);
  await w.ok(`job release --id demo --token ${token}`);
  assert.equal(await claimed(w, '--worker w2 --ttl 60s'), 6);
  for (const line of ['renew', 'release']) {
    await w.refused(`job ${line} --id demo --token ${token}`, 'lease_lost', 'state_contention');
  }
  await w.refused('job renew --id demo --token 6 --ttl 500ms', 'ttl_invalid', 'invalid_input');
  await w.refused('job renew --id demo --token 6 --ttl 2d', 'ttl_invalid', 'invalid_input');
});

test('a pack shows a run of renewals as one line, and all of them as JSON', async (t) => {
  const w = await workspace(t);
  await w.ok('job submit --id demo');
  const token = await claimed(w, '--worker w1 --ttl 60s');
  for (const _ of [1, 2, 3]) await w.ok(`job renew --id demo --token ${token} --ttl 60s`);
  await w.ok('pack build --type job --from demo --out demo.zip');
  const { stdout } = await w.gait('pack inspect demo.zip');
  assert.equal(stdout.match(/renewed/g)?.length, 1);
  assert.match(stdout, / {3}5 .* lease 2 renewed until .*, 3 times by now/);
  const { inspect } = (await w.ok('pack inspect demo.zip')) as unknown as {
    inspect: { timeline: { kind: string }[] };
  };
  assert.equal(inspect.timeline.filter(({ kind }) => kind === 'lease_renewed').length, 3);
});
