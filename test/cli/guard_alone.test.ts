import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { type Workspace, workspace } from '../support/cli.ts';
import { childrenOf, guardOf, processes } from '../support/processes.ts';
import {
  becomes,
  eventsOfType,
  gone,
  library,
  linesIn,
  lives,
  pidIn,
  submit,
  until,
} from '../support/work.ts';

/** As PID 1 of a namespace, which is what a container without an init is. */
const ALONE = ['--pid', '--fork', '--mount-proc'];
const AS_OTHER = ['--user', '--map-root-user', ...ALONE];
const way = [ALONE, AS_OTHER].find((words) => spawnSync('unshare', [...words, 'true']).status === 0);
const skip = way === undefined ? 'no namespace of processes can be made here (unshare --pid)' : false;
const alone = { shell: `exec unshare ${way?.join(' ')} "$@"` };

/** The last number that a process or thread of the namespace was given, noted for each line that it is sent. */
const COUNTS = '/proc/sys/kernel/ns_last_pid';
const COUNTING = `
const { appendFileSync, readFileSync, writeFileSync } = require('node:fs');
writeFileSync('pid', process.pid + '\\n');
for (let word = ''; word !== 'end'; ) {
  word = readFileSync('ask', 'utf8').trim();
  appendFileSync('counts', readFileSync('${COUNTS}', 'utf8'));
}`;

/** The worker in its namespace, as it is seen from outside. */
async function workerUnder(unshare: number | undefined): Promise<number> {
  const child = (): number | undefined =>
    childrenOf(unshare ?? 0).find(({ command }) => /main\.cjs/.test(command))?.pid;
  await until('the worker has started', () => child() !== undefined);
  return child() ?? 0;
}

async function renewals(w: Workspace, id: string): Promise<number> {
  return (await eventsOfType(w, id, 'lease_renewed')).length;
}

describe('a worker that is PID 1', { skip, concurrency: 3 }, () => {
  test('renewals leave no process and no zombie behind, nor do commands that ended', async (t) => {
    const w = await workspace(t);
    for (let i = 0; i < 5; i += 1) await submit(w, `short-${i}`, 'true');
    // No process of its own that waits, and none that spins: it reads what somebody will write.
    spawnSync('mkfifo', [w.path('go')]);
    await submit(w, 'long', 'echo $$ >pid; read -r _ <go');
    const { child, done } = w.start('job work --json --once --ttl 6s --concurrency 2', alone);
    const worker = await workerUnder(child.pid);
    t.after(() => worker > 0 && lives(worker) && process.kill(worker, 'SIGKILL'));
    const guard = await guardOf(worker);
    const from = await renewals(w, 'long');
    await until('it was renewed 6 times more', async () => (await renewals(w, 'long')) >= from + 6);
    for (let i = 0; i < 5; i += 1) await becomes(w, `short-${i}`, ({ status }) => status === 'completed');
    const children = childrenOf(worker);
    assert.deepEqual(
      children.filter(({ state }) => state === 'Z'),
      [],
    );
    assert.equal(children.length, 2, JSON.stringify(children)); // the guard and the command
    assert.deepEqual(childrenOf(guard), []);
    await writeFile(w.path('go'), 'go\n');
    assert.equal((await done).json().work?.['finished'], 6);
  });

  test('no renewal starts a process: no limit of them is reached by time', async (t) => {
    if (!existsSync(COUNTS)) return t.skip(`this kernel does not count the processes it started (${COUNTS})`);
    const w = await workspace(t);
    assert.equal(spawnSync('mkfifo', [w.path('ask')]).status, 0);
    const task = { argv: [process.execPath, '-e', COUNTING], cwd: w.dir, pass_env: [] };
    await library(w).submit('long', { task });
    const { done } = w.start('job work --json --once --ttl 6s', alone);
    await pidIn(w, 'pid');
    const count = async (more: number, word: string): Promise<number> => {
      const from = await renewals(w, 'long');
      await until(
        `it was renewed ${more} times more`,
        async () => (await renewals(w, 'long')) >= from + more,
      );
      const before = linesIn(w, 'counts').length;
      await writeFile(w.path('ask'), `${word}\n`);
      await until('it has counted', () => linesIn(w, 'counts').length > before);
      return Number(linesIn(w, 'counts').at(-1));
    };
    const first = await count(1, 'more');
    const started = (await count(6, 'end')) - first;
    assert.ok(started < 6, `${started} processes were started in 6 renewals`);
    assert.equal((await done).json().work?.['finished'], 1);
  });

  test('a worker that is killed takes everything with it', async (t) => {
    const w = await workspace(t);
    await submit(w, 'long', 'trap "" TERM; echo >up; while :; do sleep 0.05; done');
    const { child, done } = w.start('job work --once --ttl 1h', alone);
    const worker = await workerUnder(child.pid);
    await until('the command runs', () => existsSync(w.path('up')));
    const below = processes().filter(({ parent }) => parent === worker);
    assert.equal(below.length, 2);
    process.kill(worker, 'SIGKILL');
    for (const { pid } of below) await gone(pid);
    await done;
  });
});
