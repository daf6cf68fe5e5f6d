import { type CommandSpec, command } from '../../cli/command.ts';
import { RUN_OUTPUT } from '../../cli/flags/run.ts';
import { printable } from '../../cli/terminal.ts';
import { asJson } from '../../cli/text/job.ts';
import { GaitError } from '../../core/errors.ts';
import { loadSide } from '../../host/run_files.ts';
import { writeReport } from '../../host/workspace/output_places.ts';
import { differs, diffRuns, type Privacy, type RunDiff } from '../../run/diff.ts';

const spec: CommandSpec = command({
  output: { schemaId: RUN_OUTPUT, operation: 'diff' },
  summary: 'Compare two runs record by record.',
  description:
    'Both are verified first. Ids, times and producer versions do not count. Of two session chains, all ' +
    'that their checkpoints hold is compared. Exit 0: equal; 2: different or damaged; 6: not readable.',
  examples: [
    { says: 'Compare two runs', line: 'run diff run_1 run_2' },
    { says: 'Without looking at arguments and results', line: 'run diff run_1 run_2 --privacy metadata' },
  ],
  args: [
    { name: 'LEFT', summary: 'the earlier run: its id or file', required: true },
    { name: 'RIGHT', summary: 'the later run', required: true },
  ],
  flags: {
    privacy: {
      type: 'string',
      value: 'LEVEL',
      default: 'full',
      options: ['full', 'metadata'],
      summary: 'Privacy level: metadata leaves out arguments, results and the content of receipts.',
    },
    output: { type: 'string', value: 'FILE', summary: 'File to write the comparison to, as JSON.' },
  },
  async run({ flags, args }, io) {
    const [leftFrom = '', rightFrom = ''] = args;
    const left = await loadSide(leftFrom, io.env);
    const right = await loadSide(rightFrom, io.env);
    const { privacy, output } = flags;
    const summary = diffRuns(left, right, privacy as Privacy);
    const report = { schema_id: 'gait.run.diff', schema_version: '1.0.0', privacy, summary: asJson(summary) };
    if (output !== undefined) await writeReport(output, report, io.env);
    const changed = differs(summary);
    return {
      fields: { privacy, summary: asJson(summary), ...(output === undefined ? {} : { output }) },
      lines: describe(summary, changed),
      ...(changed ? { failure: different(summary) } : {}),
    };
  },
});

function different({ run_id_left, run_id_right }: RunDiff): GaitError {
  return new GaitError({
    code: 'runs_differ',
    category: 'verification_failed',
    message: `the runs ${run_id_left} and ${run_id_right} differ`,
    hint: 'Both are sound; the answer says in what they differ.',
  });
}

function describe(diff: RunDiff, changed: boolean): string[] {
  const { run_id_left, run_id_right } = diff;
  const list = (what: string, ids: readonly string[] = []): string[] => {
    return ids.map((id) => `  ${what.padEnd(22)}${printable(id)}`);
  };
  return [
    `${printable(run_id_left)} and ${printable(run_id_right)}: ${changed ? 'different' : 'the same'}`,
    ...(diff.manifest_changed ? ['  capture mode or files differ'] : []),
    ...(diff.environment_changed ? ['  environment           changed'] : []),
    ...(diff.timeline_changed ? ['  timeline              changed'] : []),
    ...(diff.order_changed ? ['  order of intents      changed'] : []),
    ...list('file on one side', diff.files_changed),
    ...list('intent changed', diff.changed_intents),
    ...list('intent only left', diff.left_only_intents),
    ...list('intent only right', diff.right_only_intents),
    ...list('result changed', diff.changed_results),
    ...list('result only left', diff.left_only_results),
    ...list('result only right', diff.right_only_results),
    ...(diff.context_drift_classification === 'none'
      ? []
      : [`  context               ${diff.context_drift_classification.replace('_', ' ')}`]),
  ];
}

export default spec;
