import { isDeepStrictEqual } from 'node:util';
import type { Decision } from '../../../src/gate/evaluate.ts';
import { isWeaker } from './asking.ts';

/** What of a decision is gone in another that must be at least as strict; empty for nothing. */
export function lost(before: Decision, after: Decision): string[] {
  if (isUndelegated(before) && after.verdict === 'require_approval') return [];
  if (isWeaker(after.verdict, before.verdict)) return [`${before.verdict} became ${after.verdict}`];
  if (after.verdict === 'block') return []; // nothing that is owed lets it run
  const [one, other] = [before.duties, after.duties];
  const faults: Readonly<Record<string, boolean>> = {
    approvals: other.approvals < one.approvals,
    'distinct approvers': one.distinct_approvers && !other.distinct_approvers,
    delegation: one.delegation && !other.delegation,
    'the scopes of a delegation': !within(one.delegation_scopes, other.delegation_scopes),
    'what was undelegated': one.undelegated && !other.undelegated,
    'a credential': one.broker !== null && other.broker === null,
    'scopes of the credential': !within(one.broker?.scopes ?? [], other.broker?.scopes ?? []),
    limits: !within(one.rate_limits, other.rate_limits),
    budgets: !within(one.destructive_budgets, other.destructive_budgets),
    'how long a credential lives': longer(one.credential.max_ttl_seconds, other.credential.max_ttl_seconds),
  };
  return Object.entries(faults)
    .filter(([, isGone]) => isGone)
    .map(([what]) => `${what}: gone`);
}

/** Blocked for want of a delegation alone: a person who is asked may take its place (gate.md). */
function isUndelegated({ verdict, reason_codes, duties }: Decision): boolean {
  return verdict === 'block' && duties.undelegated && reason_codes.includes('delegation_token_missing');
}

function within(all: readonly unknown[], others: readonly unknown[]): boolean {
  return all.every((one) => others.some((other) => isDeepStrictEqual(one, other)));
}

/** 0 is for ever. */
function longer(before: number, after: number): boolean {
  return before > 0 && (after === 0 || after > before);
}
