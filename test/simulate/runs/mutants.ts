import { GaitError } from '../../../src/core/errors.ts';
import { epochMs } from '../../../src/core/time.ts';
import type { JobCommand } from '../../../src/job/command.ts';
import type { AfterRepair } from '../../../src/job/events.ts';
import type { JobRow } from '../../../src/job/read/row.ts';
import { type RepairPlan, repair } from '../../../src/job/repair/repair.ts';
import type { Job, JobState } from '../../../src/job/state.ts';
import { seal } from '../../../src/log/record.ts';
import { cutAfter, remainderAfter } from '../../../src/log/repair.ts';
import type { Listed } from '../../../src/log/stores/listing.ts';
import type { Executed } from '../../../src/log/stream.ts';
import { GRACE_MS } from './chronicle.ts';
import type { Host } from './host.ts';
import { GAIT_RUNS, type RunSubject } from './subject.ts';

const { rules } = GAIT_RUNS;
const FINAL = new Set(['completed', 'cancelled', 'emergency_stopped']);

/** Gait with one of the faults put back that issue 12 mended: the simulator must find each of them. */
export const RUN_MUTANTS: Readonly<Record<string, Partial<RunSubject>>> = {
  'H2, A1: after a repair tokens and ids go on from what was kept': repairedWith((after, { job, keep }) => ({
    ...after,
    token_floor: Math.max(job?.last_token ?? 0, keep.revision),
    checkpoint_floor: job?.checkpoint_count ?? 0,
  })),
  'H2: a token is good with any name': decidedBy((job, command) => {
    const { lease } = job ?? {};
    const has = 'token' in command && command.token === lease?.token && lease !== undefined;
    return has ? ({ ...command, worker: lease?.worker_id } as JobCommand) : command;
  }, true),
  'C2: a repaired job keeps the status of what was kept': {
    rules: {
      ...rules,
      model: {
        ...rules.model,
        evolve: (job, event) => {
          const next = rules.model.evolve(job, event);
          const wasRepaired = event['type'] === 'repaired' && next !== undefined && job !== undefined;
          return wasRepaired ? { ...next, status: job.status, stop_reason: job.stop_reason } : next;
        },
      },
    },
  },
  'C2: what the cut proves as final waits for a person': repairedWith((after, { job }) =>
    FINAL.has(job?.status ?? '') ? after : { ...after, status: 'blocked' },
  ),
  'C1: a repair does not look at the damage under the lock': {
    async repair(store, jobId, plan, author, now) {
      const { job, keep, after } = plan;
      const left = await remainderAfter(store, jobId, keep, () => true);
      if (after === undefined || left === undefined) return repair(store, jobId, plan, author, now);
      const cut = await cutAfter(
        store,
        jobId,
        keep,
        left,
        () => true,
        ({ bytes, sha256, keptAs }) => {
          const order = { kind: 'repair', cutBytes: bytes, cutSha256: sha256, keptAs, after } as const;
          const { events } = rules.decide(job, order, { ...author, jobId, now });
          return seal(jobId, rules.model.idField, keep, events).records;
        },
      );
      return { cut, after };
    },
  },
  'C3: a read that fails is a lease that is not ours, and the end is told all the same': {
    load: withoutLease,
    result: (result) =>
      result.outcome === 'lost' && result.ended.exitCode === 0 ? { ...result, outcome: 'finished' } : result,
  },
  'H1: the end of a command is written once or not at all': {
    execute: async (command, execute) => {
      try {
        return await execute(command);
      } catch (error) {
        const isEnd =
          command.kind === 'release' || (command.kind === 'checkpoint' && command.type === 'completed');
        if (!isEnd || !(error instanceof GaitError) || error.category !== 'io_failure') throw error;
        throw new GaitError({ code: 'test.disk_gone', category: 'policy_blocked', message: error.message });
      }
    },
  },
  'A3: a process that stood still renews a lease whose time is over': {
    monotonic: ({ stoodMs }, now) => now - stoodMs,
  },
  'A3: what the guard did is blamed on the command': {
    ended: ({ killedBy: _, ...ended }) => ended,
  },
  'A5: an agent resumes whatever state it finds': decidedBy((_job, command) => {
    if (command.kind !== 'resume') return command;
    const { automatic: _, ...asPerson } = command;
    return asPerson;
  }),
  'H8: a command that ends while its decision is open is told as finished': {
    execute: (command, execute) => execute(asFinished(command)),
    result: (result) => (result.waitsFor === undefined ? result : { ...result, outcome: 'finished' }),
  },
  'M4: only the lease just before is waited for': {
    rules: {
      ...rules,
      model: {
        ...rules.model,
        evolve: (job, event) => {
          if (event['type'] !== 'lease_acquired' || job === undefined) return rules.model.evolve(job, event);
          const { unsettled_ms: _, ...forgetful } = job;
          return rules.model.evolve(forgetful, event);
        },
      },
    },
  },
  'a worker takes up what its clock says is over': { rows: unwatched },
  'A4: an approval that names nothing is of what is open when it is decided': decidedBy((job, command) => {
    const [open] = job?.open_decisions ?? [];
    if (command.kind !== 'approve' || command.checkpointId !== undefined || open === undefined)
      return command;
    return { ...command, checkpointId: open.checkpoint_id };
  }),
  'A4: the revision that a person saw is not looked at': {
    rules: {
      ...rules,
      decide: (job, command, { ifRevision: _, ...context }) => rules.decide(job, command, context),
    },
  },
};

