import { GaitError } from '../../src/core/errors.ts';
import type { JobCommand } from '../../src/job/command.ts';
import { decidedAt } from '../../src/job/decision.ts';
import { verifyJob } from '../../src/job/read/verify.ts';
import type { Actor } from './actor.ts';
import { promised } from './broken.ts';
import type { JobView } from './job_view.ts';
import type { World } from './world.ts';

/** What an actor does in one go; answers what came of it, for the trace. */
export interface Operation {
  readonly what: string;
  perform(): Promise<string>;
}

/** Gives one command. `keep`: and keeps a snapshot of what came of it, as is done at every 256th event. */
export function command(
  world: World,
  actor: Actor,
  view: JobView,
  order: JobCommand,
  keep = false,
): Operation {
  const { jobId } = view;
  const token = 'token' in order ? ` with ${order.token ?? 'no token'}` : '';
  const kind = order.kind === 'checkpoint' ? order.type : order.kind;
  const kept = keep ? ', and a snapshot' : '';
  return { what: `${kind} ${jobId}${token}${kept}`, perform: () => give(world, actor, view, order, keep) };
}

/** Two commands at once in the same process: their appends go out together. */
export function together(
  world: World,
  actor: Actor,
  view: JobView,
  orders: readonly JobCommand[],
): Operation {
  return {
    what: `${orders.map(({ kind }) => kind).join(' and ')} ${view.jobId} at once`,
    async perform() {
      const answers = await Promise.allSettled(orders.map((order) => give(world, actor, view, order)));
      const thrown = answers.find((answer) => answer.status === 'rejected');
      if (thrown !== undefined) throw thrown.reason;
      return answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : '')).join(', ');
    },
  };
}

async function give(
  world: World,
  actor: Actor,
  view: JobView,
  order: JobCommand,
  keep = false,
): Promise<string> {
  const { process } = actor;
  const { jobId } = view;
  try {
    const author = { actor: actor.name, reason: 'because' };
    const { state, position, events } = await process.execute(jobId, author, order);
    if (!process.alive) return 'ended with its process';
    if (keep && events.length > 0) {
      const kept = { position, state: world.subject.model.snapshot.save(state) };
      await process.store.saveSnapshot(jobId, kept);
    }
    if (order.kind === 'claim') return granted(world, actor, jobId, state?.lease?.token ?? 0);
    if (order.kind === 'release') actor.holds.delete(jobId);
    return `done, revision ${state?.revision}`;
  } catch (error) {
    if (!process.alive) return 'ended with its process';
    if (!(error instanceof GaitError)) throw error;
    if (error.code === 'lease_lost') {
      world.tally.staleWritesRefused += 1;
      actor.holds.delete(jobId);
    }
    return refused(world, actor, view, order, error);
  }
}

function granted(world: World, actor: Actor, jobId: string, token: number): string {
  const key = `${jobId} ${token}`;
  promised(!world.granted.has(key), `the token ${token} of ${jobId} was given to two`);
  world.granted.add(key);
  world.tally.claims += 1;
  actor.tokens.set(jobId, [...(actor.tokens.get(jobId) ?? []), token]);
  actor.holds.add(jobId);
  return `token ${token}`;
}

/** A refusal is one that this actor may get here, and that the log bears out. */
function refused(world: World, actor: Actor, view: JobView, order: JobCommand, error: GaitError): string {
  const { process } = actor;
  world.assertExpected(process, error);
  const decided = ['invalid_input', 'policy_blocked', 'approval_required'].includes(error.category);
  if ((decided || /^lease_/.test(error.code)) && world.isCurrent) {
    const { decide } = world.subject;
    const context = {
      jobId: view.jobId,
      actor: actor.name,
      now: decidedAt(view.job, process.now()),
      reason: 'because',
    };
    const { refusal } = decide(view.job, order, context);
    // A refusal that was recorded changed the job that it was about.
    const recorded = error.code === 'environment_mismatch' || error.code === 'budget_exceeded';
    promised(recorded || refusal?.code === error.code, () => {
      return `${order.kind} refused with ${error.code}, where the log calls for ${refusal?.code ?? 'no refusal'}`;
    });
    const live = view.oracle.liveToken;
    const given = 'token' in order ? order.token : undefined;
    promised(error.code !== 'lease_lost' || live !== given, `the token ${live} is live, and was refused`);
  }
  return `refused, ${error.code}`;
}

/** Looks at a job. It is never seen as it was before what everybody was told is on disk. */
export function status(world: World, actor: Actor, view: JobView): Operation {
  return {
    what: `status ${view.jobId}`,
    async perform() {
      const { owed } = view;
      const { process } = actor;
      const { position } = await process.handle(view.jobId).load();
      if (!process.alive) return 'ended with its process';
      promised(position.revision >= owed, `saw revision ${position.revision} after ${owed} was acknowledged`);
      if (world.isCurrent) {
        const head = view.hashes.at(-1) ?? position.hash;
        promised(position.hash === head, `saw revision ${position.revision} of ${view.hashes.length}`);
      }
      return `revision ${position.revision}`;
    },
  };
}

/** Verifies a log as an auditor does, while others write it. */
export function verify(actor: Actor, { jobId }: JobView): Operation {
  return {
    what: `verify ${jobId}`,
    async perform() {
      const { findings, events_checked } = await verifyJob(actor.process.files, jobId);
      // A snapshot may be of events that were never acknowledged, and are gone.
      const wrong = findings.filter(({ code }) => code !== 'snapshot_ahead');
      promised(wrong.length === 0 || !actor.process.alive, `verify found ${wrong[0]?.message}`);
      return `${events_checked} events`;
    },
  };
}

export function list(actor: Actor): Operation {
  return { what: 'list', perform: async () => (await actor.process.store.list()).join(' ') };
}
