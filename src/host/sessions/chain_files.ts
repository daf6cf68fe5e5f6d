import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { GaitError } from '../../core/errors.ts';
import { openSource } from '../../files/file_source.ts';
import type { KnownHead } from '../../log/known_heads.ts';
import {
  type ChainVerification,
  isSound,
  type OpenRunpack,
  parseChain,
  type SessionChain,
  verifyChain,
} from '../../run/session/chain.ts';
import type { SessionCheckpoint } from '../../run/session/session.ts';
import type { SignaturePolicy } from '../../signing/verify.ts';
import { readContainer } from '../../zip/reader.ts';
import { readJsonFile, verifiedFile } from '../read_json.ts';

const MAX_CHAIN_BYTES = 64 * 1024 * 1024;

/** Where the chain of a journal stands: beside it. */
export function chainPathOf(journal: string): string {
  const name = basename(journal);
  const stem = /^(.+)\.[^.]*$/.exec(name)?.[1] ?? name;
  return join(dirname(journal), `${stem}_chain.json`);
}

export function readChain(path: string): SessionChain {
  return parseChain(readJsonFile(path, MAX_CHAIN_BYTES), path);
}

/** A chain of a file, and what a verification of it and of its runpacks found. */
export interface VerifiedChain {
  readonly chain: SessionChain;
  readonly verification: ChainVerification;
}

/**
 * Reads a chain and verifies it with the runpacks that it names. A runpack of a later checkpoint beside them is a finding.
 * Throws `chain_damaged` (verification_failed) for what is no chain.
 */
export function verifyChainFile(
  path: string,
  demand: SignaturePolicy = {},
  known: readonly KnownHead[] = [],
): VerifiedChain {
  const chain = verifiedFile('chain_damaged', () => readChain(path));
  const open: OpenRunpack = (checkpoint) => openRunpack(runpackOf(path, checkpoint));
  const remembered = { known, beside: checkpointsBeside(path, chain) };
  return { chain, verification: verifyChain(chain, open, demand, remembered) };
}

/** The chain of a file that verifies, to be shown or built on. Throws `chain_damaged` (verification_failed). */
export function soundChain(path: string): SessionChain {
  const { chain, verification } = verifyChainFile(path);
  if (!isSound(verification)) throw chainDamaged(path, verification);
  return chain;
}

function openRunpack(path: string): ReturnType<OpenRunpack> {
  try {
    const { source, close } = openSource(path);
    return { container: readContainer(source), close };
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
    return `its runpack cannot be read: ${error.message}`;
  }
}

/** The error that a chain with findings is refused with. */
export function chainDamaged(
  path: string,
  { linkage_errors, checkpoint_errors }: ChainVerification,
): GaitError {
  const all = [...linkage_errors, ...checkpoint_errors];
  const more = all.length > 1 ? ` (and ${all.length - 1} more)` : '';
  return new GaitError({
    code: 'chain_damaged',
    category: 'verification_failed',
    message: `${path} does not verify: ${all[0] ?? 'unknown finding'}${more}`,
    hint: '`gait verify session-chain` lists all findings. Ask for the chain and its runpacks again from where they were made.',
  });
}

/** How a chain in the directory of `chainPath` names a file: from there, so that both can be moved together. */
export function pathFromChain(chainPath: string, file: string): string {
  const path = relative(dirname(resolve(chainPath)), resolve(file));
  return isAbsolute(path) ? path : path.split(sep).join('/');
}

/**
 * Where the runpack of a checkpoint is: named from the directory of the chain, or, as earlier producers named it, from
 * the directory that they ran in; or moved there beside the chain. That it is the right one, its digest says.
 */
export function runpackOf(chainPath: string, { runpack_path }: SessionCheckpoint): string {
  const dir = dirname(chainPath);
  const places = [resolve(dir, runpack_path), resolve(runpack_path), join(dir, basename(runpack_path))];
  const there = places.find((place) => existsSync(place));
  const first = isAbsolute(runpack_path) ? runpack_path : join(dir, runpack_path);
  return there === undefined || there === places[0] ? first : there;
}

/** The indices of checkpoints of this run whose runpacks lie where those of the chain do. Sorted. */
export function checkpointsBeside(chainPath: string, chain: SessionChain): number[] {
  const dirs = new Set([
    dirname(resolve(chainPath)),
    ...chain.checkpoints.map((checkpoint) => dirname(resolve(runpackOf(chainPath, checkpoint)))),
  ]);
  const head = `runpack_${chain.run_id}_cp_`;
  const found = [...dirs].filter((dir) => existsSync(dir)).flatMap((dir) => readdirSync(dir));
  const ours = found.filter((name) => name.startsWith(head) && /^\d{4,}\.zip$/.test(name.slice(head.length)));
  return [...new Set(ours.map((name) => Number.parseInt(name.slice(head.length), 10)))].sort((a, b) => a - b);
}

/** The chain with its runpacks named from another directory. */
export function relocated(chain: SessionChain, from: string, to: string): SessionChain {
  const checkpoints = chain.checkpoints.map((checkpoint) => {
    return { ...checkpoint, runpack_path: pathFromChain(to, runpackOf(from, checkpoint)) };
  });
  return { ...chain, checkpoints };
}
