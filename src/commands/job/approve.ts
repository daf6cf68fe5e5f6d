import { type CommandSpec, command } from '../../cli/command.ts';
import { authorFlags, executeOn, JOB_OUTPUT, jobFlags } from '../../cli/job_flags.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'approve' },
  summary: 'Approve a decision that a job asked for.',
  description:
    'An approval belongs to the checkpoint that asked. Where one decision is open that one is meant; where several ' +
    'are, --checkpoint says which. There is no approving ahead. The status does not change: `job resume` goes on.',
  examples: [
    {
      says: 'Approve the open decision',
      line: "job approve --id nightly --actor bob --reason 'checked the diff'",
    },
    { says: 'Approve one of several', line: 'job approve --id nightly --checkpoint cp_0004 --actor bob' },
  ],
  flags: {
    ...jobFlags,
    ...authorFlags,
    checkpoint: { type: 'string', value: 'CP', summary: 'The decision-needed checkpoint, such as cp_0004.' },
  },
  run({ flags }, io) {
    const { checkpoint } = flags;
    return executeOn(flags, io, {
      kind: 'approve',
      ...(checkpoint === undefined ? {} : { checkpointId: checkpoint }),
    });
  },
});

export default spec;
