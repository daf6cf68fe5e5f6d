import { MAX_FINDINGS } from '../core/limits.ts';
import { clippedList, type Report } from '../core/report.ts';
import type { Signature } from './signature.ts';
import type { Trust } from './trust.ts';

/** `missing`: unsigned. `skipped`: signed, and no key to check it with was given. */
export type SignatureStatus = 'missing' | 'skipped' | 'verified' | 'failed';

export interface SignatureVerdict {
  readonly signature_status: SignatureStatus;
  readonly signatures_total: number;
  readonly signatures_valid: number;
  readonly signature_errors: readonly string[];
}

/** Whom to believe, and whether what is unsigned or unchecked will do. */
export interface SignaturePolicy {
  readonly trust?: Trust;
  readonly required?: boolean;
}

/** A document, what its signatures are over, and where they stand. */
export interface Signed {
  readonly signatures: readonly Signature[];
  /** SHA-256 of the canonical document without its signatures. */
  readonly digest: string;
  readonly member: string;
}

export const NO_SIGNATURES: SignatureVerdict = {
  signature_status: 'missing',
  signatures_total: 0,
  signatures_valid: 0,
  signature_errors: [],
};

/** Whoever has no key can still write a signature down twice: how many keys signed is told by distinct ones. */
function repeatedKey(signatures: readonly Signature[]): string | undefined {
  const seen = new Set<string>();
  for (const { key_id } of signatures) {
    const id = key_id.trim().toLowerCase();
    if (seen.has(id)) return id;
    seen.add(id);
  }
  return undefined;
}

/**
 * Checks signatures against the keys that the reader trusts. One that holds is enough; if there are keys and none
 * holds, that is a finding in every case. Settles `signatures`.
 */
export function verifySignatures(
  { signatures, digest, member }: Signed,
  { trust, required = false }: SignaturePolicy,
  report: Report,
): SignatureVerdict {
  const total = signatures.length;
  const repeated = repeatedKey(signatures);
  if (repeated !== undefined) {
    const message = `signature: the key ${repeated} stands there more than once`;
    report.settle('signatures', [{ code: 'signature_repeated', message, member }]);
    const signature_errors = ['a key stands there more than once'];
    return { ...NO_SIGNATURES, signature_status: 'failed', signatures_total: total, signature_errors };
  }
  if (total === 0) {
    const message = 'it is not signed';
    if (required) report.settle('signatures', [{ code: 'signature_missing', message, member }]);
    else report.notApplicable('signatures');
    return NO_SIGNATURES;
  }
  if (signatures.every(({ signed_digest }) => signed_digest !== undefined && signed_digest !== digest)) {
    const message = 'signature: it is over another document';
    report.settle('signatures', [{ code: 'signature_invalid', message, member, expected: digest }]);
    const signature_errors = signatures.slice(0, MAX_FINDINGS).map(() => 'signed_digest mismatch');
    return { ...NO_SIGNATURES, signature_status: 'failed', signatures_total: total, signature_errors };
  }
  if (trust === undefined || trust.size === 0) {
    const message = 'it is signed, but no public key was given to check it with';
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
    signature_errors: clippedList(faults),
  };
}
