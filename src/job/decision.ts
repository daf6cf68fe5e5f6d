import type { GaitError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { later, type Timestamp } from '../core/time.ts';
import type { Decided } from '../log/stream.ts';
import { EVENT_SCHEMA_ID, type EventPayloads, type JobEventType, SCHEMA_VERSION } from './events.ts';
import { transitionNotAllowed } from './refusals.ts';
import type { Job, JobState } from './state.ts';
import { TRANSITIONS, type TransitionName } from './transitions.ts';

/** Who asks, when, and why. */
export interface CommandContext {
  readonly jobId: string;
  readonly actor: string;
  readonly now: Timestamp;
  readonly reason?: string;
  /** The revision that a person decided on: the command is refused if the job is not there any more. */
  readonly ifRevision?: number;
}

/** When a job is decided on, by a clock: a clock behind the log undoes nothing that the log knows. */
export function decidedAt(job: Job, now: Timestamp): Timestamp {
  return job === undefined ? now : later(now, job.updated_at);
}

/** The decision to record one event. */
export function record<T extends JobEventType>(
  job: Job,
  type: T,
  reasonCode: string,
  payload: EventPayloads[T],
  { jobId, actor, now }: CommandContext,
): Decided {
  const event: JsonObject = {
    actor,
    created_at: now,
    job_id: jobId,
    payload: payload as unknown as JsonObject,
    reason_code: reasonCode,
    revision: (job?.revision ?? 0) + 1,
    schema_id: EVENT_SCHEMA_ID,
    schema_version: SCHEMA_VERSION,
    type,
  };
  return { events: [event] };
}

/** The decision to record nothing, and why. */
export function refuse(refusal: GaitError): Decided {
  return { events: [], refusal };
}

/** A refusal where the status of the job does not allow the command. */
export function notAllowed(job: JobState, name: TransitionName): Decided | undefined {
  return TRANSITIONS[name].from.includes(job.status) ? undefined : refuse(transitionNotAllowed(job, name));
}
