import { type CommandSpec, command } from '../../cli/command.ts';
import type { Io } from '../../cli/io.ts';
import { asJson, count, happening } from '../../cli/job_text.ts';
import { noHistory, openAndVerify, PACK_OUTPUT, packArgs, pathFlag, pathOf } from '../../cli/pack_flags.ts';
import { printable } from '../../cli/run.ts';
import { inspectJobPack, type JobInspection } from '../../pack/inspect.ts';
import { verificationError } from '../../pack/verify.ts';

const spec: CommandSpec = command({
  output: { schemaId: PACK_OUTPUT, operation: 'inspect' },
  summary: 'Show what a pack says happened.',
  description:
    'The timeline, the decisions that were asked for, who approved them and when, and what was refused. The pack is ' +
    'verified first; one that does not verify is not shown (exit 2).',
  examples: [{ says: 'Show a pack', line: 'pack inspect ./gait-out/pack_1f…e9.zip' }],
  args: packArgs,
  flags: { path: pathFlag },
  async run(input, io) {
    const path = pathOf(input);
    const { verification, manifest, history } = await openAndVerify(path);
    if (verification.findings.length > 0 || manifest === undefined)
      throw verificationError(verification, path);
    if (history === undefined) throw noHistory(path, manifest);
    const inspection = inspectJobPack(manifest, history);
    const { pack_id, pack_type, source_ref } = inspection;
    return {
      fields: { path, pack_id, pack_type, source_ref, inspect: asJson(inspection) },
      lines: describe(inspection, io),
    };
  },
});

function describe(
  { pack_id, source_ref, job_payload, job_lineage, timeline }: JobInspection,
  io: Io,
): string[] {
  const { checkpoint_count, approval_count, status } = job_payload;
  const decisions = job_lineage.decisions.map(
    ({ checkpoint_id, required_action, approved_by, approved_at, reason }) => {
      const answer =
        approved_by === undefined
          ? 'open'
          : `approved by ${approved_by} at ${approved_at}${reason === undefined ? '' : `: ${reason}`}`;
      return `  decision  ${checkpoint_id}  ${printable(required_action)}  ${printable(answer)}`;
    },
  );
  return [
    `${io.paint('bold', source_ref)}  ${status}`,
    `  pack      ${pack_id}`,
    `  counts    ${[count(job_lineage.event_count, 'event'), count(checkpoint_count, 'checkpoint'), count(approval_count, 'approval')].join(', ')}`,
    `  head      ${job_lineage.head.hash}`,
    ...decisions,
    '',
    ...timeline.map((entry) => happening(entry, io)),
  ];
}

export default spec;
