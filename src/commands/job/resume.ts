import { type CommandSpec, command } from '../../cli/command.ts';
import { authorFlags, executeOn, JOB_OUTPUT, jobFlags } from '../../cli/job_flags.ts';
import { observe } from '../../cli/machine.ts';
import { DEFAULT_RULES } from '../../job/fingerprint.ts';

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
    ...authorFlags,
    'env-fingerprint': {
      type: 'string',
      value: 'TEXT',
      summary: 'The present fingerprint, for a job that was submitted with one of its own.',
    },
    'allow-env-mismatch': {
      type: 'boolean',
      summary: 'Accept a changed environment; needs --reason.',
    },
  },
  run({ flags }, io) {
    const own = flags['env-fingerprint'];
    return executeOn(flags, io, (job) => ({
      kind: 'resume',
      claim:
        own === undefined ? observe(job?.environment?.rules ?? DEFAULT_RULES, io.env) : { fingerprint: own },
      allowEnvMismatch: flags['allow-env-mismatch'],
    }));
  },
});

export default spec;
