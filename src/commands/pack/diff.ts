import { type CommandSpec, command } from '../../cli/command.ts';
import { assertType, openAndVerify, PACK_OUTPUT, typeFlag } from '../../cli/flags/pack.ts';
import type { Io } from '../../cli/io.ts';
import { printable } from '../../cli/terminal.ts';
import { asJson } from '../../cli/text/job.ts';
import { GaitError } from '../../core/errors.ts';
import { writeReport } from '../../host/workspace/output_places.ts';
import { type ComparedPack, comparedPack, diffPacks, type PackComparison } from '../../pack/diff.ts';
import { ComparableRun } from '../../pack/kinds/run/compare.ts';
import { verificationError } from '../../pack/verified.ts';

const spec: CommandSpec = command({
  output: { schemaId: PACK_OUTPUT, operation: 'diff' },
  summary: 'Compare the contents of two packs.',
  description:
    'Both are verified first; one that does not verify is not compared (exit 2). Ids, times, producer ' +
    'versions and signatures do not count: two runs of the same agent that did the same are equal. Exit ' +
    '0: equal; 2: different or damaged; 6: not readable.',
  examples: [
    { says: 'What changed between two nights', line: 'pack diff monday.zip tuesday.zip' },
    { says: 'For a script', line: 'pack diff monday.zip tuesday.zip --output diff.json --json' },
  ],
  args: [
    { name: 'LEFT', summary: 'the earlier pack', required: true },
    { name: 'RIGHT', summary: 'the later pack', required: true },
  ],
  flags: {
    type: typeFlag,
    output: { type: 'string', value: 'FILE', summary: 'File to write the comparison to, as JSON.' },
  },
  async run({ flags, args }, io) {
    const [leftPath = '', rightPath = ''] = args;
    const left = await readSide(leftPath, flags.type, io);
    const right = await readSide(rightPath, flags.type, io);
    const comparison = diffPacks(left, right);
    const { diff, changes } = comparison;
    const { output } = flags;
    if (output !== undefined) await writeReport(output, asJson(diff), io.env);
    return {
      fields: {
        diff: asJson(diff),
        changes: changes.map(asJson),
        ...(output === undefined ? {} : { path: output }),
      },
      lines: describe(leftPath, rightPath, comparison, io),
      ...(diff.summary.changed ? { failure: different(leftPath, rightPath) } : {}),
    };
  },
});

async function readSide(path: string, type: string | undefined, io: Io): Promise<ComparedPack> {
  const run = new ComparableRun();
  const pack = await openAndVerify(path, io, { visit: run });
  assertType(type, pack.verification, path);
  if (pack.verification.findings.length > 0) throw verificationError(pack.verification, path);
  return comparedPack(pack, run);
}

function different(left: string, right: string): GaitError {
  return new GaitError({
    code: 'packs_differ',
    category: 'verification_failed',
    message: `${left} and ${right} differ`,
    hint: 'The packs themselves are sound; the answer says in what they differ.',
  });
}

function describe(left: string, right: string, { diff, changes }: PackComparison, io: Io): string[] {
  const { summary } = diff;
  const { added_files = [], removed_files = [], context_drift_classification: drift } = summary;
  const verdict = summary.changed
    ? io.paint('yellow', 'different')
    : summary.manifest_delta
      ? `${io.paint('green', 'nothing of substance changed')}: only ids, times or who made them`
      : io.paint('green', 'the same');
  return [
    `${printable(left)} and ${printable(right)}: ${verdict}`,
    ...(diff.left_pack_type === diff.right_pack_type
      ? []
      : [`  type     ${diff.left_pack_type} became ${diff.right_pack_type}`]),
    ...removed_files.map((name) => `  ${io.paint('red', 'removed')}  ${printable(name)}`),
    ...added_files.map((name) => `  ${io.paint('green', 'added')}    ${printable(name)}`),
    ...changes.map(({ member, sections }) => {
      return `  ${io.paint('yellow', 'changed')}  ${printable(member)}  ${sections.join(', ')}`;
    }),
    ...(drift === 'none' ? [] : [`  context  ${drift.replace('_', ' ')}`]),
  ];
}

export default spec;
