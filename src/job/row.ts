import type { Json } from '../core/json.ts';
import { epochMs, type Timestamp } from '../core/time.ts';
import { VERSION } from '../core/version.ts';
import type { RowView } from '../log/listing.ts';
import type { Job, JobState } from './state.ts';
import { STATUSES, type Status } from './transitions.ts';

/** A job as lists show it, and as a worker chooses by it. */
export interface JobRow {
  readonly job_id: string;
  readonly status: Status;
  readonly created_at: Timestamp;
  readonly updated_at: Timestamp;
  readonly revision: number;
  /** Ids of the checkpoints that wait for an approval. */
  readonly open_decisions: readonly string[];
  /** Of the last checkpoint. */
  readonly last_summary: string | null;
  /** It was submitted with a command for workers to run. */
  readonly has_command: boolean;
  /** When the lease on it ends; null when nobody has one. */
  readonly leased_until: Timestamp | null;
}

export function rowOf(job: JobState): JobRow {
  return {
    job_id: job.job_id,
    status: job.status,
    created_at: job.created_at,
    updated_at: job.updated_at,
    revision: job.revision,
    open_decisions: job.open_decisions.map(({ checkpoint_id }) => checkpoint_id),
    last_summary: job.last_checkpoint?.summary ?? null,
    has_command: job.command !== null,
    leased_until: job.lease?.expires_at ?? null,
  };
}

/** True for a job that a worker may claim now: running, with a command, and under no lease that may be live. */
export function isClaimable(row: JobRow, now: Timestamp, graceMs: number): boolean {
  if (row.status !== 'running' || !row.has_command) return false;
  return row.leased_until === null || epochMs(now) >= epochMs(row.leased_until) + graceMs;
}

/** Rows of jobs for a listing. The last part of the version counts the forms of {@link save}. */
export const jobView: RowView<Job, JobRow> = {
  version: `gait.job.row ${VERSION} 1`,
  rowOf: (job) => (job === undefined ? undefined : rowOf(job)),
  save: (row) => [
    row.status,
    row.created_at,
    row.updated_at,
    row.revision,
    [...row.open_decisions],
    row.last_summary,
    row.has_command,
    row.leased_until,
  ],
  load: loadRow,
};

function loadRow(job_id: string, saved: Json): JobRow | undefined {
  if (!Array.isArray(saved)) return undefined;
  const [status, created_at, updated_at, revision, open_decisions, last_summary, has_command, leased_until] =
    saved as readonly Json[];
  if (!isStatus(status) || typeof created_at !== 'string' || typeof updated_at !== 'string') return undefined;
  if (typeof revision !== 'number' || typeof has_command !== 'boolean') return undefined;
  if (!isTextOrNull(last_summary) || !isTextOrNull(leased_until) || !isTexts(open_decisions))
    return undefined;
  return {
    job_id,
    status,
    created_at,
    updated_at,
    revision,
    open_decisions,
    last_summary,
    has_command,
    leased_until,
  };
}

function isStatus(value: Json | undefined): value is Status {
  return (STATUSES as readonly (Json | undefined)[]).includes(value);
}

function isTextOrNull(value: Json | undefined): value is string | null {
  return value === null || typeof value === 'string';
}

function isTexts(value: Json | undefined): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}
