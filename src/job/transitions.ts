import type { BudgetName, CheckpointType, JobEventType } from './events.ts';

export type Status =
  | 'running'
  | 'paused'
  | 'decision_needed'
  | 'blocked'
  | 'completed'
  | 'cancelled'
  | 'emergency_stopped';

const NOT_FINAL: readonly Status[] = ['running', 'paused', 'decision_needed', 'blocked'];

/** From these nothing leads away. */
export const FINAL_STATUSES: ReadonlySet<Status> = new Set(['completed', 'cancelled', 'emergency_stopped']);

export const STATUSES: readonly Status[] = [...NOT_FINAL, ...FINAL_STATUSES];

export interface Transition {
  /** The statuses it is allowed from; `none` is a job that does not exist. */
  readonly from: readonly (Status | 'none')[];
  /** The status it leads to; `same` leaves the status as it is. */
  readonly to: Status | 'same';
  /** Set unless `same`. */
  readonly stopReason: string;
  readonly reasonCode: string;
  readonly event: JobEventType;
}

export type TransitionName =
  | 'submit'
  | `checkpoint ${CheckpointType}`
  | 'pause'
  | 'approve'
  | 'resume'
  | 'resume refused'
  | 'cancel'
  | 'stop'
  | 'repair'
  | 'claim'
  | 'renew'
  | 'release'
  | `budget ${BudgetName}`;

/** What each command may do, from where, and what it makes of the job. All there is to know is in this table. */
export const TRANSITIONS: Readonly<Record<TransitionName, Transition>> = {
  submit: { from: ['none'], to: 'running', stopReason: 'none', reasonCode: 'submitted', event: 'submitted' },
  'checkpoint plan': stay(NOT_FINAL, 'same', 'checkpoint_added'),
  'checkpoint progress': stay(NOT_FINAL, 'same', 'checkpoint_added'),
  'checkpoint decision-needed': {
    from: ['running', 'decision_needed', 'blocked'],
    to: 'decision_needed',
    stopReason: 'decision_needed',
    reasonCode: 'decision_needed',
    event: 'checkpoint_added',
  },
  'checkpoint blocked': {
    from: ['running', 'decision_needed'],
    to: 'blocked',
    stopReason: 'blocked',
    reasonCode: 'blocked',
    event: 'checkpoint_added',
  },
  'checkpoint completed': {
    from: ['running'],
    to: 'completed',
    stopReason: 'completed',
    reasonCode: 'completed',
    event: 'checkpoint_added',
  },
  pause: {
    from: ['running', 'decision_needed'],
    to: 'paused',
    stopReason: 'paused_by_user',
    reasonCode: 'paused',
    event: 'paused',
  },
  approve: stay(NOT_FINAL, 'approval_recorded', 'approved'),
  resume: {
    from: ['paused', 'decision_needed', 'blocked'],
    to: 'running',
    stopReason: 'none',
    reasonCode: 'resumed',
    event: 'resumed',
  },
  'resume refused': {
    from: ['paused', 'decision_needed', 'blocked'],
    to: 'same',
    stopReason: 'env_fingerprint_mismatch',
    reasonCode: 'env_fingerprint_mismatch',
    event: 'resume_refused',
  },
  cancel: {
    from: NOT_FINAL,
    to: 'cancelled',
    stopReason: 'cancelled_by_user',
    reasonCode: 'cancelled',
    event: 'cancelled',
  },
  stop: {
    from: NOT_FINAL,
    to: 'emergency_stopped',
    stopReason: 'emergency_stopped',
    reasonCode: 'emergency_stop_preempted',
    event: 'emergency_stop_acknowledged',
  },
  repair: stay(STATUSES, 'same', 'repaired'),
  claim: stay(['running'], 'same', 'lease_acquired'),
  renew: stay(NOT_FINAL, 'same', 'lease_renewed'),
  release: stay(NOT_FINAL, 'same', 'lease_released'),
  'budget wall': overBudget('wall'),
  'budget steps': overBudget('steps'),
  'budget attempts': overBudget('attempts'),
};

function overBudget(name: BudgetName): Transition {
  const reason = `budget_${name}_exceeded`;
  const from = ['running', 'decision_needed'] as const;
  return { from, to: 'blocked', stopReason: reason, reasonCode: reason, event: 'budget_exceeded' };
}

function stay(from: readonly Status[], reasonCode: string, event: JobEventType): Transition {
  return { from, to: 'same', stopReason: 'same', reasonCode, event };
}
