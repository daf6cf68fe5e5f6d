import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { runShell } from '../support/shell.ts';

const ROOT = process.env['GAIT_ROOT'] ?? process.cwd();
const OLDER = join(ROOT, 'tck', 'v1', 'older-producer.zip');

test('a sound pack of an older producer is verified as far as it goes, and has no timeline to show', async () => {
  const gait = `"${process.execPath}" "${join(ROOT, 'bundle', 'main.js')}"`;
  const verified = JSON.parse(await runShell(`${gait} pack verify "${OLDER}" --json`, ROOT));
  assert.equal(verified.ok, true);
  const inspected = JSON.parse(await runShell(`${gait} pack inspect "${OLDER}" --json`, ROOT));
  assert.deepEqual([inspected.ok, inspected.error_code, inspected.exit_code], [false, 'history_missing', 6]);
});
