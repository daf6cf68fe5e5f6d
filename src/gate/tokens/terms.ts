import type { Timestamp } from '../../core/time.ts';
import type { EvaluationContext } from '../context.ts';
import { claimsDigest, delegationDigest, intentDigest } from '../intent/digest.ts';
import type { IntentRequest } from '../intent/intent.ts';
import { callsOf } from '../intent/script.ts';
import type { UsesState } from '../ledger/consumption.ts';
import { policyDigest } from '../policy/digest.ts';
import type { Policy } from '../policy/policy.ts';
import type { ApprovalSubject } from './approval.ts';
import type { Revocations } from './delegation.ts';
import type { TokenRules } from './token.ts';

/** The call that is to be approved, as tokens name it. */
export function approvalSubject(
  policy: Policy,
  { intent, claims, exact_args_digest }: IntentRequest,
): ApprovalSubject {
  const { delegation, context } = intent;
  const calls = callsOf(intent);
  return {
    toolName: intent.tool_name,
    intentDigest: intentDigest(intent),
    policyDigest: policyDigest(policy),
    ...(delegation === undefined ? {} : { delegationDigest: delegationDigest(delegation) }),
    exactArgsDigest: exact_args_digest,
    claimsDigest: claimsDigest(claims),
    actors: [context.identity, ...(delegation === undefined ? [] : [delegation.requester_identity])],
    targets: calls.reduce((sum, call) => sum + call.targets.length, 0),
    operations: calls.length,
  };
}

/** How a gate looks at tokens. */
export function tokenRulesOf(
  { gate, keyring }: Pick<EvaluationContext, 'gate' | 'keyring'>,
  now: Timestamp,
): TokenRules {
  const { audience, maxTokenLifetimeMs, profile } = gate;
  return {
    keyring,
    now,
    extRequired: profile === 'oss-prod',
    ...(audience === undefined ? {} : { audience }),
    ...(maxTokenLifetimeMs === undefined ? {} : { maxLifetimeMs: maxTokenLifetimeMs }),
  };
}

/** What was taken back, by its digest or by its id. */
export function revocationsIn({ revoked }: UsesState): Revocations {
  return {
    isRevoked: (digest, tokenId) => Object.hasOwn(revoked, digest) || Object.hasOwn(revoked, tokenId),
  };
}
