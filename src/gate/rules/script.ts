import { byBytes, wordList } from '../../core/text.ts';
import type { Intent } from '../intent/intent.ts';
import { isNetwork } from '../policy/policy.ts';
import { MAX_STEPS, type ScriptRules, type StepRisk } from '../policy/script_rules.ts';
import { stricter, type Verdict } from '../verdict.ts';
import { bothDuties } from './duties.ts';
import { classesOf, destroys } from './endpoint_lists.ts';
import type { Judgement, StepJudgement } from './judgement.ts';
import { undelegatedBlocks } from './parts.ts';

/** What a script is as a whole: as strict as its strictest step, and owing what any of them owes. */
export function judgeScript(
  rules: ScriptRules,
  calls: readonly Intent[],
  judgements: readonly Judgement[],
): Judgement {
  const steps = calls.flatMap((call, index) => {
    const judged = judgements[index];
    return judged === undefined ? [] : [stepOf(call, judged)];
  });
  const whole = wholeOf(rules, steps);
  const verdict = [...steps.map((step) => step.verdict), ...whole.map(({ effect }) => effect)].reduce(
    stricter,
  );
  const deciding = steps.filter((step) => step.verdict === verdict);
  const codes = whole.map(({ code }) => code);
  const duties = steps.map((step) => step.duties).reduce(bothDuties);
  const approvals = verdict === 'require_approval' ? Math.max(1, duties.approvals) : duties.approvals;
  return {
    verdict,
    reason_codes: wordList([...deciding.flatMap((step) => step.reason_codes), ...codes]),
    violations: wordList([...deciding.flatMap((step) => step.violations), ...codes]),
    matched_rules: [...new Set(steps.flatMap((step) => step.matched_rules))].sort(byBytes),
    duties: { ...duties, approvals },
    steps,
  };
}

function stepOf(call: Intent, judged: Judgement): StepJudgement {
  return { ...undelegatedBlocks(judged), tool_name: call.tool_name, risk: riskOf(call) };
}

/** What a policy has against a script as a whole. */
function wholeOf(rules: ScriptRules, steps: readonly StepJudgement[]): { effect: Verdict; code: string }[] {
  const { max_steps, require_approval_above: above, block_mixed_risk } = rules;
  const found: readonly (readonly [boolean, Verdict, string])[] = [
    [steps.length > (max_steps || MAX_STEPS), 'block', 'script_max_steps_exceeded'],
    [above > 0 && steps.length > above, 'require_approval', 'script_step_threshold_approval'],
    [block_mixed_risk && isMixed(steps), 'block', 'script_mixed_risk_blocked'],
  ];
  return found.filter(([holds]) => holds).map(([, effect, code]) => ({ effect, code }));
}

/** A step that does not show its risk may be of another than those beside it. */
function isMixed(steps: readonly StepJudgement[]): boolean {
  const risks = new Set(steps.map(({ risk }) => risk));
  return risks.size > 1 || (risks.has('unknown') && steps.length > 1);
}

function riskOf({ targets, tool_name }: Intent): StepRisk {
  if (destroys(targets, tool_name)) return 'high';
  const all = targets.map((target) => classesOf(target, tool_name));
  if (all.flat().some((one) => one === 'fs.write' || isNetwork(one))) return 'medium';
  const shown = targets.length > 0 && all.every((classes) => classes.some((one) => one !== 'other'));
  return shown ? 'low' : 'unknown';
}
