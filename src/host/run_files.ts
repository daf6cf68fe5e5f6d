import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { invalidInput } from '../core/errors.ts';
import { fileChanged } from '../files/file_source.ts';
import { type PackVerification, type VerificationPolicy, verificationError } from '../pack/verified.ts';
import { verifyPack } from '../pack/verify.ts';
import type { DiffSide } from '../run/diff.ts';
import type { CapturedRun, RunManifest } from '../run/documents.ts';
import { collectRecords } from '../run/records.ts';
import { checkpointNamed } from '../run/session/chain.ts';
import type { SessionCheckpoint } from '../run/session/session.ts';
import { openContainer } from '../zip/reader.ts';
import type { Env } from './host.ts';
import { runpackOf, soundChain } from './sessions/chain_files.ts';
import { outDir } from './workspace/workspace.ts';

/** The name of the file that holds a run. */
export function runpackName(runId: string): string {
  return `runpack_${runId}.zip`;
}

/**
 * The file that is meant by a run's id or by a path. What has a separator or ends in `.zip` or `.json` is a path;
 * anything else is an id, to be found in the output directory or in `~/.gait/runpacks`. Throws `run_not_found`.
 */
export function runPath(from: string, env: Env): string {
  return runFile(from, env).path;
}

/** The file of a run, and the id that it was found by, which is to be held against what is in it. */
export function runFile(from: string, env: Env): { readonly path: string; readonly asked?: string } {
  if (/[/\\]/.test(from) || /\.(zip|json)$/i.test(from)) return { path: from };
  const places = [outDir(env), join(env['HOME'] ?? homedir(), '.gait', 'runpacks')];
  const paths = places.map((place) => join(place, runpackName(from)));
  const found = paths.find((path) => existsSync(path));
  if (found !== undefined) return { path: found, asked: from };
  if (existsSync(from)) return { path: from };
  const hint = 'Give the exact id, or the path of the file.';
  throw invalidInput('run_not_found', `no run ${from}: there is no ${paths.join(' and no ')}`, hint);
}

/** A run that was read whole from a file that verifies. */
export interface LoadedRun extends CapturedRun {
  readonly path: string;
  readonly manifest: RunManifest;
  readonly verification: PackVerification;
}

/** Reads a run from a runpack or a run pack. Throws `pack_damaged` (verification_failed) unless it verifies. */
export async function loadRun(from: string, env: Env, policy: VerificationPolicy = {}): Promise<LoadedRun> {
  return loadFrom(runFile(from, env), policy);
}

async function loadFrom(
  { path, asked }: ReturnType<typeof runFile>,
  policy: VerificationPolicy,
): Promise<LoadedRun> {
  const { intents, results, visit } = collectRecords();
  const container = await openContainer(path);
  try {
    const { verification, run } = verifyPack(container, { ...policy, asked, visit });
    container.assertUnchanged();
    if (verification.findings.length > 0) throw verificationError(verification, path);
    if (run === undefined) {
      const what = `${verification.pack_type} pack`;
      throw invalidInput('not_a_run', `${path} is a ${what}, not a run`, 'Give a runpack or a run pack.');
    }
    const { manifest, facts } = run;
    const { capture_mode: captureMode } = manifest;
    return { path, manifest, verification, captureMode, run: facts.run, refs: facts.refs, intents, results };
  } finally {
    container.close();
  }
}

/** A side of a comparison: a run, or all that the checkpoints of a session chain hold, as one. */
export async function loadSide(from: string, env: Env): Promise<DiffSide> {
  const path = runPath(from, env);
  if (!/\.json$/i.test(path)) return loadRun(from, env);
  const chain = soundChain(path);
  const parts: LoadedRun[] = [];
  for (const checkpoint of chain.checkpoints) parts.push(await loadCheckpoint(path, checkpoint));
  const [first] = parts;
  if (first === undefined) throw invalidInput('not_a_chain', `${path} has no checkpoints`);
  return {
    manifest: { ...first.manifest, run_id: chain.run_id },
    run: {
      ...first.run,
      env: Object.fromEntries(parts.map(({ run }, i) => [`checkpoint_${i + 1}`, run.env])),
      timeline: parts.flatMap(({ run }) => run.timeline ?? []),
    },
    intents: parts.flatMap((part, i) => part.intents.map((intent) => numbered(intent, i))),
    results: parts.flatMap((part, i) => part.results.map((result) => numbered(result, i))),
    refs: first.refs,
  };
}

/** The run of a checkpoint of a chain that verifies. Throws `file_changed` where its runpack is not that one any more. */
export async function loadCheckpoint(chainPath: string, checkpoint: SessionCheckpoint): Promise<LoadedRun> {
  const loaded = await loadFrom({ path: runpackOf(chainPath, checkpoint) }, {});
  if (loaded.manifest.manifest_digest === checkpoint.manifest_digest) return loaded;
  throw fileChanged(loaded.path);
}

/** Ids are of their checkpoint only: the same one in another is another. */
function numbered<R extends { readonly intent_id: string }>(record: R, index: number): R {
  return { ...record, intent_id: `checkpoint_${index + 1}/${record.intent_id}` };
}

/** The file of the runpack that is meant: a run, or a checkpoint of a session chain (`latest`, or its index). */
export function sourceFile(
  from: string,
  checkpoint: string | undefined,
  env: Env,
): ReturnType<typeof runFile> {
  const file = runFile(from, env);
  const { path } = file;
  if (/\.json$/i.test(path))
    return { path: runpackOf(path, checkpointNamed(soundChain(path), checkpoint ?? 'latest')) };
  if (checkpoint === undefined) return file;
  throw invalidInput('flags_conflict', '--checkpoint is for session chains', 'Omit it for a run.');
}
