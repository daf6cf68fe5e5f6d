import type { JsonObject } from '../core/json.ts';
import { later } from '../core/time.ts';
import { assertDecided, withApproval, withSettledDecisions } from './approval/evolve.ts';
import { pendingDecisions } from './approval/open_decisions.ts';
import { type ApprovalPolicy, isSoundPolicy } from './approval_policy.ts';
import { MAX_OPEN_DECISIONS } from './checks.ts';
import { illegalEvent, type JobEvent, type JobEventOf, parseJobEvent, SCHEMA_VERSION } from './events.ts';
import { type Environment, fingerprintOf } from './fingerprint.ts';
import {
  assertHolds,
  assertWithin,
  withBudgetExceeded,
  withLease,
  withRelease,
  withRenewal,
} from './lease/evolve.ts';
import { withRepair } from './repair/evolve.ts';
import {
  checkpointOf,
  type Job,
  type JobState,
  NOTHING_USED,
  nextCheckpointId,
  type Usage,
} from './state.ts';
import {
  FINAL_STATUSES,
  type Status,
  TRANSITIONS,
  type Transition,
  type TransitionName,
} from './transitions.ts';

/** The reducer of a job's log, from the stored object on. Throws `illegal_event`. */
export function evolveStored(job: Job, stored: JsonObject): JobState {
  return evolve(job, parseJobEvent(stored));
}

/**
 * The job after one more event. Pure. Throws `illegal_event` for an event that cannot follow: from a status that its
 * transition does not allow, an approval of what is not open, a checkpoint out of turn, a job that does not exist, a
 * signature that does not hold. Whether the log has the hash that was signed, only a fold of the log knows: jobModel.
 */
export function evolve(job: Job, event: JobEvent): JobState {
  const transition = transitionOf(event);
  assertAllowed(job, event, transition);
  if (event.type === 'submitted') return submitted(event);
  if (job === undefined) throw illegalEvent('an event of a job that was never submitted');
  const next = enter(job, event, transition);
  switch (event.type) {
    case 'checkpoint_added':
      return withCheckpoint(job, next, event);
    case 'approved':
      return withApproval(next, event);
    case 'resumed':
      return withResumption(next, event);
    case 'resume_refused':
      return withRefusedResumption(next, event);
    case 'lease_acquired':
      return withLease(job, next, event);
    case 'lease_renewed':
      return withRenewal(job, next, event);
    case 'lease_released':
      return withRelease(next, event);
    case 'repaired':
      return withRepair(job, next, event);
    case 'budget_exceeded':
      return withBudgetExceeded(job, next, event);
    default:
      return next;
  }
}

/** The row of the table that an event is the outcome of. */
function transitionOf(event: JobEvent): Transition {
  if (event.type === 'checkpoint_added') return TRANSITIONS[`checkpoint ${event.payload.checkpoint_type}`];
  if (event.type === 'budget_exceeded') return TRANSITIONS[`budget ${event.payload.budget}`];
  return TRANSITIONS[BY_EVENT[event.type]];
}

const BY_EVENT: Record<Exclude<JobEvent['type'], 'checkpoint_added' | 'budget_exceeded'>, TransitionName> = {
  submitted: 'submit',
  paused: 'pause',
  approved: 'approve',
  resumed: 'resume',
  resume_refused: 'resume refused',
  cancelled: 'cancel',
  emergency_stop_acknowledged: 'stop',
  repaired: 'repair',
  lease_acquired: 'claim',
  lease_renewed: 'renew',
  lease_released: 'release',
};

function assertAllowed(job: Job, event: JobEvent, transition: Transition): void {
  const status: Status | 'none' = job?.status ?? 'none';
  if (!transition.from.includes(status))
    throw illegalEvent(`${event.type} cannot follow: the job is ${status}`);
  const revision = (job?.revision ?? 0) + 1;
  if (event.revision !== revision) throw illegalEvent(`revision ${event.revision} where ${revision} is due`);
  if (job !== undefined && job.job_id !== event.job_id)
    throw illegalEvent(`an event of the job ${event.job_id}`);
}

function submitted(event: JobEventOf<'submitted'>): JobState {
  const { environment_fingerprint, environment, producer_version, command, budget } = event.payload;
  assertExplained(environment_fingerprint, environment);
  const { approval_policy } = event.payload;
  if (approval_policy !== undefined) assertSound(approval_policy);
  return {
    schema_id: 'gait.job.summary',
    schema_version: SCHEMA_VERSION,
    job_id: event.job_id,
    created_at: event.created_at,
    updated_at: event.created_at,
    producer_version,
    status: 'running',
    stop_reason: TRANSITIONS.submit.stopReason,
    status_reason_code: event.reason_code,
    environment_fingerprint,
    environment: environment ?? null,
    revision: event.revision,
    checkpoint_count: 0,
    approval_count: 0,
    last_checkpoint: null,
    open_decisions: [],
    ...(approval_policy === undefined ? {} : { approval_policy, approved_decisions: [] }),
    lease: null,
    command: command ?? null,
    budget: budget ?? null,
    usage: NOTHING_USED,
    last_token: 0,
    decisions_asked: 0,
  };
}

