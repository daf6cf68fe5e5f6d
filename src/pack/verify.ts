import { type CheckName, clippedText, type Found, Report } from '../core/report.ts';
import { verificationOf } from '../run/verify.ts';
import { NO_SIGNATURES, type SignatureVerdict, verifySignatures } from '../signing/verify.ts';
import {
  type Compared,
  type Contents,
  containerFindings,
  NOTHING_COMPARED,
  readContents,
} from '../zip/contents.ts';
import { type Container, memberSource } from '../zip/reader.ts';
import { extensionFindings } from './kinds/job/extends.ts';
import { NO_DOCUMENTS, type Payload, type PayloadKind } from './kinds/kind.ts';
import { EARLIER_KINDS, PAYLOAD_KINDS } from './kinds/kinds.ts';
import { MANIFEST_MEMBER, type PackManifest, signedPackDigestOf } from './manifest.ts';
import { PROOF_MEMBER, proofAccount } from './proof_records.ts';
import {
  type PackVerification,
  type VerificationPolicy,
  type VerifiedPack,
  withFinding,
} from './verified.ts';
import { compareContents, readManifest } from './verify_manifest.ts';

/** What is looked at in every pack of PackSpec v1. */
const CHECKS: readonly CheckName[] = [
  'container_bytes',
  'member_content',
  'manifest_schema',
  'pack_id',
  'member_digests',
  'nothing_undeclared',
  'payload_schemas',
  'payload_agreement',
  'signatures',
];

/** The members that are documents, to be read into memory. Others are only digested. */
const DOCUMENTS: ReadonlySet<string> = new Set([
  MANIFEST_MEMBER,
  ...PAYLOAD_KINDS.flatMap(({ documents }) => documents),
]);

const LARGE: ReadonlySet<string> = new Set(PAYLOAD_KINDS.flatMap(({ large }) => large));

/**
 * Verifies a pack in layers: the container, the manifest, the payload, the signatures. Trusts nothing that is in it,
 * needs no network, and reports all that it finds, not only the first. Reads packs of every kind in kinds/kinds.ts.
 */
export function verifyPack(container: Container, policy: VerificationPolicy = {}): VerifiedPack {
  const earlier = EARLIER_KINDS.find((kind) => kind.isOf(container));
  const pack =
    earlier === undefined
      ? verifyPackSpec(container, policy)
      : withoutHistory(earlier.verify(container, policy), policy);
  return ofAsked(pack, policy);
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

function verifyPackSpec(container: Container, policy: VerificationPolicy): VerifiedPack {
  const [first] = PAYLOAD_KINDS;
  const report = new Report([...CHECKS, ...(first?.checks ?? [])]);
  if (policy.extending !== undefined) report.expect('extends');
  if (policy.known !== undefined) report.expect('known_head');
  report.settle('container_bytes', containerFindings(container, policy.strict));
  // Where one member is lost, what the others say of it is noise.
  if (!container.intact) return unread(report);
  const { onBytes } = policy;
  const keeping = {
    keep: (name: string) => DOCUMENTS.has(name),
    keepLarge: (name: string) => policy.keep !== false && LARGE.has(name),
  };
  const contents = readContents(container, { ...keeping, onBytes }, report);
  const manifest = readManifest(contents.bytes.get(MANIFEST_MEMBER), report);
  const kind = PAYLOAD_KINDS.find(({ type }) => type === manifest?.pack_type);
  if (manifest === undefined || kind === undefined) return unread(report);
  if (kind !== first) {
    for (const check of first?.checks ?? []) report.leaveOut(check);
    for (const check of kind.checks) report.expect(check);
  }
  const compared = compareContents(manifest, contents, policy.strict, report);
  const sound = compared.missing.length === 0 && compared.mismatches.length === 0;
  const { history, run, told, unknown }: Payload = sound
    ? readPayload(kind, { manifest, container, policy }, contents, report)
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
  return {
    verification: { ...summary(report, manifest, compared, signatures), ...told },
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

function unread(report: Report): VerifiedPack {
  return { verification: summary(report, undefined, NOTHING_COMPARED), documents: NO_DOCUMENTS };
}

function readPayload(
  kind: PayloadKind,
  source: {
    readonly manifest: PackManifest;
    readonly container: Container;
    readonly policy: VerificationPolicy;
  },
  { bytes: members, sizes }: Contents,
  report: Report,
): Payload {
  const { manifest, container } = source;
  const proof = memberSource(container, PROOF_MEMBER);
  const account = proof === undefined ? undefined : proofAccount(proof, manifest, sizes);
  if (account !== undefined) report.settle('proof_records', account.findings);
  const proved =
    account === undefined || account.count === 0 ? {} : { proof_records_verified: account.count };
  const payload = kind.verify({ ...source, members }, report);
  return { ...payload, told: { ...payload.told, ...proved } };
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
