import { FINAL_STATUSES } from '../../src/job/transitions.ts';
import { checkpoint, environmentOf } from '../support/given.ts';
import { promised } from './broken.ts';
import { GRACE_MS, type JobView } from './job_view.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/** More turns than any operation takes that nothing holds up. */
const TURNS = 200;
const LONG_MS = 3_600_000;

/** At the end: all that stand still go on, the power fails a last time, and every job can be worked on, or is final. */
export async function finale(world: World): Promise<void> {
  for (let turns = 0; turns < TURNS; turns += 1) {
    const waiting = world.actors.find(({ run }) => run?.suspended === true)?.run;
    if (waiting === undefined) break;
    world.goOn(waiting);
    await world.settle();
  }
  promised(
    world.actors.every((actor) => actor.idle),
    'an operation that goes on for ever',
  );
  world.failPower();
  await world.settle();
  world.pass(LONG_MS);
  for (const view of world.views) if (view.job !== undefined) await workOn(world.observer(), view);
  await world.check(false, true);
}

async function workOn(process: Process, view: JobView): Promise<void> {
  const { jobId, job } = view;
  const author = { actor: 'last', reason: 'at the end' };
  if (job === undefined || FINAL_STATUSES.has(job.status)) {
    const cancelled = await process.execute(jobId, author, { kind: 'cancel' }).catch(() => undefined);
    promised(cancelled === undefined, `${jobId} was ${job?.status}, and was cancelled`);
    return;
  }
  const budgeted = job.budget !== null;
  if (job.status !== 'running' || budgeted) {
    await process.execute(jobId, author, { kind: 'cancel' });
    return;
  }
  const claim = {
    kind: 'claim',
    workerId: 'last',
    ttlMs: 1000,
    graceMs: GRACE_MS,
    claim: environmentOf(job),
  } as const;
  const token = (await process.execute(jobId, author, claim)).state?.lease?.token;
  promised(token !== undefined, `${jobId}: a claim that gave no token`);
  await process.execute(jobId, author, { ...checkpoint('progress'), token } as Parameters<
    Process['execute']
  >[2]);
  await process.execute(jobId, author, { kind: 'release', token, outcome: 'finished' });
}
