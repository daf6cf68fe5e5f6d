import { type CommandSpec, command } from '../../cli/command.ts';
import { milliseconds } from '../../cli/duration.ts';
import { authorFlags, JOB_OUTPUT, jobFlags } from '../../cli/flags/job.ts';
import {
  environmentFlag,
  namedWorker,
  namedWorkerFlag,
  observerOf,
  workerFlags,
} from '../../cli/flags/worker.ts';
import { asJson, describeJob } from '../../cli/text/job.ts';
import { openJobs } from '../../host/workspace/workspace.ts';
import { executeInEnvironment } from '../../job/bound_environment.ts';
import { GRACE_MS } from '../../job/work/held_lease.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'claim' },
  summary: 'Claim a job: take its lease, to work on it.',
  description:
    'For workers of your own. While the lease lasts nobody else can claim the job, and checkpoints ' +
    'require its token. An expired lease can be taken over; the old token is then stale. The environment ' +
    'must be the one that the job is bound to (exit 3).',
  examples: [
    { says: 'Claim a job for a minute', line: 'job claim --id nightly --worker w1 --ttl 60s --json' },
  ],
  flags: {
    ...jobFlags,
    worker: namedWorkerFlag,
    ttl: workerFlags.ttl,
    'env-fingerprint': environmentFlag,
    reason: authorFlags.reason,
  },
  async run({ flags }, io) {
    const workerId = namedWorker(flags.worker, io.env);
    const ttlMs = milliseconds(flags.ttl, 'ttl');
    const { reason } = flags;
    const author = { actor: workerId, ...(reason === undefined ? {} : { reason }) };
    const { jobs } = openJobs(flags.root, io);
    const observe = observerOf(flags['env-fingerprint'], io.env);
    const { state, position } = await executeInEnvironment(jobs, flags.id, author, observe, (claim) => {
      return { kind: 'claim', workerId, ttlMs, graceMs: GRACE_MS, claim };
    });
    const { fields, lines } = describeJob(state, position, io);
    const lease = state.lease === null ? {} : { lease: asJson(state.lease), token: state.lease.token };
    return { fields: { ...fields, ...lease }, lines };
  },
});

export default spec;
