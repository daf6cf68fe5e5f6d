import type { Json, JsonObject } from '../../src/core/json.ts';
import type { Decision } from '../../src/gate/evaluate.ts';
import { rulesAlone } from '../../src/gate/evaluate.ts';
import type { Intent, IntentRequest } from '../../src/gate/intent/intent.ts';
import { readIntent } from '../../src/gate/intent/reader.ts';
import type { Policy } from '../../src/gate/policy/policy.ts';
import { parsePolicy } from '../../src/gate/policy/yaml.ts';
import { explain, type RuleAccount } from '../../src/gate/rules/explain.ts';
import { judge } from '../../src/gate/rules/judge.ts';
import type { Judgement } from '../../src/gate/rules/judgement.ts';

/** A policy as its author writes it. */
export function policyOf(...lines: readonly string[]): Policy {
  return parsePolicy(Buffer.from(lines.join('\n')), 'policy.yaml');
}

/** A call of low risk that nothing speaks against, with what a test says in its place. */
export function intentOf(members: { readonly [name: string]: Json } = {}): Intent {
  return requestOf(members).intent;
}

/** The same call, with what stands beside its intent. */
export function requestOf(members: { readonly [name: string]: Json } = {}): IntentRequest {
  const { context, ...rest } = members;
  const usual = { identity: 'agent', workspace: '/repo', risk_class: 'low' };
  const said = (context ?? {}) as JsonObject;
  return readIntent({
    tool_name: 'tool.write',
    args: {},
    targets: [],
    ...rest,
    context: { ...usual, ...said },
  });
}

/** A call on one path, URL or host. */
export function callOn(kind: string, value: string, more: JsonObject = {}): Intent {
  return intentOf({ targets: [{ kind, value, ...more }] });
}

/** When a test judges that does not care. */
export const NOON = '2026-06-15T12:00:00Z';

/** A call as it is asked: alone it claims nothing. */
type Call = Intent | IntentRequest;

function asked(call: Call): IntentRequest {
  return 'intent' in call
    ? call
    : { intent: call, claims: {}, created_at: NOON, exact_args_digest: 'a'.repeat(64) };
}

export function decisionOf(policy: Policy, call: Call, now: string = NOON): Decision {
  return rulesAlone(policy, asked(call), now);
}

export function judgementOf(policy: Policy, call: Call, now: string = NOON): Judgement {
  return judge(policy, asked(call), now);
}

export function accountsOf(policy: Policy, call: Call, now: string = NOON): RuleAccount[] {
  return explain(policy, asked(call), now);
}

/** What is decided, as a test looks at it. */
export function decided(
  policy: Policy,
  call: Call,
  now: string = NOON,
): Pick<Decision, 'verdict' | 'reason_codes' | 'violations'> {
  const { verdict, reason_codes, violations } = decisionOf(policy, call, now);
  return { verdict, reason_codes, violations };
}

export function verdictOf(policy: Policy, call: Call, now: string = NOON): string {
  return decisionOf(policy, call, now).verdict;
}
