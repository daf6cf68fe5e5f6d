import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { sha256Hex } from '../../src/core/digest.ts';
import { type Workspace, workspace } from '../support/cli.ts';

const SECRET = 'hunter2-hunter2';

/** A paused job bound to the variable TOKEN. */
async function boundToVariable(w: Workspace): Promise<void> {
  await w.ok('job submit --id demo --fingerprint-rule env:TOKEN', { env: { TOKEN: SECRET } });
  await w.ok('job pause --id demo');
}

test('resume in a changed environment is blocked, and the refusal is recorded with the rules that differ', async (t) => {
  const w = await workspace(t);
  await boundToVariable(w);
  const env = { TOKEN: 'another' };
  const refusal = await w.refused('job resume --id demo', 'environment_mismatch', 'policy_blocked', { env });
  const differences = [{ rule: 'env:TOKEN', expected: sha256Hex(SECRET), actual: sha256Hex('another') }];
  assert.deepEqual(refusal.details?.['differences'], differences);
  const { events } = await w.ok('job log --id demo');
  const last = events?.at(-1);
  assert.equal(last?.type, 'resume_refused');
  assert.deepEqual(last?.type === 'resume_refused' ? last.payload.differences : undefined, differences);
  const { job } = await w.ok('job status --id demo');
  assert.deepEqual(
    [job?.status, job?.stop_reason, job?.status_reason_code],
    ['paused', 'env_fingerprint_mismatch', 'env_fingerprint_mismatch'],
  );
  assert.match(await w.text('job log --id demo'), /resume refused, the environment changed: env:TOKEN/);
  await w.ok('job verify --id demo');
});

test('a variable that is gone differs as well; the one it was bound to is taken', async (t) => {
  const w = await workspace(t);
  await boundToVariable(w);
  const gone = await w.refused('job resume --id demo', 'environment_mismatch', 'policy_blocked');
  assert.deepEqual(gone.details?.['differences'], [
    { rule: 'env:TOKEN', expected: sha256Hex(SECRET), actual: 'absent' },
  ]);
  const { job } = await w.ok('job resume --id demo', { env: { TOKEN: SECRET } });
  assert.deepEqual([job?.status, job?.status_reason_code], ['running', 'resumed']);
});

test('an override needs a reason, is recorded with both prints, and binds the job to the new environment', async (t) => {
  const w = await workspace(t);
  await boundToVariable(w);
  const env = { TOKEN: 'another' };
  const before = await w.logOf('demo');
  await w.refused('job resume --id demo --allow-env-mismatch', 'reason_required', 'invalid_input', { env });
  assert.ok(before.equals(await w.logOf('demo')));
  const then = (await w.ok('job status --id demo')).job?.environment_fingerprint;
  const resumed = await w.ok("job resume --id demo --allow-env-mismatch --actor bob --reason 'new token'", {
    env,
  });
  assert.equal(resumed.job?.status_reason_code, 'resumed_with_env_override');
  const last = (await w.ok('job log --id demo')).events?.at(-1);
  assert.deepEqual(last?.type === 'resumed' ? [last.actor, last.payload.reason] : [], ['bob', 'new token']);
  const { expected_fingerprint, actual_fingerprint } = last?.type === 'resumed' ? last.payload : {};
  assert.deepEqual([expected_fingerprint, actual_fingerprint], [then, resumed.job?.environment_fingerprint]);
  await w.ok('job pause --id demo');
  await w.refused('job resume --id demo', 'environment_mismatch', 'policy_blocked', {
    env: { TOKEN: SECRET },
  });
  assert.equal((await w.ok('job resume --id demo', { env })).job?.status_reason_code, 'resumed');
});

