import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { JobState } from '../../src/job/state.ts';
import { FINAL_STATUSES } from '../../src/job/transitions.ts';
import { BINARY } from '../support/cli.ts';
import { childEnv } from '../support/shell.ts';
import { oneOf, RANDOM, random, type Site } from './site.ts';

interface Answer {
  readonly ok: boolean;
  readonly error_code?: string;
  readonly head?: { readonly revision: number; readonly hash: string };
}

/** Runs one of the operators' commands, sometimes to kill it; undefined if it was not heard to the end. */
async function gait(site: Site, words: readonly string[], killAfterMs?: number): Promise<Answer | undefined> {
  const child = spawn(process.execPath, [BINARY, 'job', ...words, '--root', site.root, '--json'], {
    cwd: site.dir,
    env: childEnv(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = (): void => {
    if (child.kill('SIGKILL')) site.counts.operatorKills += 1;
  };
  const timer = killAfterMs === undefined ? undefined : setTimeout(kill, killAfterMs);
  const said = await text(child.stdout);
  clearTimeout(timer);
  return said.endsWith('\n') ? (JSON.parse(said) as Answer) : undefined;
}

/** Gives a job an order with a text that no other order has. */
async function order(site: Site, jobId: string, words: readonly string[], flag = '--reason'): Promise<void> {
  const mark = `order-${site.marks.length}-`;
  site.marks.push(mark);
  const killAfterMs = RANDOM.chance(0.4) ? random(10, 120) : undefined;
  const answer = await gait(site, [...words, '--id', jobId, '--actor', 'operator', flag, mark], killAfterMs);
  if (answer?.ok === true && answer.head !== undefined)
    site.acknowledged.push({ jobId, head: answer.head, mark });
}

/** A writer that was told nothing: it goes on under a lease that another worker has taken over. */
async function writeLate(site: Site, { job_id, lease }: JobState): Promise<void> {
  const dead = site.workers
    .flatMap(({ said }) => said)
    .filter(({ jobId, token }) => jobId === job_id && token !== lease?.token && token > 0);
  const token = oneOf(dead)?.token;
  if (token === undefined) return;
  const mark = `late-${token}-${site.marks.length}-`;
  site.marks.push(mark);
  const words = ['checkpoint', 'add', '--id', job_id, '--token', String(token), '--summary', mark];
  const answer = await gait(site, words);
  if (answer?.error_code === 'lease_lost') site.counts.refusedWrites += 1;
  if (answer?.ok === true) {
    site.counts.acceptedLate += 1;
    site.faults.push(`${job_id}: a write under the dead token ${token} was accepted`);
  }
}

async function decide(site: Site, job: JobState): Promise<void> {
  const { job_id: id, status, open_decisions } = job;
  const luck = RANDOM.real();
  const [open] = open_decisions;
  if (open !== undefined && luck < 0.8)
    return order(site, id, ['approve', '--checkpoint', open.checkpoint_id]);
  if (status !== 'running') return order(site, id, ['resume']);
  if (luck < 0.4) return writeLate(site, job);
  if (luck < 0.65) return order(site, id, ['pause']);
  if (luck < 0.7) return order(site, id, ['cancel']);
  return order(site, id, ['checkpoint', 'add', '--type', 'plan'], '--summary');
}

/** A person who pauses, approves, resumes and cancels at random, until told to stop. */
export async function operate(site: Site, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    const id = oneOf(site.jobIds.slice(-120));
    if (id === undefined) return;
    const job = await site.workspace.state(id);
    if (!FINAL_STATUSES.has(job.status)) await decide(site, job);
  }
}

/** Approves and resumes whatever waits for a person, so that all jobs can come to an end; answers how many have not. */
export async function settle(site: Site): Promise<string[]> {
  const open: string[] = [];
  for (const id of site.jobIds) {
    const job = await site.workspace.state(id);
    if (FINAL_STATUSES.has(job.status)) continue;
    open.push(id);
    for (const { checkpoint_id } of job.open_decisions)
      await site.workspace.approve(id, { reason: 'at the end', checkpointId: checkpoint_id });
    if (job.status !== 'running') await site.resume(id);
  }
  return open;
}
