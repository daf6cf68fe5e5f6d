import { type CommandSpec, command } from '../../cli/command.ts';
import { authorOf, JOB_OUTPUT, jobFlags, personFlags } from '../../cli/flags/job.ts';
import { environmentFlag, observerOf } from '../../cli/flags/worker.ts';
import { describeJob } from '../../cli/text/job.ts';
import { openJobs } from '../../host/workspace/workspace.ts';
import { executeInEnvironment } from '../../job/bound_environment.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'resume' },
  summary: 'Resume a job that is paused, blocked or waiting for a decision.',
  description:
    'Fails while a decision is open (exit 4), and if the environment is not the one that the job is ' +
    'bound to (exit 3); that refusal is recorded, with the rules that differ. --allow-env-mismatch binds ' +
    'the job to the new environment, and requires a reason.',
  examples: [
    { says: 'Resume a job', line: 'job resume --id nightly --actor alice' },
    {
      says: 'Accept a changed environment',
      line: "job resume --id nightly --allow-env-mismatch --actor alice --reason 'moved to Node 22'",
    },
  ],
  flags: {
    ...jobFlags,
    ...personFlags,
    'env-fingerprint': environmentFlag,
    'allow-env-mismatch': {
      type: 'boolean',
      summary: 'Accept a changed environment; requires --reason.',
    },
  },
  async run({ flags }, io) {
    const { jobs } = openJobs(flags.root, io);
    const observe = observerOf(flags['env-fingerprint'], io.env);
    const allowEnvMismatch = flags['allow-env-mismatch'];
    const author = authorOf(flags, io);
    const { state, position } = await executeInEnvironment(jobs, flags.id, author, observe, (claim) => {
      return { kind: 'resume', claim, allowEnvMismatch };
    });
    return describeJob(state, position, io);
  },
});

export default spec;
