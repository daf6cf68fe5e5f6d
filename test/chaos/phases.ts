import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE_MS, until } from '../support/until.ts';
import { operate, settle } from './operators.ts';
import { PAST_LEASE_S, RANDOM, random, type Site } from './site.ts';
import type { WorkerProcess } from './worker_process.ts';

/** Told now and then, for people who wait. */
export type Progress = (line: string) => void;

/** Two workers over some jobs, one of them killed at random again and again. */
export async function twoWorkers(site: Site, jobs: number, kills: number, say: Progress): Promise<void> {
  await dieAtWork(site);
  const more = (): Promise<void> => site.submit(jobs, ['plain', 'plain', 'steps'], [0.1, 0.8]);
  await more();
  const steady = site.hire();
  while (site.counts.kills < kills) {
    await killSoon(site, site.hire());
    if ((await site.unfinished()) === 0) await more();
    if (site.counts.kills % 10 === 0) say(`two workers: ${site.counts.kills} of ${kills} kills`);
  }
  await drain(site, [steady, site.hire()]);
}

/** Many workers that are killed or stopped, while operators do what they like. */
export async function storm(
  site: Site,
  kills: number,
  { jobs, killers, stoppers }: { readonly jobs: number; readonly killers: number; readonly stoppers: number },
  say: Progress,
): Promise<void> {
  const more = (): Promise<void> => site.submit(jobs, ['plain', 'steps', 'plain', 'asks'], [0.02, 0.6]);
  await more();
  const over = new AbortController();
  const enough = (): boolean => site.counts.kills + site.counts.stops >= kills;
  const repeat = async (turn: () => Promise<void>): Promise<void> => {
    while (!enough()) await turn();
  };
  const feed = async (): Promise<void> => {
    if ((await site.unfinished()) < (jobs * 3) / 4) await more();
    say(`storm: ${site.counts.kills} kills and ${site.counts.stops} stops of ${kills}`);
    await sleep(1000);
  };
  const operators = [operate(site, over.signal), operate(site, over.signal)];
  await Promise.all([
    repeat(feed),
    ...Array.from({ length: killers }, () => repeat(() => killSoon(site, site.hire('--concurrency', '2')))),
    ...Array.from({ length: stoppers }, () => repeat(() => stopAndContinue(site, site.hire()))),
  ]);
  over.abort();
  await Promise.all(operators);
  await drain(site, [site.hire('--concurrency', '4'), site.hire('--concurrency', '4')]);
}

/** A worker dies in the midst of a job, which somebody else has to take over. */
async function dieAtWork(site: Site): Promise<void> {
  await site.submit(1, ['dies'], [0, 0]);
  const worker = site.hire();
  await until('the job has been started', () => existsSync(join(site.dir, 'asked', site.jobIds[0] ?? '')));
  worker.signal('SIGKILL');
  site.counts.kills += 1;
  site.counts.killsAtWork += 1;
  await worker.ended;
}

async function killSoon(site: Site, worker: WorkerProcess): Promise<void> {
  // Anywhere from before its start, or anywhere within its work.
  if (RANDOM.chance(0.3)) await sleep(random(20, 1000));
  else {
    await toWork(worker);
    await sleep(random(0, 600));
  }
  const atWork = worker.running > 0;
  if (worker.signal('SIGKILL')) {
    site.counts.kills += 1;
    if (atWork) site.counts.killsAtWork += 1;
  }
  await worker.ended;
}

/** Until it has claimed a job; not for long, there may be none. */
async function toWork(worker: WorkerProcess): Promise<void> {
  for (let i = 0; i < 60 && worker.said.length === 0; i += 1) await sleep(25);
}

async function stopAndContinue(site: Site, worker: WorkerProcess): Promise<void> {
  await toWork(worker);
  if (!worker.signal('SIGSTOP')) return;
  await sleep(1000 * random(PAST_LEASE_S, PAST_LEASE_S + 1.5));
  if (worker.signal('SIGCONT')) site.counts.stops += 1;
  await sleep(random(50, 800));
  await dismiss(site, worker);
}

/** SIGTERM drains a worker: it ends by itself, with exit 0. */
async function dismiss(site: Site, worker: WorkerProcess): Promise<void> {
  worker.signal('SIGTERM');
  const code = await Promise.race([worker.ended, sleep(PATIENCE_MS, 'late' as const, { ref: false })]);
  if (code !== 0)
    site.faults.push(`${worker.name} was told to drain, and ended with ${code}: ${tail(worker)}`);
}

function tail({ strange }: WorkerProcess): string {
  return strange.slice(-3).join(' | ');
}

/** Lets everything come to an end. What has not after so long without any progress never will. */
async function drain(site: Site, workers: readonly WorkerProcess[]): Promise<void> {
  let [open, since] = [await settle(site), performance.now()];
  while (open.length > 0 && performance.now() - since < PATIENCE_MS) {
    await sleep(300);
    const now = await settle(site);
    if (now.length < open.length) since = performance.now();
    open = now;
  }
  site.counts.stuck = open.length;
  for (const id of open) {
    const { status, stop_reason, lease } = await site.workspace.state(id);
    site.faults.push(`${id} did not end: ${status}, ${stop_reason}, lease ${JSON.stringify(lease)}`);
  }
  await Promise.all(workers.map((worker) => dismiss(site, worker)));
}
