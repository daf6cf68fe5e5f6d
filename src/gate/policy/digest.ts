import { canonicalDigest } from '../../core/digest.ts';
import { madeOnce } from '../../core/frozen.ts';
import type { Policy } from './policy.ts';
import { POLICY } from './reader.ts';
import { digestedRows } from './rows.ts';

/**
 * The digest that verdicts, approvals and traces name a policy by. Its members are spelled as in the programs before this
 * one, so that a policy has the same digest in all of them.
 */
export const policyDigest: (policy: Policy) => string = madeOnce((policy) =>
  canonicalDigest(digestedRows(POLICY, policy)),
);
