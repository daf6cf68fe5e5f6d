import { basename } from 'node:path';
import { type CommandSpec, command, type Reply } from '../../cli/command.ts';
import {
  keyModeFlag,
  privateKeyFlags,
  type Signer,
  signerOf,
  signingProfileFlag,
} from '../../cli/flags/key.ts';
import type { Io } from '../../cli/io.ts';
import { shellWord } from '../../cli/run.ts';
import { printable } from '../../cli/terminal.ts';
import { progressBar } from '../../cli/text/progress.ts';
import { signatureFields } from '../../cli/text/run.ts';
import { GaitError, invalidInput } from '../../core/errors.ts';
import { type BuildRequest, type BuiltSource, jobPackOf, runPackOf } from '../../host/pack_sources.ts';
import { actorOf } from '../../host/workspace/actor.ts';
import { keptFolders, ledgerRoot, openLedger, packPath } from '../../host/workspace/output_places.ts';
import { outDir } from '../../host/workspace/workspace.ts';
import { checkActor } from '../../job/checks.ts';
import { type BuiltPack, recordBuilt } from '../../pack/ledger.ts';
import { writeZipAtomically } from '../../zip/writer.ts';

const spec: CommandSpec = command({
  output: { schemaId: 'gait.pack.output', operation: 'build' },
  summary: 'Build a pack: a zip from which anyone can check what was done.',
  description:
    'Of a run, its runpack is verified and included, byte for byte; of a job, its log is folded from its ' +
    'first event and checked. Damaged sources are refused. The same source gives the same file, byte for ' +
    'byte. The build is recorded in the workspace’s ledger of packs.',
  examples: [
    { says: 'Build the pack of a run', line: 'pack build run_1' },
    { says: 'Of a job', line: 'pack build --type job --from nightly --out nightly.zip' },
    { says: 'Of a checkpoint of a session', line: 'pack build --from ./night_chain.json --checkpoint 2' },
  ],
  args: [{ name: 'SOURCE', summary: 'the run or job to build it from', required: false }],
  flags: {
    type: {
      type: 'string',
      value: 'TYPE',
      default: 'run',
      options: ['run', 'job'],
      summary: 'Type of the pack: of a run (the default) or of a job.',
    },
    from: {
      type: 'string',
      value: 'SOURCE',
      summary:
        'Source, instead of the argument: the id or file of a run, a session chain, or the id or folder of a ' +
        'job.',
    },
    checkpoint: {
      type: 'string',
      value: 'N',
      summary: 'Checkpoint of a session chain: its index, or latest (the default).',
    },
    'job-root': {
      type: 'string',
      value: 'DIR',
      env: 'GAIT_JOB_ROOT',
      summary: 'Directory of the jobs. By default ./gait-out/jobs.',
    },
    out: {
      type: 'string',
      value: 'FILE',
      summary: 'Output file, or an existing directory. By default ./gait-out/pack_<pack id>.zip.',
    },
    'key-mode': keyModeFlag,
    ...privateKeyFlags,
    profile: signingProfileFlag,
    actor: {
      type: 'string',
      value: 'NAME',
      env: 'GAIT_ACTOR',
      summary: 'Name of whoever builds it, for the ledger. By default the user of the operating system.',
    },
  },
  async run({ flags, args }, io) {
    const actor = actorOf(flags.actor, io.env);
    const fault = checkActor(actor);
    if (fault !== undefined) throw fault;
    const signer = signerOf(flags['key-mode'], flags, io);
    const { checkpoint } = flags;
    const from = sourceNamed(flags.from, args);
    const named = { from, key: signer?.key, jobRoot: flags['job-root'], checkpoint };
    const request: BuildRequest = {
      ...named,
      progress: (total) => progressBar('building', total, io.screen),
    };
    const source = await (flags.type === 'job' ? jobPackOf : runPackOf)(request, io);
    try {
      return await writePack(source, { out: flags.out, signer, actor }, io);
    } finally {
      source.close();
    }
  },
});

interface Writing {
  readonly out: string | undefined;
  readonly signer: Signer | undefined;
  readonly actor: string;
}

async function writePack(source: BuiltSource, { out, signer, actor }: Writing, io: Io): Promise<Reply> {
  const { manifest, members } = source.pack;
  const { pack_id, pack_type, source_ref } = manifest;
  const kept = keptFolders(source.kept, io.env);
  const path = packPath(out, outDir(io.env), `pack_${pack_id}.zip`, kept);
  const progress = progressBar(
    'writing',
    members.reduce((sum, member) => sum + member.source.size, 0),
    io.screen,
  );
  const { sha256: file_sha256, size } = await writeZipAtomically(path, members, progress.add);
  progress.end();
  const built: BuiltPack = {
    ...{ pack_id, pack_type, source_ref, file: basename(path), file_sha256, size },
    ...(source.head === undefined ? {} : { head: source.head }),
  };
  const warnings = [...(signer?.warnings ?? []), ...(await enterIntoLedger(built, actor, io))];
  for (const warning of warnings) io.note(`warning: ${warning}`);
  return {
    fields: {
      ...{ path, pack_id, pack_type, source_ref, file_sha256, size, warnings },
      ...signatureFields(signer),
    },
    lines: [
      printable(path),
      `  pack      ${pack_id}`,
      `  of ${pack_type}    ${printable(source.subject)}`,
      `  size      ${size} bytes in ${members.length} members, sha256 ${file_sha256}`,
      ...(signer === undefined ? [] : [`  signed    by ${signer.key.keyId}`]),
      `  check it  gait pack verify ${shellWord(path)}`,
    ],
  };
}

function sourceNamed(flag: string | undefined, [argument]: readonly string[]): string {
  if (flag !== undefined && argument !== undefined) {
    throw invalidInput('argument_unexpected', 'the source is given twice, as an argument and by --from');
  }
  const from = flag ?? argument;
  if (from !== undefined && from !== '') return from;
  const hint = 'Name a run: gait pack build RUN; or a job: gait pack build --type job --from JOB.';
  throw invalidInput('argument_missing', 'nothing is named to build a pack of', hint);
}

/** A pack that cannot be entered is built all the same; that it was not entered is said. */
async function enterIntoLedger(built: BuiltPack, actor: string, io: Io): Promise<string[]> {
  const root = ledgerRoot(io.env);
  try {
    await recordBuilt(openLedger(root, io), built, actor, io.clock.now());
    return [];
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
    const warning = `the pack is not in the ledger of ${root}: ${error.message}`;
    return [warning];
  }
}

export default spec;
