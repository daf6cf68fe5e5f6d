import { GaitError } from '../../../src/core/errors.ts';
import type { JobState } from '../../../src/job/state.ts';
import { approve, resume } from '../../support/given.ts';
import { promised } from '../broken.ts';
import type { Field } from './field.ts';
import type { Host } from './host.ts';
import { OPEN } from './open_faults.ts';
import { repairSeen } from './person.ts';
import { person } from './simulate_runs.ts';

const LONG_MS = 240_000;

/** Nothing goes wrong any more, and persons answer what waits: then every job comes to its end. */
export async function finale(field: Field): Promise<void> {
  field.peaceful = true;
  field.note('all is well from here on');
  const { time } = field;
  for (const machine of field.machines) {
    machine.offsetMs = 0;
    machine.failing = undefined;
  }
  for (const worker of field.workers) {
    for (const command of field.commands.of(worker.host)) command.thaw();
    worker.host.thaw();
  }
  for (const { host } of field.agents) host.thaw();
  // A process that lived through a repair is told of it at every look at the job: somebody starts it anew.
  if (OPEN.livedThroughRepair && field.chronicles.some(({ everDamaged, forked }) => everDamaged || forked))
    field.startAnew();
  const end = time.now + LONG_MS;
  let answerAt = time.now;
  const open = (): string[] =>
    field.chronicles.filter(({ oracle }) => !oracle.isFinal).map(({ jobId }) => jobId);
  while (open().length > 0 || field.chronicles.some(({ damaged }) => damaged)) {
    if (time.now >= answerAt) {
      answerAt = time.now + 1500;
      for (const { jobId } of field.chronicles)
        person(field, (host, name) => helpAlong(field, host, name, jobId), jobId);
    }
    await field.turn();
    const states = (): string =>
      field.chronicles.map(({ jobId, oracle }) => `${jobId} ${oracle.status}`).join(', ');
    promised(time.now < end, () => `jobs that come to no end: ${states()}`);
  }
  for (const chronicle of field.chronicles) {
    chronicle.holds();
    field.tally.finalJobs += 1;
  }
}

async function helpAlong(field: Field, host: Host, name: string, jobId: string): Promise<void> {
  const chronicle = field.chronicle(jobId);
  if (chronicle.damaged || field.zeroed.has(jobId)) return repairSeen(field, host, name, jobId);
  const state = await stateOf(host, jobId);
  if (state === undefined) return repairSeen(field, host, name, jobId);
  if (!['paused', 'blocked', 'decision_needed'].includes(state.status)) return;
  const author = { actor: name, reason: 'go on' };
  for (const { checkpoint_id } of state.open_decisions)
    await host.jobs.execute(jobId, author, approve(checkpoint_id));
  await host.jobs.execute(jobId, author, resume());
}

/** Undefined for a log that has to be repaired first. */
async function stateOf(host: Host, jobId: string): Promise<JobState | undefined> {
  try {
    return (await host.jobs.load(jobId)).state;
  } catch (error) {
    if (error instanceof GaitError && error.category === 'verification_failed') return undefined;
    throw error;
  }
}
