import { dirname, join } from 'node:path';
import { type CommandSpec, command } from '../../cli/command.ts';
import { fromFlag, RUN_OUTPUT, runArgs, runNamed } from '../../cli/flags/run.ts';
import { shellWord } from '../../cli/run.ts';
import { printable } from '../../cli/terminal.ts';
import { asJson, count } from '../../cli/text/job.ts';
import { loadRun } from '../../host/run_files.ts';
import { runpackPath, writeRunpack } from '../../host/sessions/runpack_files.ts';
import { refuseReportPlace, refuseSame, writeReport } from '../../host/workspace/output_places.ts';
import { checkRunId } from '../../run/record.ts';
import { PREDICATES, type Predicate, reduceRun } from '../../run/reduce.ts';

const spec: CommandSpec = command({
  output: { schemaId: RUN_OUTPUT, operation: 'reduce' },
  summary: 'Reduce a run to the smallest one that still fails the same way.',
  description:
    'Keeps the first intent that the predicate picks and what came of it, in a runpack with an id of its own, and ' +
    'writes a report beside it. The result is not signed.',
  examples: [
    { says: 'Down to the first intent without a result', line: 'run reduce run_1' },
    {
      says: 'Down to the first that failed',
      line: 'run reduce run_1 --predicate non_ok_status --out failed.zip',
    },
  ],
  args: runArgs,
  flags: {
    from: fromFlag,
    predicate: {
      type: 'string',
      value: 'PREDICATE',
      default: 'missing_result',
      options: PREDICATES,
      summary: 'Intent to keep: one without a result, or one with a status other than ok.',
    },
    out: { type: 'string', value: 'FILE', summary: 'Runpack to write. By default beside the input.' },
    'report-out': {
      type: 'string',
      value: 'FILE',
      summary: 'Report to write. By default the runpack’s name and .reduce_report.json.',
    },
  },
  async run(input, io) {
    const { flags } = input;
    const predicate = flags.predicate as Predicate;
    const source = await loadRun(runNamed(input), io.env);
    const { captured, report } = reduceRun(source, predicate);
    const { run_id, reduced_run_id } = report;
    const beside = runpackPath(dirname(source.path), `${run_id}_reduced_${predicate}`);
    checkRunId(reduced_run_id); // a run of an earlier program may be called anything
    const output = flags.out ?? beside;
    const reportPath = flags['report-out'] ?? `${output}.reduce_report.json`;
    refuseSame([source.path, output, reportPath]);
    refuseReportPlace(reportPath, asJson(report), io.env); // before anything is written
    const manifest = await writeRunpack(output, captured, undefined, io.env);
    await writeReport(reportPath, asJson(report), io.env);
    return {
      fields: {
        ...{ input: source.path, path: output, output, report_path: reportPath, run_id, reduced_run_id },
        ...{ predicate, manifest_digest: manifest.manifest_digest, report: asJson(report) },
      },
      lines: [
        printable(output),
        `  run       ${reduced_run_id}, of ${printable(run_id)}`,
        `  kept      ${printable(report.selected_intent_id)}, of ${count(report.original_intent_count, 'intent')}`,
        `  report    ${printable(reportPath)}`,
        `  check it  gait verify ${shellWord(join(output))}`,
      ],
    };
  },
});

export default spec;
