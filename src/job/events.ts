import { GaitError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { isTimestamp, type Timestamp } from '../core/time.ts';
import type { Head } from '../log/record.ts';
import validateEvent from '../schema/generated/job_event.js';
import { schemaFault } from '../schema/validator.ts';
import type { Signature } from '../signing/signature.ts';
import type { ApprovalPolicy } from './approval_policy.ts';
import type { Difference, Environment } from './fingerprint.ts';

export const EVENT_SCHEMA_ID = 'gait.job.event';
export const SCHEMA_VERSION = '1.0.0';

export type CheckpointType = 'plan' | 'progress' | 'decision-needed' | 'blocked' | 'completed';

export const CHECKPOINT_TYPES: readonly CheckpointType[] = [
  'plan',
  'progress',
  'decision-needed',
  'blocked',
  'completed',
];

/** What happened, by type. Everything that a fold needs is in the payload. */
export interface EventPayloads {
  submitted: {
    readonly environment_fingerprint: string;
    /** Absent when the caller gave a fingerprint of its own. */
    readonly environment?: Environment;
    readonly producer_version: string;
    /** What a worker runs for the job. */
    readonly command?: JobTask;
    readonly budget?: Budget;
    /** Its decisions need signatures. */
    readonly approval_policy?: ApprovalPolicy;
    readonly reason?: string;
  };
  checkpoint_added: {
    readonly checkpoint_id: string;
    readonly checkpoint_type: CheckpointType;
    readonly summary: string;
    /** Empty unless the type is `decision-needed`. */
    readonly required_action: string;
    /** The token of the lease under which it was written. */
    readonly token?: number;
    readonly reason?: string;
  };
  paused: { readonly reason?: string };
  approved: {
    readonly checkpoint_id: string;
    readonly reason: string;
    /** There if, and only if, the job has an approval policy. */
    readonly signed?: ApprovalSignature;
  };
  resumed: {
    readonly reason: string;
    /** The three that follow are there when a changed environment was overridden. */
    readonly expected_fingerprint?: string;
    readonly actual_fingerprint?: string;
    readonly environment?: Environment;
  };
  resume_refused: {
    readonly expected_fingerprint: string;
    readonly actual_fingerprint: string;
    readonly differences: readonly Difference[];
    readonly reason?: string;
  };
  cancelled: { readonly reason?: string };
  emergency_stop_acknowledged: { readonly reason?: string };
  lease_acquired: {
    readonly worker_id: string;
    /** The revision of this event, or what lies above all tokens that a repair cut: it only grows. */
    readonly token: number;
    readonly ttl_ms: number;
    readonly expires_at: Timestamp;
    /** The expired lease that this one replaces. */
    readonly taken_over?: {
      readonly worker_id: string;
      readonly token: number;
      /** How long it was seen unrenewed, where it had not expired by the clock of the log. */
      readonly unrenewed_ms?: number;
    };
  };
  lease_renewed: {
    readonly token: number;
    readonly expires_at: Timestamp;
    /** Nothing runs under an earlier lease any more. */
    readonly settled?: true;
  };
  lease_released: {
    readonly token: number;
    readonly outcome: LeaseOutcome;
    /** Of the process that ran under the lease. */
    readonly exit_code?: number;
    readonly signal?: string;
    /** The work is done, and the job could not be completed: it was paused. */
    readonly work_done?: true;
    readonly reason?: string;
  };
  budget_exceeded: { readonly budget: BudgetName; readonly limit: number; readonly used: number };
  repaired: {
    readonly cut_bytes: number;
    readonly cut_sha256: string;
    readonly kept_as: string;
    /** Absent in logs that an earlier version repaired: there the job went on as it was kept. */
    readonly after?: AfterRepair;
    readonly reason?: string;
  };
}

/** What a job is after a repair: what was cut may have been a stop, a token, a question. */
export interface AfterRepair {
  readonly status: 'blocked' | 'completed' | 'cancelled' | 'emergency_stopped';
  /** No lease can have had a higher token. */
  readonly token_floor: number;
  /** No checkpoint can have had a higher number. */
  readonly checkpoint_floor: number;
  /** How long a command may still run under an earlier lease. */
  readonly unsettled_ms: number;
  /** How many records among the cut bytes chain among themselves. */
  readonly chained_records: number;
}

/** What a worker runs: the words of a command, where, and with what of its environment. */
export interface JobTask {
  readonly argv: readonly string[];
  /** Absolute. */
  readonly cwd: string;
  /** Names of variables that are handed on from the worker, beside PATH, HOME, LANG and TZ. */
  readonly pass_env: readonly string[];
}

/** What a job may use before a person has to look at it. Absent: without limit. */
export interface Budget {
  /** From its first claim on, or from the last resume. Milliseconds. */
  readonly max_wall_ms?: number;
  /** Progress checkpoints. */
  readonly max_steps?: number;
  /** Claims. */
  readonly max_attempts?: number;
}

export type BudgetName = 'wall' | 'steps' | 'attempts';

/** How the work under a lease ended. `interrupted`: it was ended before it was done. */
export type LeaseOutcome = 'finished' | 'failed' | 'interrupted' | 'given_up';

export type JobEventType = keyof EventPayloads;

/** One event of a job, as it stands in the log: schemas/v1/job/event.schema.json. */
export type JobEvent = { [T in JobEventType]: JobEventOf<T> }[JobEventType];

export interface JobEventOf<T extends JobEventType> {
  readonly schema_id: typeof EVENT_SCHEMA_ID;
  readonly schema_version: typeof SCHEMA_VERSION;
  readonly created_at: Timestamp;
  readonly job_id: string;
  readonly revision: number;
  readonly type: T;
  readonly actor: string;
  readonly reason_code: string;
  readonly payload: EventPayloads[T];
}

/** The event in a stored object. Throws `illegal_event` for a type that this version does not know, or a shape that is not the type's. */
export function parseJobEvent(stored: JsonObject): JobEvent {
  const fault = schemaFault(validateEvent, stored);
  if (fault !== undefined) throw illegalEvent(`not a job event: ${fault}`);
  const event = stored as unknown as JobEvent;
  if (!isTimestamp(event.created_at)) throw illegalEvent(`not a time: ${event.created_at}`);
  return event;
}

export function illegalEvent(message: string): GaitError {
  return new GaitError({ code: 'illegal_event', category: 'verification_failed', message });
}

/** What an `approved` event carries beside its other members, so that what was signed can be made again from it. */
export interface ApprovalSignature {
  /** The end of the log that the approval was appended to. */
  readonly head: Head;
  /** From then on it counts no more, unless the job was resumed on it. */
  readonly expires_at: Timestamp;
  readonly signature: Signature & { readonly signed_digest: string };
}
