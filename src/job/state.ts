import type { JsonObject } from '../core/json.ts';
import type { Timestamp } from '../core/time.ts';
import validateSummary from '../schema/generated/job_summary.js';
import type { ApprovalPolicy } from './approval_policy.ts';
import type { Budget, CheckpointType, JobEventOf, JobTask, SCHEMA_VERSION } from './events.ts';
import type { Environment, EnvironmentClaim } from './fingerprint.ts';
import type { Status } from './transitions.ts';

/** A checkpoint as it is shown and packed. */
export interface Checkpoint {
  readonly checkpoint_id: string;
  readonly created_at: Timestamp;
  readonly type: CheckpointType;
  readonly summary: string;
  readonly required_action?: string;
  readonly reason_code: string;
  readonly actor?: string;
}

export interface Approval {
  readonly checkpoint_id: string;
  readonly created_at: Timestamp;
  readonly actor: string;
  readonly reason: string;
  /** The two that follow are there when it is signed. */
  readonly key_id?: string;
  readonly expires_at?: Timestamp;
}

/** A decision that was asked for and not approved yet, or that the job was not resumed on yet. */
export interface OpenDecision {
  readonly checkpoint_id: string;
  readonly created_at: Timestamp;
  readonly summary: string;
  readonly required_action: string;
  /** Only of a job with an approval policy: one of each key, some of which may have expired. */
  readonly approvals?: readonly StandingApproval[];
}

/** A signed approval of a decision that the job was not resumed on yet. */
export interface StandingApproval {
  readonly key_id: string;
  readonly actor: string;
  /** From then on it does not count. */
  readonly expires_at: Timestamp;
}

/**
 * The state of a job without its history, bounded in size however long the job is: what commands decide on, what a
 * snapshot holds, what `job status` shows. schemas/v1/job/summary.schema.json.
 */
export interface JobState {
  readonly schema_id: 'gait.job.summary';
  readonly schema_version: typeof SCHEMA_VERSION;
  readonly job_id: string;
  readonly created_at: Timestamp;
  readonly updated_at: Timestamp;
  readonly producer_version: string;
  readonly status: Status;
  readonly stop_reason: string;
  readonly status_reason_code: string;
  readonly environment_fingerprint: string;
  /** Null when the caller gave a fingerprint of its own. */
  readonly environment: Environment | null;
  readonly revision: number;
  readonly checkpoint_count: number;
  readonly approval_count: number;
  readonly last_checkpoint: Checkpoint | null;
  readonly open_decisions: readonly OpenDecision[];
  /** Whose signatures its decisions need. This member and the next are absent where no signature is asked for. */
  readonly approval_policy?: ApprovalPolicy;
  /** The decisions that had enough approvals when the last of them was made, until the job is resumed on them. */
  readonly approved_decisions?: readonly OpenDecision[];
  /** Who works on it, until it is released, taken over, or the job ends. */
  readonly lease: Lease | null;
  readonly command: JobTask | null;
  readonly budget: Budget | null;
  /** What of the budget was used since the job was submitted, or last resumed. */
  readonly usage: Usage;
  /** No lease has had a higher token, nor can one have had in what a repair cut. */
  readonly last_token: number;
  /** How many decisions were ever asked for; at least 2 once a repair cut what may have asked for one. */
  readonly decisions_asked: number;
  /** How many numbers of checkpoints a repair may have cut: they are not given again. Absent: none. */
  readonly checkpoint_gap?: number;
  /** How long after a claim a command may still run under an earlier lease. Milliseconds; absent: nothing does. */
  readonly unsettled_ms?: number;
  /** The command ended well while the job was paused: whoever claims it next completes it. */
  readonly work_done?: true;
  /** A decision was asked for while the job was blocked: only a person resumes it. */
  readonly held?: true;
}

/** The right of one worker to write on a job. schemas/v1/job/summary.schema.json */
export interface Lease {
  readonly worker_id: string;
  /** Only grows: the revision of the event that acquired it, or above all that a repair cut. */
  readonly token: number;
  readonly acquired_at: Timestamp;
  /** When its time was set last: how long it lasts without renewal is from then to `expires_at`. */
  readonly renewed_at: Timestamp;
  readonly expires_at: Timestamp;
  /** The revision of the event that acquired or renewed it last: what tells a renewed lease from one that is not. */
  readonly renewed_revision: number;
}

export interface Usage {
  readonly attempts: number;
  readonly steps: number;
  /** When it was first claimed. */
  readonly started_at: Timestamp | null;
}

export const NOTHING_USED: Usage = { attempts: 0, steps: 0, started_at: null };

/** A job, or nothing where none was submitted. */
export type Job = JobState | undefined;

export function jobToSnapshot(job: Job): JsonObject {
  return (job ?? {}) as unknown as JsonObject;
}

/** Undefined for a snapshot that another version wrote: it is then folded anew. */
export function jobFromSnapshot(stored: JsonObject, jobId: string, revision: number): Job {
  if (!validateSummary(stored)) return undefined;
  const job = stored as unknown as JobState;
  return job.job_id === jobId && job.revision === revision ? job : undefined;
}

/** What the job is bound to. */
export function boundEnvironment(job: JobState): EnvironmentClaim {
  const { environment_fingerprint: fingerprint, environment } = job;
  return environment === null ? { fingerprint } : { fingerprint, environment };
}

export function checkpointOf(event: JobEventOf<'checkpoint_added'>): Checkpoint {
  const { checkpoint_id, checkpoint_type, summary, required_action } = event.payload;
  return {
    checkpoint_id,
    created_at: event.created_at,
    type: checkpoint_type,
    summary,
    ...(required_action === '' ? {} : { required_action }),
    reason_code: event.reason_code,
    actor: event.actor,
  };
}

export function approvalOf(event: JobEventOf<'approved'>): Approval {
  const { created_at, actor, payload } = event;
  const { checkpoint_id, reason, signed } = payload;
  const approval = { checkpoint_id, created_at, actor, reason };
  if (signed === undefined) return approval;
  return { ...approval, key_id: signed.signature.key_id, expires_at: signed.expires_at };
}

/** The highest number that a checkpoint has had, or may have had in what a repair cut. */
export function lastCheckpointNumber({ checkpoint_count, checkpoint_gap = 0 }: JobState): number {
  return checkpoint_count + checkpoint_gap;
}

/** The id of the next checkpoint: `cp_0001` …, wider past 9,999. */
export function nextCheckpointId(job: JobState): string {
  return `cp_${String(lastCheckpointNumber(job) + 1).padStart(4, '0')}`;
}

/** The token of the next lease: the revision of its event, unless a repair cut what may have had a higher one. */
export function nextToken({ last_token, revision }: JobState): number {
  return Math.max(revision, last_token) + 1;
}
