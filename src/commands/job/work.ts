import { type CommandSpec, command } from '../../cli/command.ts';
import { milliseconds } from '../../cli/duration.ts';
import { JOB_OUTPUT, rootFlag } from '../../cli/flags/job.ts';
import { ending, environmentFlag, observerOf, runOptions, workerFlags } from '../../cli/flags/worker.ts';
import { Aside } from '../../cli/stderr_queue.ts';
import { printable } from '../../cli/terminal.ts';
import { asJson, count } from '../../cli/text/job.ts';
import { liveTable } from '../../cli/text/live_table.ts';
import { GaitError, invalidInput } from '../../core/errors.ts';
import { onInterrupt } from '../../host/process/interrupts.ts';
import { realPorts } from '../../host/process/spawn.ts';
import { jobRoot, openJobs } from '../../host/workspace/workspace.ts';
import { work } from '../../job/work/worker.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'work' },
  summary: 'Claim runnable jobs, oldest first, and run their commands.',
  description:
    'A job is runnable when it was submitted with a command, is running, and nobody holds its lease. Exit 0 of the command ' +
    'completes the job, any other exit blocks it for a person to look at. SIGTERM drains: nothing more is claimed, what ' +
    'runs comes to its end; a second one ends that too and gives it back, for the next worker to run again.',
  examples: [
    { says: 'Work until there is nothing to do', line: 'job work --once' },
    { says: 'Four at a time, for good', line: 'job work --concurrency 4 --worker builder-1' },
  ],
  flags: {
    root: rootFlag,
    ...workerFlags,
    'env-fingerprint': environmentFlag,
    concurrency: {
      type: 'count',
      value: 'N',
      summary: 'Number of jobs to run at the same time. By default 1.',
    },
    once: { type: 'boolean', summary: 'Exit when there is nothing left to claim.' },
    idle: {
      type: 'string',
      value: 'TIME',
      default: '1s',
      summary: 'How long to wait before looking again when there is nothing to do.',
    },
  },
  async run({ flags }, io) {
    const concurrency = flags.concurrency ?? 1;
    if (concurrency < 1 || concurrency > 256) {
      throw invalidInput('flag_value_invalid', `--concurrency is ${concurrency}`, 'Give 1 to 256.');
    }
    const { jobs } = openJobs(flags.root, io);
    const hard = new AbortController();
    const interrupt = onInterrupt(() => hard.abort());
    const running = new Map<string, { readonly token: number; readonly since: number }>();
    io.outliveReaders();
    const aside = new Aside(io);
    const table = liveTable(
      () => rowsOf(running),
      (line) => aside.note(line),
      io.screen,
    );
    const say = (jobId: string, what: string): void => table.note(`${jobId}  ${printable(what)}`);
    const { jobId: _, ...common } = runOptions('', jobRoot(flags.root, io.env), flags, io);
    try {
      const options = {
        ...common,
        concurrency,
        once: flags.once,
        idleMs: milliseconds(flags.idle, 'idle'),
        drain: interrupt.signal,
        interrupt: hard.signal,
      };
      const summary = await work(
        jobs,
        io.clock,
        options,
        realPorts(io.env, io.json ? 'stderr' : 'both', observerOf(flags['env-fingerprint'], io.env)),
        {
          started: (jobId, token) => {
            running.set(jobId, { token, since: performance.now() });
            say(jobId, `started, token ${token}`);
          },
          ended: (jobId, result) => {
            running.delete(jobId);
            say(jobId, ending(result));
          },
          refused: (jobId, error) => say(jobId, `not run: ${error.message}`),
          waits: (jobId) => say(jobId, 'waiting for the lease before: its command may still run'),
          troubled: (error) => table.note(`${printable(error.message)}; trying again`),
        },
      );
      const { claimed, finished, failed, interrupted, given_up, lost, unrecorded } = summary;
      const parts = [
        `${finished} finished`,
        `${failed} failed`,
        `${interrupted} interrupted`,
        `${given_up} given back`,
        `${lost} lost`,
        ...(unrecorded === 0 ? [] : [`${unrecorded} not recorded`]),
      ];
      return {
        ...(unrecorded === 0 ? {} : { failure: notRecorded(unrecorded) }),
        fields: { work: asJson(summary), worker: common.workerId },
        lines: [`${count(claimed, 'job')} run: ${parts.join(', ')}`],
      };
    } finally {
      table.end();
      await aside.settled(1000);
      interrupt.release();
    }
  },
});

function notRecorded(unrecorded: number): GaitError {
  return new GaitError({
    code: 'not_recorded',
    category: 'io_failure',
    message: `the commands of ${count(unrecorded, 'job')} ended, and their logs could not be told before the leases were over`,
    hint: 'Check the disk. Those jobs run again, here or elsewhere.',
    details: { unrecorded },
  });
}

type Running = ReadonlyMap<string, { readonly token: number; readonly since: number }>;

function rowsOf(running: Running): string[][] {
  const rows = [...running].map(([jobId, { token, since }]) => {
    return [jobId, `token ${token}`, `${Math.floor((performance.now() - since) / 1000)} s`];
  });
  return rows.length === 0 ? [['waiting for jobs']] : [['running', 'lease', 'for'], ...rows];
}

export default spec;
