import { type CommandSpec, command } from '../../cli/command.ts';
import type { Color, Io } from '../../cli/io.ts';
import { asJson } from '../../cli/job_text.ts';
import { openAndVerify, PACK_OUTPUT, packArgs, pathFlag, pathOf } from '../../cli/pack_flags.ts';
import { printable } from '../../cli/run.ts';
import type { JsonObject } from '../../core/json.ts';
import type { CheckStatus } from '../../pack/report.ts';
import { type PackVerification, verificationError } from '../../pack/verify.ts';

const spec: CommandSpec = command({
  output: { schemaId: PACK_OUTPUT, operation: 'verify' },
  summary: 'Check a pack, with nothing but the file.',
  description:
    'In layers: the container to the last byte, the manifest and every digest, the payload (its documents agree, the ' +
    'events chain and fold to exactly the state that the pack claims), the signatures. Needs no network and trusts ' +
    'nothing that is in the pack. All findings are reported; exit 2 if there are any.',
  examples: [
    { says: 'Check a pack', line: 'pack verify ./gait-out/pack_1f…e9.zip' },
    { says: 'For a script', line: 'pack verify --path nightly.zip --json' },
  ],
  args: packArgs,
  flags: { path: pathFlag },
  async run(input, io) {
    const path = pathOf(input);
    const { verification } = await openAndVerify(path);
    const sound = verification.findings.length === 0;
    return {
      fields: { path, ...identityOf(verification), verify: asJson(verification) },
      lines: describe(path, verification, io),
      ...(sound ? {} : { failure: verificationError(verification, path) }),
    };
  },
});

/** What the pack says it is; nothing when its manifest cannot be read. */
function identityOf({ pack_id, pack_type, source_ref }: PackVerification): JsonObject {
  return pack_id === '' ? {} : { pack_id, pack_type, source_ref };
}

const COLORS: Record<CheckStatus, Color> = {
  passed: 'green',
  failed: 'red',
  not_reached: 'yellow',
  not_applicable: 'dim',
};

function describe(
  path: string,
  { pack_type, source_ref, pack_id, checks, findings }: PackVerification,
  io: Io,
): string[] {
  const what =
    pack_id === ''
      ? 'not a pack that can be read'
      : `${pack_type} pack of ${printable(source_ref)}, ${pack_id}`;
  return [
    `${path}: ${what}`,
    ...checks.map(({ layer, check, status }) => {
      const mark = io.paint(COLORS[status], status.replace('_', ' ').padEnd(14));
      return `  ${mark}  ${layer}: ${check.replaceAll('_', ' ')}`;
    }),
    ...findings.map(({ code, message }) => `  ${io.paint('red', code)}  ${printable(message)}`),
  ];
}

export default spec;
