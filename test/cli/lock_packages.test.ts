import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runShell } from '../support/shell.ts';

const ROOT = process.env['GAIT_ROOT'] ?? process.cwd();

/** gait installed elsewhere, with only these of the packages that provide flock(2). */
async function withPackages(
  names: readonly string[],
  body: (gait: string, dir: string) => Promise<void>,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'gait-install-'));
  try {
    await cp(join(ROOT, 'bundle'), join(dir, 'bundle'), { recursive: true });
    await cp(join(ROOT, 'package.json'), join(dir, 'package.json'));
    await mkdir(join(dir, 'node_modules'));
    for (const name of names)
      await symlink(join(ROOT, 'node_modules', name), join(dir, 'node_modules', name));
    await body(`"${process.execPath}" bundle/main.cjs`, dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

for (const name of ['fs-ext', 'fs-ext-extra-prebuilt']) {
  test(`${name} alone is enough to lock`, async () => {
    await withPackages([name], async (gait, dir) => {
      const output = await runShell(`${gait} job submit --id j --json`, dir);
      assert.equal(JSON.parse(output).ok, true, output);
    });
  });
}

test('with neither, a command that writes says what is missing, and one that reads works', async () => {
  await withPackages([], async (gait, dir) => {
    const output = JSON.parse(await runShell(`${gait} job submit --id j --json`, dir));
    assert.deepEqual(
      [output.ok, output.error_code, output.error_category, output.exit_code],
      [false, 'flock_missing', 'dependency_missing', 7],
    );
    const listed = JSON.parse(await runShell(`${gait} job list --json`, dir));
    assert.deepEqual([listed.ok, listed.jobs], [true, []]);
  });
});
