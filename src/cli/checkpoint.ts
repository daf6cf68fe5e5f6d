import { dirname, resolve } from 'node:path';
import { GaitError } from '../core/errors.ts';
import { VERSION } from '../core/version.ts';
import { chainOf, chainText } from '../run/chain.ts';
import { checkpointOf, checkpointRun } from '../run/checkpoint.ts';
import type { Journal } from '../run/journal.ts';
import { buildRunpack } from '../run/runpack.ts';
import type { SessionCheckpoint, SessionState } from '../run/session.ts';
import { stageFile, writeFileAtomically, zipOf } from '../zip/writer.ts';
import { machineNames, refusePlace, runpackPath, verifyWritten } from './capture.ts';
import { chainPathOf, pathFromChain, relocated, runpackOf } from './chain_files.ts';
import type { Io } from './io.ts';
import type { Signer } from './key_flags.ts';
import { refuseKeptPlace, refuseSame } from './workspace.ts';

const MAX_ATTEMPTS = 20;

export interface CheckpointRequest {
  readonly journal: Journal;
  /** Where to write the runpack; by default beside the journal. */
  readonly out: string | undefined;
  /** Where to write a copy of the chain. */
  readonly chainOut: string | undefined;
  readonly signer: Signer | undefined;
}

export interface MadeCheckpoint {
  readonly checkpoint: SessionCheckpoint;
  readonly runpackPath: string;
  readonly chainPath: string;
}

/**
 * Makes a checkpoint: the runpack first, then the journal's line, then the chain. Runpack and line are put in place
 * under the journal's lock, and only if the journal is as the runpack was made from; else both are made again.
 */
export async function makeCheckpoint(request: CheckpointRequest, io: Io): Promise<MadeCheckpoint> {
  const { journal, signer, chainOut } = request;
  const chainPath = chainPathOf(journal.path);
  for (const place of [chainPath, chainOut]) if (place !== undefined) refuseKeptPlace(place, io.env);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const { state } = await journal.load();
    // A crash may have left the chain behind the journal.
    if (state.pending.length === 0 && state.checkpoints.length > 0)
      await writeChains(journal, chainPath, chainOut);
    const now = io.clock.now();
    const captured = checkpointRun(state, machineNames(), VERSION, now);
    const path = request.out ?? defaultPath(journal.path, captured.run.run_id);
    refuseSame([journal.path, path, chainPath]);
    if (chainOut !== undefined) refuseSame([journal.path, path, chainOut]);
    refusePlace(path, io);
    refuseEarlier(path, chainPath, state);
    const { manifest, members } = buildRunpack(captured, signer?.key);
    const runpack = { manifestDigest: manifest.manifest_digest, path: pathFromChain(chainPath, path) };
    const checkpoint = checkpointOf(state, runpack, VERSION, now);
    const staged = await stageFile(path, await zipOf(members));
    try {
      const done = await journal.change((current) => {
        if (!isSame(current, state)) return { result: false };
        staged.commit();
        return { append: [{ record_type: 'checkpoint', checkpoint }], result: true };
      });
      if (!done) continue;
    } finally {
      staged.discard();
    }
    await verifyWritten(path);
    await writeChains(journal, chainPath, chainOut);
    return { checkpoint, runpackPath: path, chainPath };
  }
  throw new GaitError({
    code: 'stream_contended',
    category: 'state_contention',
    message: `others appended to ${journal.path} before each of ${MAX_ATTEMPTS} attempts`,
    retryable: true,
    hint: 'Run the same command again.',
  });
}

/** True if nobody appended between. */
function isSame(current: SessionState, earlier: SessionState): boolean {
  const { lastSequence, checkpoints } = earlier;
  return current.lastSequence === lastSequence && current.checkpoints.length === checkpoints.length;
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

function defaultPath(journal: string, runId: string): string {
  return runpackPath(dirname(journal), runId);
}

/** The runpack of an earlier checkpoint is never replaced: its chain would break. */
function refuseEarlier(path: string, chainPath: string, { checkpoints }: SessionState): void {
  const earlier = checkpoints.find((one) => resolve(runpackOf(chainPath, one)) === resolve(path));
  if (earlier === undefined) return;
  throw new GaitError({
    code: 'out_unsafe',
    category: 'unsafe_operation',
    message: `refused to replace ${path}: it is the runpack of checkpoint ${earlier.checkpoint_index}`,
    hint: 'Name another file with --out.',
  });
}
