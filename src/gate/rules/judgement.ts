import type { StepRisk } from '../policy/script_rules.ts';
import type { Verdict } from '../verdict.ts';
import type { Obligations } from './duties.ts';

/** What a policy makes of an intent, before anybody has proven anything. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly reason_codes: readonly string[];
  readonly violations: readonly string[];
  /** The rules that it is by; empty where none matched. */
  readonly matched_rules: readonly string[];
  readonly duties: Obligations;
  /** Of a script, in its order. */
  readonly steps?: readonly StepJudgement[];
}

/** What is made of one step of a script. Its limits are counted by its own tool. */
export interface StepJudgement extends Omit<Judgement, 'steps'> {
  readonly tool_name: string;
  readonly risk: StepRisk;
}
