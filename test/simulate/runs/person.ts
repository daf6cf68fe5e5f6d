import { GaitError } from '../../../src/core/errors.ts';
import type { JobCommand } from '../../../src/job/command.ts';
import { planRepair } from '../../../src/job/repair/repair.ts';
import type { JobState } from '../../../src/job/state.ts';
import { approve, cancel, checkpoint, claim, pause, resume, stop } from '../../support/given.ts';
import { promised } from '../broken.ts';
import { GRACE_MS } from './chronicle.ts';
import type { Field } from './field.ts';
import type { Host } from './host.ts';
import { OPEN } from './open_faults.ts';

/** What a person does with a job: looks, thinks, and says something that is bound to what was seen. */
export async function anyWord(field: Field, host: Host, name: string, jobId: string): Promise<void> {
  const { random } = field;
  const seen = (await host.jobs.load(jobId)).state;
  await host.sleep(random.chance(0.5) ? 0 : random.below(3000));
  const waits = ['paused', 'blocked', 'decision_needed'].includes(seen.status);
  const open = seen.open_decisions.length > 0 ? 1 : 0;
  switch (
    random.weighed({
      pause: waits ? 0.2 : 0.9,
      approve: 9 * open,
      resume: waits ? 6 - 4 * open : 0.3,
      cancel: 0.1,
      stop: 0.1,
      claim: 1.2,
      foreign: seen.lease === null || seen.lease.worker_id === name ? 0 : 0.8,
    })
  ) {
    case 'pause':
      return say(field, host, name, seen, pause);
    case 'approve':
      return approveSeen(field, host, name, seen);
    case 'resume':
      return say(field, host, name, seen, resume());
    case 'cancel':
      return say(field, host, name, seen, cancel);
    case 'stop':
      return say(field, host, name, seen, stop);
    case 'claim':
      await host.jobs.execute(jobId, { actor: name }, claim(name, 1000, GRACE_MS));
      return;
    case 'foreign':
      return withForeignToken(field, host, name, seen);
  }
}

async function say(field: Field, host: Host, name: string, seen: JobState, order: JobCommand): Promise<void> {
  const { job_id, revision } = seen;
  const bound = field.random.chance(0.5);
  const author = { actor: name, reason: 'because', ...(bound ? { ifRevision: revision } : {}) };
  const { events } = await host.jobs.execute(job_id, author, order);
  const [said] = events;
  promised(
    !bound || said?.['revision'] === revision + 1,
    `${order.kind} was to count at revision ${revision} only`,
  );
  field.tally.personsObeyed += 1;
}

/** By its id, by the revision, or just so. In each case it has to be the one that the person saw. */
async function approveSeen(field: Field, host: Host, name: string, seen: JobState): Promise<void> {
  const { random } = field;
  const { job_id, revision, open_decisions } = seen;
  const asked = open_decisions[random.below(open_decisions.length)]?.checkpoint_id ?? '';
  const form = random.pick(['by id', 'by revision', 'just so', 'just so'] as const);
  const order = approve(form === 'by id' ? asked : undefined);
  const author = { actor: name, reason: 'yes', ...(form === 'by revision' ? { ifRevision: revision } : {}) };
  const { events } = await host.jobs.execute(job_id, author, order);
  const payload = events[0]?.['payload'] as { checkpoint_id: string };
  promised(payload.checkpoint_id === asked, `${name} saw ${asked}, and approved ${payload.checkpoint_id}`);
  field.tally.personsObeyed += 1;
  if (random.chance(0.7)) return;
  // And thinks better of it.
  await host.sleep(random.below(600));
  await host.jobs.execute(job_id, { actor: name }, pause);
}

/** A token is good only with its worker's name. */
async function withForeignToken(field: Field, host: Host, name: string, seen: JobState): Promise<void> {
  const token = seen.lease?.token ?? 0;
  const order = field.random.pick<JobCommand>([
    { kind: 'renew', token, ttlMs: 5000 },
    { kind: 'release', token, outcome: 'finished' },
    { ...checkpoint('progress'), token } as JobCommand,
  ]);
  await host.jobs.execute(seen.job_id, { actor: name }, order);
  promised(false, `${name} used the token ${token} of ${seen.lease?.worker_id}`);
}

/** Looks at what a repair would do, thinks, and has it done. */
export async function repairSeen(field: Field, host: Host, name: string, jobId: string): Promise<void> {
  const chronicle = field.chronicle(jobId);
  const plan = await planRepair(host.files, jobId);
  if (plan === undefined) {
    chronicle.nothingToRepair();
    return;
  }
  field.look();
  const shown = chronicle.hashesBehind(plan.keep.revision);
  await host.sleep(field.random.below(3000));
  try {
    chronicle.mayGo(shown);
    await field.subject.repair(host.files, jobId, plan, { actor: name, reason: 'damage' }, host.now());
    field.tally.repairs += 1;
    field.note(`${name} has repaired ${jobId} after revision ${plan.keep.revision}`);
    field.commands.stopped(jobId);
    if (field.peaceful && OPEN.livedThroughRepair) field.startAnew();
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
    if (error.code === 'repair_would_empty') field.restore(jobId);
    if (error.code === 'log_moved_on') field.tally.repairsOvertaken += 1;
    throw error;
  }
}
