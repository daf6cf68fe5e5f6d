import { GaitError } from '../core/errors.ts';
import type { CheckName, Found } from '../core/report.ts';
import type { JobHistory } from '../job/read/history.ts';
import type { KnownHead } from '../log/known_heads.ts';
import type { RecordVisitor } from '../run/records.ts';
import type { Verification } from '../run/verify.ts';
import type { SignaturePolicy, SignatureStatus } from '../signing/verify.ts';
import type { VerifiedGuardPack } from './kinds/guard/verify.ts';
import type { ApprovalSignatures } from './kinds/job/approval_signatures.ts';
import type { EmbeddedRun } from './kinds/run/verify.ts';
import type { PackManifest } from './manifest.ts';

/** What a verification of a pack found out. */
export interface PackVerification extends Verification {
  readonly pack_id: string;
  readonly pack_type: string;
  readonly source_ref: string;
  /** What it is, if it is from before PackSpec v1. */
  readonly legacy_type?: 'runpack' | 'guard';
  /** Whether a trusted key vouches for the runpack inside a run pack by itself. */
  readonly source_signature_status?: SignatureStatus;
  /** How many records of `proof_records.jsonl` were checked, if it has them. */
  readonly proof_records_verified?: number;
  /** Of a job whose approvals are signed. */
  readonly approval_signatures?: ApprovalSignatures;
}

export interface VerificationPolicy extends SignaturePolicy {
  /** What an earlier pack of the same job holds: this one must only add to it. */
  readonly extending?: JobHistory;
  /** The job or run that it was asked for by, as its file is named: it must be of that one. */
  readonly asked?: string | undefined;
  /** Heads that the log in a job pack must have. */
  readonly known?: readonly KnownHead[];
  /** The container is to be as gait or the programs before it write it, not only sound. */
  readonly strict?: boolean;
  /** Sees every intent and result of a run. */
  readonly visit?: RecordVisitor;
  /** False: neither the records of a job pack nor the lines of its events are wanted, which may be any number. */
  readonly keep?: boolean;
  /** Told of bytes as they are read; each byte of a runpack inside a pack is read twice. */
  readonly onBytes?: (count: number) => void;
}

export interface VerifiedPack {
  readonly verification: PackVerification;
  /** Present when the manifest of a PackSpec pack could be read. */
  readonly manifest?: PackManifest;
  /** Present when a job pack's events chain and fold. */
  readonly history?: JobHistory;
  /** Present when a run pack, or a runpack by itself, is sound. */
  readonly run?: Pick<EmbeddedRun, 'manifest' | 'facts'>;
  /** The members that are documents, by name; empty unless this is a PackSpec pack. */
  readonly documents: ReadonlyMap<string, Buffer>;
  /** Present when the manifest of an evidence pack could be read. */
  readonly guard?: VerifiedGuardPack['manifest'];
}

/** A check of the payload that failed beside those of the layers. */
export function withFinding(pack: VerifiedPack, check: CheckName, found: Found): VerifiedPack {
  const { verification } = pack;
  const checks = [...verification.checks, { layer: 'payload', check, status: 'failed' } as const];
  const findings = [...verification.findings, { layer: 'payload', ...found } as const];
  return { ...pack, verification: { ...verification, checks, findings } };
}

/** The error that an artifact with findings is refused with: the first finding, and how many there are. */
export function verificationError(
  { findings, findings_omitted = 0 }: Pick<PackVerification, 'findings' | 'findings_omitted'>,
  path: string,
): GaitError {
  const [first] = findings;
  const others = findings.length - 1 + findings_omitted;
  const more = others > 0 ? ` (and ${others} more)` : '';
  const message = `${path} does not verify: ${first?.message ?? 'unknown finding'}${more}`;
  const unbelieved = findings.every(({ layer }) => layer === 'signatures');
  return new GaitError({
    code: unbelieved ? 'signature_refused' : 'pack_damaged',
    category: 'verification_failed',
    message,
    hint: unbelieved
      ? 'It is intact, but its signatures do not vouch for it. Ask whoever made it for the public key.'
      : '`gait pack verify` lists all findings. Ask for it again from where it was built.',
  });
}
