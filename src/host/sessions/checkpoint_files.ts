import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { GaitError } from '../../core/errors.ts';
import { VERSION } from '../../core/version.ts';
import { writeFileAtOnce, writeFileAtomically } from '../../files/atomic_file.ts';
import { openSource } from '../../files/file_source.ts';
import { sourceOf } from '../../files/source.ts';
import type { CapturedRun, RunIntent } from '../../run/documents.ts';
import { checkRunId } from '../../run/record.ts';
import { buildRunpack } from '../../run/runpack.ts';
import { chainOf, chainText } from '../../run/session/chain.ts';
import { checkpointRun, sessionCheckpointOf } from '../../run/session/checkpoint.ts';
import type { Journal } from '../../run/session/journal.ts';
import type { SessionCheckpoint, SessionState } from '../../run/session/session.ts';
import { verifyRunpack } from '../../run/verify.ts';
import type { SigningKey } from '../../signing/keys.ts';
import { readContainer } from '../../zip/reader.ts';
import { zipAtOnce } from '../../zip/writer.ts';
import type { Host } from '../host.ts';
import { realPlace, refuseKeptPlace, refuseSame } from '../workspace/output_places.ts';
import { chainPathOf, pathFromChain, readChain, relocated, runpackOf } from './chain_files.ts';
import { machineNames, refusePlace, runpackPath } from './runpack_files.ts';

export interface CheckpointRequest {
  readonly journal: Journal;
  /** Where to write the runpack; by default beside the journal. */
  readonly out: string | undefined;
  /** Where to write a copy of the chain. */
  readonly chainOut: string | undefined;
  /** Signs the runpack. */
  readonly key: SigningKey | undefined;
}

export interface MadeCheckpoint {
  readonly checkpoint: SessionCheckpoint;
  readonly runpackPath: string;
  readonly chainPath: string;
}

/**
 * Makes a checkpoint: the runpack first, then the journal's line, then the chain. Runpack and line are put in place
 * under the journal's lock, so that nobody appends between.
 */
export async function makeCheckpoint(request: CheckpointRequest, host: Host): Promise<MadeCheckpoint> {
  const { journal, chainOut } = request;
  const chainPath = chainPathOf(journal.path);
  for (const place of [chainPath, chainOut]) if (place !== undefined) refuseKeptPlace(place, host.env);
  const { state } = await journal.load();
  for (const place of [chainPath, chainOut]) if (place !== undefined) refuseOtherChain(place, state);
  // A crash may have left the chain behind the journal.
  if (state.pending.length === 0 && state.checkpoints.length > 0)
    await writeChains(journal, chainPath, chainOut);
  const made = await journal.change((current) => {
    const { checkpoint, path } = seal(current, request, chainPath, host);
    return { append: [{ record_type: 'checkpoint', checkpoint }], result: { checkpoint, runpackPath: path } };
  });
  await writeChains(journal, chainPath, chainOut);
  return { ...made, chainPath };
}

/** Puts the runpack of the next checkpoint in its place, under the journal's lock. */
function seal(
  state: SessionState,
  { journal, out, chainOut, key }: CheckpointRequest,
  chainPath: string,
  host: Host,
): { readonly checkpoint: SessionCheckpoint; readonly path: string } {
  const now = host.clock.now();
  const captured = checkpointRun(state, machineNames(), VERSION, now);
  const path = out ?? defaultPath(journal.path, checkRunId(captured.run.run_id));
  refuseSame([journal.path, path, chainPath]);
  if (chainOut !== undefined) refuseSame([journal.path, path, chainOut]);
  refusePlace(path, host.env);
  refuseEarlier(path, chainPath, state);
  refuseOtherRunpack(path, captured);
  const { manifest, members } = buildRunpack(captured, key);
  const bytes = zipAtOnce(members);
  assertSound(bytes, path);
  const runpack = { manifestDigest: manifest.manifest_digest, path: pathFromChain(chainPath, path) };
  const checkpoint = sessionCheckpointOf(state, runpack, VERSION, now);
  writeFileAtOnce(path, bytes);
  return { checkpoint, path };
}

/** Puts the chain that belongs to a journal beside it, and a copy elsewhere; again, if others made checkpoints meanwhile. */
async function writeChains(journal: Journal, chainPath: string, copyTo: string | undefined): Promise<void> {
  let written = -1;
  for (;;) {
    const { state } = await journal.load();
    if (state.checkpoints.length === written) return;
    const chain = chainOf(state);
    await writeFileAtomically(chainPath, Buffer.from(chainText(chain)));
    if (copyTo !== undefined) {
      const copy = relocated(chain, chainPath, copyTo);
      await writeFileAtomically(copyTo, Buffer.from(chainText(copy)));
    }
    written = state.checkpoints.length;
  }
}

/** A chain replaces nothing but an earlier one of the same session. */
function refuseOtherChain(path: string, { header }: SessionState): void {
  if (!existsSync(path)) return;
  try {
    const chain = readChain(path);
    if (chain.session_id === header.session_id && chain.run_id === header.run_id) return;
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
  }
  throw unsafe(path, 'it is no chain of this session');
}

/** A crash may have left the runpack of this very checkpoint, made of fewer events: that, and no other, is replaced. */
function refuseOtherRunpack(path: string, { run, intents }: CapturedRun): void {
  if (!existsSync(path)) return;
  const sessions = new Set<unknown>();
  const { source, close } = openSource(path);
  try {
    const visit = { intent: ({ args }: RunIntent): void => void sessions.add(args?.['session_id']) };
    const { manifest } = verifyRunpack(readContainer(source), { visit });
    const own = intents[0]?.args?.['session_id'];
    if (manifest?.run_id === run.run_id && sessions.size === 1 && sessions.has(own)) return;
  } finally {
    close();
  }
  throw unsafe(path, 'it is not of this checkpoint');
}

function assertSound(bytes: Buffer, path: string): void {
  const { verification } = verifyRunpack(readContainer(sourceOf(bytes)));
  const [first] = verification.findings;
  if (first === undefined) return;
  throw new GaitError({
    code: 'written_unsound',
    category: 'verification_failed',
    message: `no checkpoint was made, since ${path} would not verify: ${first.message}`,
    hint: 'The journal holds what a runpack cannot: look at the event that is named.',
  });
}

function unsafe(path: string, why: string): GaitError {
  return new GaitError({
    code: 'out_unsafe',
    category: 'unsafe_operation',
    message: `refused to replace ${path}: ${why}`,
    hint: 'Name another file.',
  });
}

function defaultPath(journal: string, runId: string): string {
  return runpackPath(dirname(journal), runId);
}

/** The runpack of an earlier checkpoint is never replaced: its chain would break. */
function refuseEarlier(path: string, chainPath: string, { checkpoints }: SessionState): void {
  const earlier = checkpoints.find((one) => realPlace(runpackOf(chainPath, one)) === realPlace(path));
  if (earlier !== undefined)
    throw unsafe(path, `it is the runpack of checkpoint ${earlier.checkpoint_index}`);
}
