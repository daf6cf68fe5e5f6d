import { setTimeout as sleep } from 'node:timers/promises';
import { type Folded, foldRecord } from '../log/fold.ts';
import { LOG_START } from '../log/scan.ts';
import type { EventStore } from '../log/store.ts';
import type { JobEvent } from './events.ts';
import { eventOf } from './history.ts';
import { jobModel } from './model.ts';
import { jobNotFound } from './refusals.ts';
import type { Job, JobState } from './state.ts';
import { FINAL_STATUSES } from './transitions.ts';

const POLL_MS = 200;

/** An event and the job after it. */
export interface Happening {
  readonly event: JobEvent;
  readonly job: JobState;
}

/**
 * The events of a job from the first one on, and further ones as they come, from any process, until the job is final or
 * the signal aborts. Throws `job_not_found`.
 */
export async function* followJob(
  store: EventStore,
  jobId: string,
  { signal, pollMs = POLL_MS }: { readonly signal?: AbortSignal; readonly pollMs?: number } = {},
): AsyncGenerator<Happening> {
  let folded: Folded<Job> = { state: undefined, position: LOG_START };
  while (signal?.aborted !== true) {
    for await (const records of store.read(jobId, { after: folded.position })) {
      for (const record of records) {
        folded = foldRecord(jobModel, jobId, folded, record);
        if (folded.state !== undefined) yield { event: eventOf(record), job: folded.state };
      }
    }
    if (folded.state === undefined) throw jobNotFound(jobId);
    if (FINAL_STATUSES.has(folded.state.status)) return;
    await sleep(pollMs, undefined, signal === undefined ? {} : { signal }).catch(() => {});
  }
}
