import { type CommandSpec, command } from '../../cli/command.ts';
import { milliseconds } from '../../cli/duration.ts';
import { JOB_OUTPUT, jobFlags } from '../../cli/flags/job.ts';
import { namedWorker, namedWorkerFlag, tokenFlag, tokenOf, workerFlags } from '../../cli/flags/worker.ts';
import { asJson, describeJob } from '../../cli/text/job.ts';
import { openJobs } from '../../host/workspace/workspace.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'renew' },
  summary: 'Renew the lease of a job.',
  description: 'Fails with lease_lost once another worker has taken the job over: then stop the work.',
  examples: [{ says: 'For another minute', line: 'job renew --id nightly --worker w1 --token 7 --ttl 60s' }],
  flags: { ...jobFlags, worker: namedWorkerFlag, ttl: workerFlags.ttl, token: tokenFlag },
  async run({ flags }, io) {
    const token = tokenOf(flags.token, flags.id, io.env) ?? 0;
    const order = { kind: 'renew', token, ttlMs: milliseconds(flags.ttl, 'ttl') } as const;
    const author = { actor: namedWorker(flags.worker, io.env) };
    const { state, position } = await openJobs(flags.root, io).jobs.execute(flags.id, author, order);
    const { fields, lines } = describeJob(state, position, io);
    return { fields: { ...fields, ...(state.lease === null ? {} : { lease: asJson(state.lease) }) }, lines };
  },
});

export default spec;
