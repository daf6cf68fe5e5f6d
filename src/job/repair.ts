import { GaitError } from '../core/errors.ts';
import type { Timestamp } from '../core/time.ts';
import type { FileStore } from '../log/file_store.ts';
import { evolveAt, replay } from '../log/fold.ts';
import {
  type Head,
  LogDamage,
  type Position,
  type SealedRecord,
  type StoredEvent,
  seal,
} from '../log/record.ts';
import { type Cut, cutAfter, type Remainder, remainderAfter } from '../log/repair.ts';
import { LOG_START } from '../log/scan.ts';
import { decide } from './decide.ts';
import type { Author } from './jobs.ts';
import { jobModel } from './model.ts';
import { jobNotFound } from './refusals.ts';
import type { Job } from './state.ts';

/** What is wrong with a log, and what a repair would keep and cut. */
export interface RepairPlan {
  readonly damage: LogDamage;
  /** The end of the last good record. */
  readonly keep: Position;
  /** The job as it was there. */
  readonly job: Job;
  readonly cut: Remainder;
}

/** Undefined when there is nothing to repair. Changes nothing. Throws `job_not_found`. */
export async function planRepair(store: FileStore, jobId: string): Promise<RepairPlan | undefined> {
  let keep: Position = LOG_START;
  let job: Job;
  try {
    await replay(store, jobModel, jobId, ({ revision, hash, offset }, state) => {
      keep = { revision, hash, offset };
      job = state;
    });
  } catch (error) {
    if (!(error instanceof LogDamage)) throw error;
    const cut = await remainderAfter(store, jobId, keep, isDamagedAfter(job, keep));
    return cut === undefined ? undefined : { damage: error, keep, job, cut };
  }
  if (keep.revision === 0) throw jobNotFound(jobId);
  return undefined;
}

/**
 * Cuts what the plan says, keeps it beside the log, and records in the log that it was done, by whom and why: the log
 * changes in one step, from the damaged one to the cut one with that record at its end.
 */
export async function repair(
  store: FileStore,
  jobId: string,
  plan: RepairPlan,
  author: Author,
  now: Timestamp,
): Promise<Cut> {
  if (plan.job === undefined) throw repairWouldEmpty(jobId);
  return cutAfter(store, jobId, plan.keep, plan.cut, isDamagedAfter(plan.job, plan.keep), (cut) =>
    repairedRecord(jobId, plan, cut, { ...author, jobId, now }),
  );
}

/** Whether a record cannot follow in the log of a job: the fold's word. */
function isDamagedAfter(state: Job, position: Head): (record: StoredEvent) => boolean {
  return ({ event }) => {
    try {
      evolveAt(jobModel, { state, position }, event);
      return false;
    } catch {
      return true;
    }
  };
}

function repairedRecord(
  jobId: string,
  { job, keep }: RepairPlan,
  cut: Cut,
  context: Parameters<typeof decide>[2],
): readonly SealedRecord[] {
  const { bytes: cutBytes, sha256: cutSha256, keptAs } = cut;
  const { events, refusal } = decide(job, { kind: 'repair', cutBytes, cutSha256, keptAs }, context);
  if (refusal !== undefined) throw refusal;
  for (const event of events) jobModel.evolve(job, event);
  return seal(jobId, jobModel.idField, keep, events).records;
}

export function repairWouldEmpty(jobId: string): GaitError {
  return new GaitError({
    code: 'repair_would_empty',
    category: 'unsafe_operation',
    message: `the log of ${jobId} is damaged from its first record on: a repair would leave nothing`,
    hint: 'Restore the log from a copy, or move the folder away and submit the job again.',
    details: { job_id: jobId },
  });
}
