import type { TrustSet } from '../signing/trust.ts';
import { MANIFEST_MEMBER, type PackManifest, signedDigestOf } from './manifest.ts';
import type { Report } from './report.ts';

/** `missing`: unsigned. `skipped`: signed, and no key to check it with was given. */
export type SignatureStatus = 'missing' | 'skipped' | 'verified' | 'failed';

export interface SignatureVerdict {
  readonly signature_status: SignatureStatus;
  readonly signatures_total: number;
  readonly signatures_valid: number;
  readonly signature_errors: readonly string[];
}

/** Whom to believe, and whether an unsigned or unchecked pack will do. */
export interface SignaturePolicy {
  readonly trust?: TrustSet;
  readonly required?: boolean;
}

export const NO_SIGNATURES: SignatureVerdict = {
  signature_status: 'missing',
  signatures_total: 0,
  signatures_valid: 0,
  signature_errors: [],
};

/**
 * Checks the signatures of a manifest against the keys that the reader trusts. One that holds is enough; if there are
 * keys and none holds, that is a finding in every case.
 */
export function verifySignatures(
  manifest: PackManifest,
  { trust, required = false }: SignaturePolicy,
  report: Report,
): SignatureVerdict {
  const signatures = manifest.signatures ?? [];
  const total = signatures.length;
  const member = MANIFEST_MEMBER;
  if (total === 0) {
    const message = 'the pack is not signed';
    if (required) report.settle('signatures', [{ code: 'signature_missing', message, member }]);
    else report.notApplicable('signatures');
    return NO_SIGNATURES;
  }
  const digest = signedDigestOf(manifest);
  if (signatures.every(({ signed_digest }) => signed_digest !== undefined && signed_digest !== digest)) {
    const message = 'signature: it is over another document';
    report.settle('signatures', [{ code: 'signature_invalid', message, member, expected: digest }]);
    const signature_errors = signatures.map(() => 'signed_digest mismatch');
    return { ...NO_SIGNATURES, signature_status: 'failed', signatures_total: total, signature_errors };
  }
  if (trust === undefined || trust.size === 0) {
    const message = 'the pack is signed, but no public key was given to check it with';
    if (required) report.settle('signatures', [{ code: 'signature_unchecked', message, member }]);
    return { ...NO_SIGNATURES, signature_status: 'skipped', signatures_total: total };
  }
  const faults = signatures.flatMap((signature) => trust.fault(signature, digest) ?? []);
  const valid = total - faults.length;
  const findings = faults.map((fault) => ({
    code: 'signature_invalid',
    message: `signature: ${fault}`,
    member,
  }));
  report.settle('signatures', valid > 0 ? [] : findings);
  return {
    signature_status: valid > 0 ? 'verified' : 'failed',
    signatures_total: total,
    signatures_valid: valid,
    signature_errors: faults,
  };
}
