import { basename } from 'node:path';
import { type CommandSpec, command } from '../../cli/command.ts';
import type { Io } from '../../cli/io.ts';
import { keyModeFlag, privateKeyFlags, signerOf } from '../../cli/key_flags.ts';
import { actorOf } from '../../cli/machine.ts';
import { printable, shellWord } from '../../cli/run.ts';
import {
  jobRoot,
  jobSource,
  keptFolders,
  ledgerRoot,
  openLedger,
  outDir,
  packPath,
} from '../../cli/workspace.ts';
import { sha256Hex } from '../../core/digest.ts';
import { GaitError } from '../../core/errors.ts';
import { VERSION } from '../../core/version.ts';
import { checkActor } from '../../job/checks.ts';
import { readHistory } from '../../job/history.ts';
import { buildJobPack } from '../../pack/build.ts';
import { type BuiltPack, recordBuilt } from '../../pack/ledger.ts';
import { writeFileAtomically, zipOf } from '../../zip/writer.ts';

const spec: CommandSpec = command({
  output: { schemaId: 'gait.pack.output', operation: 'build' },
  summary: 'Build a pack: a zip from which anyone can check what was done.',
  description:
    'The log is folded from its first event and checked on the way; a damaged one is refused. The same job gives the ' +
    'same file, byte for byte. The build is entered into the ledger of packs of the workspace.',
  examples: [
    { says: 'Build the pack of a job', line: 'pack build --type job --from nightly' },
    {
      says: 'From a folder, to a file',
      line: 'pack build --type job --from ./copy/nightly --out nightly.zip',
    },
  ],
  flags: {
    type: {
      type: 'string',
      value: 'TYPE',
      required: true,
      options: ['job'],
      summary: 'What the pack is of: job.',
    },
    from: {
      type: 'string',
      value: 'JOB|DIR',
      required: true,
      summary: 'The id of a job, or the folder of one.',
    },
    'job-root': {
      type: 'string',
      value: 'DIR',
      env: 'GAIT_JOB_ROOT',
      summary: 'Where the jobs are. By default ./gait-out/jobs.',
    },
    out: {
      type: 'string',
      value: 'FILE',
      summary:
        'Where to write it: a file, or a directory that exists. By default ./gait-out/pack_<pack id>.zip.',
    },
    'key-mode': keyModeFlag,
    ...privateKeyFlags,
    actor: {
      type: 'string',
      value: 'NAME',
      env: 'GAIT_ACTOR',
      summary: 'Who builds it, for the ledger. By default the user of the operating system.',
    },
  },
  async run({ flags }, io) {
    const actor = actorOf(flags.actor, io.env);
    const fault = checkActor(actor);
    if (fault !== undefined) throw fault;
    const { store, jobId } = jobSource(flags.from, jobRoot(flags['job-root'], io.env));
    const signer = signerOf(flags['key-mode'], flags, io);
    const history = await readHistory(store, jobId);
    const { manifest, members } = buildJobPack(history, VERSION, signer?.key);
    const bytes = await zipOf(members);
    const { pack_id, pack_type, source_ref } = manifest;
    const kept = keptFolders([store.root, jobRoot(flags['job-root'], io.env)], io.env);
    const path = packPath(flags.out, outDir(io.env), `pack_${pack_id}.zip`, kept);
    await writeFileAtomically(path, bytes);
    const file_sha256 = sha256Hex(bytes);
    const { revision, hash } = history.position;
    const size = bytes.length;
    const built: BuiltPack = {
      ...{ pack_id, pack_type, source_ref, file: basename(path), file_sha256, size },
      head: { revision, hash },
    };
    const warnings = [...(signer?.warnings ?? []), ...(await enterIntoLedger(built, actor, io))];
    for (const warning of warnings) io.note(`warning: ${warning}`);
    return {
      fields: {
        ...{ path, pack_id, pack_type, source_ref, file_sha256, size, warnings },
        signature_status: signer === undefined ? 'missing' : 'signed',
        ...(signer === undefined ? {} : { signature_key_id: signer.key.keyId }),
      },
      lines: [
        printable(path),
        `  pack      ${pack_id}`,
        `  of job    ${jobId}, revision ${revision}, ${hash}`,
        `  size      ${size} bytes in ${members.length} members, sha256 ${file_sha256}`,
        ...(signer === undefined ? [] : [`  signed    by ${signer.key.keyId}`]),
        `  check it  gait pack verify ${shellWord(path)}`,
      ],
    };
  },
});

/** A pack that cannot be entered is built all the same; that it was not entered is said. */
async function enterIntoLedger(built: BuiltPack, actor: string, io: Io): Promise<string[]> {
  const root = ledgerRoot(io.env);
  try {
    await recordBuilt(openLedger(root), built, actor, io.clock.now());
    return [];
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
    const warning = `the pack is not in the ledger of ${root}: ${error.message}`;
    return [warning];
  }
}

export default spec;