/** `asHolder`: as the worker whose lease it is. */
function decidedBy(
  mutate: (job: Job, command: JobCommand) => JobCommand,
  asHolder = false,
): Partial<RunSubject> {
  return {
    rules: {
      ...rules,
      decide(job, command, context) {
        const given = mutate(job, command);
        const actor =
          asHolder && given !== command ? (job?.lease?.worker_id ?? context.actor) : context.actor;
        const { events, refusal } = rules.decide(job, given, { ...context, actor });
        const signed = events.map((event) => ({ ...event, actor: context.actor }));
        return refusal === undefined ? { events: signed } : { events: signed, refusal };
      },
    },
  };
}

function repairedWith(mutate: (after: AfterRepair, plan: RepairPlan) => AfterRepair): Partial<RunSubject> {
  return {
    repair: (store, jobId, plan, author, now) =>
      repair(
        store,
        jobId,
        plan.after === undefined ? plan : { ...plan, after: mutate(plan.after, plan) },
        author,
        now,
      ),
  };
}

/** The last states that processes were shown. */
const SHOWN = new WeakMap<Host, Map<string, Executed<JobState>>>();

async function withoutLease(
  host: Host,
  jobId: string,
  load: () => Promise<Executed<JobState>>,
): Promise<Executed<JobState>> {
  const shown = SHOWN.get(host) ?? new Map<string, Executed<JobState>>();
  SHOWN.set(host, shown);
  try {
    const loaded = await load();
    shown.set(jobId, loaded);
    return loaded;
  } catch (error) {
    const last = shown.get(jobId);
    if (!(error instanceof GaitError) || error.category !== 'io_failure' || last === undefined) throw error;
    return { ...last, state: { ...last.state, lease: null } };
  }
}

function asFinished(command: JobCommand): JobCommand {
  const ended = command.kind === 'release' && command.outcome === 'given_up' && command.exitCode === 0;
  return ended ? { ...command, outcome: 'finished' } : command;
}

async function* unwatched(
  host: Host,
  rows: AsyncGenerator<readonly Listed<JobRow>[]>,
): AsyncGenerator<readonly Listed<JobRow>[]> {
  for await (const group of rows) {
    yield group.map((listed) => {
      const { row } = listed;
      if (row instanceof GaitError || row.leased_until === null) return listed;
      const over = epochMs(row.leased_until) + GRACE_MS <= epochMs(host.now());
      return over ? { ...listed, row: { ...row, lease_ms: 0, unsettled_ms: 0 } } : listed;
    });
  }
}
