import type { JsonObject } from '../core/json.ts';
import { MAX_FINDINGS } from '../core/limits.ts';
import {
  type CheckName,
  type CheckResult,
  clippedList,
  clippedText,
  type Finding,
  type Found,
  Report,
} from '../core/report.ts';
import { isZonedTime } from '../core/time.ts';
import { readDocument, timeFindings } from '../schema/documents.ts';
import validateManifest from '../schema/generated/runpack_manifest.js';
import validateRefs from '../schema/generated/runpack_refs.js';
import validateRun from '../schema/generated/runpack_run.js';
import type { Validate } from '../schema/validator.ts';
import {
  NO_SIGNATURES,
  type SignaturePolicy,
  type SignatureVerdict,
  verifySignatures,
} from '../signing/verify.ts';
import {
  type Compared,
  type Contents,
  compareDeclared,
  containerFindings,
  type HashMismatch,
  NOTHING_COMPARED,
  readContents,
} from '../zip/contents.ts';
import type { Container } from '../zip/reader.ts';
import {
  LISTED_MEMBERS,
  REFS_MEMBER,
  type Refs,
  RUN_MANIFEST_MEMBER,
  RUN_MEMBER,
  type RunDocument,
  type RunManifest,
} from './documents.ts';
import { type RecordVisitor, readRecords } from './records.ts';
import { manifestDigestOf, signedDigestOf } from './runpack.ts';

/** What a verification of any artifact found out. `findings` is empty for a sound one. */
export interface Verification extends SignatureVerdict {
  readonly files_checked: number;
  readonly checks: readonly CheckResult[];
  /** The first 100. */
  readonly findings: readonly Finding[];
  /** How many more there are. */
  readonly findings_omitted?: number;
  readonly missing_files: readonly string[];
  readonly hash_mismatches: readonly HashMismatch[];
  readonly undeclared_files: readonly string[];
  /** The first 100 members that are declared and that PackSpec v1 does not know: only their digests were looked at. */
  readonly unchecked_files?: readonly string[];
}

/** What a verification that ended found out, of the members that a manifest declares. */
export function verificationOf(
  report: Report,
  declared: readonly unknown[],
  compared: Compared,
  signatures: SignatureVerdict,
): Verification {
  return {
    files_checked: declared.length,
    checks: report.checks,
    findings: report.findings,
    ...(report.omitted === 0 ? {} : { findings_omitted: report.omitted }),
    missing_files: clippedList(compared.missing),
    hash_mismatches: compared.mismatches.slice(0, MAX_FINDINGS).map((one) => {
      return { ...one, path: clippedText(one.path) };
    }),
    undeclared_files: clippedList(compared.undeclared),
    ...(compared.unchecked.length === 0 ? {} : { unchecked_files: clippedList(compared.unchecked) }),
    ...signatures,
  };
}

/** What a verification of a runpack found out. */
export interface RunpackVerification extends Verification {
  readonly run_id: string;
  readonly manifest_digest: string;
}

export interface VerifiedRunpack {
  readonly verification: RunpackVerification;
  /** Present when the manifest could be read. */
  readonly manifest?: RunManifest;
  /** Present when all that it says agrees. */
  readonly facts?: RunFacts;
}

/** What a sound runpack holds, beside its intents and results. */
export interface RunFacts {
  readonly run: RunDocument;
  readonly refs: Refs;
  readonly intents: number;
  readonly results: number;
}

export interface RunpackPolicy extends SignaturePolicy {
  /** Sees every intent and result of a runpack whose members have the digests that it declares, in order. */
  readonly visit?: RecordVisitor;
  /** The container is to be as gait or the programs before it write it, not only sound. */
  readonly strict?: boolean | undefined;
  readonly onBytes?: ((count: number) => void) | undefined;
}

const CHECKS: readonly CheckName[] = [
  'container_bytes',
  'member_content',
  'manifest_schema',
  'manifest_digest',
  'member_digests',
  'nothing_undeclared',
  'payload_schemas',
  'payload_agreement',
  'signatures',
];

const DOCUMENTS: readonly string[] = [RUN_MANIFEST_MEMBER, RUN_MEMBER, REFS_MEMBER];

/**
 * Verifies a runpack in layers: the container, the manifest, the documents and records, the signatures. Trusts nothing
 * that is in it, needs no network, reads large members in pieces, and reports all that it finds.
 */
export function verifyRunpack(container: Container, policy: RunpackPolicy = {}): VerifiedRunpack {
  const report = new Report(CHECKS);
  report.settle('container_bytes', containerFindings(container, policy.strict));
  // Where one member is lost, what the others say of it is noise.
  if (!container.intact) return { verification: summary(report, undefined, NOTHING_COMPARED) };
  const { onBytes } = policy;
  const contents = readContents(container, { keep: (name) => DOCUMENTS.includes(name), onBytes }, report);
  const manifest = readManifest(contents.bytes.get(RUN_MANIFEST_MEMBER), report);
  if (manifest === undefined) return { verification: summary(report, undefined, NOTHING_COMPARED) };
  const compared = compareManifest(manifest, contents, policy.strict, report);
  const sound =
    compared.missing.length === 0 && compared.mismatches.every(({ path }) => path === RUN_MANIFEST_MEMBER);
  const facts = sound ? readFacts(manifest, container, contents, policy.visit, report) : undefined;
  const signed = {
    signatures: manifest.signatures ?? [],
    digest: signedDigestOf(manifest),
    member: RUN_MANIFEST_MEMBER,
  };
  const signatures = verifySignatures(signed, policy, report);
  const verification = summary(report, manifest, compared, signatures);
  return { verification, manifest, ...(facts === undefined ? {} : { facts }) };
}

