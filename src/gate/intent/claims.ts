/**
 * What a caller says of itself, and of where it acts, beside its intent. The digest of an intent does not cover it, and
 * nobody proves it: it may keep a call from running, and never lets one run.
 */
export interface Claims {
  readonly agent_id?: string;
  readonly agent_identity?: AgentIdentity;
  readonly environment?: string;
  readonly phase?: (typeof PHASES)[number];
  readonly run_id?: string;
  readonly workflow_id?: string;
  readonly repo?: string;
  readonly job_id?: string;
  readonly credential_ref?: string;
  readonly credential_source?: (typeof CREDENTIAL_SOURCES)[number];
  readonly credential_access_type?: (typeof CREDENTIAL_ACCESS_TYPES)[number];
  readonly credential_issuer?: string;
  /** Whole seconds; absent where none are said, or 0. */
  readonly credential_ttl_seconds?: number;
  readonly approval_ref?: string;
  readonly wrkr_inventory_ref?: string;
  readonly agent_action_bom_ref?: string;
}

/** What an agent says that it is registered as. */
export interface AgentIdentity {
  readonly lifecycle_states?: readonly string[];
  readonly owner?: string;
  readonly manifest_digest?: string;
  readonly publisher?: string;
  readonly source?: string;
  /** In UTC. */
  readonly issued_at?: string;
  readonly approved_at?: string;
  readonly expires_at?: string;
  readonly revoked?: true;
}

/** Whether a call only looks, or does it. */
export const PHASES = ['plan', 'apply'] as const;

/** Where a credential can be from. */
export const CREDENTIAL_SOURCES = [
  'aws_iam_user',
  'aws_sts',
  'azure_federated',
  'command',
  'env',
  'gcp_sts',
  'github_oidc',
  'github_pat',
  'kubernetes_service_account',
  'stub',
  'unknown',
  'vault_dynamic',
] as const;

/** What sort of access it gives; `jit` was made for the call. */
export const CREDENTIAL_ACCESS_TYPES = [
  'cloud_admin',
  'inherited',
  'jit',
  'standing',
  'static',
  'unknown',
] as const;
