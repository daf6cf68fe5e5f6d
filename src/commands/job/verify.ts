import { type CommandSpec, command } from '../../cli/command.ts';
import { expectedHeads, expectHeadFlag, headText } from '../../cli/flags/head.ts';
import { JOB_OUTPUT, jobFlags } from '../../cli/flags/job.ts';
import { printable } from '../../cli/terminal.ts';
import { asJson, count } from '../../cli/text/job.ts';
import { GaitError } from '../../core/errors.ts';
import { packedHeads } from '../../host/workspace/lost_jobs.ts';
import { openJobs } from '../../host/workspace/workspace.ts';
import { type JobVerification, verifyJob } from '../../job/read/verify.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'verify' },
  summary: 'Check the log of a job from its first event.',
  description:
    'The chain, the canonical form of every byte, that every event was allowed where it stands, and that the snapshot ' +
    'is what the events make; and that the log has what the ledger of packs knows of it. Reads only. Exit 2 names the ' +
    'first damage by revision and byte offset.',
  examples: [
    { says: 'Check a job', line: 'job verify --id nightly' },
    { says: 'That it only went on since', line: 'job verify --id nightly --expect-head 4:5f1c…9e' },
  ],
  flags: { ...jobFlags, ...expectHeadFlag('a revision of the log and the hash of its event') },
  async run({ flags }, io) {
    const verification = await verifyJob(openJobs(flags.root, io).store, flags.id, {
      expected: expectedHeads(flags),
      remembered: await packedHeads(flags.id, io),
    });
    const { events_checked, snapshot, torn_tail_bytes, head } = verification;
    const lines = [
      `${flags.id}: ${count(events_checked, 'event')} checked, snapshot ${snapshot}`,
      ...(torn_tail_bytes === 0
        ? []
        : [`  ${torn_tail_bytes} bytes after the last event were never acknowledged`]),
      ...verification.findings.map(
        ({ code, message }) => `  ${io.paint('red', code)}  ${printable(message)}`,
      ),
      ...(verification.findings.length === 0
        ? [`  ${io.paint('green', 'ok')}  head ${head === null ? '' : headText(head)}`]
        : []),
    ];
    const failure = failureOf(flags.id, verification);
    return {
      fields: { verification: asJson(verification) },
      lines,
      ...(failure === undefined ? {} : { failure }),
    };
  },
});

function failureOf(id: string, { findings }: JobVerification): GaitError | undefined {
  const [first] = findings;
  if (first === undefined) return undefined;
  return new GaitError({
    code: 'job_damaged',
    category: 'verification_failed',
    message: `job ${id} does not verify: ${first.message}`,
    hint: first.code.startsWith('head_')
      ? 'Its last events were cut off, or it is another log: ask who keeps the machine.'
      : first.code.startsWith('snapshot')
        ? 'A snapshot is a cache: with snapshot.json deleted, the job is folded from its log.'
        : '`gait job repair`, for the same job, shows what a repair would cut.',
    details: { ...first },
  });
}

export default spec;
