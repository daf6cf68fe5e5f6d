import { tallyOf, tallyText } from '../../cli/approval_text.ts';
import { type CommandSpec, command } from '../../cli/command.ts';
import { milliseconds } from '../../cli/duration.ts';
import type { Io } from '../../cli/io.ts';
import { authorFlags, authorOf, JOB_OUTPUT, jobFlags } from '../../cli/job_flags.ts';
import { asJson, describeJob } from '../../cli/job_text.ts';
import { type PrivateKeyValues, privateKeyFlags, privateKeyOf } from '../../cli/key_flags.ts';
import { openJobs } from '../../cli/workspace.ts';
import { approval } from '../../job/decide_approval.ts';
import { eventOf } from '../../job/history.ts';
import type { SigningKey } from '../../signing/keys.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'approve' },
  summary: 'Approve a decision that a job asked for.',
  description:
    'An approval belongs to the checkpoint that asked. Where one decision is open that one is meant; where several ' +
    'are, --checkpoint says which. There is no approving ahead. The status does not change: `job resume` goes on. ' +
    'A job that was submitted with approvers takes signed approvals only, each key once; the signature is over the ' +
    'job, the checkpoint, the head of the log and the time at which the approval expires.',
  examples: [
    {
      says: 'Approve the open decision',
      line: "job approve --id nightly --actor bob --reason 'checked the diff'",
    },
    { says: 'Approve one of several', line: 'job approve --id nightly --checkpoint cp_0004 --actor bob' },
    { says: 'Sign it', line: 'job approve --id nightly --actor bob --private-key bob.key --expires 2h' },
  ],
  flags: {
    ...jobFlags,
    ...authorFlags,
    checkpoint: { type: 'string', value: 'CP', summary: 'The decision-needed checkpoint, such as cp_0004.' },
    ...privateKeyFlags,
    expires: {
      type: 'string',
      value: 'TIME',
      summary:
        'How long a signed approval counts, unless the job is resumed on it: 1s to 30d. By default 24h.',
    },
  },
  async run({ flags }, io) {
    const { jobs } = openJobs(flags.root, io);
    const key = keyOf(flags, io);
    const expiresMs = flags.expires === undefined ? undefined : milliseconds(flags.expires, 'expires');
    const order = approval({ checkpointId: flags.checkpoint, key, expiresMs });
    const { state, position, events } = await jobs.execute(flags.id, authorOf(flags, io), order);
    const reply = describeJob(state, position, io);
    const approved = events.map((event) => eventOf({ event })).find((event) => event.type === 'approved');
    const tally = tallyOf(state, approved?.payload.checkpoint_id ?? '', io.clock.now());
    if (tally === undefined) return reply;
    const said = `${tally.checkpoint_id}: ${tallyText(tally)}`;
    return { fields: { ...reply.fields, approval: asJson(tally) }, lines: [said, ...reply.lines] };
  },
});

/** The key to sign with; undefined if nothing says that it is to be signed. */
function keyOf(
  flags: PrivateKeyValues & { readonly expires: string | undefined },
  io: Io,
): SigningKey | undefined {
  const { 'private-key': file, 'private-key-env': name, expires } = flags;
  if (file === undefined && name === undefined && expires === undefined) return undefined;
  const { key, warnings } = privateKeyOf(flags, io);
  for (const warning of warnings) io.note(`warning: ${warning}`);
  return key;
}

export default spec;