test('a file that the job depends on may not change, and may not be gone', async (t) => {
  const w = await workspace(t);
  await writeFile(w.path('agent.lock'), 'one');
  await w.ok('job submit --id demo --fingerprint-rule file:agent.lock');
  await w.ok('job pause --id demo');
  await writeFile(w.path('agent.lock'), 'two');
  const changed = await w.refused('job resume --id demo', 'environment_mismatch', 'policy_blocked');
  await rm(w.path('agent.lock'));
  const gone = await w.refused('job resume --id demo', 'environment_mismatch', 'policy_blocked');
  const expected = { rule: `file:${w.path('agent.lock')}`, expected: sha256Hex('one') };
  assert.deepEqual(changed.details?.['differences'], [{ ...expected, actual: sha256Hex('two') }]);
  assert.deepEqual(gone.details?.['differences'], [{ ...expected, actual: 'absent' }]);
  await writeFile(w.path('agent.lock'), 'one');
  await w.ok('job resume --id demo');
});

test('a decision is asked for before the environment is looked at', async (t) => {
  const w = await workspace(t);
  await w.ok('job submit --id demo --fingerprint-rule env:TOKEN', { env: { TOKEN: SECRET } });
  await w.ok('job checkpoint add --id demo --type decision-needed --summary s --required-action a');
  await w.refused('job resume --id demo', 'approval_required', 'approval_required');
  await w.refused(
    "job resume --id demo --allow-env-mismatch --reason 'now'",
    'approval_required',
    'approval_required',
  );
  await w.ok('job approve --id demo');
  await w.refused('job resume --id demo', 'environment_mismatch', 'policy_blocked');
});

test("a caller's own fingerprint is kept as given, and compared", async (t) => {
  const w = await workspace(t);
  const { job } = await w.ok('job submit --id demo --env-fingerprint image@sha256:1');
  assert.equal(job?.environment_fingerprint, 'image@sha256:1');
  await w.ok('job pause --id demo');
  const resume = 'job resume --id demo --env-fingerprint';
  await w.refused(`${resume} image@sha256:2`, 'environment_mismatch', 'policy_blocked');
  await w.refused('job resume --id demo', 'environment_mismatch', 'policy_blocked');
  await w.ok(`${resume} image@sha256:1`);
});

test("a job of its own fingerprint that is bound to gait's is bound as a submitted one is", async (t) => {
  const w = await workspace(t);
  const usual = await w.ok('job submit --id usual');
  await w.ok('job submit --id own --env-fingerprint image@sha256:1');
  await w.ok('job pause --id own');
  const { job } = await w.ok("job resume --id own --allow-env-mismatch --reason 'no image any more'");
  assert.deepEqual(job?.environment, usual.job?.environment, 'the same rules, in the same order');
  assert.equal(job?.environment_fingerprint, usual.job?.environment_fingerprint);
});

test('the directory is part of the environment only when asked for', async (t) => {
  const w = await workspace(t);
  const root = w.path('gait-out/jobs');
  await w.ok('job submit --id here --fingerprint-rule cwd --fingerprint-rule hostname');
  await w.ok('job submit --id anywhere');
  for (const id of ['here', 'anywhere']) await w.ok(`job pause --id ${id}`);
  const elsewhere = { cwd: 'gait-out' };
  await w.ok(`job resume --id anywhere --root ${root}`, elsewhere);
  const refusal = await w.refused(
    `job resume --id here --root ${root}`,
    'environment_mismatch',
    'policy_blocked',
    elsewhere,
  );
  const differences = refusal.details?.['differences'] ?? [];
  assert.deepEqual(
    (differences as { rule: string }[]).map(({ rule }) => rule),
    ['cwd'],
  );
});

test('the value of a variable is in no file, no output and no pack', async (t) => {
  const w = await workspace(t);
  await boundToVariable(w);
  const env = { TOKEN: `other-${SECRET}` };
  const refused = await w.gait('job resume --id demo', { env });
  const outputs = [
    refused.stdout + refused.stderr,
    JSON.stringify(
      await w.refused('job resume --id demo', 'environment_mismatch', 'policy_blocked', { env }),
    ),
    JSON.stringify(await w.ok("job resume --id demo --allow-env-mismatch --reason 'x'", { env })),
    await w.text('job inspect --id demo', { env }),
    await w.text('pack build --type job --from demo', { env }),
  ];
  for (const text of [...outputs, ...Object.values(await w.everything())]) assert.ok(!text.includes(SECRET));
});
