import type { JsonObject } from '../../src/core/json.ts';
import type { JobCommand } from '../../src/job/command.ts';
import type { CommandContext } from '../../src/job/decision.ts';
import type { Job } from '../../src/job/state.ts';
import { type Batch, seal } from '../../src/log/record.ts';
import type { AppendOutcome, EventStore } from '../../src/log/store.ts';
import { GAIT, type Subject } from './subject.ts';

const { decide, model } = GAIT;

/** Gait with one thing broken in it: the simulator must find each of them. */
export const MUTANTS: Readonly<Record<string, Partial<Subject>>> = {
  'a decider that writes the token that is due, whoever asks': {
    decide(job, command, context) {
      const decision = decide(job, withLiveToken(job, command), asHolder(job, command, context));
      return { ...decision, events: decision.events.map((event) => ({ ...event, actor: context.actor })) };
    },
  },
  'a decider and a reducer that look at no token': {
    decide(job, command, context) {
      const decision = decide(job, withLiveToken(job, command), asHolder(job, command, context));
      if (!('token' in command) || command.token === undefined) return decision;
      return { ...decision, events: decision.events.map((event) => withToken(event, command.token)) };
    },
    model: {
      ...model,
      evolve: (job, event) =>
        model.evolve(job, event['type'] === 'lease_acquired' ? event : withToken(event, job?.lease?.token)),
    },
  },
  'a decider that takes a lease over before its time': {
    decide: (job, command, context) =>
      decide(job, command.kind === 'claim' ? { ...command, graceMs: -1000 } : command, context),
  },
  'a decider that goes on with a job that is over': {
    decide: (job, command, context) =>
      decide(job?.status === 'cancelled' ? { ...job, status: 'running' } : job, command, context),
  },
  'a store that acknowledges before the disk has it': { disk: (fs) => ({ ...fs, sync: () => {} }) },
  'a store that does not put new names on disk': { disk: (fs) => ({ ...fs, syncDir: () => {} }) },
  'a store that leaves a torn tail where it is': { disk: (fs) => ({ ...fs, truncate: () => {} }) },
  'a store that appends to whatever head it finds': {
    store: (inner) => ({ ...inner, append: (batch) => appendAnyway(inner, batch) }),
  },
  'a store that takes an unknown outcome for a good one': {
    store: (inner) => ({ ...inner, append: (batch) => hopeful(inner, batch) }),
  },
  'a snapshot that forgets the lease': {
    model: {
      ...model,
      snapshot: { ...model.snapshot, save: (job) => ({ ...model.snapshot.save(job), lease: null }) },
    },
  },
};

function withLiveToken(job: Job, command: JobCommand): JobCommand {
  const token = job?.lease?.token;
  return 'token' in command && token !== undefined ? { ...command, token } : command;
}

/** In the name of whoever holds the lease. */
function asHolder(job: Job, command: JobCommand, context: CommandContext): CommandContext {
  const holder = job?.lease?.worker_id;
  return 'token' in command && holder !== undefined ? { ...context, actor: holder } : context;
}

function withToken(event: JsonObject, token: number | undefined): JsonObject {
  const payload = event['payload'] as JsonObject;
  return 'token' in payload && token !== undefined ? { ...event, payload: { ...payload, token } } : event;
}

/** Puts the events of a refused batch at the end that it finds, with the revisions that are due there. */
async function appendAnyway(inner: EventStore, batch: Batch): Promise<AppendOutcome> {
  const outcome = await inner.append(batch);
  if (outcome.status !== 'conflict' || outcome.head === 'none') return outcome;
  const { head } = outcome;
  const events = batch.records.map(({ event }, i) => ({ ...event, revision: head.revision + 1 + i }));
  return inner.append(seal(batch.stream, model.idField, head, events));
}

async function hopeful(inner: EventStore, batch: Batch): Promise<AppendOutcome> {
  const outcome = await inner.append(batch);
  if (outcome.status !== 'unknown' || batch.expected === 'none') return outcome;
  let offset = 0;
  for await (const records of inner.read(batch.stream)) offset = records.at(-1)?.offset ?? offset;
  return { status: 'committed', head: { ...batch.head, offset } };
}
