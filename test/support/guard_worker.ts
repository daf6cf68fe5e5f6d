import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Ended } from '../../src/job/work/run_ports.ts';
import { childEnv } from './child_env.ts';
import { ROOT, type Workspace } from './cli.ts';
import { guardOf } from './processes.ts';
import { pidIn } from './work.ts';

/** What the command of the bundle starts. */
export const BUNDLED_GUARD: string = join(ROOT, 'bundle', 'chunks', 'guard_main.cjs');

const WORKER = fileURLToPath(new URL('../cli/guard_worker.js', import.meta.url));

/** A command that lives until it is ended, and lets no signal end it that can be refused. */
export const STUBBORN = 'trap "" TERM INT HUP; echo $$ >pid; while :; do sleep 0.05; done';

/** A worker, its guard, and the group of its command, which has started. */
export interface Guarded {
  readonly worker: ChildProcess & { readonly pid: number };
  readonly guard: number;
  readonly group: number;
  /** How the worker says that its command ended. */
  readonly ended: Promise<Ended>;
}

/** Starts a worker for a command that may live so many milliseconds, renewed as often as that; 0: never. */
export async function guarded(
  t: TestContext,
  w: Workspace,
  ms: number,
  every = 0,
  script: string = STUBBORN,
): Promise<Guarded> {
  const worker = spawn(process.execPath, [WORKER, String(ms), String(every), script], {
    cwd: w.dir,
    env: childEnv(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = text(worker.stdout).then((said): Ended => JSON.parse(said));
  ended.catch(() => {}); // a worker that is killed says nothing
  assert.ok(worker.pid !== undefined);
  const group = await pidIn(w, 'pid');
  const guard = await guardOf(worker.pid);
  // Whatever the test shows, nothing of it stays, not even who was stopped.
  t.after(() => {
    for (const one of [worker.pid, guard, -group]) if (one !== undefined) endIt(one);
  });
  return { worker: Object.assign(worker, { pid: worker.pid }), guard, group, ended };
}

function endIt(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended, as it should have
  }
}
