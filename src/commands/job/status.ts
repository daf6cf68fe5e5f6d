import { type CommandSpec, command } from '../../cli/command.ts';
import { JOB_OUTPUT, jobFlags } from '../../cli/flags/job.ts';
import { describeJob } from '../../cli/text/job.ts';
import { openJobs } from '../../host/workspace/workspace.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'status' },
  summary: 'Show the status of a job.',
  description: 'Changes nothing. `job inspect` and `job log` show the whole history.',
  examples: [
    { says: 'Show a job', line: 'job status --id nightly' },
    { says: 'For a script', line: 'job status --id nightly --json' },
  ],
  flags: jobFlags,
  async run({ flags }, io) {
    const { state, position } = await openJobs(flags.root, io).jobs.load(flags.id);
    return describeJob(state, position, io);
  },
});

export default spec;
