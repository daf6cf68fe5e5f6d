import { posix } from 'node:path';
import { invalidInput } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { MAX_FINDINGS } from '../../core/limits.ts';
import { clippedList, type Finding } from '../../core/report.ts';
import { HeadWatch, type KnownHead } from '../../log/known_heads.ts';
import validateChain from '../../schema/generated/runpack_session_chain.js';
import { schemaFault } from '../../schema/validator.ts';
import type { SignaturePolicy } from '../../signing/verify.ts';
import type { Container } from '../../zip/reader.ts';
import { type VerifiedRunpack, verifyRunpack } from '../verify.ts';
import { type Bond, bondFaults, EventPlaces, isBound, isSigned } from './checkpoint_bond.ts';
import { linkFault, type SessionCheckpoint, type SessionState } from './session.ts';

/** schemas/v1/runpack/session_chain.schema.json */
export interface SessionChain {
  readonly schema_id: 'gait.runpack.session_chain';
  readonly schema_version: '1.0.0';
  readonly created_at: string;
  readonly producer_version: string;
  readonly session_id: string;
  readonly run_id: string;
  readonly checkpoints: readonly SessionCheckpoint[];
}

/** The chain of a session: what its checkpoints are, for whoever has no journal. */
export function chainOf({ header, checkpoints }: SessionState): SessionChain {
  const { created_at, producer_version, session_id, run_id } = header;
  const named = { schema_id: 'gait.runpack.session_chain', schema_version: '1.0.0' } as const;
  return { ...named, created_at, producer_version, session_id, run_id, checkpoints };
}

/** A chain in a JSON document. Throws `not_a_chain` (invalid_input) for anything else. */
export function parseChain(value: unknown, path: string): SessionChain {
  const fault = schemaFault(validateChain, value);
  if (fault === undefined) return value as SessionChain;
  throw invalidInput('not_a_chain', `${path} is not a session chain: ${fault}`);
}

/** What a verification of a chain found out. Both lists are empty for a sound one. */
export interface ChainVerification {
  readonly session_id: string;
  readonly run_id: string;
  /** Fewer than it has where more was found than is told. */
  readonly checkpoints_checked: number;
  /** Checkpoints that do not follow the one before them. */
  readonly linkage_errors: readonly string[];
  /** Checkpoints whose runpack is not what they say. */
  readonly checkpoint_errors: readonly string[];
  readonly checkpoints: readonly CheckedCheckpoint[];
}

export interface CheckedCheckpoint {
  readonly checkpoint_index: number;
  readonly runpack_path: string;
  readonly signature_status: string;
  readonly findings: readonly Finding[];
}

/** The runpack of a checkpoint, opened; or why it could not be. */
export type OpenRunpack = (checkpoint: SessionCheckpoint) => { container: Container; close(): void } | string;

/** What is known of a chain beside it. */
export interface RememberedChain {
  /** Checkpoints by their index, with their digest. */
  readonly known?: readonly KnownHead[];
  /** The indices of checkpoints whose runpacks lie there. */
  readonly beside?: readonly number[];
}

/**
 * Verifies a chain: each checkpoint follows the one before it, without a gap, its runpack verifies and is the one that
 * it names, and what the chain says of session, events, times and order is what the runpacks say, under their
 * signatures; and it has what is remembered of it. Pure but for what `open` does.
 */
export function verifyChain(
  chain: SessionChain,
  open: OpenRunpack,
  policy: SignaturePolicy = {},
  remembered: RememberedChain = {},
): ChainVerification {
  const linkage: string[] = [];
  const errors: string[] = [];
  const checkpoints: CheckedCheckpoint[] = [];
  let previous: SessionCheckpoint | undefined;
  let bound = false;
  const openOnce = eachOnce(open);
  for (const checkpoint of chain.checkpoints) {
    // A chain that is wrong all over is wrong: nobody reads the rest.
    if (linkage.length + errors.length > MAX_FINDINGS) break;
    const fault = linkFault(previous, checkpoint) ?? strangerFault(chain, checkpoint);
    if (fault !== undefined) linkage.push(fault);
    const checked = checkRunpack({ chain, checkpoint, bound }, openOnce, policy);
    bound ||= checked.bound;
    errors.push(...checked.errors);
    checkpoints.push(checked.checkpoint);
    previous = checkpoint;
  }
  const { session_id, run_id } = chain;
  return {
    session_id,
    run_id,
    checkpoints_checked: checkpoints.length,
    linkage_errors: clippedList([...linkage, ...unknownTo(chain, remembered)]),
    checkpoint_errors: clippedList(errors),
    checkpoints,
  };
}

/** Opens no runpack twice: each checkpoint has its own, and a chain that names one again and again would take as often. */
function eachOnce(open: OpenRunpack): OpenRunpack {
  const named = new Map<string, number>();
  return (checkpoint) => {
    const { runpack_path, checkpoint_index } = checkpoint;
    const path = posix.normalize(runpack_path);
    const before = named.get(path);
    if (before !== undefined) return `its runpack is that of checkpoint ${before}`;
    named.set(path, checkpoint_index);
    return open(checkpoint);
  };
}

