import type { PolicyFields } from './fields.ts';
import { ALWAYS, flag, type Row, type Rows, readRows } from './rows.ts';
import { countIn } from './values.ts';

/** A script of more steps is no intent. */
export const MAX_STEPS = 64;

/** What a step may do by what it looks like; `unknown` for one that does not show it. */
export type StepRisk = 'low' | 'medium' | 'high' | 'unknown';

/** What a policy says of scripts as a whole. */
export interface ScriptRules {
  /** 0 for as many as an intent may have. */
  readonly max_steps: number;
  /** A script of more steps needs an approval; 0 for none. */
  readonly require_approval_above: number;
  readonly block_mixed_risk: boolean;
}

/** Throws `policy_invalid` for a bound of 0, which would be none. */
function bound(digest: string): Row<number> {
  const hint = 'Leave it out for no bound. To stop scripts, match the tools of their steps.';
  const read = (fields: PolicyFields, name: string): number => {
    const steps = countIn(fields, name);
    if (steps > 0 || !fields.says(name)) return steps;
    throw fields.wrong(name, 'is 0', hint);
  };
  return { digest, always: true, read };
}

export const SCRIPTS: Rows<ScriptRules> = {
  max_steps: bound('MaxSteps'),
  require_approval_above: bound('RequireApprovalAbove'),
  block_mixed_risk: flag('BlockMixedRisk', ALWAYS),
};

export function scriptRulesOf(fields: PolicyFields): ScriptRules {
  const rules = readRows(SCRIPTS, fields);
  fields.end();
  return rules;
}

/** True if anything is asked of scripts. */
export function saysOfScripts({ max_steps, require_approval_above, block_mixed_risk }: ScriptRules): boolean {
  return max_steps > 0 || require_approval_above > 0 || block_mixed_risk;
}
