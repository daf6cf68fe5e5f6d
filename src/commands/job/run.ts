import { type CommandSpec, command } from '../../cli/command.ts';
import { onInterrupt } from '../../cli/interrupts.ts';
import { JOB_OUTPUT, jobFlags } from '../../cli/job_flags.ts';
import { asJson } from '../../cli/job_text.ts';
import { printable } from '../../cli/run.ts';
import { realPorts } from '../../cli/spawn.ts';
import { ending, runOptions, taskOf, workerFlags } from '../../cli/worker_flags.ts';
import { jobRoot, openJobs } from '../../cli/workspace.ts';
import { GaitError } from '../../core/errors.ts';
import { type RunResult, runJob } from '../../job/runner.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'run' },
  summary: 'Run a command for a job, under its lease.',
  description:
    'Claims the job, runs the command in a process group of its own with GAIT_JOB_ID, GAIT_JOB_ROOT and GAIT_LEASE_TOKEN, ' +
    'renews the lease, and ends the command when the job is paused, cancelled or stopped, or the lease is lost. Without ' +
    'a command, the one that was submitted with the job is run.',
  examples: [
    {
      says: 'Run a command, and let its exit end the job',
      line: 'job run --id nightly --complete -- ./migrate.sh all',
    },
    { says: 'Run what was submitted', line: 'job run --id nightly --complete' },
  ],
  words: { name: 'COMMAND', summary: 'the command and its arguments', required: false },
  flags: {
    ...jobFlags,
    ...workerFlags,
    complete: { type: 'boolean', summary: 'Exit 0 completes the job, any other exit blocks it.' },
    'pass-env': {
      type: 'strings',
      value: 'NAME',
      summary: 'A variable that the command gets, beside PATH, HOME, LANG, TZ and TMPDIR. Repeatable.',
    },
  },
  async run({ flags, words }, io) {
    const { jobs } = openJobs(flags.root, io);
    const task = taskOf(words, flags['pass-env']);
    io.outliveReaders();
    const interrupt = onInterrupt(() => {});
    try {
      const options = {
        ...runOptions(flags.id, jobRoot(flags.root, io.env), flags, io),
        ...(task === undefined ? {} : { task }),
        complete: flags.complete,
        interrupt: interrupt.signal,
      };
      const result = await runJob(jobs, options, realPorts(io.env, io.json ? 'stderr' : 'both'));
      const { token, outcome, ended, why } = result;
      return {
        fields: {
          run: asJson({
            token,
            outcome,
            exit_code: ended.exitCode,
            signal: ended.signal,
            ...(why === undefined ? {} : { why }),
          }),
          ...(result.job === undefined ? {} : { job: asJson(result.job) }),
        },
        lines: [`${flags.id}: ${printable(ending(result))}`],
        ...(outcome === 'finished' ? {} : { failure: notFinished(flags.id, result) }),
      };
    } finally {
      interrupt.release();
    }
  },
});

function notFinished(jobId: string, result: RunResult): GaitError {
  const lost = result.outcome === 'lost';
  return new GaitError({
    code: lost ? 'lease_lost' : result.outcome === 'interrupted' ? 'command_interrupted' : 'command_failed',
    category: lost ? 'state_contention' : 'io_failure',
    message: `the command of job ${jobId} did not finish: ${ending(result)}`,
    hint: `\`gait job log --id ${jobId}\` shows what happened.`,
    details: { outcome: result.outcome, exit_code: result.ended.exitCode, signal: result.ended.signal },
  });
}

export default spec;
