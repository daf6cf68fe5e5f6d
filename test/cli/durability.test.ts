import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { linesOf, type Result, type RunOptions, type Workspace, workspace } from '../support/cli.ts';
import { seeded } from '../support/seed.ts';

/** The user `nobody`, when the tests run as one who may do anything. */
const NOBODY = 65534;

/** Options under which permissions bind; undefined, and the test skipped, where there is no such way. */
async function ordinaryUser(w: Workspace, t: TestContext): Promise<RunOptions | undefined> {
  if (process.getuid?.() !== 0) return {};
  await chmod(w.dir, 0o755);
  const options = { uid: NOBODY, env: { GAIT_ACTOR: 'nobody' } };
  const works = await w.gait('--version', options).then(
    ({ exit }) => exit === 0,
    () => false,
  );
  if (works) return options;
  t.skip('permissions do not bind the superuser, and another user cannot start the binary');
  return undefined;
}

describe('a directory without rights', { concurrency: 2 }, () => {
  test('is a typed error for who writes, and nothing is left behind', async (t) => {
    const w = await workspace(t);
    const options = await ordinaryUser(w, t);
    if (options === undefined) return;
    await mkdir(w.path('locked'));
    await chmod(w.path('locked'), 0o555);
    const { hint } = await w.refused(
      'job submit --id demo --root locked',
      'access_denied',
      'io_failure',
      options,
    );
    assert.match(hint ?? '', /owns it/);
    await chmod(w.path('locked'), 0o755);
    assert.deepEqual(await readdir(w.path('locked')), []);
  });

  test('is a typed error for who reads, never an empty answer', async (t) => {
    const w = await workspace(t);
    const options = await ordinaryUser(w, t);
    if (options === undefined) return;
    await w.ok('job submit --id demo --root jobs');
    await chmod(w.path('jobs'), 0o000);
    const commands = ['list', 'status --id demo', 'log --id demo', 'verify --id demo', 'pause --id demo'];
    for (const command of commands)
      await w.refused(`job ${command} --root jobs`, 'access_denied', 'io_failure', options);
    const build = 'pack build --type job --from demo --job-root jobs --out x.zip';
    await w.refused(build, 'access_denied', 'io_failure', options);
    await chmod(w.path('jobs'), 0o700);
    await w.ok('job verify --id demo --root jobs');
  });
});

test('a file where the jobs should be is a typed error, never an empty answer', async (t) => {
  const w = await workspace(t);
  await writeFile(w.path('file'), 'in the way');
  for (const command of ['submit --id demo', 'list']) {
    const { exit } = await w.gait(`job ${command} --root file --json`);
    assert.ok(exit === 1 || exit === 6, `job ${command} exits ${exit}`);
  }
});

test('a file where the directory of a pack should be is a typed error', async (t) => {
  const w = await workspace(t);
  await w.ok('job submit --id demo');
  await writeFile(w.path('file'), 'in the way');
  const { exit } = await w.gait('pack build --type job --from demo --out file/x.zip --json');
  assert.ok(exit === 1 || exit === 6, `exits ${exit}`);
});

/** Makes a record longer than a block of `ulimit -f`, 512 bytes, so that a limit can fall within it. */
const LONG = 'x'.repeat(512);

describe('a full disk', { concurrency: 2 }, () => {
  for (const [name, blocksOf] of Object.entries({
    'before the log ends': (size: number) => Math.floor(size / 1024) - 1,
    'within the next record': (size: number) => Math.floor(size / 512) + 1,
  })) {
    test(`${name}: a typed error, nothing lost, nothing half-written, and the next command works`, async (t) => {
      const w = await workspace(t);
      await w.ok('job submit --id demo');
      for (let i = 0; i < 4; i += 1) await w.ok(`job checkpoint add --id demo --summary ${LONG}`);
      const before = await w.logOf('demo');
      const shell = `ulimit -f ${blocksOf(before.length)}`;
      const add = `job checkpoint add --id demo --summary ${LONG}`;
      const refused = (await w.gait(`${add} --json`, { shell })).json();
      assert.deepEqual([refused.error_category, refused.exit_code], ['io_failure', 1], refused.error);
      assert.ok(before.equals(await w.logOf('demo')), 'the log is as it was');
      assert.equal((await w.ok(add)).checkpoint?.checkpoint_id, 'cp_0005');
      assert.equal((await w.ok('job verify --id demo')).verification?.torn_tail_bytes, 0);
    });
  }

  test('of a job that is being submitted: it does not exist, and can be submitted again', async (t) => {
    const w = await workspace(t);
    const { error_category } = (await w.gait('job submit --id demo --json', { shell: 'ulimit -f 0' })).json();
    assert.equal(error_category, 'io_failure');
    await w.refused('job status --id demo', 'job_not_found', 'invalid_input');
    assert.deepEqual((await w.ok('job list')).jobs, []);
    assert.equal((await w.ok('job submit --id demo')).head?.revision, 1);
  });

  test('under a pack: no file by its name, no rest of it, the older one as it was', async (t) => {
    const w = await workspace(t);
    await w.ok('job submit --id demo');
    await w.ok('pack build --type job --from demo --out demo.zip');
    for (let i = 0; i < 4; i += 1) await w.ok(`job checkpoint add --id demo --summary ${LONG}`);
    const before = await w.everything();
    const build = 'pack build --type job --from demo --json --out';
    for (const out of ['demo.zip', 'new.zip']) {
      const { error_category } = (await w.gait(`${build} ${out}`, { shell: 'ulimit -f 2' })).json();
      assert.equal(error_category, 'io_failure');
    }
    await w.unchanged(before);
  });
});

