import { type CommandSpec, command } from '../../cli/command.ts';
import { JOB_OUTPUT, jobFlags } from '../../cli/flags/job.ts';
import { asJson, eventLines, jobLines } from '../../cli/text/job.ts';
import { openJobs } from '../../host/workspace/workspace.ts';
import { eventOf, readHistory, runtimeState } from '../../job/read/history.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'inspect' },
  summary: 'Show all of a job: its state and every checkpoint, approval and event.',
  description: 'Folds the log from its first event and checks it while doing so; no snapshot is used.',
  examples: [{ says: 'Show everything', line: 'job inspect --id nightly --json' }],
  flags: jobFlags,
  async run({ flags }, io) {
    const history = await readHistory(openJobs(flags.root, io).store, flags.id);
    const { revision, hash } = history.position;
    const events = history.records.map(eventOf);
    return {
      fields: {
        job: asJson(runtimeState(history.job, history)),
        approvals: history.approvals.map(asJson),
        events: events.map(asJson),
        head: { revision, hash },
      },
      lines: [...jobLines(history.job, hash, io), '', ...eventLines(events, io)],
    };
  },
});

export default spec;
