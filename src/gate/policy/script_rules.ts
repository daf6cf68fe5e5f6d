import type { Json } from '../../core/json.ts';
import type { PolicyFields } from './fields.ts';
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
export function scriptRulesOf(fields: PolicyFields): ScriptRules {
  const bound = (name: string): number => {
    const steps = countIn(fields, name);
    if (steps > 0 || !fields.says(name)) return steps;
    throw fields.wrong(
      name,
      'is 0',
      'Leave it out for no bound. To stop scripts, match the tools of their steps.',
    );
  };
  const rules = {
    max_steps: bound('max_steps'),
    require_approval_above: bound('require_approval_above'),
    block_mixed_risk: fields.flag('block_mixed_risk'),
  };
  fields.end();
  return rules;
}

/** What stands in the digest of a policy; null for none. */
export function digestedScripts({ max_steps, require_approval_above, block_mixed_risk }: ScriptRules): Json {
  if (max_steps === 0 && require_approval_above === 0 && !block_mixed_risk) return null;
  return {
    MaxSteps: max_steps,
    RequireApprovalAbove: require_approval_above,
    BlockMixedRisk: block_mixed_risk,
  };
}
