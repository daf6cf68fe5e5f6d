import { isDeepStrictEqual } from 'node:util';
import { byBytes } from '../core/text.ts';
import type { Timestamp } from '../core/time.ts';
import { type Decision, rulesAlone } from './evaluate.ts';
import { intentDigest } from './intent/digest.ts';
import type { IntentRequest } from './intent/intent.ts';
import { bothCredentialRules } from './policy/credential_rules.ts';
import type { Policy, RateLimit } from './policy/policy.ts';
import type { Obligations } from './rules/duties.ts';
import { stricter, type Verdict } from './verdict.ts';

/** A call to try policies on. */
export interface Fixture {
  readonly path: string;
  readonly request: IntentRequest;
}

/** What to do with a candidate: put it in force, have what it makes stricter looked at, or watch it first, since it is looser. */
export type Recommendation = 'enforce' | 'require_approval' | 'observe';

export interface ChangedFixture {
  readonly fixture_path: string;
  readonly intent_digest: string;
  readonly baseline: Decision;
  readonly candidate: Decision;
}

export interface Simulation {
  readonly fixtures_total: number;
  readonly baseline_verdicts: readonly VerdictCount[];
  readonly candidate_verdicts: readonly VerdictCount[];
  readonly changed: readonly ChangedFixture[];
  readonly recommendation: Recommendation;
}

export interface VerdictCount {
  readonly verdict: Verdict;
  readonly count: number;
}

/** What becomes of calls, at one time, when one policy takes the place of another. */
export function simulate(
  baseline: Policy,
  candidate: Policy,
  fixtures: readonly Fixture[],
  now: Timestamp,
  home?: string,
): Simulation {
  const each = fixtures.map(({ path, request }) => ({
    fixture_path: path,
    intent_digest: intentDigest(request.intent),
    baseline: rulesAlone(baseline, request, now, { home }),
    candidate: rulesAlone(candidate, request, now, { home }),
  }));
  const changed = each.filter((one) => !isDeepStrictEqual(one.baseline, one.candidate));
  return {
    fixtures_total: fixtures.length,
    baseline_verdicts: counted(each.map((one) => one.baseline.verdict)),
    candidate_verdicts: counted(each.map((one) => one.candidate.verdict)),
    changed,
    recommendation: recommend(changed),
  };
}

function recommend(changed: readonly ChangedFixture[]): Recommendation {
  if (changed.some(({ baseline, candidate }) => isLooser(candidate, baseline))) return 'observe';
  if (changed.some(({ baseline, candidate }) => isLooser(baseline, candidate))) return 'require_approval';
  return 'enforce';
}

/** True if a call gets through more easily, or owes less, or something else, for the same verdict. */
function isLooser(one: Decision, other: Decision): boolean {
  if (one.verdict !== other.verdict) return stricter(one.verdict, other.verdict) === other.verdict;
  return owesLess(one.duties, other.duties);
}

function owesLess(one: Obligations, other: Obligations): boolean {
  return (
    one.approvals < other.approvals ||
    (other.distinct_approvers && !one.distinct_approvers) ||
    (other.delegation && !one.delegation) ||
    (other.broker !== null && !isDeepStrictEqual(one.broker, other.broker)) ||
    !isDeepStrictEqual(bothCredentialRules(one.credential, other.credential), one.credential) ||
    !keeps(one.rate_limits, other.rate_limits) ||
    !keeps(one.destructive_budgets, other.destructive_budgets)
  );
}

/** True if whoever keeps these limits keeps the others. */
function keeps(limits: readonly RateLimit[], others: readonly RateLimit[]): boolean {
  return others.every((other) =>
    limits.some(
      ({ requests, window, scope }) =>
        requests <= other.requests && window === other.window && scope === other.scope,
    ),
  );
}

function counted(verdicts: readonly Verdict[]): VerdictCount[] {
  const kinds = [...new Set(verdicts)].sort(byBytes);
  return kinds.map((verdict) => ({ verdict, count: verdicts.filter((one) => one === verdict).length }));
}
