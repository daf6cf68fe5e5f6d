import { setTimeout as sleep } from 'node:timers/promises';
import { ioFailure } from '../../core/errors.ts';
import { type Folded, foldRecord } from '../../log/fold.ts';
import type { Position, StoredEvent } from '../../log/record.ts';
import { LOG_START } from '../../log/scan.ts';
import type { EventStore } from '../../log/store.ts';
import type { JobEvent } from '../events.ts';
import { jobModel } from '../model.ts';
import { jobNotFound } from '../refusals.ts';
import type { Job, JobState } from '../state.ts';
import { FINAL_STATUSES } from '../transitions.ts';
import { eventOf } from './history.ts';

/** How often a log is looked at for what is new. Milliseconds. */
export const POLL_MS = 200;

/** An event and the job after it. */
export interface FollowedEvent {
  readonly event: JobEvent;
  readonly job: JobState;
}

export interface FollowOptions {
  /** Ends it at once. */
  readonly signal?: AbortSignal;
  /** Gives only what comes after this revision. By default everything. */
  readonly after?: number;
}

interface FollowTuning extends FollowOptions {
  /** Ends it as well, but what the log has by then is still given. */
  readonly until?: AbortSignal;
  readonly pollMs?: number;
}

/**
 * The events of a job from the first one on, and further ones as they come, from any process, until the job is final or
 * the signal aborts. Throws `job_not_found`, and what the store throws: `log_damaged`, `position_unknown`, an io_failure.
 */
export async function* followJob(
  store: EventStore,
  jobId: string,
  { signal, until, after = 0, pollMs = POLL_MS }: FollowTuning = {},
): AsyncGenerator<FollowedEvent> {
  const over = (): boolean => signal?.aborted === true;
  const ends = AbortSignal.any([signal, until].filter((given) => given !== undefined));
  let folded: Folded<Job> = { state: undefined, position: LOG_START };
  while (!over()) {
    const last = ends.aborted;
    for await (const records of reading(store, jobId, folded.position)) {
      for (const record of records) {
        folded = foldRecord(jobModel, jobId, folded, record);
        if (over()) return;
        if (folded.state !== undefined && record.revision > after)
          yield { event: eventOf(record), job: folded.state };
      }
    }
    if (folded.state === undefined) throw jobNotFound(jobId);
    if (last || FINAL_STATUSES.has(folded.state.status)) return;
    await pause(pollMs, ends);
  }
}

/** Resolves after so long, or when the signal aborts. Keeps the process alive meanwhile, since somebody waits. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {});
}

async function* reading(
  store: EventStore,
  jobId: string,
  after: Position,
): AsyncGenerator<readonly StoredEvent[]> {
  try {
    yield* store.read(jobId, { after });
  } catch (error) {
    throw ioFailure(error, `following job ${jobId}`);
  }
}
