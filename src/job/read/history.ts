import { replay } from '../../log/fold.ts';
import type { Position, StoredEvent } from '../../log/record.ts';
import type { EventStore } from '../../log/store.ts';
import { type JobEvent, SCHEMA_VERSION } from '../events.ts';
import { jobModel } from '../model.ts';
import { jobNotFound } from '../refusals.ts';
import {
  type Approval,
  approvalOf,
  type Checkpoint,
  checkpointOf,
  type Job,
  type JobState,
} from '../state.ts';

/** A job with all that ever happened to it, folded strictly from its first event: what evidence is made of. */
export interface JobHistory {
  readonly job: JobState;
  readonly position: Position;
  readonly checkpoints: readonly Checkpoint[];
  readonly approvals: readonly Approval[];
  readonly records: readonly StoredEvent[];
}

/** The whole state of a job in the form that packs carry: schemas/v1/job/state.schema.json. */
export interface RuntimeState
  extends Omit<
    JobState,
    | 'schema_id'
    | 'environment'
    | 'checkpoint_count'
    | 'approval_count'
    | 'last_checkpoint'
    | 'open_decisions'
    | 'approval_policy'
    | 'approved_decisions'
    | 'lease'
    | 'command'
    | 'budget'
    | 'usage'
    | 'last_token'
    | 'checkpoint_gap'
    | 'decisions_asked'
    | 'unsettled_ms'
    | 'work_done'
    | 'held'
  > {
  readonly schema_id: 'gait.job.runtime';
  readonly checkpoints: readonly Checkpoint[];
  readonly approvals?: readonly Pick<Approval, 'created_at' | 'actor' | 'reason'>[];
}

/** Throws `job_not_found`, or LogDamage at the first record that is not as a writer left it. `until`: as it was then. */
export async function readHistory(store: EventStore, jobId: string, until?: number): Promise<JobHistory> {
  const collector = new HistoryCollector();
  const { state: job, position } = await replay(
    store,
    jobModel,
    jobId,
    (record) => collector.add(record),
    until,
  );
  if (job === undefined) throw jobNotFound(jobId);
  return { job, position, ...collector };
}

/** Gathers what a fold passes by, without copying it at every step. */
export class HistoryCollector {
  readonly checkpoints: Checkpoint[] = [];
  readonly approvals: Approval[] = [];
  readonly records: StoredEvent[] = [];
  readonly #keep: boolean;

  /** `keep`: whether the records themselves are wanted. */
  constructor(keep = true) {
    this.#keep = keep;
  }

  add(record: StoredEvent): void {
    const event = eventOf(record);
    if (event.type === 'checkpoint_added') this.checkpoints.push(checkpointOf(event));
    if (event.type === 'approved') this.approvals.push(approvalOf(event));
    if (this.#keep) this.records.push(record);
  }
}

/** The event of a record that was folded, and so is known to be one. */
export function eventOf({ event }: Pick<StoredEvent, 'event'>): JobEvent {
  return event as unknown as JobEvent;
}

export function runtimeState(
  job: Job & object,
  history: Pick<JobHistory, 'checkpoints' | 'approvals'>,
): RuntimeState {
  const approvals = history.approvals.map(({ created_at, actor, reason }) => ({ created_at, actor, reason }));
  return {
    schema_id: 'gait.job.runtime',
    schema_version: SCHEMA_VERSION,
    created_at: job.created_at,
    updated_at: job.updated_at,
    producer_version: job.producer_version,
    job_id: job.job_id,
    status: job.status,
    stop_reason: job.stop_reason,
    status_reason_code: job.status_reason_code,
    environment_fingerprint: job.environment_fingerprint,
    revision: job.revision,
    checkpoints: history.checkpoints,
    ...(approvals.length === 0 ? {} : { approvals }),
  };
}
