import { epochMs, type Timestamp } from '../../core/time.ts';
import type { BudgetName } from '../events.ts';
import type { JobState } from '../state.ts';
import { TRANSITIONS } from '../transitions.ts';

/** A budget that is used up. Of `wall`, milliseconds. */
export interface Overrun {
  readonly budget: BudgetName;
  readonly limit: number;
  readonly used: number;
}

/** The first of these budgets that is used up. None is for a job that waits for a person already. */
export function overrun(job: JobState, names: readonly BudgetName[], now: Timestamp): Overrun | undefined {
  for (const budget of names) {
    const limit = limitOf(job, budget);
    const used = usedOf(job, budget, now);
    const blocks = TRANSITIONS[`budget ${budget}`].from.includes(job.status);
    if (limit !== undefined && used >= limit && blocks) return { budget, limit, used };
  }
  return undefined;
}

export function limitOf({ budget }: JobState, name: BudgetName): number | undefined {
  return { wall: budget?.max_wall_ms, steps: budget?.max_steps, attempts: budget?.max_attempts }[name];
}

export function usedOf({ usage }: JobState, name: BudgetName, now: Timestamp): number {
  if (name !== 'wall') return usage[name];
  return usage.started_at === null ? 0 : Math.max(0, epochMs(now) - epochMs(usage.started_at));
}
