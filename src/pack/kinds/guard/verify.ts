import { canonicalDigest } from '../../../core/digest.ts';
import { type CheckName, clippedText, Report } from '../../../core/report.ts';
import { isZonedTime } from '../../../core/time.ts';
import { type Verification, verificationOf } from '../../../run/verify.ts';
import { readDocument, timeFindings } from '../../../schema/documents.ts';
import validateManifest from '../../../schema/generated/guard_pack_manifest.js';
import type { Signature } from '../../../signing/signature.ts';
import { NO_SIGNATURES, type SignaturePolicy, verifySignatures } from '../../../signing/verify.ts';
import { compareDeclared, containerFindings, NOTHING_COMPARED, readContents } from '../../../zip/contents.ts';
import type { Container } from '../../../zip/reader.ts';
import { MANIFEST_MEMBER } from '../../manifest.ts';

export const GUARD_SCHEMA_ID = 'gait.guard.pack_manifest';

/** schemas/v1/guard/pack_manifest.schema.json; what is not named here is carried along. */
export interface GuardManifest {
  readonly schema_id: typeof GUARD_SCHEMA_ID;
  readonly created_at: string;
  readonly generated_at: string;
  readonly producer_version: string;
  readonly pack_id: string;
  readonly run_id: string;
  readonly case_id?: string;
  readonly template_id?: string;
  readonly contents: readonly { readonly path: string; readonly sha256: string; readonly type: string }[];
  readonly signatures?: readonly Signature[] | null;
}

/** What a verification of an evidence pack found out. */
export interface GuardVerification extends Verification {
  readonly pack_id: string;
  readonly pack_type: 'guard';
  readonly source_ref: string;
  readonly legacy_type: 'guard';
}

export interface VerifiedGuardPack {
  readonly verification: GuardVerification;
  readonly manifest?: GuardManifest;
}

const CHECKS: readonly CheckName[] = [
  'container_bytes',
  'member_content',
  'manifest_schema',
  'pack_id',
  'member_digests',
  'nothing_undeclared',
  'signatures',
];

/** The id of an evidence pack: over its run and its contents, in order. */
export function guardPackIdOf({ run_id, contents }: Pick<GuardManifest, 'run_id' | 'contents'>): string {
  return `pack_${canonicalDigest({ run_id, contents }).slice(0, 16)}`;
}

/** Verifies an evidence or incident pack, of before PackSpec v1, in the same layers as any pack. */
export function verifyGuardPack(
  container: Container,
  policy: SignaturePolicy & { readonly strict?: boolean; readonly onBytes?: (count: number) => void },
): VerifiedGuardPack {
  const report = new Report(CHECKS);
  report.settle('container_bytes', containerFindings(container, policy.strict));
  const { onBytes } = policy;
  const contents = readContents(container, { keep: (name) => name === MANIFEST_MEMBER, onBytes }, report);
  const bytes = contents.bytes.get(MANIFEST_MEMBER) ?? Buffer.alloc(0);
  const { value, finding } = readDocument(MANIFEST_MEMBER, bytes, validateManifest);
  const found = finding === undefined ? timeFindings(MANIFEST_MEMBER, value, isZonedTime) : [finding];
  report.settle('manifest_schema', found);
  const legacy = { pack_type: 'guard', legacy_type: 'guard' } as const;
  if (value === undefined) {
    const nothing = verificationOf(report, [], NOTHING_COMPARED, NO_SIGNATURES);
    return { verification: { ...nothing, ...legacy, pack_id: '', source_ref: '' } };
  }
  const manifest = value as unknown as GuardManifest;
  const expected = guardPackIdOf(manifest);
  const actual = manifest.pack_id;
  const message = `pack_id is ${actual}, the manifest makes ${expected}`;
  const differs = { code: 'pack_id_mismatch', message, member: MANIFEST_MEMBER, expected, actual };
  report.settle('pack_id', actual === expected ? [] : [differs]);
  const compared = compareDeclared(MANIFEST_MEMBER, manifest.contents, contents, report, {
    type: 'guard',
    strict: policy.strict,
  });
  const { signatures, ...unsigned } = manifest;
  const signed = { signatures: signatures ?? [], digest: canonicalDigest(unsigned), member: MANIFEST_MEMBER };
  const verdict = verifySignatures(signed, policy, report);
  const verified = verificationOf(report, manifest.contents, compared, verdict);
  const named = { pack_id: clippedText(actual), source_ref: clippedText(manifest.run_id) };
  return { manifest, verification: { ...verified, ...legacy, ...named } };
}
