import type { IntentRequest } from '../intent/intent.ts';
import type { Work } from '../target/glob.ts';
import type { Verdict } from '../verdict.ts';

/** What a gate is told of itself, and how much it may still do about one call. */
export interface Look {
  readonly home?: string | undefined;
  readonly work: Work;
}

/** What a constraint of a rule makes of an intent: undefined when it has nothing against it. */
export interface Violation {
  readonly effect: Verdict;
  readonly reasons: readonly string[];
  readonly violations: readonly string[];
}

/** What is asked, when, and of whom. */
export interface EvaluationInput extends IntentRequest, Look {
  /** It is the careful profile that judges. */
  readonly careful: boolean;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly at: number;
}
