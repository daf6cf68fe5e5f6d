import { isDeepStrictEqual } from 'node:util';
import { GaitError } from '../../core/errors.ts';
import type { Timestamp } from '../../core/time.ts';
import { foldRecord, replay } from '../../log/fold.ts';
import { LogDamage, type Position, type SealedRecord, type StoredEvent, seal } from '../../log/record.ts';
import { type Cut, cutAfter, movedOn, type Remainder, readKept, remainderAfter } from '../../log/repair.ts';
import { LOG_START } from '../../log/scan.ts';
import type { KeptCut, Snapshot } from '../../log/store.ts';
import type { FileStore } from '../../log/stores/file_store.ts';
import { decide } from '../decide.ts';
import type { AfterRepair, JobEventType } from '../events.ts';
import type { Author } from '../jobs.ts';
import { jobModel } from '../model.ts';
import { jobNotFound } from '../refusals.ts';
import { type Job, jobFromSnapshot } from '../state.ts';
import { CutSurvey } from './survey.ts';

/** What is wrong with a log, what a repair would keep and cut, and what the job would be then. */
export interface RepairPlan {
  readonly damage: LogDamage;
  /** The end of the last good record. */
  readonly keep: Position;
  /** The job as it was there. */
  readonly job: Job;
  readonly cut: Remainder;
  /** What the numbers in `after` were counted from, beside the log. */
  readonly beside: LyingBeside;
  /** How many events of each type can be read in what would be cut. */
  readonly events: ReadonlyMap<JobEventType, number>;
  /** Undefined where nothing would be kept. */
  readonly after: AfterRepair | undefined;
}

/** What a repair did. */
export interface Repaired {
  readonly cut: Cut;
  readonly after: AfterRepair;
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
    return surveyed(store, jobId, error, keep, job);
  }
  if (keep.revision === 0) throw jobNotFound(jobId);
  return undefined;
}

async function surveyed(
  store: FileStore,
  jobId: string,
  damage: LogDamage,
  keep: Position,
  job: Job,
): Promise<RepairPlan | undefined> {
  const survey = new CutSurvey();
  const cut = await remainderAfter(store, jobId, keep, isDamage(jobId, keep, job), ({ event, chained }) =>
    survey.add(event, chained),
  );
  if (cut === undefined) return undefined; // another repair was faster
  const beside = lyingBeside(store, jobId);
  const { cuts, snapshot } = beside;
  for (const { name } of cuts) readKept(store, jobId, name, ({ event }) => survey.addEarlier(event));
  const bytes = cuts.reduce((sum, kept) => sum + kept.bytes, cut.bytes);
  const known =
    snapshot === undefined ? undefined : jobFromSnapshot(snapshot.state, jobId, snapshot.position.revision);
  const remembered = snapshot?.position.revision ?? 0;
  const read = [...survey.counts.values()].reduce((sum, times) => sum + times, 0);
  const unreadable = damage.damage === 'records_lost' || read < cut.lines || cut.lines === 0;
  const loss = {
    bytes,
    cut: cut.bytes,
    remembered,
    unreadable,
    ...(known === undefined ? {} : { snapshot: known }),
  };
  const after = job === undefined ? undefined : survey.conclude(job, loss, cut.chained);
  return { damage, keep, job, cut, beside, events: survey.counts, after };
}

/** What of a job lies beside its log. */
interface LyingBeside {
  readonly cuts: readonly KeptCut[];
  readonly snapshot: Snapshot | undefined;
}

function lyingBeside(store: FileStore, jobId: string): LyingBeside {
  const { beside } = store.file(jobId);
  return { cuts: beside.cuts(), snapshot: beside.snapshot() };
}

/** The fold's word on a record that is sound in itself: damage if it cannot follow. */
function isDamage(jobId: string, position: Position, state: Job): (record: StoredEvent) => boolean {
  return (record) => {
    try {
      foldRecord(jobModel, jobId, { state, position }, record);
      return false;
    } catch {
      return true;
    }
  };
}

/**
 * Cuts what the plan says and nothing else, keeps it beside the log, and records in the log that it was done, by whom and
 * why: the log changes in one step, from the damaged one to the cut one with that record at its end. Throws
 * `log_moved_on` if the log is not what the plan was made of.
 */
export async function repair(
  store: FileStore,
  jobId: string,
  plan: RepairPlan,
  author: Author,
  now: Timestamp,
): Promise<Repaired> {
  const { job, keep, after, beside } = plan;
  if (job === undefined || after === undefined) throw repairWouldEmpty(jobId);
  const cut = await cutAfter(store, jobId, keep, plan.cut, isDamage(jobId, keep, job), (done) => {
    // Another repair, and what went on after it, may have left the log where the plan found it.
    if (!isDeepStrictEqual(lyingBeside(store, jobId), beside)) throw movedOn(jobId);
    return repairedRecord(jobId, job, keep, done, after, { ...author, jobId, now });
  });
  return { cut, after };
}

function repairedRecord(
  jobId: string,
  job: Job,
  keep: Position,
  { bytes: cutBytes, sha256: cutSha256, keptAs }: Cut,
  after: AfterRepair,
  context: Parameters<typeof decide>[2],
): readonly SealedRecord[] {
  const { events, refusal } = decide(job, { kind: 'repair', cutBytes, cutSha256, keptAs, after }, context);
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
