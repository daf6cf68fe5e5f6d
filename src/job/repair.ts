import { GaitError } from '../core/errors.ts';
import type { FileStore } from '../log/file_store.ts';
import { LogDamage, type Position } from '../log/record.ts';
import { type Cut, cutAfter, type Remainder, remainderAfter } from '../log/repair.ts';
import { LOG_START } from '../log/scan.ts';
import { replay } from '../log/stream.ts';
import { jobNotFound } from './decide.ts';
import type { Author, Jobs } from './jobs.ts';
import { jobModel } from './model.ts';

/** What is wrong with a log, and what a repair would keep and cut. */
export interface RepairPlan {
  readonly damage: LogDamage;
  /** The end of the last good record. */
  readonly keep: Position;
  readonly cut: Remainder;
}

/** Undefined when there is nothing to repair. Changes nothing. Throws `job_not_found`. */
export async function planRepair(store: FileStore, jobId: string): Promise<RepairPlan | undefined> {
  let keep: Position = LOG_START;
  try {
    await replay(store, jobModel, jobId, ({ revision, hash, offset }) => {
      keep = { revision, hash, offset };
    });
  } catch (error) {
    if (!(error instanceof LogDamage)) throw error;
    return { damage: error, keep, cut: await remainderAfter(store, jobId, keep) };
  }
  if (keep.revision === 0) throw jobNotFound(jobId);
  return undefined;
}

/** Cuts what the plan says, keeps it beside the log, and records in the log that it was done, by whom and why. */
export async function repair(
  store: FileStore,
  jobs: Jobs,
  jobId: string,
  plan: RepairPlan,
  author: Author,
): Promise<Cut> {
  if (plan.keep.revision === 0) throw nothingLeft(jobId);
  const cut = await cutAfter(store, jobId, plan.keep);
  await jobs.execute(jobId, author, {
    kind: 'repair',
    cutBytes: cut.bytes,
    cutSha256: cut.sha256,
    keptAs: cut.keptAs,
  });
  return cut;
}

function nothingLeft(jobId: string): GaitError {
  return new GaitError({
    code: 'repair_would_empty',
    category: 'unsafe_operation',
    message: `the log of ${jobId} is damaged from its first record on: a repair would leave nothing`,
    hint: 'Restore the log from a copy, or move the folder away and submit the job again.',
    details: { job_id: jobId },
  });
}