/** Adds checkpoints and kills who adds, aiming at the moment in which about half of them have answered. */
async function killedAdds(w: Workspace, count: number): Promise<Result[]> {
  const results: Result[] = [];
  const random = seeded('killed adds');
  let aim = 100;
  const add = async (i: number): Promise<void> => {
    const killAfterMs = aim * (0.5 + random.real());
    const result = await w.gait(`job checkpoint add --id demo --summary step-${i} --json`, { killAfterMs });
    aim *= result.exit === 0 ? 0.9 : 1.12;
    results.push(result);
  };
  for (let i = 0; i < count; i += 2) await Promise.all([add(i), add(i + 1)]);
  return results;
}

test('killed at any moment, what was answered is in the log, and the next command just works', async (t) => {
  const w = await workspace(t);
  await w.ok('job submit --id demo');
  await w.ok('job checkpoint add --id demo --summary first');
  const results = await killedAdds(w, 40);
  await w.ok('job checkpoint add --id demo --summary last');
  const { verification } = await w.ok('job verify --id demo');
  assert.equal(verification?.torn_tail_bytes, 0);
  const { checkpoints = [] } = await w.ok('job checkpoint list --id demo');
  const answered = results
    .filter(({ exit }) => exit === 0)
    .map((result) => result.json().checkpoint?.summary);
  const kept = checkpoints.map(({ summary }) => summary);
  for (const summary of answered) assert.ok(summary !== undefined && kept.includes(summary), summary);
  assert.equal(new Set(kept).size, kept.length, 'none twice');
  assert.deepEqual([kept[0], kept.at(-1)], ['first', 'last']);
  idsWithoutGaps(checkpoints);
  t.diagnostic(`${answered.length} answered, ${kept.length - 2} kept of 40`);
});

function idsWithoutGaps(checkpoints: readonly { readonly checkpoint_id: string }[]): void {
  const ids = checkpoints.map((_, i) => `cp_${String(i + 1).padStart(4, '0')}`);
  assert.deepEqual(
    checkpoints.map(({ checkpoint_id }) => checkpoint_id),
    ids,
  );
}

test('eight at once on one job: all succeed, and the ids have no gaps', async (t) => {
  const w = await workspace(t);
  await w.ok('job submit --id demo');
  const told: string[] = [];
  for (let round = 0; round < 3; round += 1) {
    const adds = Array.from({ length: 8 }, (_, i) =>
      w.ok(`job checkpoint add --id demo --summary round-${round}-${i}`, { real: true }),
    );
    told.push(...(await Promise.all(adds)).map(({ checkpoint }) => checkpoint?.checkpoint_id ?? ''));
  }
  const { checkpoints = [] } = await w.ok('job checkpoint list --id demo');
  idsWithoutGaps(checkpoints);
  assert.deepEqual(
    told.sort(),
    checkpoints.map(({ checkpoint_id }) => checkpoint_id),
  );
  await w.ok('job verify --id demo');
});

test('eight at once submit one job: one does, the others are told that it exists', async (t) => {
  const w = await workspace(t);
  const results = await Promise.all(
    Array.from({ length: 8 }, () => w.gait('job submit --id demo --json', { real: true })),
  );
  const codes = results.map((result) => result.json().error_code ?? 'submitted');
  assert.deepEqual(codes.sort(), [...Array.from({ length: 7 }, () => 'job_exists'), 'submitted']);
  assert.equal(linesOf(await w.logOf('demo')).length, 1);
});

test('folders are 0700 and files 0600, whatever the umask', async (t) => {
  const w = await workspace(t);
  const open = { shell: 'umask 000' };
  await w.ok('job submit --id demo', open);
  await w.ok('job checkpoint add --id demo --summary s', open);
  const log = await w.logOf('demo');
  await w.writeLog('demo', Buffer.concat([log, Buffer.from('not a record\n')]));
  await w.ok("job repair --id demo --yes --reason 'noise'", open);
  await w.ok('pack build --type job --from demo', open);
  const entries = await readdir(w.path('gait-out'), { recursive: true, withFileTypes: true });
  const modes = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const { mode } = await stat(path);
    assert.equal((mode & 0o777).toString(8), entry.isDirectory() ? '700' : '600', path);
  });
  await Promise.all(modes);
  assert.ok(entries.length >= 8);
});
