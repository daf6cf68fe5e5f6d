/** A policy to begin with. */
export interface Template {
  readonly name: string;
  /** A shorter name. */
  readonly alias: string;
  readonly summary: string;
  readonly text: string;
}

const LOW = `# Agents that work on what can be made again: nothing is deleted, a person sees what is written.
schema_id: gait.gate.policy
schema_version: 1.0.0
default_verdict: allow
risk_floor: derived
rules:
  - name: no-delete
    priority: 10
    effect: block
    match:
      tool_names: [tool.delete]
    reason_codes: [delete_not_allowed]
  - name: write-with-approval
    priority: 20
    effect: require_approval
    match:
      tool_names: [tool.write]
    reason_codes: [write_needs_approval]
  - name: read
    priority: 30
    effect: allow
    match:
      tool_names: [tool.read]
    reason_codes: [read_allowed]
`;

const MEDIUM = `# Agents that work where mistakes cost something: what is not read asks a person first.
schema_id: gait.gate.policy
schema_version: 1.0.0
default_verdict: require_approval
fail_closed:
  enabled: true
  risk_classes: [critical, high]
  required_fields: [targets]
risk_floor: derived
rules:
  - name: no-delete
    priority: 10
    effect: block
    match:
      tool_names: [tool.delete]
    reason_codes: [delete_not_allowed]
  - name: write-with-approval
    priority: 20
    effect: require_approval
    match:
      tool_names: [tool.write]
    reason_codes: [write_needs_approval]
  - name: read
    priority: 30
    effect: allow
    match:
      tool_names: [tool.read]
      risk_classes: [low, medium]
    reason_codes: [read_allowed]
`;

const HIGH = `# Agents near what must not go wrong: what no rule allows is blocked, writes take two people and a credential.
schema_id: gait.gate.policy
schema_version: 1.0.0
default_verdict: block
fail_closed:
  enabled: true
  risk_classes: [critical, high]
  required_fields: [targets, arg_provenance]
risk_floor: derived
rules:
  - name: no-delete
    priority: 10
    effect: block
    match:
      tool_names: [tool.delete]
    reason_codes: [delete_not_allowed]
  - name: no-tainted-egress
    priority: 12
    effect: block
    match:
      tool_names: [tool.write]
      provenance_sources: [external, tool_output]
      destination_kinds: [bucket, host, url]
    reason_codes: [tainted_egress]
    violations: [tainted_dataflow]
  - name: delegated-egress
    priority: 15
    effect: require_approval
    match:
      tool_names: [tool.write]
      destination_kinds: [bucket, host, url]
      require_delegation: true
      max_delegation_depth: 2
      delegation_scopes: [write]
    reason_codes: [egress_needs_approval]
    min_approvals: 2
    require_broker_credential: true
    broker_reference: egress
    broker_scopes: [write]
  - name: no-other-egress
    priority: 16
    effect: block
    match:
      tool_names: [tool.write]
      destination_kinds: [bucket, host, url]
    reason_codes: [egress_not_delegated]
  - name: write-with-two-approvals
    priority: 20
    effect: require_approval
    match:
      tool_names: [tool.write]
    reason_codes: [write_needs_approval]
    min_approvals: 2
    require_broker_credential: true
    broker_reference: write
    broker_scopes: [write]
  - name: read
    priority: 30
    effect: allow
    match:
      tool_names: [tool.read]
      risk_classes: [low]
    reason_codes: [read_allowed]
`;

export const TEMPLATES: readonly Template[] = [
  {
    name: 'baseline-lowrisk',
    alias: 'low',
    summary: 'all but deletes, writes with approval.',
    text: LOW,
  },
  {
    name: 'baseline-mediumrisk',
    alias: 'medium',
    summary: 'reads of low and medium risk, the rest with approval, no deletes.',
    text: MEDIUM,
  },
  {
    name: 'baseline-highrisk',
    alias: 'high',
    summary: 'reads of low risk, writes with two approvals and a credential, nothing else.',
    text: HIGH,
  },
];

/** The template of a name or alias, however its parts are joined. */
export function templateNamed(name: string): Template | undefined {
  const wanted = name.toLowerCase().replaceAll('_', '-');
  return TEMPLATES.find(
    (one) => one.name === wanted || one.alias === wanted || one.name.replace('risk', '-risk') === wanted,
  );
}
