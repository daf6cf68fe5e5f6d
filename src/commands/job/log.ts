import { type CommandSpec, command, type Reply } from '../../cli/command.ts';
import { JOB_OUTPUT, jobFlags } from '../../cli/flags/job.ts';
import type { Io } from '../../cli/io.ts';
import { asJson, eventLine, eventLines, jobLines } from '../../cli/text/job.ts';
import { canonicalize } from '../../core/canonical.ts';
import { invalidInput } from '../../core/errors.ts';
import { openJobs } from '../../host/workspace/workspace.ts';
import { followJob } from '../../job/read/follow.ts';
import { eventOf, readHistory, runtimeState } from '../../job/read/history.ts';
import type { EventStore } from '../../log/store.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'log' },
  summary: 'Show the events of a job, or the job as it was at one of them.',
  description:
    'Consecutive renewals of one lease are shown as the last of them; --json lists them all. --follow ' +
    'prints events as they arrive, until the job is final; with --json each event is a line of its own. ' +
    '--at shows the state after that revision.',
  examples: [
    { says: 'Show the events', line: 'job log --id nightly' },
    { says: 'Watch a job', line: 'job log --id nightly --follow' },
    { says: 'The job as it was after its third event', line: 'job log --id nightly --at 3' },
  ],
  flags: {
    ...jobFlags,
    follow: { type: 'boolean', summary: 'Print events as they arrive, until the job is final.' },
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
      lines: eventLines(events, io),
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
  for await (const { event } of followJob(store, id))
    if (io.json) io.printJson(`${canonicalize(event)}\n`);
    else io.print(eventLine(event, io));
  return { fields: {}, lines: [], streamed: true };
}

export default spec;
