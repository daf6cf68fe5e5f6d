import { canonicalDigest } from '../../core/digest.ts';
import { madeOnce } from '../../core/frozen.ts';
import type { Claims } from './claims.ts';
import type { Delegation, Intent } from './intent.ts';

/** The digest that an approval, a policy's verdict and a trace name an intent by. Of exactly what stands in {@link Intent}. */
export const intentDigest: (intent: Intent) => string = madeOnce((intent) => canonicalDigest(intent));

export function argsDigest({ args }: Intent): string {
  return canonicalDigest(args);
}

/** What an approval of a delegated intent is bound to. */
export function delegationDigest(delegation: Delegation): string {
  return canonicalDigest(delegation);
}

/** Of what a caller says beside its call; the digest of the intent does not cover it. */
export function claimsDigest(claims: Claims): string {
  return canonicalDigest(claims);
}
