import { type CommandSpec, command, type Reply } from '../../cli/command.ts';
import { authorFlags, authorOf, JOB_OUTPUT, jobFlags } from '../../cli/job_flags.ts';
import { count } from '../../cli/job_text.ts';
import { openJobs } from '../../cli/workspace.ts';
import { planRepair, type RepairPlan, repair, repairWouldEmpty } from '../../job/repair.ts';

const spec: CommandSpec = command({
  output: { schemaId: JOB_OUTPUT, operation: 'repair' },
  summary: 'Show what a damaged log would lose by a repair, and with --yes cut it.',
  description:
    'Keeps everything up to the first damage. What is cut stays in a file beside the log, and the cut is recorded in ' +
    'the log. A torn last line needs no repair: the next command cuts it by itself.',
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
    yes: { type: 'boolean', summary: 'Do it.' },
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
    if (!flags.yes) return preview(plan);
    const { keptAs, sha256 } = await repair(store, flags.id, plan, authorOf(flags, io), io.clock.now());
    return {
      fields: { repair: { state: 'cut', ...factsOf(plan), kept_as: keptAs, cut_sha256: sha256 } },
      lines: [
        `cut ${sizeOf(plan)} after revision ${plan.keep.revision}; kept as ${store.path(flags.id, keptAs)}`,
      ],
    };
  },
});

function preview(plan: RepairPlan): Reply {
  return {
    fields: { repair: { state: 'would_cut', ...factsOf(plan) } },
    lines: [
      plan.damage.message,
      `a repair keeps revisions 1 to ${plan.keep.revision} and cuts ${sizeOf(plan)} from byte ${plan.keep.offset} on`,
      'nothing was changed; the same command with --yes does it',
    ],
  };
}

function factsOf({ damage, keep, cut }: RepairPlan) {
  const where = { keep_revision: keep.revision, offset: keep.offset, cause: damage.damage };
  return { ...where, cut_bytes: cut.bytes, cut_lines: cut.lines };
}

function sizeOf({ cut }: RepairPlan): string {
  return `${count(cut.bytes, 'byte')} (${count(cut.lines, 'whole line')})`;
}

export default spec;
