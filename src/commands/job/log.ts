import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandSpec, command, type Reply } from '../../cli/command.ts';
import type { Io } from '../../cli/io.ts';
import { JOB_OUTPUT, jobFlags } from '../../cli/job_flags.ts';
import { asJson, eventLine, jobLines } from '../../cli/job_text.ts';
import { openJobs } from '../../cli/workspace.ts';
import { canonicalize } from '../../core/canonical.ts';
import { invalidInput } from '../../core/errors.ts';
import { eventOf, readHistory, runtimeState } from '../../job/history.ts';
import { jobModel } from '../../job/model.ts';
import { jobNotFound } from '../../job/refusals.ts';
import type { Job } from '../../job/state.ts';
import { FINAL_STATUSES } from '../../job/transitions.ts';
import { type Folded, foldRecord } from '../../log/fold.ts';
import { LOG_START } from '../../log/scan.ts';
import type { EventStore } from '../../log/store.ts';

const POLL_MS = 200;

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'log' },
  summary: 'Show the events of a job, or the job as it was at one of them.',
  description:
    '--follow goes on printing events as they come, until the job is final; with --json each event is a line of its ' +
    'own. --at shows the state after that revision.',
  examples: [
    { says: 'Show the events', line: 'job log --id nightly' },
    { says: 'Watch a job', line: 'job log --id nightly --follow' },
    { says: 'The job as it was after its third event', line: 'job log --id nightly --at 3' },
  ],
  flags: {
    ...jobFlags,
    follow: { type: 'boolean', summary: 'Go on until the job is final.' },
    at: { type: 'count', value: 'REVISION', summary: 'Show the state as it was after this event.' },
  },
  async run({ flags }, io) {
    const { store } = openJobs(flags.root, io);
    if (flags.at !== undefined && flags.follow) {
      throw invalidInput(
        'flags_conflict',
        '--at and --follow exclude each other',
        '--at looks back, --follow ahead.',
      );
    }
    if (flags.at !== undefined) return stateAt(store, flags.id, flags.at, io);
    if (flags.follow) return follow(store, flags.id, io);
    const { records, position } = await readHistory(store, flags.id);
    const events = records.map(eventOf);
    return {
      fields: { events: events.map(asJson), head: { revision: position.revision, hash: position.hash } },
      lines: events.map((event) => eventLine(event, io)),
    };
  },
});

async function stateAt(store: EventStore, id: string, revision: number, io: Io): Promise<Reply> {
  const history = revision === 0 ? undefined : await readHistory(store, id, revision);
  if (history === undefined || history.position.revision < revision) {
    const last = history?.position.revision;
    const hint =
      last === undefined ? 'The first event has revision 1.' : `The last event has revision ${last}.`;
    throw invalidInput('revision_not_found', `job ${id} has no revision ${revision}`, hint);
  }
  const { hash } = history.position;
  return {
    fields: { job: asJson(runtimeState(history.job, history)), head: { revision, hash } },
    lines: jobLines(history.job, hash, io),
  };
}

async function follow(store: EventStore, id: string, io: Io): Promise<Reply> {
  let folded: Folded<Job> = { state: undefined, position: LOG_START };
  for (;;) {
    for await (const records of store.read(id, { after: folded.position })) {
      for (const record of records) {
        folded = foldRecord(jobModel, id, folded, record);
        io.print(io.json ? canonicalize(record.event) : eventLine(eventOf(record), io));
      }
    }
    if (folded.state === undefined) throw jobNotFound(id);
    if (FINAL_STATUSES.has(folded.state.status)) return { fields: {}, lines: [], streamed: true };
    await sleep(POLL_MS);
  }
}

export default spec;
