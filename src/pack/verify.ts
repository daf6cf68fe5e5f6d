import { parseCanonical } from '../core/canonical.ts';
import { GaitError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import { MAX_MANIFEST_BYTES } from '../core/limits.ts';
import { type CheckName, clippedList, clippedText, type Found, Report } from '../core/report.ts';
import type { JobHistory } from '../job/read/history.ts';
import type { KnownHead } from '../log/known_heads.ts';
import { RUN_MANIFEST_MEMBER } from '../run/documents.ts';
import type { RecordVisitor } from '../run/records.ts';
import { type Verification, type VerifiedRunpack, verificationOf, verifyRunpack } from '../run/verify.ts';
import {
  NO_SIGNATURES,
  type SignaturePolicy,
  type SignatureStatus,
  type SignatureVerdict,
  verifySignatures,
} from '../signing/verify.ts';
import {
  type Compared,
  type Contents,
  containerFindings,
  NOTHING_COMPARED,
  readContents,
} from '../zip/contents.ts';
import { type Container, memberSource, readMember } from '../zip/reader.ts';
import { extensionFindings } from './extends.ts';
import { GUARD_SCHEMA_ID, type VerifiedGuardPack, verifyGuardPack } from './kinds/guard/verify.ts';
import type { ApprovalSignatures } from './kinds/job/approval_signatures.ts';
import { EVENTS_MEMBER, LEDGER_MEMBER, PAYLOAD_MEMBER, STATE_MEMBER } from './kinds/job/members.ts';
import { type VerifiedJob, verifyJobPayload } from './kinds/job/verify.ts';
import { ENVELOPE_MEMBER, RUN_PAYLOAD_MEMBER } from './kinds/run/members.ts';
import { type EmbeddedRun, verifyRunPayload } from './kinds/run/verify.ts';
import { MANIFEST_MEMBER, type PackManifest, signedPackDigestOf } from './manifest.ts';
import { PROOF_MEMBER, proofAccount } from './proof_records.ts';
import { compareContents, readManifest } from './verify_manifest.ts';

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

const CHECKS: readonly CheckName[] = [
  'container_bytes',
  'member_content',
  'manifest_schema',
  'pack_id',
  'member_digests',
  'nothing_undeclared',
  'payload_schemas',
  'payload_agreement',
];

/** The members that are documents, to be read into memory. Others are only digested. */
const DOCUMENTS: readonly string[] = [
  MANIFEST_MEMBER,
  LEDGER_MEMBER,
  PAYLOAD_MEMBER,
  STATE_MEMBER,
  RUN_PAYLOAD_MEMBER,
  ENVELOPE_MEMBER,
];

/**
 * Verifies a pack in layers: the container, the manifest, the payload, the signatures. Trusts nothing that is in it,
 * needs no network, and reports all that it finds, not only the first. Reads PackSpec v1 packs of runs and jobs, and
 * the runpacks and evidence packs from before it.
 */
export function verifyPack(container: Container, policy: VerificationPolicy = {}): VerifiedPack {
  return ofAsked(verifyAny(container, policy), policy);
}

/** A file has any name: what is in it says what it is of. */
function ofAsked(pack: VerifiedPack, { asked }: VerificationPolicy): VerifiedPack {
  const { pack_id, source_ref } = pack.verification;
  if (asked === undefined || pack_id === '' || source_ref === asked) return pack;
  const message = `it is of ${source_ref}, and ${asked} was asked for`;
  return withFinding(pack, 'asked_source', {
    code: 'source_differs',
    message,
    expected: asked,
    actual: source_ref,
  });
}

/** A check of the payload that failed beside those of the layers. */
function withFinding(pack: VerifiedPack, check: CheckName, found: Found): VerifiedPack {
  const { verification } = pack;
  const checks = [...verification.checks, { layer: 'payload', check, status: 'failed' } as const];
  const findings = [...verification.findings, { layer: 'payload', ...found } as const];
  return { ...pack, verification: { ...verification, checks, findings } };
}

function verifyAny(container: Container, policy: VerificationPolicy): VerifiedPack {
  const has = (name: string): boolean => container.members.some((member) => member.name === name);
  if (container.intact && !has(MANIFEST_MEMBER) && has(RUN_MANIFEST_MEMBER)) {
    return withoutHistory(fromRunpack(verifyRunpack(container, policy)), policy);
  }
  if (isGuardPack(container)) {
    const { verification, manifest } = verifyGuardPack(container, policy);
    const guard = manifest === undefined ? {} : { guard: manifest };
    return withoutHistory({ verification, documents: NO_DOCUMENTS, ...guard }, policy);
  }
  return verifyPackSpec(container, policy);
}

function verifyPackSpec(container: Container, policy: VerificationPolicy): VerifiedPack {
  const report = new Report([...CHECKS, 'event_chain', 'event_fold', 'signatures']);
  if (policy.extending !== undefined) report.expect('extends');
  if (policy.known !== undefined) report.expect('known_head');
  report.settle('container_bytes', containerFindings(container, policy.strict));
  // Where one member is lost, what the others say of it is noise.
  if (!container.intact) return unread(report);
  const { onBytes } = policy;
  const keeping = {
    keep: (name: string) => DOCUMENTS.includes(name),
    keepLarge: (name: string) => policy.keep !== false && name === EVENTS_MEMBER,
  };
  const contents = readContents(container, { ...keeping, onBytes }, report);
  const manifest = readManifest(contents.bytes.get(MANIFEST_MEMBER), report);
  if (manifest === undefined) return unread(report);
  if (manifest.pack_type === 'run') {
    report.leaveOut('event_chain');
    report.leaveOut('event_fold');
    report.expect('source_runpack');
  }
  const compared = compareContents(manifest, contents, policy.strict, report);
  const sound = compared.missing.length === 0 && compared.mismatches.length === 0;
  const { history, approvals, run, proofs, unknown }: ReadPayload = sound
    ? readPayload(manifest, container, contents, policy, report)
    : {};
  if (policy.extending !== undefined) {
    const found = history === undefined ? [NO_HISTORY] : extensionFindings(history, policy.extending);
    report.settle('extends', found);
  }
  if (policy.known !== undefined) report.settle('known_head', unknown ?? [NO_HEAD]);
  const signed = {
    signatures: manifest.signatures ?? [],
    digest: signedPackDigestOf(manifest),
    member: MANIFEST_MEMBER,
  };
  const signatures = verifySignatures(signed, policy, report);
  const source = run === undefined ? {} : sourceFields(run);
  const proved = proofs === undefined ? {} : { proof_records_verified: proofs };
  const approved = approvals === undefined ? {} : { approval_signatures: approvals };
  const verification = {
    ...summary(report, manifest, compared, signatures),
    ...source,
    ...proved,
    ...approved,
  };
  return {
    verification,
    manifest,
    documents: contents.bytes,
    ...(history === undefined ? {} : { history }),
    ...(run === undefined ? {} : { run }),
  };
}

/** Nor from one without a log whoever remembers a head of it. */
const NO_HEAD: Found = {
  code: 'history_missing',
  message: 'it cannot be told whether it has the head that you remember: it has no chain of events',
};

/** Whoever asks whether a pack extends another gets no yes from one of which it cannot be told. */
const NO_HISTORY: Found = {
  code: 'history_missing',
  message: 'it cannot be told whether it extends the earlier pack: it has no chain of events',
};

function withoutHistory(pack: VerifiedPack, { extending, known }: VerificationPolicy): VerifiedPack {
  const extended = extending === undefined ? pack : withFinding(pack, 'extends', NO_HISTORY);
  return known === undefined ? extended : withFinding(extended, 'known_head', NO_HEAD);
}

/** What is told of the runpack in a run pack beside its findings. */
function sourceFields({
  signatureStatus,
  unchecked,
}: EmbeddedRun): Pick<PackVerification, 'source_signature_status' | 'unchecked_files'> {
  const told = { source_signature_status: signatureStatus };
  return unchecked.length === 0 ? told : { ...told, unchecked_files: clippedList(unchecked) };
}

const NO_DOCUMENTS: ReadonlyMap<string, Buffer> = new Map();

function unread(report: Report): VerifiedPack {
  return { verification: summary(report, undefined, NOTHING_COMPARED), documents: NO_DOCUMENTS };
}

interface ReadPayload extends VerifiedJob {
  readonly run?: EmbeddedRun | undefined;
  /** How many proof records there are. */
  readonly proofs?: number;
}

function readPayload(
  manifest: PackManifest,
  container: Container,
  { bytes: members, sizes }: Contents,
  { trust, strict, visit, keep, extending, known }: VerificationPolicy,
  report: Report,
): ReadPayload {
  const proof = memberSource(container, PROOF_MEMBER);
  const account = proof === undefined ? undefined : proofAccount(proof, manifest, sizes);
  if (account !== undefined) report.settle('proof_records', account.findings);
  const proved = account === undefined || account.count === 0 ? {} : { proofs: account.count };
  if (manifest.pack_type === 'run')
    return {
      ...proved,
      run: verifyRunPayload({ manifest, container, members, trust, strict, visit }, report),
    };
  const events = memberSource(container, EVENTS_MEMBER);
  const kept = keep !== false || extending !== undefined;
  return { ...proved, ...verifyJobPayload({ manifest, members, events, trust, known, keep: kept }, report) };
}

/** The verification of a runpack from before PackSpec v1, as one of a pack. */
function fromRunpack({ verification, manifest, facts }: VerifiedRunpack): VerifiedPack {
  const { run_id, manifest_digest, ...rest } = verification;
  const named = { pack_id: manifest_digest, pack_type: 'run', source_ref: run_id };
  return {
    verification: { ...rest, ...named, legacy_type: 'runpack' },
    documents: NO_DOCUMENTS,
    ...(manifest === undefined || facts === undefined ? {} : { run: { manifest, facts } }),
  };
}

function isGuardPack(container: Container): boolean {
  const member = container.members.find(({ name }) => name === MANIFEST_MEMBER);
  if (!container.intact || member === undefined) return false;
  try {
    const { bytes } = readMember(container, member, { keep: true, limit: MAX_MANIFEST_BYTES });
    const value = bytes === undefined ? null : parseCanonical(bytes);
    return isJsonObject(value) && value['schema_id'] === GUARD_SCHEMA_ID;
  } catch {
    return false;
  }
}

function summary(
  report: Report,
  manifest: PackManifest | undefined,
  compared: Compared,
  signatures: SignatureVerdict = NO_SIGNATURES,
): PackVerification {
  return {
    pack_id: manifest?.pack_id ?? '',
    pack_type: manifest?.pack_type ?? '',
    source_ref: clippedText(manifest?.source_ref ?? ''),
    ...verificationOf(report, manifest?.contents ?? [], compared, signatures),
  };
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
