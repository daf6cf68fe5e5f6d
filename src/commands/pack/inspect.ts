import { type CommandSpec, command } from '../../cli/command.ts';
import { openAndVerify, PACK_OUTPUT, packArgs, pathFlag, pathOf } from '../../cli/flags/pack.ts';
import { asJson } from '../../cli/text/job.ts';
import { inspectionLines } from '../../cli/text/pack.ts';
import { kindOf } from '../../pack/kinds/kinds.ts';
import { type PackVerification, verificationError } from '../../pack/verified.ts';
import { collectRecords } from '../../run/records.ts';

const spec: CommandSpec = command({
  output: { schemaId: PACK_OUTPUT, operation: 'inspect' },
  summary: 'Show what a pack says happened.',
  description:
    'Of a job, shows the timeline, the decisions, who approved them and when, and what was refused; of a ' +
    'run, its intents and their results. The pack is verified first; one that does not verify is not ' +
    'shown (exit 2).',
  examples: [{ says: 'Show a pack', line: 'pack inspect ./gait-out/pack_1f…e9.zip' }],
  args: packArgs,
  flags: { path: pathFlag },
  async run(input, io) {
    const path = pathOf(input);
    const { intents, results, visit } = collectRecords();
    const pack = await openAndVerify(path, io, { visit });
    const { verification } = pack;
    const inspection = kindOf(pack)?.inspect(pack, { intents, results });
    if (verification.findings.length > 0 || inspection === undefined)
      throw verificationError(verification, path);
    const { pack_id, pack_type, source_ref } = inspection as PackVerification;
    return {
      fields: { path, ...asJson({ pack_id, pack_type, source_ref }), inspect: asJson(inspection) },
      lines: inspectionLines(pack, inspection, io),
    };
  },
});

export default spec;