/** What is remembered of a chain and it does not have. */
function unknownTo({ checkpoints }: SessionChain, { known = [], beside = [] }: RememberedChain): string[] {
  const watch = new HeadWatch(known);
  for (const { checkpoint_index: revision, checkpoint_digest: hash } of checkpoints)
    watch.see({ revision, hash });
  const end = checkpoints.at(-1)?.checkpoint_index ?? 0;
  const later = beside.filter((index) => index > end);
  return [
    ...watch.findings(end).map(({ message }) => message),
    ...later.map(
      (index) => `the runpack of checkpoint ${index} lies beside it; it ends at checkpoint ${end}`,
    ),
  ];
}

/** True if nothing was found. */
export function isSound({ linkage_errors, checkpoint_errors }: ChainVerification): boolean {
  return linkage_errors.length + checkpoint_errors.length === 0;
}

function strangerFault(
  { session_id, run_id }: SessionChain,
  checkpoint: SessionCheckpoint,
): string | undefined {
  if (checkpoint.session_id === session_id && checkpoint.run_id === run_id) return undefined;
  return `checkpoint ${checkpoint.checkpoint_index} is of another session or run`;
}

interface AskedCheckpoint {
  readonly chain: SessionChain;
  readonly checkpoint: SessionCheckpoint;
  /** One before it says in its runpack what it follows. */
  readonly bound: boolean;
}

interface CheckedRunpack {
  readonly errors: readonly string[];
  readonly checkpoint: CheckedCheckpoint;
  readonly bound: boolean;
}

function checkRunpack(asked: AskedCheckpoint, open: OpenRunpack, policy: SignaturePolicy): CheckedRunpack {
  const { checkpoint_index, runpack_path } = asked.checkpoint;
  const opened = open(asked.checkpoint);
  const at = (why: string): string => `checkpoint ${checkpoint_index}: ${why}`;
  if (typeof opened === 'string') {
    const finding = { layer: 'container', code: 'runpack_unreadable', message: opened } as const;
    const unread = { checkpoint_index, runpack_path, signature_status: 'missing', findings: [finding] };
    return { errors: [at(opened)], checkpoint: unread, bound: false };
  }
  try {
    // The session is that of the chain: that the checkpoint names it too is a check of its own.
    const { session_id } = asked.chain;
    const events = new EventPlaces({ ...asked.checkpoint, session_id });
    const verified = verifyRunpack(opened.container, { ...policy, visit: events.visit });
    const { findings, signature_status } = verified.verification;
    const errors = [
      ...findings.map(({ message }) => message),
      ...mismatches(asked, verified),
      ...placeFaults(asked, verified, events),
    ];
    return {
      errors: errors.map(at),
      checkpoint: { checkpoint_index, runpack_path, signature_status, findings },
      bound: verified.facts !== undefined && isBound(verified.facts.run),
    };
  } finally {
    opened.close();
  }
}

/** The runpack is the one that the checkpoint names. */
function mismatches(
  { chain, checkpoint }: AskedCheckpoint,
  { verification, facts }: VerifiedRunpack,
): string[] {
  const { checkpoint_index, manifest_digest, sequence_start, sequence_end } = checkpoint;
  const faults: string[] = [];
  const { run_id, manifest_digest: actual } = verification;
  // To the letter: in another spelling the checkpoint, and all after it, would have another digest.
  if (actual !== manifest_digest) {
    faults.push(`its runpack has the manifest ${actual || 'none'}, not ${manifest_digest}`);
  }
  const due = `${chain.run_id}_cp_${String(checkpoint_index).padStart(4, '0')}`;
  if (run_id !== '' && run_id !== due) faults.push(`its runpack is of the run ${run_id}, not ${due}`);
  const events = sequence_end - sequence_start + 1;
  if (facts !== undefined && facts.intents !== events) {
    faults.push(`its runpack has ${facts.intents} intents for ${events} events`);
  }
  return faults;
}

/** The runpack, under its signature, says the same of session, events, times and order as the chain, which nobody signs. */
function placeFaults(
  { chain, checkpoint, bound }: AskedCheckpoint,
  { facts, manifest }: VerifiedRunpack,
  events: Bond['events'],
): string[] {
  if (facts === undefined) return [];
  const { session_id, created_at: sessionCreatedAt } = chain;
  const bond = { run: facts.run, signed: isSigned(manifest), events };
  return bondFaults(bond, { session_id, sessionCreatedAt, checkpoint, bound });
}

/** The checkpoint of a chain that is asked for: `latest`, or its index. Throws `checkpoint_unknown`. */
export function checkpointNamed(chain: SessionChain, name: string): SessionCheckpoint {
  const last = chain.checkpoints.at(-1);
  const wanted =
    name === 'latest' ? last : chain.checkpoints.find((one) => String(one.checkpoint_index) === name);
  if (wanted !== undefined) return wanted;
  const there = chain.checkpoints.map(({ checkpoint_index }) => checkpoint_index).join(', ');
  throw invalidInput(
    'checkpoint_unknown',
    `the chain has no checkpoint ${name}`,
    `It has ${there}; latest is the last.`,
  );
}

/** A chain as JSON for people: two spaces, a newline at the end. */
export function chainText(chain: SessionChain): string {
  return `${JSON.stringify(chain as unknown as JsonObject, null, 2)}\n`;
}
