import type { Json } from '../../core/json.ts';
import { epochMs, type Timestamp } from '../../core/time.ts';
import { VERSION } from '../../core/version.ts';
import type { RowView } from '../../log/stores/listing.ts';
import { lastsFor } from '../lease/evolve.ts';
import type { Job, JobState } from '../state.ts';
import { STATUSES, type Status } from '../transitions.ts';

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
  /** When the lease on it ends; null when nobody has one, as are the three that follow. */
  readonly leased_until: Timestamp | null;
  readonly lease_token: number | null;
  /** Of the event that renewed it last. */
  readonly lease_renewed: number | null;
  /** How long the lease lasts without renewal. Milliseconds. */
  readonly lease_ms: number | null;
  /** How long after a claim a command may still run under an earlier lease. Milliseconds. */
  readonly unsettled_ms: number;
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
    lease_token: job.lease?.token ?? null,
    lease_renewed: job.lease?.renewed_revision ?? null,
    lease_ms: job.lease === null ? null : lastsFor(job.lease),
    unsettled_ms: job.unsettled_ms ?? 0,
  };
}

/**
 * Whether a worker may take a job up: `now`; `later`, once the lease on it was seen unrenewed for long enough by a
 * monotonic clock, so that nothing runs under it any more; or not, as far as can be told. `watchedMs`: for how long it was.
 */
export function claimable(
  row: JobRow,
  now: Timestamp,
  graceMs: number,
  watchedMs: number,
): 'now' | 'later' | undefined {
  if (row.status !== 'running' || !row.has_command) return undefined;
  if (row.leased_until === null || row.lease_ms === null) return 'now';
  const left = epochMs(row.leased_until) - epochMs(now);
  const outlasted = watchedMs >= Math.max(row.lease_ms, row.unsettled_ms);
  if (left <= -graceMs) return outlasted ? 'now' : 'later';
  // A lease that ends later than it can last from now on was given by a clock that was wrong.
  if (left <= row.lease_ms + graceMs) return undefined;
  return outlasted && watchedMs >= row.lease_ms + graceMs ? 'now' : 'later';
}

/** Rows of jobs for a listing. The last part of the version counts the forms of {@link save}. */
export const jobView: RowView<Job, JobRow> = {
  version: `gait.job.row ${VERSION} 2`,
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
    row.lease_token,
    row.lease_renewed,
    row.lease_ms,
    row.unsettled_ms,
  ],
  load: loadRow,
};

function loadRow(job_id: string, saved: Json): JobRow | undefined {
  if (!Array.isArray(saved)) return undefined;
  const [status, created_at, updated_at, revision, open_decisions, last_summary, has_command, ...lease] =
    saved as readonly Json[];
  const [leased_until, lease_token, lease_renewed, lease_ms, unsettled_ms] = lease;
  if (!isStatus(status) || typeof created_at !== 'string' || typeof updated_at !== 'string') return undefined;
  if (typeof revision !== 'number' || typeof has_command !== 'boolean') return undefined;
  if (!isTextOrNull(last_summary) || !isTextOrNull(leased_until) || !isTexts(open_decisions))
    return undefined;
  if (
    !isNumberOrNull(lease_token) ||
    !isNumberOrNull(lease_renewed) ||
    !isNumberOrNull(lease_ms) ||
    typeof unsettled_ms !== 'number'
  )
    return undefined;
  return {
    ...{ job_id, status, created_at, updated_at, revision, open_decisions, last_summary, has_command },
    ...{ leased_until, lease_token, lease_renewed, lease_ms, unsettled_ms },
  };
}

function isNumberOrNull(value: Json | undefined): value is number | null {
  return value === null || typeof value === 'number';
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
