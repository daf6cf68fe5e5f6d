import { GaitError } from '../core/errors.ts';
import type { JobHistory } from '../job/history.ts';
import validateManifest from '../schema/generated/pack_manifest.js';
import type { Member } from '../zip/container.ts';
import type { Container } from '../zip/reader.ts';
import { type JobFinding, readDocument, timeFindings } from './documents.ts';
import { extensionFindings } from './extends.ts';
import { entryType, MANIFEST_MEMBER, type PackManifest, packIdOf } from './manifest.ts';
import { type CheckName, type CheckStatus, type Finding, type Layer, Report } from './report.ts';
import { verifyJobPayload } from './verify_job.ts';
import {
  NO_SIGNATURES,
  type SignaturePolicy,
  type SignatureVerdict,
  verifySignatures,
} from './verify_signatures.ts';

export interface HashMismatch {
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
}

/** What a verification found out. `findings` is empty for a sound pack. */
export interface PackVerification extends SignatureVerdict {
  readonly pack_id: string;
  readonly pack_type: string;
  readonly source_ref: string;
  readonly files_checked: number;
  readonly checks: readonly {
    readonly layer: Layer;
    readonly check: CheckName;
    readonly status: CheckStatus;
  }[];
  readonly findings: readonly Finding[];
  readonly missing_files: readonly string[];
  readonly hash_mismatches: readonly HashMismatch[];
  readonly undeclared_files: readonly string[];
}

export interface VerificationPolicy extends SignaturePolicy {
  /** What an earlier pack of the same job holds: this one must only add to it. */
  readonly extending?: JobHistory;
}

export interface VerifiedPack {
  readonly verification: PackVerification;
  /** Present when the manifest could be read. */
  readonly manifest?: PackManifest;
  /** Present when a job pack's events chain and fold. */
  readonly history?: JobHistory;
}

/**
 * Verifies a pack in layers: the container, the manifest, the payload, the signatures. Trusts nothing that is in it,
 * needs no network, and reports all that it finds, not only the first.
 */
export function verifyPack(container: Container, policy: VerificationPolicy = {}): VerifiedPack {
  const report = new Report();
  if (policy.extending === undefined) report.leaveOut('extends');
  report.settle('container_bytes', container.findings);
  // Where one member is lost, what the others say of it is noise.
  if (!container.intact) return { verification: summary(report, undefined, NOTHING_COMPARED) };
  const contents = readMembers(container, report);
  const manifest = readManifest(contents.bytes.get(MANIFEST_MEMBER), report);
  if (manifest === undefined) return { verification: summary(report, undefined, NOTHING_COMPARED) };
  const compared = compareContents(manifest, contents, report);
  const sound = compared.missing.length === 0 && compared.mismatches.length === 0;
  const history =
    sound && manifest.pack_type === 'job' ? verifyJobPayload(manifest, contents.bytes, report) : undefined;
  if (sound && manifest.pack_type === 'run') report.settle('payload_schemas', [RUN_PACKS_LATER]);
  if (policy.extending !== undefined && history !== undefined) {
    report.settle('extends', extensionFindings(history, policy.extending));
  }
  const signatures = verifySignatures(manifest, policy, report);
  const verification = summary(report, manifest, compared, signatures);
  return { verification, manifest, ...(history === undefined ? {} : { history }) };
}

const RUN_PACKS_LATER: JobFinding = {
  code: 'pack_type_unsupported',
  message: 'this version of gait verifies job packs only; what is in a run pack was not checked',
  member: MANIFEST_MEMBER,
};

interface Contents {
  readonly digests: ReadonlyMap<string, string>;
  readonly bytes: ReadonlyMap<string, Buffer>;
}

function readMembers(container: Container, report: Report): Contents {
  const digests = new Map<string, string>();
  const bytes = new Map<string, Buffer>();
  const findings: JobFinding[] = [];
  for (const member of container.members) {
    const content = container.content(member, { keep: isDocument(member) });
    if (!content.crcMatches) {
      const message = `${member.name}: the content does not have the CRC-32 of its header`;
      findings.push({ code: 'crc_mismatch', message, member: member.name, offset: member.dataOffset });
    }
    digests.set(member.name, content.sha256);
    if (content.bytes !== undefined) bytes.set(member.name, content.bytes);
  }
  if (container.members.length > 0) report.settle('member_content', findings);
  return { digests, bytes };
}

