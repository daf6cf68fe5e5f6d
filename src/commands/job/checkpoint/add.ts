import { type CommandSpec, command } from '../../../cli/command.ts';
import { authorFlags, authorOf, JOB_OUTPUT, jobFlags } from '../../../cli/flags/job.ts';
import { namedWorkerFlag, optionalTokenFlag, tokenOf } from '../../../cli/flags/worker.ts';
import type { Io } from '../../../cli/io.ts';
import { asJson, describeJob } from '../../../cli/text/job.ts';
import { openJobs } from '../../../host/workspace/workspace.ts';
import { CHECKPOINT_TYPES, type CheckpointType } from '../../../job/events.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'checkpoint add' },
  summary: 'Record a checkpoint of a job: its plan, its progress, a decision it needs, or its end.',
  description:
    'plan and progress leave the status unchanged. decision-needed waits for an approval, blocked for a ' +
    'resume; completed is final.',
  examples: [
    { says: 'Record progress', line: "job checkpoint add --id nightly --summary '12 of 40 tables done'" },
    {
      says: 'Ask for a decision',
      line: "job checkpoint add --id nightly --type decision-needed --summary 'schema differs' --required-action 'allow the migration?'",
    },
    {
      says: 'Complete the job',
      line: "job checkpoint add --id nightly --type completed --summary 'all tables done'",
    },
  ],
  flags: {
    ...jobFlags,
    ...authorFlags,
    type: {
      type: 'string',
      value: 'TYPE',
      default: 'progress',
      options: CHECKPOINT_TYPES,
      summary: `Type of the checkpoint: ${CHECKPOINT_TYPES.join(', ')}.`,
    },
    summary: {
      type: 'string',
      value: 'TEXT',
      required: true,
      summary: 'What happened, in 1 to 512 characters.',
    },
    'required-action': {
      type: 'string',
      value: 'TEXT',
      summary: 'Decision that a person has to make: required by decision-needed, and by no other type.',
    },
    token: optionalTokenFlag,
    worker: namedWorkerFlag,
  },
  async run({ flags }, io) {
    const requiredAction = flags['required-action'];
    const token = tokenOf(flags.token, flags.id, io.env);
    const { state, position } = await openJobs(flags.root, io).jobs.execute(flags.id, authorOf(flags, io), {
      kind: 'checkpoint',
      type: flags.type as CheckpointType,
      summary: flags.summary,
      ...(requiredAction === undefined ? {} : { requiredAction }),
      ...(token === undefined ? {} : { token }),
      ...workerNamed(flags.worker, io.env),
    });
    const { fields, lines } = describeJob(state, position, io);
    const added = state.last_checkpoint === null ? {} : { checkpoint: asJson(state.last_checkpoint) };
    return { fields: { ...fields, ...added }, lines };
  },
});

/** Without one, it is the actor. */
function workerNamed(flag: string | undefined, env: Io['env']): { readonly worker?: string } {
  const worker = flag ?? env['GAIT_WORKER'];
  return worker === undefined || worker === '' ? {} : { worker };
}

export default spec;
