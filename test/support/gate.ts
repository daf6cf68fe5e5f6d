import type { Json, JsonObject } from '../../src/core/json.ts';
import type { Decision } from '../../src/gate/evaluate.ts';
import { rulesAlone } from '../../src/gate/evaluate.ts';
import type { Intent, IntentRequest } from '../../src/gate/intent.ts';
import { readIntent } from '../../src/gate/intent_reader.ts';
import type { Policy } from '../../src/gate/policy.ts';
import { parsePolicy } from '../../src/gate/policy_text.ts';

/** A policy as its author writes it. */
export function policyOf(...lines: readonly string[]): Policy {
  return parsePolicy(Buffer.from(lines.join('\n')), 'policy.yaml');
}

/** A call of low risk that nothing speaks against, with what a test says in its place. */
export function intentOf(members: { readonly [name: string]: Json } = {}): Intent {
  const { context, ...rest } = members;
  const usual = { identity: 'agent', workspace: '/repo', risk_class: 'low' };
  const said = (context ?? {}) as JsonObject;
  return readIntent({
    tool_name: 'tool.write',
    args: {},
    targets: [],
    ...rest,
    context: { ...usual, ...said },
  }).intent;
}

/** A call on one path, URL or host. */
export function callOn(kind: string, value: string, more: JsonObject = {}): Intent {
  return intentOf({ targets: [{ kind, value, ...more }] });
}

/** What is decided, as a test looks at it. */
export function decided(
  policy: Policy,
  intent: Intent,
): Pick<Decision, 'verdict' | 'reason_codes' | 'violations'> {
  const { verdict, reason_codes, violations } = ruled(policy, intent);
  return { verdict, reason_codes, violations };
}

export function verdictOf(policy: Policy, intent: Intent): string {
  return ruled(policy, intent).verdict;
}

export const NOW = '2026-05-01T12:00:00Z';

/** What the rules alone say of a call. */
export function ruled(policy: Policy, intent: Intent): Decision {
  return rulesAlone(policy, requestOf(intent), NOW);
}

/** A call as it would be read from a file. */
export function requestOf(intent: Intent): IntentRequest {
  return { intent, created_at: NOW, exact_args_digest: 'a'.repeat(64) };
}
