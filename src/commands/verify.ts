import { type CommandSpec, command } from '../cli/command.ts';
import { openAndVerify } from '../cli/flags/pack.ts';
import { signatureDemandOf, signatureFlags } from '../cli/flags/verify.ts';
import { asJson } from '../cli/text/job.ts';
import { describeVerification } from '../cli/text/verify.ts';
import type { JsonObject } from '../core/json.ts';
import { runFile } from '../host/run_files.ts';
import { type VerifiedPack, verificationError } from '../pack/verified.ts';

export const VERIFY_OUTPUT = 'gait.verify.output';

const spec: CommandSpec = command({
  output: { schemaId: VERIFY_OUTPUT, operation: 'verify' },
  summary: 'Verify a run, by its id or file, or any pack.',
  description:
    'The same checks as `gait pack verify`; a run id is looked up in the output directory and in ' +
    '~/.gait/runpacks. Needs no network and trusts nothing in the file. Exit 2 if anything is wrong.',
  examples: [
    { says: 'Check a run', line: 'verify run_1' },
    {
      says: 'Check a file, signed by a key that you trust',
      line: 'verify ./run.zip --public-key alice.pub --profile strict',
    },
  ],
  args: [{ name: 'RUN', summary: 'the run: its id, or the path of a runpack or pack', required: true }],
  flags: signatureFlags,
  async run({ flags, args }, io) {
    const [from = ''] = args;
    const { path, asked } = runFile(from, io.env);
    const pack = await openAndVerify(path, io, { ...signatureDemandOf(flags, io), asked });
    const { verification } = pack;
    const sound = verification.findings.length === 0;
    return {
      fields: { path, ...identityOf(pack), verify: asJson(verification) },
      lines: describeVerification(path, verification, io),
      ...(sound ? {} : { failure: verificationError(verification, path) }),
    };
  },
});

function identityOf({ verification, run, manifest }: VerifiedPack): JsonObject {
  const { pack_id, pack_type, source_ref, legacy_type } = verification;
  if (pack_id === '') return {};
  const { signature_status, signature_errors, signatures_total, signatures_valid } = verification;
  const { files_checked, missing_files, hash_mismatches, undeclared_files } = verification;
  const status = asJson({
    ...{ signature_status, signature_errors, signatures_total, signatures_valid },
    ...{ files_checked, missing_files, hash_mismatches, undeclared_files },
  });
  if (legacy_type === 'runpack') return { run_id: source_ref, manifest_digest: pack_id, ...status };
  const named = { pack_id, pack_type, source_ref, ...status };
  if (manifest?.pack_type !== 'run' || run === undefined) return named;
  return { ...named, run_id: source_ref, manifest_digest: run.manifest.manifest_digest };
}

export default spec;
