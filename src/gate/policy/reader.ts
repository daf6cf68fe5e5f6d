import { frozen } from '../../core/frozen.ts';
import { byBytes } from '../../core/text.ts';
import { VERDICTS, type Verdict } from '../verdict.ts';
import { PolicyFields, type PolicyNode } from './fields.ts';
import { effectIn, FAIL_CLOSED, RULE } from './members.ts';
import {
  type FailClosed,
  POLICY_SCHEMA_ID,
  POLICY_SCHEMA_VERSION,
  type Policy,
  type Rule,
} from './policy.ts';
import { ALWAYS, digestedRows, map, oneWord, type Row, type Rows, readRows } from './rows.ts';
import { SCRIPTS, saysOfScripts, scriptRulesOf } from './script_rules.ts';
import { choice, exactly } from './values.ts';

/** The members of a policy itself. */
export const POLICY: Rows<Policy> = {
  schema_id: only('SchemaID', POLICY_SCHEMA_ID),
  schema_version: only('SchemaVersion', POLICY_SCHEMA_VERSION),
  default_verdict: { digest: 'DefaultVerdict', always: true, read: defaultIn },
  fail_closed: map('FailClosed', failClosedOf, FAIL_CLOSED, undefined, ALWAYS),
  risk_floor: oneWord('RiskFloor', ['derived'] as const),
  scripts: map('Scripts', scriptRulesOf, SCRIPTS, saysOfScripts),
  rules: {
    digest: 'Rules',
    always: true,
    read: (fields, name) => fields.each(name).map(ruleOf),
    digested: (rules) => rules.map((rule) => digestedRows(RULE, rule)),
  },
};

/** A policy from its tree, strictly: what is not known, or not of its type, is refused with its line. Throws `policy_invalid`. */
export function readPolicy(tree: PolicyNode): Policy {
  const top = new PolicyFields(tree, '');
  const policy = readRows(POLICY, top);
  top.end();
  const rules = [...policy.rules].sort((a, b) => a.priority - b.priority || byBytes(a.name, b.name));
  return frozen({ ...policy, rules });
}

function only<T extends string>(digest: string, value: T): Row<T> {
  return { digest, always: true, read: (fields, name) => exactly(fields, name, value) };
}

function defaultIn(fields: PolicyFields, name: string): Verdict {
  return choice(fields, name, VERDICTS) || 'require_approval';
}

function failClosedOf(fields: PolicyFields): FailClosed {
  const rules = readRows(FAIL_CLOSED, fields);
  fields.end();
  const none = rules.enabled && rules.risk_classes.length === 0;
  return none ? { ...rules, risk_classes: ['critical', 'high'] } : rules;
}

function ruleOf(fields: PolicyFields): Rule {
  const grants = effectIn(fields) === 'allow';
  const rule = readRows(RULE, fields, grants);
  if (grants) fields.refuseBlankLists();
  fields.end();
  const { min_approvals, require_distinct_approvers: distinct, require_context_evidence: evidence } = rule;
  return {
    ...rule,
    require_distinct_approvers: distinct || min_approvals > 1,
    required_context_evidence_mode: evidence ? 'required' : rule.required_context_evidence_mode,
  };
}