function readManifest(bytes: Buffer | undefined, report: Report): RunManifest | undefined {
  if (bytes === undefined) {
    const message = `there is no ${RUN_MANIFEST_MEMBER}`;
    report.settle('manifest_schema', [{ code: 'manifest_missing', message, member: RUN_MANIFEST_MEMBER }]);
    return undefined;
  }
  const { value, findings } = document(RUN_MANIFEST_MEMBER, bytes, validateManifest);
  report.settle('manifest_schema', findings);
  return value as unknown as RunManifest | undefined;
}

function compareManifest(
  manifest: RunManifest,
  contents: Contents,
  strict: boolean | undefined,
  report: Report,
): Compared {
  const expected = manifestDigestOf(manifest);
  const actual = manifest.manifest_digest;
  const message = `manifest_digest is ${actual}, the manifest makes ${expected}`;
  const differs = {
    code: 'manifest_digest_mismatch',
    message,
    member: RUN_MANIFEST_MEMBER,
    expected,
    actual,
  };
  report.settle('manifest_digest', actual.toLowerCase() === expected ? [] : [differs]);
  const files = manifest.files ?? [];
  const listed = new Set(files.map(({ path }) => path));
  const unlisted = LISTED_MEMBERS.filter((name) => !listed.has(name));
  const others = unlisted.map((member) => {
    return { code: 'member_not_listed', message: `the manifest does not list ${member}`, member };
  });
  const comparison = { type: 'runpack', strict, others } as const;
  const compared = compareDeclared(RUN_MANIFEST_MEMBER, files, contents, report, comparison);
  const missing = [...new Set([...compared.missing, ...unlisted])].sort();
  // The manifest is declared by itself: its digest is listed as any other.
  const own = { path: RUN_MANIFEST_MEMBER, expected: actual, actual: expected };
  const mismatches = actual.toLowerCase() === expected ? compared.mismatches : [...compared.mismatches, own];
  return { ...compared, missing, mismatches };
}

function readFacts(
  manifest: RunManifest,
  container: Container,
  contents: Contents,
  visit: RecordVisitor | undefined,
  report: Report,
): RunFacts | undefined {
  const run = member(RUN_MEMBER, contents, validateRun);
  const refs = member(REFS_MEMBER, contents, validateRefs);
  const records = readRecords(container, manifest.run_id, visit);
  const sound = report.settle('payload_schemas', [...run.findings, ...refs.findings, ...records.findings]);
  if (!sound || run.value === undefined || refs.value === undefined) return undefined;
  const facts = { run: run.value as unknown as RunDocument, refs: refs.value as unknown as Refs };
  const agreed = report.settle('payload_agreement', [...agreement(manifest, facts), ...records.strangers]);
  return agreed ? { ...facts, intents: records.intents, results: records.results } : undefined;
}

function agreement(manifest: RunManifest, { run, refs }: Pick<RunFacts, 'run' | 'refs'>): Found[] {
  const findings: Found[] = [];
  const expect = (name: string, what: string, expected: unknown, actual: unknown): void => {
    if (expected === actual) return;
    const message = `${name}: ${what} is ${String(actual)}, the manifest says ${String(expected)}`;
    const facts = { expected: String(expected), actual: String(actual) };
    findings.push({ code: 'payload_disagrees', message, member: name, ...facts });
  };
  expect(RUN_MEMBER, 'run_id', manifest.run_id, run.run_id);
  expect(REFS_MEMBER, 'run_id', manifest.run_id, refs.run_id);
  const receipts = refs.receipts?.length ?? 0;
  const count = refs.context_ref_count ?? receipts;
  if (count !== receipts) {
    const message = `${REFS_MEMBER}: context_ref_count is ${count}, there are ${receipts} receipts`;
    findings.push({ code: 'payload_disagrees', message, member: REFS_MEMBER });
  }
  if (refs.context_evidence_mode === 'required') {
    // Of receipts that are there any digest is taken: the programs before this one took what they were told.
    const missing =
      refs.context_set_digest === undefined ? 'no context_set_digest' : receipts === 0 ? 'no receipt' : '';
    const message = `${REFS_MEMBER}: evidence is required, but there is ${missing}`;
    if (missing !== '') findings.push({ code: 'payload_disagrees', message, member: REFS_MEMBER });
  }
  return findings;
}

function member(
  name: string,
  { bytes }: Contents,
  validate: Validate,
): { value?: JsonObject; findings: Found[] } {
  const content = bytes.get(name);
  if (content !== undefined) return document(name, content, validate);
  return { findings: [{ code: 'member_missing', message: `a runpack needs ${name}`, member: name }] };
}

function document(
  name: string,
  bytes: Buffer,
  validate: Validate,
): { value?: JsonObject; findings: Found[] } {
  const { value, finding } = readDocument(name, bytes, validate);
  if (finding !== undefined || value === undefined)
    return { findings: finding === undefined ? [] : [finding] };
  return { value, findings: timeFindings(name, value, isZonedTime) };
}

function summary(
  report: Report,
  manifest: RunManifest | undefined,
  compared: Compared,
  signatures: SignatureVerdict = NO_SIGNATURES,
): RunpackVerification {
  return {
    run_id: manifest?.run_id ?? '',
    manifest_digest: manifest?.manifest_digest ?? '',
    ...verificationOf(report, manifest?.files ?? [], compared, signatures),
  };
}