function isDocument({ name }: Member): boolean {
  return name.endsWith('.json') || name.endsWith('.jsonl');
}

function readManifest(bytes: Buffer | undefined, report: Report): PackManifest | undefined {
  if (bytes === undefined) {
    const message = `there is no ${MANIFEST_MEMBER}`;
    report.settle('manifest_schema', [{ code: 'manifest_missing', message, member: MANIFEST_MEMBER }]);
    return undefined;
  }
  const { value, finding } = readDocument(MANIFEST_MEMBER, bytes, validateManifest);
  report.settle('manifest_schema', finding === undefined ? timeFindings(MANIFEST_MEMBER, value) : [finding]);
  return value as unknown as PackManifest | undefined;
}

interface Compared {
  readonly missing: readonly string[];
  readonly mismatches: readonly HashMismatch[];
  readonly undeclared: readonly string[];
}

const NOTHING_COMPARED: Compared = { missing: [], mismatches: [], undeclared: [] };

function compareContents(manifest: PackManifest, { digests }: Contents, report: Report): Compared {
  const expectedId = packIdOf(manifest);
  report.settle(
    'pack_id',
    manifest.pack_id === expectedId ? [] : [packIdMismatch(manifest.pack_id, expectedId)],
  );
  const missing: string[] = [];
  const mismatches: HashMismatch[] = [];
  const findings: JobFinding[] = [...declarationFindings(manifest)];
  for (const { path, sha256: expected } of manifest.contents) {
    const actual = digests.get(path);
    if (actual === undefined) {
      missing.push(path);
      findings.push({ code: 'member_missing', message: `${path} is declared and not there`, member: path });
    } else if (actual !== expected.toLowerCase()) {
      mismatches.push({ path, expected, actual });
      const message = `${path}: the content is not what the manifest declares`;
      findings.push({ code: 'digest_mismatch', message, member: path, expected, actual });
    }
  }
  report.settle('member_digests', findings);
  const declared = new Set([MANIFEST_MEMBER, ...manifest.contents.map(({ path }) => path)]);
  const undeclared = [...digests.keys()].filter((name) => !declared.has(name));
  report.settle(
    'nothing_undeclared',
    undeclared.map((member) => ({ code: 'member_undeclared', message: `${member} is not declared`, member })),
  );
  return { missing, mismatches, undeclared };
}

/** What the list of contents itself has wrong: each member once, in order, of the type that its name says. */
function declarationFindings({ contents }: PackManifest): JobFinding[] {
  const findings: JobFinding[] = [];
  const seen = new Set<string>([MANIFEST_MEMBER]);
  let previous = '';
  for (const { path: member, type } of contents) {
    if (seen.has(member)) {
      findings.push({ code: 'declared_twice', message: `${member} is declared more than once`, member });
    } else if (member < previous) {
      findings.push({ code: 'declared_unsorted', message: `${member} is declared out of order`, member });
    }
    if (type !== entryType(member)) {
      const message = `${member} is declared as ${type}, its name says ${entryType(member)}`;
      findings.push({ code: 'declared_type', message, member, expected: entryType(member), actual: type });
    }
    seen.add(member);
    previous = member;
  }
  return findings;
}

function packIdMismatch(actual: string, expected: string): JobFinding {
  const message = `pack_id is ${actual}, the manifest makes ${expected}`;
  return { code: 'pack_id_mismatch', message, member: MANIFEST_MEMBER, expected, actual };
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
    source_ref: manifest?.source_ref ?? '',
    files_checked: manifest?.contents.length ?? 0,
    checks: report.checks,
    findings: report.findings,
    missing_files: compared.missing,
    hash_mismatches: compared.mismatches,
    undeclared_files: compared.undeclared,
    ...signatures,
  };
}

/** The error that a pack with findings is refused with: the first finding, and how many there are. */
export function verificationError({ findings }: PackVerification, path: string): GaitError {
  const [first] = findings;
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : '';
  const message = `${path} does not verify: ${first?.message ?? 'unknown finding'}${more}`;
  const unbelieved = findings.every(({ layer }) => layer === 'signatures');
  return new GaitError({
    code: unbelieved ? 'signature_refused' : 'pack_damaged',
    category: 'verification_failed',
    message,
    hint: unbelieved
      ? 'The pack is whole, but no key that you trust vouches for it. Ask who made it for the public key.'
      : '`gait pack verify` lists all findings. Ask for the pack again from where it was built.',
  });
}
