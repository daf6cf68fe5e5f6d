import { type CommandSpec, command } from '../../cli/command.ts';
import type { Color, Io } from '../../cli/io.ts';
import { asJson } from '../../cli/job_text.ts';
import { type TrustValues, trustFlags, trustOf } from '../../cli/key_flags.ts';
import { noHistory, openAndVerify, PACK_OUTPUT, packArgs, pathFlag, pathOf } from '../../cli/pack_flags.ts';
import { printable } from '../../cli/run.ts';
import { invalidInput } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { JobHistory } from '../../job/history.ts';
import type { CheckStatus } from '../../pack/report.ts';
import { type PackVerification, verificationError } from '../../pack/verify.ts';
import type { SignaturePolicy } from '../../pack/verify_signatures.ts';

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
    { says: 'That it only adds to an earlier one', line: 'pack verify nightly.zip --extends last-week.zip' },
    {
      says: 'Signed by one of the keys in a directory',
      line: 'pack verify nightly.zip --profile strict --trust-dir ./trusted',
    },
  ],
  args: packArgs,
  flags: {
    path: pathFlag,
    ...trustFlags,
    profile: {
      type: 'string',
      value: 'PROFILE',
      default: 'standard',
      options: ['standard', 'strict'],
      summary: 'strict demands a signature by a key that is given.',
    },
    extends: {
      type: 'string',
      value: 'OLD',
      summary: 'An earlier pack of the same job: this one must only add to it.',
    },
    'require-signature': {
      type: 'boolean',
      summary: 'An unsigned pack, or one whose signature cannot be checked, will not do.',
    },
  },
  async run(input, io) {
    const path = pathOf(input);
    const { extends: earlier } = input.flags;
    const policy = policyOf(input.flags, io);
    const extending = earlier === undefined ? {} : { extending: await historyOf(earlier) };
    const { verification } = await openAndVerify(path, { ...policy, ...extending });
    const sound = verification.findings.length === 0;
    return {
      fields: { path, ...identityOf(verification), verify: asJson(verification) },
      lines: describe(path, verification, io),
      ...(sound ? {} : { failure: verificationError(verification, path) }),
    };
  },
});

/** What an earlier pack holds. It must itself verify. */
async function historyOf(path: string): Promise<JobHistory> {
  const { verification, manifest, history } = await openAndVerify(path);
  if (verification.findings.length > 0 || manifest === undefined) throw verificationError(verification, path);
  if (history === undefined) throw noHistory(path, manifest);
  return history;
}

function policyOf(
  flags: TrustValues & { readonly profile: string; readonly 'require-signature': boolean },
  io: Io,
): SignaturePolicy {
  const trust = trustOf(flags, io);
  const strict = flags.profile === 'strict';
  if (strict && trust.size === 0) {
    const hint = 'Give --public-key FILE, --public-key-env NAME or --trust-dir DIR.';
    throw invalidInput('public_key_missing', '--profile strict needs a public key to believe', hint);
  }
  return { trust, required: strict || flags['require-signature'] };
}

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
  { pack_type, source_ref, pack_id, checks, findings, signature_status }: PackVerification,
  io: Io,
): string[] {
  const what =
    pack_id === ''
      ? 'not a pack that can be read'
      : `${pack_type} pack of ${printable(source_ref)}, ${pack_id}`;
  return [
    `${printable(path)}: ${what}`,
    ...checks.map(({ layer, check, status }) => {
      const mark = io.paint(COLORS[status], status.replace('_', ' ').padEnd(14));
      return `  ${mark}  ${layer}: ${check.replaceAll('_', ' ')}`;
    }),
    ...(signature_status === 'skipped' ? ['  signed, but no public key was given to check it with'] : []),
    ...findings.map(({ code, message }) => `  ${io.paint('red', code)}  ${printable(message)}`),
  ];
}

export default spec;
