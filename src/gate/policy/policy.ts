import type { EndpointClass, TargetKind } from '../target/endpoint.ts';
import type { Verdict } from '../verdict.ts';
import type { AgentRules } from './agent_rules.ts';
import type { CredentialRules } from './credential_rules.ts';
import type { FreezeWindow } from './freeze_window.ts';
import type { ScriptRules } from './script_rules.ts';

export const POLICY_SCHEMA_ID = 'gait.gate.policy';
export const POLICY_SCHEMA_VERSION = '1.0.0';

export const REQUIRED_FIELDS = [
  'targets',
  'arg_provenance',
  'endpoint_class',
  'delegation',
  'context_evidence',
] as const;
export type RequiredField = (typeof REQUIRED_FIELDS)[number];

/** What a call may be asked to claim. */
export const HIGH_RISK_FIELDS = [
  'agent_id',
  'agent_identity',
  'run_id',
  'workflow_id',
  'repo',
  'environment',
  'credential_ref',
  'credential_source',
  'credential_access_type',
  'credential_issuer',
  'credential_ttl_seconds',
  'approval_ref',
  'wrkr_inventory_ref',
  'agent_action_bom_ref',
] as const;
export type HighRiskField = (typeof HIGH_RISK_FIELDS)[number];

/** A policy in the one form that decides and is digested: defaults filled in, lists sorted, rules in their order. */
export interface Policy {
  readonly schema_id: typeof POLICY_SCHEMA_ID;
  readonly schema_version: typeof POLICY_SCHEMA_VERSION;
  readonly default_verdict: Verdict;
  readonly fail_closed: FailClosed;
  /** `derived`: a rule that allows by risk believes a call no lower risk than it shows. */
  readonly risk_floor: '' | 'derived';
  readonly scripts: ScriptRules;
  readonly rules: readonly Rule[];
}

export interface FailClosed {
  readonly enabled: boolean;
  readonly risk_classes: readonly string[];
  readonly required_fields: readonly RequiredField[];
  readonly required_high_risk_fields: readonly HighRiskField[];
}

export interface Rule {
  readonly name: string;
  /** Lower comes first. */
  readonly priority: number;
  readonly effect: Verdict;
  readonly match: Match;
  readonly endpoint: EndpointRule;
  readonly reason_codes: readonly string[];
  readonly violations: readonly string[];
  readonly min_approvals: number;
  readonly require_distinct_approvers: boolean;
  readonly require_context_evidence: boolean;
  readonly required_context_evidence_mode: '' | 'required';
  /** 0 for none. */
  readonly max_context_age_seconds: number;
  readonly require_broker_credential: boolean;
  readonly broker_reference: string;
  readonly broker_scopes: readonly string[];
  readonly rate_limit: RateLimit;
  /** For calls that destroy. */
  readonly destructive_budget: RateLimit;
  readonly dataflow: Dataflow;
  readonly agent: AgentRules;
  readonly credential: CredentialRules;
  readonly freeze_window: FreezeWindow;
}

/** What an intent must be for a rule to be about it. Every member that is not empty must hold. */
export interface Match {
  readonly tool_names: readonly string[];
  /** As the names, with `*` for anything: a tool is of one of the two. */
  readonly tool_patterns: readonly string[];
  readonly risk_classes: readonly string[];
  readonly target_kinds: readonly string[];
  readonly target_values: readonly string[];
  readonly target_patterns: readonly string[];
  readonly endpoint_classes: readonly string[];
  readonly skill_publishers: readonly string[];
  readonly skill_sources: readonly string[];
  readonly data_classes: readonly string[];
  readonly destination_kinds: readonly string[];
  readonly destination_values: readonly string[];
  readonly destination_operations: readonly string[];
  readonly provenance_sources: readonly string[];
  readonly identities: readonly string[];
  readonly identity_patterns: readonly string[];
  readonly workspace_prefixes: readonly string[];
  readonly require_delegation: boolean;
  readonly allowed_delegator_identities: readonly string[];
  readonly allowed_delegate_identities: readonly string[];
  readonly delegation_scopes: readonly string[];
  readonly max_delegation_depth: number | null;
}

/** At most so many in a window; `requests` is 0 where there is no limit. */
export interface RateLimit {
  readonly requests: number;
  readonly window: string;
  readonly scope: string;
}

export interface Dataflow {
  readonly enabled: boolean;
  readonly tainted_sources: readonly string[];
  readonly destination_kinds: readonly string[];
  readonly destination_values: readonly string[];
  readonly destination_operations: readonly string[];
  readonly action: '' | 'block' | 'require_approval';
  readonly reason_code: string;
  readonly violation: string;
}

export interface EndpointRule {
  readonly enabled: boolean;
  readonly path_allowlist: readonly string[];
  readonly path_denylist: readonly string[];
  readonly domain_allowlist: readonly string[];
  readonly domain_denylist: readonly string[];
  /** With an allow list of domains: the schemes that may lead there. Empty for those of the web. */
  readonly schemes: readonly string[];
  /** With an allow list of domains: the ports that may lead there. Empty for any. */
  readonly ports: readonly number[];
  readonly egress_classes: readonly string[];
  readonly action: '' | 'block' | 'require_approval';
  readonly destructive_action: '' | 'block' | 'require_approval';
  readonly reason_code: string;
  readonly violation: string;
}

/** Kinds of targets that data leaves by, where a rule names none. */
export const EGRESS_KINDS: ReadonlySet<string> = new Set<TargetKind>([
  'host',
  'url',
  'bucket',
  'queue',
  'topic',
]);

export function isNetwork(endpointClass: EndpointClass): boolean {
  return endpointClass.startsWith('net.');
}
