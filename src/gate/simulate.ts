import { dutyLines, evaluate } from './evaluate.ts';
import type { Intent } from './intent.ts';
import { intentDigest } from './intent_digest.ts';
import { type Policy, stricter, type Verdict } from './policy.ts';
import { byBytes } from './words.ts';

/** A call to try policies on. */
export interface Fixture {
  readonly path: string;
  readonly intent: Intent;
}

/** What to do with a candidate: put it in force, have what it makes stricter looked at, or watch it first, since it is looser. */
export type Recommendation = 'enforce' | 'require_approval' | 'observe';

interface Side {
  readonly verdict: Verdict;
  readonly reason_codes: readonly string[];
  readonly violations: readonly string[];
  readonly matched_rule: string;
  /** What is still to be proven, as words. */
  readonly duties: readonly string[];
}

export interface ChangedFixture {
  readonly fixture_path: string;
  readonly intent_digest: string;
  readonly baseline: Side;
  readonly candidate: Side;
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

/** What becomes of calls when one policy takes the place of another. */
export function simulate(baseline: Policy, candidate: Policy, fixtures: readonly Fixture[]): Simulation {
  const each = fixtures.map(({ path, intent }) => ({
    fixture_path: path,
    intent_digest: intentDigest(intent),
    baseline: sideOf(baseline, intent),
    candidate: sideOf(candidate, intent),
  }));
  const changed = each.filter((one) => JSON.stringify(one.baseline) !== JSON.stringify(one.candidate));
  return {
    fixtures_total: fixtures.length,
    baseline_verdicts: counted(each.map((one) => one.baseline.verdict)),
    candidate_verdicts: counted(each.map((one) => one.candidate.verdict)),
    changed,
    recommendation: recommend(changed),
  };
}

function sideOf(policy: Policy, intent: Intent): Side {
  const { verdict, reason_codes, violations, matched_rules, duties } = evaluate(policy, intent);
  return {
    verdict,
    reason_codes,
    violations,
    matched_rule: matched_rules.join(','),
    duties: dutyLines(duties),
  };
}

function recommend(changed: readonly ChangedFixture[]): Recommendation {
  if (changed.some(({ baseline, candidate }) => isLooser(candidate, baseline))) return 'observe';
  if (changed.some(({ baseline, candidate }) => isLooser(baseline, candidate))) return 'require_approval';
  return 'enforce';
}

/** True if a call gets through more easily, or does not owe the same any more for the same verdict. */
function isLooser(one: Side, other: Side): boolean {
  if (one.verdict !== other.verdict) return stricter(one.verdict, other.verdict) === other.verdict;
  return other.duties.some((duty) => !one.duties.includes(duty));
}

function counted(verdicts: readonly Verdict[]): VerdictCount[] {
  const kinds = [...new Set(verdicts)].sort(byBytes);
  return kinds.map((verdict) => ({ verdict, count: verdicts.filter((one) => one === verdict).length }));
}
