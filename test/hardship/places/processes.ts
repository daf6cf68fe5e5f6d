import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { has, until } from '../gait.ts';
import { completed, count } from '../log.ts';
import { needsRoot, type Place } from './place.ts';
import { drained, type Stage } from './stage.ts';

/** Longer than a lease of 1 s and the grace after it. */
const PAST_LEASE_MS = 4500;
/** What has ended for so long, and still was not waited for, never will be. */
const ZOMBIE_MS = 1000;

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
}

function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return [{ pid: Number(name), parent: Number(parent), state }];
      } catch {
        return []; // it is gone
      }
    });
}

function below(pid: number): number[] {
  const all = processes();
  const childrenOf = (of: number): number[] =>
    all.filter(({ parent }) => parent === of).flatMap((child) => [child.pid, ...childrenOf(child.pid)]);
  return childrenOf(pid);
}

const inContainer: Place = {
  name: 'a worker is PID 1, without an init',
  done: '12 jobs and one of 4 s, the lease of 1 s renewed all the time',
  must: 'no zombies, every job completed, it ends when told to',
  missing: () =>
    needsRoot() ?? (has('unshare', '--pid', '--fork', 'true') ? undefined : 'no namespaces of processes'),
  async act(stage, fault) {
    const ids = Array.from({ length: 13 }, (_, i) => `j${i}`);
    for (const id of ids) await stage.submit(id, id === 'j12' ? 4 : 0, 0);
    const worker = stage.worker('w', {
      through: ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'],
    });
    if (!(await until(() => ids.every((id) => completed(stage.log(id)))))) fault('the jobs did not end');
    await sleep(ZOMBIE_MS);
    const first = processes().find(({ parent }) => parent === worker.child.pid)?.pid ?? -1;
    const zombies = processes().filter(({ parent, state }) => parent === first && state === 'Z');
    if (zombies.length > 0) fault(`${zombies.length} zombies`);
    for (const id of ids) for (const what of await stage.notDone(id)) fault(what);
    process.kill(first, 'SIGTERM');
    const { exit, err } = await worker.done;
    if (exit !== 0) fault(`told to drain it ended with ${exit}: ${err}`);
  },
};

function stopped(what: string, whom: (worker: number) => readonly number[]): Place {
  return {
    name: `${what} stands still for longer than a lease`,
    done: `SIGSTOP, ${PAST_LEASE_MS / 1000} s, SIGCONT; a lease of 1 s, nobody else around`,
    must: 'the job runs again by itself and is completed, nobody is blamed',
    missing: () => (process.platform === 'linux' ? undefined : 'no /proc'),
    async act(stage, fault) {
      await stage.submit('j', 60, 0);
      const worker = stage.worker('w');
      await stage.running('j');
      const pids = whom(worker.child.pid ?? 0);
      for (const pid of pids) process.kill(pid, 'SIGSTOP');
      await sleep(PAST_LEASE_MS);
      for (const pid of pids) signalled(pid, 'SIGCONT');
      for (const found of [...(await stage.notDone('j')), ...(await drained(worker))]) fault(found);
    },
  };
}

/** What was stopped may have been killed meanwhile. */
function signalled(pid: number, signal: 'SIGCONT'): void {
  try {
    process.kill(pid, signal);
  } catch {}
}

const hungUp: Place = {
  name: 'the terminal hangs up',
  done: 'SIGHUP to job run while its command runs, then another worker',
  must: 'given back (given_up), exit 1, not blocked; the other worker completes it',
  missing: () => undefined,
  async act(stage, fault) {
    await stage.submit('j', 60, 0);
    const run = stage.start(['job', 'run', '--id', 'j', '--complete', '--worker', 'w', '--json']);
    await stage.running('j');
    run.child.kill('SIGHUP');
    const { exit, out, err } = await run.done;
    if (exit !== 1) fault(`exit ${exit}: ${out}${err}`);
    const given = stage.log('j').events.filter(({ payload }) => payload['outcome'] === 'given_up');
    if (given.length !== 1) fault(`given back ${given.length} times`);
    await another(stage, fault);
  },
};

const nohup: Place = {
  name: 'the terminal hangs up on a worker under nohup',
  done: 'SIGHUP to nohup job run while its command runs 3 s, then another worker',
  must: 'it goes on, or is given back: completed, not blocked, never two at once',
  missing: () => (has('nohup', 'true') ? undefined : 'no nohup'),
  async act(stage, fault) {
    await stage.submit('j', 3, 0);
    const words = ['job', 'run', '--id', 'j', '--complete', '--worker', 'w', '--json'];
    const run = stage.start(words, { through: ['nohup'] });
    await stage.running('j');
    run.child.kill('SIGHUP');
    const { exit, out, err } = await run.done;
    const done = count(stage.log('j'), 'checkpoint_added', 'checkpoint_completed') === 1;
    if (exit !== (done ? 0 : 1)) fault(`exit ${exit}, and ${done ? '' : 'not '}completed: ${out}${err}`);
    await another(stage, fault);
  },
};

async function another(stage: Stage, fault: (what: string) => void): Promise<void> {
  await stage.ok(['job', 'work', '--once', '--worker', 'other']);
  for (const what of await stage.notDone('j')) fault(what);
}

export const PROCESSES: readonly Place[] = [
  inContainer,
  stopped('a worker', (worker) => [worker]),
  stopped('a worker with all that it started', (worker) => [worker, ...below(worker)]),
  hungUp,
  nohup,
];
