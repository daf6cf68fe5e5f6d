import { type CommandSpec, command } from '../../cli/command.ts';
import { expectedHeads, expectHeadFlag, headText } from '../../cli/flags/head.ts';
import { JOB_OUTPUT, jobFlags } from '../../cli/flags/job.ts';
import { printable } from '../../cli/terminal.ts';
import { asJson, count } from '../../cli/text/job.ts';
import { packedHeads } from '../../host/workspace/lost_jobs.ts';
import { openJobs } from '../../host/workspace/workspace.ts';
import { jobDamaged, verifyJob } from '../../job/read/verify.ts';

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
    const { store } = openJobs(flags.root, io);
    const verification = await verifyJob(store, flags.id, {
      expected: expectedHeads(flags),
      remembered: await packedHeads(flags.id, store.root, io),
    });
    const { events_checked, snapshot, torn_tail_bytes, head } = verification;
    const [first] = verification.findings;
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
    return {
      fields: { verification: asJson(verification) },
      lines,
      ...(first === undefined ? {} : { failure: jobDamaged(flags.id, first) }),
    };
  },
});

export default spec;
