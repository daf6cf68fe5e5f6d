import { type CommandSpec, command } from '../../cli/command.ts';
import { milliseconds } from '../../cli/duration.ts';
import { authorOf, JOB_OUTPUT, jobFlags, personFlags } from '../../cli/flags/job.ts';
import { type PrivateKeyValues, privateKeyFlags, privateKeyOf } from '../../cli/flags/key.ts';
import type { Io } from '../../cli/io.ts';
import { printable } from '../../cli/terminal.ts';
import { tallyOf, tallyText } from '../../cli/text/approval.ts';
import { asJson, describeJob } from '../../cli/text/job.ts';
import { GaitError } from '../../core/errors.ts';
import { openJobs } from '../../host/workspace/workspace.ts';
import { approval } from '../../job/approval/decide.ts';
import { openAt } from '../../job/approval/open_decisions.ts';
import type { Jobs } from '../../job/jobs.ts';
import { eventOf } from '../../job/read/history.ts';
import type { SigningKey } from '../../signing/keys.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'approve' },
  summary: 'Approve a decision that a job asked for.',
  description:
    'An approval belongs to the checkpoint that asked. If the job ever asked for only one decision, that ' +
    'one is approved; otherwise name it with --checkpoint, or name what you looked at with ' +
    '--if-revision; at a terminal gait shows the decision and asks. A decision cannot be approved in ' +
    'advance. The status does not change: `job resume` continues the job. A job that was submitted with ' +
    'approvers takes signed approvals only, each key once; the signature covers the job, the checkpoint, ' +
    'the head of the log and the time at which the approval expires.',
  examples: [
    {
      says: 'Approve the open decision',
      line: "job approve --id nightly --actor bob --reason 'checked the diff'",
    },
    { says: 'Approve one of several', line: 'job approve --id nightly --checkpoint cp_0004 --actor bob' },
    {
      says: 'Only if nothing happened since you looked',
      line: 'job approve --id nightly --if-revision 12 --actor bob',
    },
    { says: 'Sign it', line: 'job approve --id nightly --actor bob --private-key bob.key --expires 2h' },
  ],
  flags: {
    ...jobFlags,
    ...personFlags,
    checkpoint: { type: 'string', value: 'CP', summary: 'Decision to approve, such as cp_0004.' },
    ...privateKeyFlags,
    expires: {
      type: 'string',
      value: 'TIME',
      summary:
        'How long a signed approval is valid, unless the job is resumed on it earlier: 1s to 30d. By default ' +
        '24h.',
    },
  },
  async run({ flags }, io) {
    const { jobs } = openJobs(flags.root, io);
    const key = keyOf(flags, io);
    const expiresMs = flags.expires === undefined ? undefined : milliseconds(flags.expires, 'expires');
    const checkpointId = flags.checkpoint ?? (await confirmed(jobs, flags, io));
    const order = approval({ checkpointId, key, expiresMs });
    const { state, position, events } = await jobs.execute(flags.id, authorOf(flags, io), order);
    const reply = describeJob(state, position, io);
    const approved = events.map((event) => eventOf({ event })).find((event) => event.type === 'approved');
    const tally = tallyOf(state, approved?.payload.checkpoint_id ?? '', io.clock.now());
    if (tally === undefined) {
      const said = approved === undefined ? [] : [`approved ${approved.payload.checkpoint_id}`];
      return { ...reply, lines: [...said, ...reply.lines] };
    }
    const said = `${tally.checkpoint_id}: ${tallyText(tally)}`;
    return { fields: { ...reply.fields, approval: asJson(tally) }, lines: [said, ...reply.lines] };
  },
});

/** What a person at a terminal sees and says yes to, where the command line names nothing; undefined otherwise. */
async function confirmed(
  jobs: Jobs,
  flags: { readonly id: string; readonly 'if-revision': number | undefined },
  io: Io,
): Promise<string | undefined> {
  if (io.ask === undefined || flags['if-revision'] !== undefined) return undefined;
  const { state } = await jobs.load(flags.id);
  const [open, ...others] = openAt(state, io.clock.now());
  if (open === undefined || others.length > 0) return undefined; // the refusal says which there are
  const { checkpoint_id, summary, required_action } = open;
  io.note(`${flags.id} asks, ${checkpoint_id}: ${printable(summary)}`);
  io.note(`  needs: ${printable(required_action)}`);
  if (await io.ask('Approve it?')) return checkpoint_id;
  throw new GaitError({
    code: 'not_confirmed',
    category: 'unsafe_operation',
    message: `${checkpoint_id} was not approved: the answer was not yes`,
    hint: 'Nothing was changed.',
  });
}

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
