import { deepEqual, equal, ok } from 'node:assert/strict';
import type { ErrorCode } from '../core/error_codes.ts';
import type { JsonObject } from '../core/json.ts';
import type { StreamModel } from './fold.ts';
import type { Decided } from './stream.ts';

/** A decider: what a command makes of a state. */
export type Decider<S, C> = (state: S, command: C) => Decided;

/** What was decided, to be held against what should have been. Each throws AssertionError. */
export interface DeciderOutcome {
  /** Exactly these events, of which only the members that are named are compared; and no refusal. */
  readonly recorded: (...events: readonly JsonObject[]) => void;
  /** No event, and a refusal with this code. */
  readonly refused: (code: ErrorCode) => void;
}

export interface GivenEvents<C> {
  readonly when: (command: C) => DeciderOutcome;
}

/**
 * Given/when/then for a decider and its reducer: `specify(model, decide)(submitted).when(pause).recorded({ type: 'paused' })`.
 * What is decided is folded too: a decider that writes what its reducer refuses fails.
 */
export function specify<S, C>(
  model: StreamModel<S>,
  decide: Decider<S, C>,
): (...events: readonly JsonObject[]) => GivenEvents<C> {
  return (...events) => {
    const state = events.reduce<S>((folded, event) => model.evolve(folded, event), model.initial);
    return {
      when: (command) => {
        const decided = decide(state, command);
        decided.events.reduce<S>((folded, event) => model.evolve(folded, event), state);
        return outcomeOf(decided);
      },
    };
  };
}

function outcomeOf({ events, refusal }: Decided): DeciderOutcome {
  return {
    recorded: (...expected) => {
      equal(refusal, undefined, refusal?.message);
      deepEqual(
        events.map((event, index) => named(event, expected[index] ?? {})),
        expected,
      );
    },
    refused: (code) => {
      deepEqual(events, []);
      ok(refusal !== undefined, `not refused, but should be with ${code}`);
      equal(refusal.code, code);
    },
  };
}

/** The members of an event that an expectation names. */
function named(event: JsonObject, expected: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(event).filter(([name]) => Object.hasOwn(expected, name)));
}
