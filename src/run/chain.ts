import { invalidInput } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { Finding } from '../core/report.ts';
import validateChain from '../schema/generated/runpack_session_chain.js';
import { schemaFault } from '../schema/validator.ts';
import type { SignaturePolicy } from '../signing/verify.ts';
import type { Container } from '../zip/reader.ts';
import { linkFault, type SessionCheckpoint, type SessionState } from './session.ts';
import { verifyRunpack } from './verify.ts';

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

/**
 * Verifies a chain: each checkpoint follows the one before it, without a gap, and its runpack verifies and is the one
 * that it names. Pure but for what `open` does.
 */
export function verifyChain(
  chain: SessionChain,
  open: OpenRunpack,
  policy: SignaturePolicy = {},
): ChainVerification {
  const linkage: string[] = [];
  const errors: string[] = [];
  const checkpoints: CheckedCheckpoint[] = [];
  let previous: SessionCheckpoint | undefined;
  for (const checkpoint of chain.checkpoints) {
    const fault = linkFault(previous, checkpoint) ?? strangerFault(chain, checkpoint);
    if (fault !== undefined) linkage.push(fault);
    const checked = checkRunpack(chain, checkpoint, open, policy);
    errors.push(...checked.errors);
    checkpoints.push(checked.checkpoint);
    previous = checkpoint;
  }
  const { session_id, run_id } = chain;
  const checkpoints_checked = chain.checkpoints.length;
  return {
    session_id,
    run_id,
    checkpoints_checked,
    linkage_errors: linkage,
    checkpoint_errors: errors,
    checkpoints,
  };
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

function checkRunpack(
  chain: SessionChain,
  checkpoint: SessionCheckpoint,
  open: OpenRunpack,
  policy: SignaturePolicy,
): { readonly errors: readonly string[]; readonly checkpoint: CheckedCheckpoint } {
  const { checkpoint_index, runpack_path, manifest_digest } = checkpoint;
  const opened = open(checkpoint);
  const at = (why: string): string => `checkpoint ${checkpoint_index}: ${why}`;
  const unread = { checkpoint_index, runpack_path, signature_status: 'missing', findings: [] };
  if (typeof opened === 'string') {
    const finding = { layer: 'container', code: 'runpack_unreadable', message: opened } as const;
    return { errors: [at(opened)], checkpoint: { ...unread, findings: [finding] } };
  }
  try {
    const { verification, facts } = verifyRunpack(opened.container, policy);
    const { findings, signature_status, run_id } = verification;
    const errors = findings.map(({ message }) => at(message));
    if (verification.manifest_digest.toLowerCase() !== manifest_digest.toLowerCase()) {
      errors.push(
        at(`its runpack has the manifest ${verification.manifest_digest || 'none'}, not ${manifest_digest}`),
      );
    }
    const due = `${chain.run_id}_cp_${String(checkpoint_index).padStart(4, '0')}`;
    if (run_id !== '' && run_id !== due) errors.push(at(`its runpack is of the run ${run_id}, not ${due}`));
    const events = checkpoint.sequence_end - checkpoint.sequence_start + 1;
    if (facts !== undefined && facts.intents !== events) {
      errors.push(at(`its runpack has ${facts.intents} intents for ${events} events`));
    }
    return { errors, checkpoint: { checkpoint_index, runpack_path, signature_status, findings } };
  } finally {
    opened.close();
  }
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
