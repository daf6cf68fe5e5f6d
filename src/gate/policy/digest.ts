import { canonicalDigest } from '../../core/digest.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { digestedAgent } from './agent_rules.ts';
import { digestedCredential } from './credential_rules.ts';
import { digestedFreeze } from './freeze_window.ts';
import type { Dataflow, EndpointRule, Match, Policy, RateLimit, Rule } from './policy.ts';
import { digestedScripts } from './script_rules.ts';
import { filledIn } from './values.ts';

/**
 * The digest that verdicts, approvals and traces name a policy by. Its members are spelled as in the programs before this
 * one, so that a policy has the same digest in all of them.
 */
export function policyDigest(policy: Policy): string {
  return canonicalDigest(digested(policy));
}

function digested({
  schema_id,
  schema_version,
  default_verdict,
  fail_closed,
  risk_floor,
  scripts,
  rules,
}: Policy): JsonObject {
  return {
    SchemaID: schema_id,
    SchemaVersion: schema_version,
    DefaultVerdict: default_verdict,
    FailClosed: {
      Enabled: fail_closed.enabled,
      RiskClasses: fail_closed.risk_classes,
      RequiredFields: fail_closed.required_fields,
      ...filledIn({ RequiredHighRiskFields: fail_closed.required_high_risk_fields }),
    },
    ...filledIn({ RiskFloor: risk_floor }),
    ...filledIn({ Scripts: digestedScripts(scripts) }),
    Rules: rules.map(ofRule),
  };
}

function ofRule(rule: Rule): JsonObject {
  return {
    Name: rule.name,
    Priority: rule.priority,
    Effect: rule.effect,
    ReasonCodes: rule.reason_codes,
    Violations: rule.violations,
    Match: ofMatch(rule.match),
    ...filledIn({
      MinApprovals: rule.min_approvals,
      RequireDistinctApprovers: rule.require_distinct_approvers,
      RequireContextEvidence: rule.require_context_evidence,
      RequiredContextEvidenceMode: rule.required_context_evidence_mode,
      MaxContextAgeSeconds: rule.max_context_age_seconds,
      RequireBrokerCredential: rule.require_broker_credential,
      BrokerReference: rule.broker_reference,
      BrokerScopes: rule.broker_scopes,
      RateLimit: ofRateLimit(rule.rate_limit),
      Dataflow: ofDataflow(rule.dataflow),
      Endpoint: ofEndpoint(rule.endpoint),
      ...digestedAgent(rule.agent),
      ...digestedCredential(rule.credential),
      DestructiveBudget: ofRateLimit(rule.destructive_budget),
      FreezeWindow: digestedFreeze(rule.freeze_window),
    }),
  };
}

function ofMatch(match: Match): JsonObject {
  return {
    ToolNames: match.tool_names,
    RiskClasses: match.risk_classes,
    TargetKinds: match.target_kinds,
    TargetValues: match.target_values,
    ProvenanceSources: match.provenance_sources,
    Identities: match.identities,
    WorkspacePrefixes: match.workspace_prefixes,
    ...filledIn({
      EndpointClasses: match.endpoint_classes,
      SkillPublishers: match.skill_publishers,
      SkillSources: match.skill_sources,
      DataClasses: match.data_classes,
      DestinationKinds: match.destination_kinds,
      DestinationValues: match.destination_values,
      DestinationOps: match.destination_operations,
      RequireDelegation: match.require_delegation,
      AllowedDelegatorIdentities: match.allowed_delegator_identities,
      AllowedDelegateIdentities: match.allowed_delegate_identities,
      DelegationScopes: match.delegation_scopes,
      ToolPatterns: match.tool_patterns,
      TargetPatterns: match.target_patterns,
      IdentityPatterns: match.identity_patterns,
    }),
    ...(match.max_delegation_depth === null ? {} : { MaxDelegationDepth: match.max_delegation_depth }),
  };
}

function ofRateLimit({ requests, window, scope }: RateLimit): Json {
  return requests === 0 ? null : { Requests: requests, Window: window, Scope: scope };
}

function ofDataflow(dataflow: Dataflow): Json {
  if (!dataflow.enabled) return null;
  return {
    Enabled: true,
    TaintedSources: dataflow.tainted_sources,
    Action: dataflow.action,
    ReasonCode: dataflow.reason_code,
    Violation: dataflow.violation,
    ...filledIn({
      DestinationKinds: dataflow.destination_kinds,
      DestinationValues: dataflow.destination_values,
      DestinationOperations: dataflow.destination_operations,
    }),
  };
}

function ofEndpoint(endpoint: EndpointRule): Json {
  if (!endpoint.enabled) return null;
  return {
    Enabled: true,
    PathAllowlist: endpoint.path_allowlist,
    PathDenylist: endpoint.path_denylist,
    DomainAllowlist: endpoint.domain_allowlist,
    DomainDenylist: endpoint.domain_denylist,
    EgressClasses: endpoint.egress_classes,
    Action: endpoint.action,
    DestructiveAction: endpoint.destructive_action,
    ReasonCode: endpoint.reason_code,
    Violation: endpoint.violation,
    ...filledIn({ Schemes: endpoint.schemes, Ports: endpoint.ports }),
  };
}
