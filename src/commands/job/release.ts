import { type CommandSpec, command } from '../../cli/command.ts';
import { authorFlags, JOB_OUTPUT, jobFlags } from '../../cli/flags/job.ts';
import { namedWorker, namedWorkerFlag, tokenFlag, tokenOf } from '../../cli/flags/worker.ts';
import { describeJob } from '../../cli/text/job.ts';
import { openJobs } from '../../host/workspace/workspace.ts';
import type { LeaseOutcome } from '../../job/events.ts';

const OUTCOMES: readonly LeaseOutcome[] = ['finished', 'failed', 'interrupted', 'given_up'];

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'release' },
  summary: 'Release the lease of a job.',
  description:
    'The job can be claimed again at once, if it is running. To end it, add a checkpoint first. Release ' +
    'the lease of a worker that is gone for good with the name and token that `gait job status` shows; ' +
    'first make sure that none of its processes still runs.',
  examples: [
    { says: 'Give a job back', line: 'job release --id nightly --worker w1 --token 7 --outcome given_up' },
  ],
  flags: {
    ...jobFlags,
    worker: namedWorkerFlag,
    token: tokenFlag,
    outcome: {
      type: 'string',
      value: 'OUTCOME',
      default: 'given_up',
      options: OUTCOMES,
      summary: `How the work ended: ${OUTCOMES.join(', ')}.`,
    },
    reason: authorFlags.reason,
  },
  async run({ flags }, io) {
    const token = tokenOf(flags.token, flags.id, io.env) ?? 0;
    const order = { kind: 'release', token, outcome: flags.outcome as LeaseOutcome } as const;
    const { reason } = flags;
    const author = { actor: namedWorker(flags.worker, io.env), ...(reason === undefined ? {} : { reason }) };
    const { state, position } = await openJobs(flags.root, io).jobs.execute(flags.id, author, order);
    return describeJob(state, position, io);
  },
});

export default spec;