/** What an event is judged by is the log's time, `updated_at`: one that is dated back brings nothing back. */
function enter(job: JobState, event: JobEvent, { to, stopReason, reasonCode }: Transition): JobState {
  return {
    ...job,
    updated_at: later(event.created_at, job.updated_at),
    revision: event.revision,
    status: to === 'same' ? job.status : to,
    lease: FINAL_STATUSES.has(to as Status) ? null : job.lease,
    stop_reason: stopReason === 'same' ? job.stop_reason : stopReason,
    status_reason_code: reasonCode === 'same' ? job.status_reason_code : reasonCode,
  };
}

function withCheckpoint(
  before: JobState,
  entered: JobState,
  event: JobEventOf<'checkpoint_added'>,
): JobState {
  const job = withWorkLeft(entered, event);
  const { checkpoint_id, checkpoint_type, summary, required_action } = event.payload;
  assertHolds(before, event.payload.token);
  if (checkpoint_type === 'progress') assertWithin(before, ['steps', 'wall'], job);
  const due = nextCheckpointId(job);
  if (checkpoint_id !== due) throw illegalEvent(`checkpoint ${checkpoint_id} where ${due} is due`);
  if (event.reason_code !== `checkpoint_${checkpoint_type.replace('-', '_')}`) {
    throw illegalEvent(`reason code ${event.reason_code} on a checkpoint of type ${checkpoint_type}`);
  }
  const asks = checkpoint_type === 'decision-needed';
  if (asks !== (required_action !== ''))
    throw illegalEvent('only decision-needed carries a required action, and must');
  if (checkpoint_type === 'completed') assertDecided(job, 'completed');
  if (asks && pendingDecisions(job).length >= MAX_OPEN_DECISIONS)
    throw illegalEvent('too many open decisions');
  const approvals = job.approval_policy === undefined ? {} : { approvals: [] };
  const decision = { checkpoint_id, created_at: event.created_at, summary, required_action, ...approvals };
  return {
    ...job,
    checkpoint_count: job.checkpoint_count + 1,
    decisions_asked: job.decisions_asked + (asks ? 1 : 0),
    ...(asks && before.status === 'blocked' ? { held: true } : {}),
    last_checkpoint: checkpointOf(event),
    usage: checkpoint_type === 'progress' ? { ...job.usage, steps: job.usage.steps + 1 } : job.usage,
    open_decisions: asks ? [...job.open_decisions, decision] : job.open_decisions,
  };
}

function withRefusedResumption(job: JobState, event: JobEventOf<'resume_refused'>): JobState {
  assertDecided(job, 'a resume refused for its environment');
  if (event.payload.expected_fingerprint !== job.environment_fingerprint) {
    throw illegalEvent('a refused resume that does not name the environment the job was bound to');
  }
  return job;
}

function withResumption(job: JobState, event: JobEventOf<'resumed'>): JobState {
  assertDecided(job, 'resumed');
  const { expected_fingerprint, actual_fingerprint, environment } = event.payload;
  if (event.reason_code !== 'resumed_with_env_override') {
    if (expected_fingerprint ?? actual_fingerprint ?? environment)
      throw illegalEvent('a plain resume that names another environment');
    return { ...withSettledDecisions(unheld(job)), usage: usedAnew(job) };
  }
  if (expected_fingerprint !== job.environment_fingerprint || actual_fingerprint === undefined) {
    throw illegalEvent(
      'an override that does not name the environment the job was bound to, and the new one',
    );
  }
  assertExplained(actual_fingerprint, environment);
  return {
    ...withSettledDecisions(unheld(job)),
    status_reason_code: event.reason_code,
    environment_fingerprint: actual_fingerprint,
    environment: environment ?? null,
    usage: usedAnew(job),
  };
}

/** Who asks, or blocks the job, says that there is more to do. */
function withWorkLeft(job: JobState, { payload }: JobEventOf<'checkpoint_added'>): JobState {
  if (payload.checkpoint_type !== 'decision-needed' && payload.checkpoint_type !== 'blocked') return job;
  const { work_done: _, ...rest } = job;
  return rest;
}

/** A person let it run: what held it back is over. */
function unheld({ held: _, ...job }: JobState): JobState {
  return job;
}

/** Who holds the lease works on from here; otherwise the next claim is what starts the time. */
function usedAnew({ lease, updated_at }: JobState): Usage {
  return lease === null ? NOTHING_USED : { ...NOTHING_USED, started_at: updated_at };
}

function assertSound(policy: ApprovalPolicy): void {
  if (!isSoundPolicy(policy)) throw illegalEvent('approvers that no job can have been submitted with');
}

function assertExplained(fingerprint: string, environment: Environment | undefined): void {
  if (environment !== undefined && fingerprintOf(environment) !== fingerprint) {
    throw illegalEvent('the fingerprint is not the digest of the environment beside it');
  }
}
