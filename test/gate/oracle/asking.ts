import type { Json, JsonObject } from '../../../src/core/json.ts';
import { NO_CONTEXT } from '../../../src/gate/context.ts';
import { type Decision, evaluate } from '../../../src/gate/evaluate.ts';
import { readIntent } from '../../../src/gate/intent/reader.ts';
import { readKillSwitches } from '../../../src/gate/kill_switch/reader.ts';
import { parsePolicy } from '../../../src/gate/policy/yaml.ts';

// What the oracle knows of the gate: a policy is a text, a call is JSON, a state of switches is JSON, and a decision comes
// of them. It calls nothing else of the gate.

export const WORKSPACE = '/home/u/work';
export const HOME = '/home/u';
export const KINDS = ['path', 'url', 'host', 'other', 'repo', 'bucket', 'table', 'queue', 'topic'] as const;
const NOW = '2026-06-15T12:00:00Z';

export type Verdict = 'allow' | 'dry_run' | 'require_approval' | 'block';

/** Contract, "How it is judged": from the weakest on. */
const ORDER: readonly Verdict[] = ['allow', 'dry_run', 'require_approval', 'block'];

export function isWeaker(one: Verdict, other: Verdict): boolean {
  return ORDER.indexOf(one) < ORDER.indexOf(other);
}

export type Target = JsonObject & { readonly kind: string; readonly value: string };

export interface Asked {
  readonly policy: Json;
  readonly call: JsonObject;
  /** Selectors of entries, all of which are on. */
  readonly switches?: readonly JsonObject[];
}

/** The text of a policy is read once: most tests ask one of them many times. */
const READ = new Map<string, ReturnType<typeof parsePolicy>>();

function policyOf(policy: Json): ReturnType<typeof parsePolicy> {
  const text = JSON.stringify(policy); // JSON is YAML
  const known = READ.get(text);
  if (known !== undefined) return known;
  const parsed = parsePolicy(Buffer.from(text), 'policy.yaml');
  if (READ.size > 500) READ.clear();
  READ.set(text, parsed);
  return parsed;
}

/** A home folder is told, and a broker would issue what is owed. */
export function decide({ policy, call, switches = [] }: Asked): Decision {
  const entries = readKillSwitches({
    schema_id: 'gait.gate.kill_switch_state',
    schema_version: '1.0.0',
    entries: switches.map((selectors, index) => ({
      ...{ entry_id: `e${index}`, enabled: true, reason: 'r', actor: 'a', created_at: NOW },
      ...selectors,
    })),
  });
  const evidence = {
    ...NO_CONTEXT,
    gate: { ...NO_CONTEXT.gate, home: HOME },
    brokered: true,
    switches: entries,
  };
  return evaluate(policyOf(policy), readIntent(call), evidence, NOW);
}

/** A call as an agent writes it, of low risk, from {@link WORKSPACE}. */
export function callOf(members: JsonObject): JsonObject {
  const { context, ...rest } = members;
  const usual = { identity: 'agent', workspace: WORKSPACE, risk_class: 'low' };
  return { tool_name: 'tool.read', args: {}, ...rest, context: { ...usual, ...(context as JsonObject) } };
}

export function callOn(kind: string, value: string, more: JsonObject = {}): JsonObject {
  return callOf({ targets: [{ kind, value, operation: 'read', ...more }] });
}

/** Everything is allowed but what an endpoint list says. */
export function allowing(endpoint: JsonObject, match: JsonObject = {}): JsonObject {
  return { default_verdict: 'block', rules: [{ name: 'r', priority: 1, effect: 'allow', match, endpoint }] };
}

export function blocking(match: JsonObject): JsonObject {
  return { default_verdict: 'allow', rules: [{ name: 'r', priority: 1, effect: 'block', match }] };
}
