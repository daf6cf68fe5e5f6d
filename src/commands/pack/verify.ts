import { type CommandSpec, command } from '../../cli/command.ts';
import { expectedHeads, expectHeadFlag } from '../../cli/flags/head.ts';
import {
  assertType,
  noHistory,
  openAndVerify,
  PACK_OUTPUT,
  packArgs,
  pathFlag,
  pathOf,
  typeFlag,
} from '../../cli/flags/pack.ts';
import { signatureDemandOf, signatureFlags } from '../../cli/flags/verify.ts';
import type { Io } from '../../cli/io.ts';
import { asJson } from '../../cli/text/job.ts';
import { describeVerification } from '../../cli/text/verify.ts';
import type { JsonObject } from '../../core/json.ts';
import type { JobHistory } from '../../job/read/history.ts';
import { type PackVerification, verificationError } from '../../pack/verified.ts';

const spec: CommandSpec = command({
  output: { schemaId: PACK_OUTPUT, operation: 'verify' },
  summary: 'Verify a pack: needs nothing but the file.',
  description:
    'Checks in layers: the container to the last byte, the manifest and every digest, the payload (its ' +
    'documents agree, a job’s events chain and fold to exactly the state that the pack claims, a run’s ' +
    'own runpack verifies too), the signatures. Also reads runpacks and evidence packs from before ' +
    'PackSpec v1. Needs no network and trusts nothing in the pack. Reports all findings; exit 2 if there ' +
    'are any.',
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
    ...signatureFlags,
    type: typeFlag,
    extends: {
      type: 'string',
      value: 'OLD',
      summary: 'Fail unless the pack only adds to this earlier pack of the same job.',
    },
    ...expectHeadFlag('a revision of the job’s log and the hash of its event'),
  },
  async run(input, io) {
    const path = pathOf(input);
    const { extends: earlier, type } = input.flags;
    const policy = signatureDemandOf(input.flags, io);
    const extending = earlier === undefined ? {} : { extending: await historyOf(earlier, io) };
    const heads = expectedHeads(input.flags);
    const known = heads.length === 0 ? {} : { known: heads };
    const { verification } = await openAndVerify(path, io, {
      ...policy,
      ...extending,
      ...known,
      keep: false,
    });
    assertType(type, verification, path);
    const sound = verification.findings.length === 0;
    return {
      fields: { path, ...identityOf(verification), verify: asJson(verification) },
      lines: describeVerification(path, verification, io),
      ...(sound ? {} : { failure: verificationError(verification, path) }),
    };
  },
});

/** What an earlier pack holds. It must itself verify. */
async function historyOf(path: string, io: Io): Promise<JobHistory> {
  const { verification, manifest, history } = await openAndVerify(path, io);
  if (verification.findings.length > 0 || manifest === undefined) throw verificationError(verification, path);
  if (history === undefined) throw noHistory(path, manifest);
  return history;
}

/** What the pack says it is; nothing when its manifest cannot be read. */
function identityOf({ pack_id, pack_type, source_ref }: PackVerification): JsonObject {
  return pack_id === '' ? {} : { pack_id, pack_type, source_ref };
}

export default spec;
