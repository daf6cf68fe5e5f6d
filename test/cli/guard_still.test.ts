import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { realPorts } from '../../src/host/process/spawn.ts';
import { environmentHere } from '../../src/job/environment.ts';
import { type Workspace, workspace } from '../support/cli.ts';
import { STUBBORN } from '../support/guard_worker.ts';
import { guardOf } from '../support/processes.ts';
import { pidIn } from '../support/work.ts';

/** May live as long as a test lasts. */
const LONG = 600_000;

function sh(w: Workspace, script: string): { argv: string[]; cwd: string; pass_env: string[] } {
  return { argv: ['/bin/sh', '-c', script], cwd: w.dir, pass_env: [] };
}

test('a guard that stands still counts as gone: what it watched ends, and the next command gets another', async (t) => {
  const w = await workspace(t);
  const ports = realPorts(process.env, 'stderr', environmentHere, 1000);
  const first = ports.start(sh(w, STUBBORN), {}, LONG);
  t.after(() => first.kill('SIGKILL'));
  await pidIn(w, 'pid');
  const guard = await guardOf(process.pid);
  assert.ok(guard !== undefined);
  process.kill(guard, 'SIGSTOP');
  const unwatched = await ports.start(sh(w, 'echo ran >second'), {}, LONG).ended;
  assert.equal(unwatched.killedBy, 'guard');
  assert.match(unwatched.error ?? '', /guard of the commands ended/);
  assert.equal(existsSync(w.path('second')), false);
  assert.equal((await first.ended).killedBy, 'guard');
  assert.equal((await ports.start(sh(w, 'exit 3'), {}, LONG).ended).exitCode, 3);
});
