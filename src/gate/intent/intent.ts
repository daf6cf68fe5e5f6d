import type { JsonObject } from '../../core/json.ts';
import type { EndpointClass, TargetKind } from '../target/endpoint.ts';
import type { Claims } from './claims.ts';

export const INTENT_SCHEMA_ID = 'gait.gate.intent_request';

/**
 * What an agent wants to do, in the one form that is judged and digested. Members that are empty are not there, as in
 * the digests of the programs before this one.
 */
export interface Intent {
  readonly tool_name: string;
  readonly args: JsonObject;
  readonly targets: readonly Target[];
  readonly arg_provenance?: readonly Provenance[];
  readonly skill_provenance?: SkillProvenance;
  readonly delegation?: Delegation;
  /** Several calls that are asked for at once; the members above are then empty, and the tool is `script`. */
  readonly script?: Script;
  /** The digest of `script`. */
  readonly script_hash?: string;
  readonly context: IntentContext;
}

export interface Script {
  readonly steps: readonly ScriptStep[];
}

/** One call of a script: all else of it is that of the intent. */
export interface ScriptStep {
  readonly tool_name: string;
  readonly args: JsonObject;
  readonly targets?: readonly Target[];
  readonly arg_provenance?: readonly Provenance[];
}

export interface Target {
  readonly kind: TargetKind;
  readonly value: string;
  readonly operation?: string;
  readonly sensitivity?: string;
  readonly endpoint_class: EndpointClass;
  readonly endpoint_domain?: string;
  readonly destructive?: true;
}

export const PROVENANCE_SOURCES = ['user', 'tool_output', 'external', 'system'] as const;

/** Where an argument is from. */
export interface Provenance {
  readonly arg_path: string;
  readonly source: (typeof PROVENANCE_SOURCES)[number];
  readonly source_ref?: string;
  readonly integrity_digest?: string;
}

export interface SkillProvenance {
  readonly skill_name: string;
  readonly source: string;
  readonly publisher: string;
  readonly skill_version?: string;
  readonly digest?: string;
  readonly signature_key_id?: string;
}

/** On whose behalf the agent says that it acts. */
export interface Delegation {
  readonly requester_identity: string;
  readonly scope_class?: string;
  readonly token_refs?: readonly string[];
  readonly chain?: readonly DelegationLink[];
  /** In UTC; the first instant of year 1 stands for none. */
  readonly issued_at: string;
  readonly expires_at: string;
}

export interface DelegationLink {
  readonly delegator_identity: string;
  readonly delegate_identity: string;
  readonly scope_class?: string;
  readonly token_ref?: string;
  readonly issued_at: string;
  readonly expires_at: string;
}

export interface IntentContext {
  readonly identity: string;
  readonly workspace: string;
  readonly risk_class: string;
  readonly session_id?: string;
  readonly request_id?: string;
  readonly auth_context?: JsonObject;
  readonly credential_scopes?: readonly string[];
  readonly environment_fingerprint?: string;
  readonly context_set_digest?: string;
  readonly context_evidence_mode?: 'best_effort' | 'required';
  readonly context_refs?: readonly string[];
}

/** What is proven of the context that the agent read: by an envelope that is given with the call, not by the call. */
export interface ProvenContext {
  readonly set_digest: string;
  readonly mode: 'best_effort' | 'required';
  /** The ids of its records, sorted, each once. */
  readonly refs: readonly string[];
  /** Since the oldest record was read, in whole seconds; absent where that is not known. */
  readonly age_seconds?: number;
}

/** A request as it was read: the intent, and what stands beside it. */
export interface IntentRequest {
  readonly intent: Intent;
  readonly claims: Claims;
  /** What the caller says; it is no part of the digest. */
  readonly created_at: string;
  /** Of the arguments as they were written, not a space trimmed; of the steps of a script. */
  readonly exact_args_digest: string;
  /** Put there by whoever checked the envelope; without it, what `context` claims of evidence counts for nothing. */
  readonly proven_context?: ProvenContext;
}
