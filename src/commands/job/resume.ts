import { type CommandSpec, command } from '../../cli/command.ts';
import { authorOf, JOB_OUTPUT, jobFlags, personFlags } from '../../cli/flags/job.ts';
import { environmentFlag, observerOf } from '../../cli/flags/worker.ts';
import { describeJob } from '../../cli/text/job.ts';
import { openJobs } from '../../host/workspace/workspace.ts';
import { executeInEnvironment } from '../../job/bound_environment.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'resume' },
  summary: 'Let a paused, blocked or deciding job run again.',
  description:
    'Refused while a decision is open (exit 4), and when the environment is not the one the job is bound to (exit 3); ' +
    'that refusal is recorded, with the rules that differ. --allow-env-mismatch accepts the new environment as the ' +
    'one to be bound to, and needs a reason.',
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
      summary: 'Accept a changed environment; needs --reason.',
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
