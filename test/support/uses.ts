import assert from 'node:assert/strict';
import { timestamp } from '../../src/core/time.ts';
import {
  type Admission,
  decideAdmission,
  decideRelease,
  decideRevocation,
  NO_USES,
  type UsesState,
  usesModel,
} from '../../src/gate/ledger/consumption.ts';
import type { Limit } from '../../src/gate/ledger/limits.ts';
import type { Decided } from '../../src/log/stream.ts';
import { gaitError } from './refusals.ts';
import { HOUR, MINUTE, NOW } from './tokens.ts';

/** Digests of approvals. */
export const T1: string = '1'.repeat(64);
export const T2: string = '2'.repeat(64);
export const T3: string = '3'.repeat(64);
export const START: number = Date.parse(NOW);

/** The counter of the minute or hour of an instant. */
export function limit(requests: number, window: 'minute' | 'hour' = 'hour', at: number = START): Limit {
  const length = window === 'hour' ? HOUR : MINUTE;
  const start = timestamp(Math.floor(at / length) * length);
  return {
    key: `${window}|tool|${start}|tool.write`,
    kind: 'rate_limit',
    scope: 'tool',
    requests,
    amount: 1,
  };
}

export function call(n: number, tokens: readonly string[] = [], limits: readonly Limit[] = []): Admission {
  return { admission_id: String(n).padStart(24, '0'), tokens, limits };
}

export type Step = (state: UsesState) => Decided;
export function admit(admission: Admission, now: string = NOW): Step {
  return (state) => decideAdmission(state, admission, now);
}

export function release(admission: Admission, now: string = NOW): Step {
  return (state) => decideRelease(state, admission, now);
}

export function revoke(token: string): Step {
  return (state) => decideRevocation(state, { token, reason: 'lost' }, NOW);
}

export function after(state: UsesState, step: Step): UsesState {
  return step(state).events.reduce<UsesState>((folded, event) => usesModel.evolve(folded, event), state);
}

export interface Given {
  readonly state: UsesState;
  /** One event of this type and no refusal; answers the state after it. */
  recorded(step: Step, type: string): UsesState;
  /** No event, and the refusal of an admission. */
  refused(step: Step): void;
  /** No event, and no refusal. */
  nothing(step: Step): void;
}

/** A ledger with these steps behind it. */
export function given(...steps: readonly Step[]): Given {
  const state = steps.reduce(after, NO_USES);
  const decision = (step: Step): Decided => step(state);
  return {
    state,
    recorded: (step: Step, type: string): UsesState => {
      const { events, refusal } = decision(step);
      assert.deepEqual([events.map((event) => event['type']), refusal], [[type], undefined]);
      return after(state, step);
    },
    refused: (step: Step): void => {
      const { events, refusal } = decision(step);
      assert.deepEqual(events, []);
      gaitError('not_admitted', 'policy_blocked')(refusal);
    },
    nothing: (step: Step): void => assert.deepEqual(decision(step), { events: [] }),
  };
}
