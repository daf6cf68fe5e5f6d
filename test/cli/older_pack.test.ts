import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { runShell } from '../support/shell.ts';

const ROOT = process.env['GAIT_ROOT'] ?? process.cwd();
const OLDER = join(ROOT, 'tck', 'v1', 'older-producer.zip');

test('a sound pack of an older producer is verified as far as it goes, and shown as one that nothing chains', async () => {
  const gait = `"${process.execPath}" "${join(ROOT, 'bundle', 'main.cjs')}"`;
  const verified = JSON.parse(await runShell(`${gait} pack verify "${OLDER}" --json`, ROOT));
  assert.equal(verified.ok, true);
  const inspected = JSON.parse(await runShell(`${gait} pack inspect "${OLDER}" --json`, ROOT));
  const { job_lineage, timeline } = inspected.inspect;
  assert.deepEqual([inspected.ok, job_lineage.event_count, job_lineage.head], [true, 2, undefined]);
  assert.deepEqual(
    timeline.map(({ kind, actor }: { kind: string; actor: string }) => [kind, actor]),
    [
      ['submitted', 'alice'],
      ['paused', 'alice'],
    ],
  );
});
