import type { JsonObject } from '../core/json.ts';
import type { Signature } from '../signing/signature.ts';

/** The members of a runpack. */
export const RUN_MANIFEST_MEMBER = 'manifest.json';
export const RUN_MEMBER = 'run.json';
export const INTENTS_MEMBER = 'intents.jsonl';
export const RESULTS_MEMBER = 'results.jsonl';
export const REFS_MEMBER = 'refs.json';

/** What a manifest lists: every member but itself, in order. */
export const LISTED_MEMBERS: readonly string[] = [INTENTS_MEMBER, REFS_MEMBER, RESULTS_MEMBER, RUN_MEMBER];

export const RUN_SCHEMA_VERSION = '1.0.0';
export const RUN_MANIFEST_SCHEMA_ID = 'gait.runpack.manifest';

/** What stands in every document of a run. Times are RFC 3339 text, an offset kept. */
export interface Envelope {
  readonly schema_id: string;
  readonly schema_version: string;
  readonly created_at: string;
  readonly producer_version: string;
  readonly run_id: string;
}

export type CaptureMode = 'reference' | 'raw';

/** schemas/v1/runpack/run.schema.json */
export interface RunDocument extends Envelope {
  readonly env: JsonObject;
  readonly timeline: readonly TimelineItem[] | null;
}

export interface TimelineItem extends JsonObject {
  readonly event: string;
  readonly ts: string;
}

/** What a tool was asked to do. schemas/v1/runpack/intent.schema.json */
export interface RunIntent extends Envelope {
  readonly intent_id: string;
  readonly tool_name: string;
  readonly args_digest: string;
  readonly args?: JsonObject;
}

/** What came of an intent. schemas/v1/runpack/result.schema.json */
export interface Result extends Envelope {
  readonly intent_id: string;
  readonly status: string;
  readonly result_digest: string;
  readonly result?: JsonObject;
}

export type EvidenceMode = 'best_effort' | 'required';

/** What was read from the context. schemas/v1/runpack/refs.schema.json */
export interface Refs extends Envelope {
  readonly receipts: readonly Receipt[] | null;
  readonly context_set_digest?: string;
  readonly context_evidence_mode?: EvidenceMode;
  readonly context_ref_count?: number;
}

export interface Receipt {
  readonly ref_id: string;
  readonly source_type: string;
  readonly source_locator: string;
  readonly query_digest: string;
  readonly content_digest: string;
  readonly retrieved_at: string;
  readonly redaction_mode: string;
  readonly immutability?: string;
  readonly freshness_sla_seconds?: number;
  readonly sensitivity_label?: string;
  readonly retrieval_params?: JsonObject;
}

/** schemas/v1/runpack/manifest.schema.json */
export interface RunManifest extends Envelope {
  readonly capture_mode: CaptureMode;
  readonly files: readonly { readonly path: string; readonly sha256: string }[] | null;
  readonly manifest_digest: string;
  readonly signatures?: readonly Signature[] | null;
}

/** A run as it was captured. */
export interface CapturedRun {
  readonly captureMode: CaptureMode;
  readonly run: RunDocument;
  readonly intents: readonly RunIntent[];
  readonly results: readonly Result[];
  readonly refs: Refs;
}
