import type { Timestamp } from '../../../core/time.ts';
import type { Environment } from '../../../job/fingerprint.ts';
import type { Head } from '../../../log/record.ts';
import type { PACK_SCHEMA_VERSION } from '../../manifest.ts';

/** The members of a job pack, in the order in which they stand in it. */
export const EVENTS_MEMBER = 'job_events.jsonl';
export const LEDGER_MEMBER = 'job_ledger.json';
export const PAYLOAD_MEMBER = 'job_payload.json';
export const STATE_MEMBER = 'job_state.json';

/** schemas/v1/pack/job.schema.json */
export interface JobPayload {
  readonly schema_id: 'gait.pack.job';
  readonly schema_version: typeof PACK_SCHEMA_VERSION;
  readonly created_at: Timestamp;
  readonly job_id: string;
  readonly status: string;
  readonly stop_reason: string;
  readonly status_reason_code: string;
  readonly environment_fingerprint: string;
  readonly checkpoint_count: number;
  readonly approval_count: number;
}

/** schemas/v1/pack/job_ledger.schema.json */
export interface JobLedger {
  readonly schema_id: 'gait.pack.job_ledger';
  readonly schema_version: typeof PACK_SCHEMA_VERSION;
  readonly job_id: string;
  /** How many events there are. */
  readonly size: number;
  readonly head: Head;
  /** Over the canonical bytes of the events, in order. RFC 6962 §2.1. */
  readonly merkle_root: string;
  readonly environment: Environment | null;
}
