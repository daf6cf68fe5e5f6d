import { canonicalize } from '../../../core/canonical.ts';
import type { JsonObject } from '../../../core/json.ts';
import { type Found, Report } from '../../../core/report.ts';
import { isZonedTime } from '../../../core/time.ts';
import { contextEnvelopeOf } from '../../../run/context.ts';
import { RUN_MANIFEST_MEMBER, type RunManifest } from '../../../run/documents.ts';
import type { RecordVisitor } from '../../../run/records.ts';
import { signedDigestOf } from '../../../run/runpack.ts';
import { type RunFacts, verifyRunpack } from '../../../run/verify.ts';
import { type Members, readDocument, timeFindings } from '../../../schema/documents.ts';
import validateEnvelope from '../../../schema/generated/context_envelope.js';
import validatePayload from '../../../schema/generated/pack_run.js';
import type { Validate } from '../../../schema/validator.ts';
import type { Trust } from '../../../signing/trust.ts';
import { type SignatureStatus, verifySignatures } from '../../../signing/verify.ts';
import { type Container, readContainer } from '../../../zip/reader.ts';
import type { PackManifest } from '../../manifest.ts';
import { ENVELOPE_MEMBER, RUN_PAYLOAD_MEMBER, runPayloadOf, SOURCE_MEMBER } from './members.ts';

/** The runpack that a sound run pack carries. */
export interface EmbeddedRun {
  readonly manifest: RunManifest;
  readonly facts: RunFacts;
  readonly signatureStatus: SignatureStatus;
  /** Members of the runpack that nobody looked into, as members of the pack: `source/runpack.zip!…`. */
  readonly unchecked: readonly string[];
}

export interface RunPackSource {
  readonly manifest: PackManifest;
  readonly container: Container;
  readonly members: Members;
  readonly trust?: Trust | undefined;
  /** Of the runpack too. */
  readonly strict?: boolean | undefined;
  readonly visit?: RecordVisitor | undefined;
}

/**
 * Checks what a run pack says: the runpack in it verifies as one by itself, and payload and context envelope are
 * exactly what it makes. Answers the runpack when all of that holds.
 */
export function verifyRunPayload(source: RunPackSource, report: Report): EmbeddedRun | undefined {
  const { manifest, members } = source;
  const findings: Found[] = [];
  const payload = read(RUN_PAYLOAD_MEMBER, members, validatePayload, findings);
  const declaresEnvelope = manifest.contents.some(({ path }) => path === ENVELOPE_MEMBER);
  const envelope = declaresEnvelope ? read(ENVELOPE_MEMBER, members, validateEnvelope, findings) : undefined;
  const sound = report.settle('payload_schemas', findings);
  const run = verifySource(source, report);
  if (!sound || payload === undefined || run === undefined) return undefined;
  const agreed = report.settle('payload_agreement', [
    ...disagreements(RUN_PAYLOAD_MEMBER, runPayloadOf(run.manifest, run.facts), payload),
    ...disagreements(ENVELOPE_MEMBER, contextEnvelopeOf(run.facts.refs), envelope),
    ...otherSource(manifest, run.manifest),
  ]);
  return agreed ? run : undefined;
}

function verifySource(
  { container, trust, strict, visit }: RunPackSource,
  report: Report,
): EmbeddedRun | undefined {
  const member = container.members.find(({ name }) => name === SOURCE_MEMBER);
  const opened = member === undefined ? undefined : container.open(member);
  if (opened === undefined || opened.fault !== undefined) {
    const message = `a run pack needs ${SOURCE_MEMBER}`;
    report.settle('source_runpack', [{ code: 'member_missing', message, member: SOURCE_MEMBER }]);
    return undefined;
  }
  const policy = { strict, ...(visit === undefined ? {} : { visit }) };
  const { verification, manifest, facts } = verifyRunpack(readContainer(opened.source), policy);
  const inside = verification.findings.map(({ layer: _, ...found }) => {
    const message = `in ${SOURCE_MEMBER}: ${found.message}`;
    return { ...found, message, member: within(found.member) };
  });
  const sound = report.settle('source_runpack', inside);
  if (!sound || manifest === undefined || facts === undefined) return undefined;
  const unchecked = (verification.unchecked_files ?? []).map((name) => within(name));
  return { manifest, facts, signatureStatus: sourceSignature(manifest, trust), unchecked };
}

/** Whether a trusted key vouches for the runpack itself. It is told, and decides nothing: the pack is what is trusted. */
function sourceSignature(manifest: RunManifest, trust: Trust | undefined): SignatureStatus {
  const signatures = manifest.signatures ?? [];
  const signed = { signatures, digest: signedDigestOf(manifest), member: RUN_MANIFEST_MEMBER };
  return verifySignatures(signed, trust === undefined ? {} : { trust }, new Report([])).signature_status;
}

function within(member: string | undefined): string {
  return member === undefined ? SOURCE_MEMBER : `${SOURCE_MEMBER}!${member}`;
}

function read(name: string, members: Members, validate: Validate, findings: Found[]): JsonObject | undefined {
  const bytes = members.get(name);
  if (bytes === undefined) {
    findings.push({ code: 'member_missing', message: `a run pack needs ${name}`, member: name });
    return undefined;
  }
  const { value, finding } = readDocument(name, bytes, validate);
  findings.push(...(finding === undefined ? timeFindings(name, value, isZonedTime) : [finding]));
  return value;
}

/** What a document says that the runpack does not make. */
function disagreements(
  member: string,
  expected: object | undefined,
  actual: JsonObject | undefined,
): Found[] {
  if (expected === undefined && actual === undefined) return [];
  if (expected === undefined || actual === undefined) {
    const message = `${member} is ${actual === undefined ? 'missing: the run has receipts' : 'there, but the run has no receipts'}`;
    return [{ code: 'payload_disagrees', message, member }];
  }
  const made = expected as JsonObject;
  const keys = [...new Set([...Object.keys(made), ...Object.keys(actual)])].sort();
  return keys.flatMap((key) => {
    if (text(made[key]) === text(actual[key])) return [];
    const [should, is] = [shown(made[key]), shown(actual[key])];
    const message = `${member}: ${key} is ${is}, the runpack makes ${should}`;
    return [{ code: 'payload_disagrees', message, member, expected: should, actual: is }];
  });
}

function otherSource({ source_ref }: PackManifest, { run_id }: RunManifest): Found[] {
  if (source_ref === run_id) return [];
  const message = `the pack is of ${source_ref}, its runpack of ${run_id}`;
  return [
    { code: 'payload_disagrees', message, member: SOURCE_MEMBER, expected: source_ref, actual: run_id },
  ];
}

const MAX_SHOWN = 200;

function text(value: unknown): string {
  return value === undefined ? 'absent' : canonicalize(value);
}

/** For a message: the start of it. */
function shown(value: unknown): string {
  const full = text(value);
  return full.length > MAX_SHOWN ? `${full.slice(0, MAX_SHOWN)}…` : full;
}
