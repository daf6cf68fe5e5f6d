import { type CommandSpec, command, type Reply } from '../../cli/command.ts';
import { authorFlags, authorOf, JOB_OUTPUT, jobFlags } from '../../cli/flags/job.ts';
import type { Io } from '../../cli/io.ts';
import { printable } from '../../cli/terminal.ts';
import { count, paintStatus } from '../../cli/text/job.ts';
import { openJobs } from '../../host/workspace/workspace.ts';
import { planRepair, type RepairPlan, repair, repairWouldEmpty } from '../../job/repair/repair.ts';
import type { Status } from '../../job/transitions.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'repair' },
  summary: 'Show what a repair of a damaged log would cut, and cut it with --yes.',
  description:
    'Keeps everything up to the first damage. What is cut is kept in a file beside the log, and the cut ' +
    'is recorded in the log. It may have been a stop or a pause, so the job waits until a person resumes ' +
    'it, unless it is final. A torn last line needs no repair: the next command cuts it.',
  examples: [
    { says: 'See what is wrong', line: 'job repair --id nightly' },
    {
      says: 'Cut it',
      line: "job repair --id nightly --yes --actor alice --reason 'power failure on host 7'",
    },
  ],
  flags: {
    ...jobFlags,
    ...authorFlags,
    yes: { type: 'boolean', summary: 'Cut it.' },
  },
  async run({ flags }, io) {
    const { store } = openJobs(flags.root, io);
    const plan = await planRepair(store, flags.id);
    if (plan === undefined) {
      return {
        fields: { repair: { state: 'nothing_to_repair', cut_bytes: 0 } },
        lines: ['nothing to repair'],
      };
    }
    if (plan.job === undefined) throw repairWouldEmpty(flags.id);
    if (!flags.yes) return preview(plan, io);
    const { cut, after } = await repair(store, flags.id, plan, authorOf(flags, io), io.clock.now());
    const { keptAs, sha256 } = cut;
    return {
      fields: { repair: { state: 'cut', ...factsOf(plan), kept_as: keptAs, cut_sha256: sha256 } },
      lines: [
        `cut ${sizeOf(cut)} after revision ${plan.keep.revision}; kept as ${store.path(flags.id, keptAs)}`,
        ...statusLines(plan, after.status, io, 'is'),
      ],
    };
  },
});

function preview(plan: RepairPlan, io: Io): Reply {
  return {
    fields: { repair: { state: 'would_cut', ...factsOf(plan) } },
    lines: [
      printable(plan.damage.message),
      `a repair keeps revisions 1 to ${plan.keep.revision} and cuts ${sizeOf(plan.cut)} from byte ${plan.keep.offset} on`,
      ...statusLines(plan, plan.after?.status ?? 'blocked', io, 'would be'),
      'nothing was changed; the same command with --yes does it',
    ],
  };
}

/** What the job was, what it is then, and what can be read in what is cut: it may be why it was stopped. */
function statusLines({ job, cut, events }: RepairPlan, after: Status, io: Io, verb: string): string[] {
  const before = job === undefined ? 'nothing' : paintStatus(job.status, io);
  const waits = after === 'blocked' ? ': it waits until a person resumes it' : '';
  const lines = [
    `the job was ${before} at the last good record, and ${verb} ${paintStatus(after, io)}${waits}`,
  ];
  const read = [...events].map(([type, times]) => `${times} × ${type}`).join(', ');
  if (read !== '')
    lines.push(
      `in what is cut can be read: ${read}; ${count(cut.chained, 'record')} of it chain among themselves`,
    );
  return lines;
}

function factsOf({ damage, keep, cut, job, after, events }: RepairPlan) {
  const where = { keep_revision: keep.revision, offset: keep.offset, cause: damage.damage };
  return {
    ...where,
    cut_bytes: cut.bytes,
    cut_lines: cut.lines,
    chained_records: cut.chained,
    cut_events: Object.fromEntries(events),
    ...(job === undefined ? {} : { status_before: job.status }),
    ...(after === undefined ? {} : { status_after: after.status, token_floor: after.token_floor }),
  };
}

function sizeOf({ bytes, lines }: RepairPlan['cut']): string {
  return `${count(bytes, 'byte')} (${count(lines, 'whole line')})`;
}

export default spec;
