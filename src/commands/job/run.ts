import { type CommandSpec, command } from '../../cli/command.ts';
import { JOB_OUTPUT, jobFlags } from '../../cli/flags/job.ts';
import {
  ending,
  environmentFlag,
  observerOf,
  runOptions,
  taskOf,
  waiting,
  workerFlags,
} from '../../cli/flags/worker.ts';
import { printable } from '../../cli/terminal.ts';
import { asJson } from '../../cli/text/job.ts';
import type { ErrorCode } from '../../core/error_codes.ts';
import { type ErrorCategory, GaitError } from '../../core/errors.ts';
import { onInterrupt } from '../../host/process/interrupts.ts';
import { realPorts } from '../../host/process/spawn.ts';
import { jobRoot, openJobs } from '../../host/workspace/workspace.ts';
import type { RunResult } from '../../job/work/run_ports.ts';
import { runJob } from '../../job/work/runner.ts';

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
    'env-fingerprint': environmentFlag,
    complete: { type: 'boolean', summary: 'Complete the job on exit 0, block it on any other exit.' },
    'pass-env': {
      type: 'strings',
      value: 'NAME',
      summary:
        'Pass this environment variable to the command, in addition to PATH, HOME, LANG, TZ and TMPDIR. ' +
        'Repeatable.',
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
        onWait: (ms: number) => io.note(waiting(flags.id, ms)),
      };
      const observe = observerOf(flags['env-fingerprint'], io.env);
      const result = await runJob(jobs, options, realPorts(io.env, io.json ? 'stderr' : 'both', observe));
      const { token, outcome, ended, why, waitsFor = [] } = result;
      const failure = notFinished(flags.id, result);
      return {
        fields: {
          run: asJson({
            token,
            outcome,
            exit_code: ended.exitCode,
            signal: ended.signal,
            ...(why === undefined ? {} : { why }),
            ...(waitsFor.length === 0 ? {} : { waits_for: [...waitsFor] }),
          }),
          ...(result.job === undefined ? {} : { job: asJson(result.job) }),
        },
        lines: [`${flags.id}: ${printable(ending(result))}`],
        ...(failure === undefined ? {} : { failure }),
      };
    } finally {
      interrupt.release();
    }
  },
});

type Failure = readonly [code: ErrorCode, category: ErrorCategory];

/** What `job run` fails with, by how the run ended. */
const FAILURES: Readonly<Record<Exclude<RunResult['outcome'], 'finished'>, Failure>> = {
  failed: ['command_failed', 'io_failure'],
  interrupted: ['command_interrupted', 'io_failure'],
  given_up: ['command_interrupted', 'io_failure'],
  lost: ['lease_lost', 'state_contention'],
  unrecorded: ['not_recorded', 'io_failure'],
};

const WAITS: Failure = ['approval_required', 'approval_required'];

function notFinished(jobId: string, result: RunResult): GaitError | undefined {
  const { outcome, ended, waitsFor } = result;
  if (outcome === 'finished') return undefined;
  const [code, category] = waitsFor === undefined ? FAILURES[outcome] : WAITS;
  const what =
    outcome === 'unrecorded'
      ? `the command of job ${jobId} ended, and the log could not be told`
      : `the command of job ${jobId} did not finish`;
  const hint =
    waitsFor === undefined || waitsFor.length === 0
      ? `\`gait job log --id ${jobId}\` shows what happened.`
      : `Answer it, and let the job run again: gait job approve --id ${jobId} --checkpoint ${waitsFor[0]}`;
  return new GaitError({
    code,
    category,
    message: `${what}: ${ending(result)}`,
    hint,
    details: { outcome, exit_code: ended.exitCode, signal: ended.signal },
  });
}

export default spec;
