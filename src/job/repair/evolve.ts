import { sha256Hex } from '../../core/digest.ts';
import { mayKeep } from '../../log/cut_name.ts';
import { openAt } from '../approval/open_decisions.ts';
import { type AfterRepair, illegalEvent, type JobEventOf } from '../events.ts';
import { type JobState, lastCheckpointNumber } from '../state.ts';
import { FINAL_STATUSES, TRANSITIONS, type TransitionName } from '../transitions.ts';

/** The digest of no bytes. */
const NOTHING: string = sha256Hex('');

/** `{"event":{},"hash":"…"}` and its newline: no record is shorter. */
export const MIN_RECORD_BYTES = 88;

/** By which transition a job comes to each status that a repair can leave it in. */
const CAME_BY: Readonly<Record<Exclude<AfterRepair['status'], 'blocked'>, TransitionName>> = {
  completed: 'checkpoint completed',
  cancelled: 'cancel',
  emergency_stopped: 'stop',
};

/**
 * The job after a repair: what was cut may have been a stop, a pause, an answer, so it waits for a person, unless it is
 * final. Nobody holds its lease, and tokens and ids go on above all that the cut can have held. A log that an earlier
 * version repaired goes on as it was kept. Throws `illegal_event`.
 */
export function withRepair(before: JobState, job: JobState, event: JobEventOf<'repaired'>): JobState {
  const { after, cut_bytes, cut_sha256, kept_as } = event.payload;
  if (after === undefined) {
    if (cut_bytes === 0) throw illegalEvent('a repair that cut nothing and says nothing of the job');
    return job;
  }
  const { status, token_floor, checkpoint_floor, unsettled_ms } = after;
  if (FINAL_STATUSES.has(before.status) && status !== before.status)
    throw illegalEvent(`a repair that makes a job ${status} that is ${before.status}`);
  if (!mayKeep(kept_as, before.revision, cut_sha256) || (cut_bytes === 0) !== (cut_sha256 === NOTHING))
    throw illegalEvent(`a repair that keeps what it cut as ${JSON.stringify(kept_as)}`);
  if (status === 'completed' && !mayBeCompleted(before, after, cut_bytes))
    throw illegalEvent('a repair that completes a job which nothing shows to be completed');
  if (token_floor < before.last_token || checkpoint_floor < lastCheckpointNumber(before))
    throw illegalEvent('a repair that gives tokens or ids out anew');
  const { unsettled_ms: _, checkpoint_gap: __, ...rest } = job;
  const gap = checkpoint_floor - job.checkpoint_count;
  return {
    ...rest,
    ...reached(job, status),
    lease: null,
    last_token: token_floor,
    ...(gap === 0 ? {} : { checkpoint_gap: gap }),
    decisions_asked: Math.max(2, job.decisions_asked),
    ...(unsettled_ms === 0 ? {} : { unsettled_ms }),
  };
}

/**
 * A job that was completed stays so. But where approvals are signed, a record among what was cut shows that only of a job
 * that could have been completed where it was kept: nobody can tell whether the signatures that were cut were sound.
 */
export function mayBeCompleted(
  before: JobState,
  { chained_records }: Pick<AfterRepair, 'chained_records'>,
  cutBytes: number,
): boolean {
  if (before.status === 'completed' || before.approval_policy === undefined) return true;
  const { from } = TRANSITIONS['checkpoint completed'];
  const open = openAt(before, before.updated_at).length > 0;
  return from.includes(before.status) && !open && chained_records > 0 && cutBytes >= MIN_RECORD_BYTES;
}

function reached(
  job: JobState,
  status: AfterRepair['status'],
): Pick<JobState, 'status' | 'stop_reason' | 'status_reason_code'> {
  if (status === job.status && FINAL_STATUSES.has(status)) {
    const { stop_reason, status_reason_code } = job;
    return { status, stop_reason, status_reason_code };
  }
  if (status === 'blocked')
    return { status, stop_reason: 'log_repaired', status_reason_code: 'log_repaired' };
  const { stopReason, reasonCode } = TRANSITIONS[CAME_BY[status]];
  return { status, stop_reason: stopReason, status_reason_code: reasonCode };
}
