import { GaitError } from '../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import { epochMs, type Timestamp } from '../../core/time.ts';
import type { StreamModel } from '../../log/fold.ts';
import type { Head } from '../../log/record.ts';
import type { Decided } from '../../log/stream.ts';
import validateEvent from '../../schema/generated/gate_decision_event.js';
import { schemaFault } from '../../schema/validator.ts';
import type { DecisionRecordFile } from '../records/records.ts';
import type { Verdict } from '../verdict.ts';

/** The one stream in which a gate keeps what it decided. */
export const DECISIONS_STREAM = 'decisions';
export const DECISIONS_ID_FIELD = 'ledger_id';

/** A decision, as it is kept: what was asked by its digests, what came of it, and the files that say more. */
export interface DecisionRecord {
  readonly event_id: string;
  readonly verdict: Verdict;
  readonly reason_codes: readonly string[];
  readonly violations: readonly string[];
  readonly profile: string;
  readonly simulated: boolean;
  /** Of the bytes of the request, whatever they are. */
  readonly request_sha256: string;
  readonly trace_id?: string;
  readonly tool_name?: string;
  readonly intent_digest?: string;
  readonly policy_digest?: string;
  readonly matched_rules?: readonly string[];
  readonly evidence?: readonly DecisionRecordFile[];
  /** The end of the stream of what was used up, as the decision knew it. */
  readonly uses?: Head;
}

/**
 * `decided`: a call was judged. `refused`: what was asked could not be judged, so it was blocked. `voided`: what was
 * decided could not be told to the caller, who must not act on it.
 */
type DecisionType = 'decided' | 'refused' | 'voided';

export interface DecisionsState {
  readonly revision: number;
  /** How far the stream of what was used up had come by the decisions so far: it never is shorter. */
  readonly uses?: Head;
  /** The latest time that an entry was made at. */
  readonly latest?: Timestamp;
}

export const decisionsModel: StreamModel<DecisionsState> = {
  idField: DECISIONS_ID_FIELD,
  initial: { revision: 0 },
  evolve(state, event) {
    const fault = schemaFault(validateEvent, event);
    if (fault === undefined && event['revision'] === state.revision + 1) {
      return {
        ...further(state, event['payload'] as unknown as DecisionRecord),
        revision: state.revision + 1,
        latest: laterOf(state.latest, event['created_at'] as Timestamp),
      };
    }
    const message = `not the next event of the decision log: ${fault ?? 'wrong revision'}`;
    throw new GaitError({ code: 'illegal_event', category: 'verification_failed', message });
  },
  snapshot: {
    save: ({ revision, uses, latest = '' }) => ({
      ...{ revision, latest },
      ...(uses === undefined ? {} : { uses: { ...uses } }),
    }),
    load({ revision, uses, latest }, _stream, expected) {
      if (revision !== expected || typeof latest !== 'string' || latest === '') return undefined;
      return { revision: expected, latest, ...(isJsonObject(uses) ? { uses: uses as unknown as Head } : {}) };
    },
  },
};

function laterOf(known: Timestamp | undefined, next: Timestamp): Timestamp {
  return known !== undefined && epochMs(known) > epochMs(next) ? known : next;
}

/** A clock may be so much behind another one that enters decisions into the same log. Milliseconds. */
export const CLOCK_SLACK_MS = 1000;

/** True for a clock by which what was decided already is still to come: what is over would hold again. */
export function isClockBehind({ latest }: DecisionsState, now: Timestamp): boolean {
  return latest !== undefined && epochMs(now) + CLOCK_SLACK_MS < epochMs(latest);
}

/** Decisions of gates that ran at once may come in another order than what they used up. */
function further({ uses }: DecisionsState, record: DecisionRecord): { readonly uses?: Head } {
  const known = [uses, record.uses].filter((head) => head !== undefined);
  const [head] = known.sort((a, b) => b.revision - a.revision);
  return head === undefined ? {} : { uses: head };
}

/** Enters a decision. Pure. */
export function decideEntry(
  { revision }: DecisionsState,
  type: Exclude<DecisionType, 'voided'>,
  record: DecisionRecord,
  now: Timestamp,
): Decided {
  return { events: [entry(revision, type, record as unknown as JsonObject, now)] };
}

/** Enters that a decision did not reach its caller. Pure. */
export function decideVoid(
  { revision }: DecisionsState,
  eventId: string,
  reason: string,
  now: Timestamp,
): Decided {
  return { events: [entry(revision, 'voided', { event_id: eventId, reason }, now)] };
}

function entry(revision: number, type: DecisionType, payload: JsonObject, now: Timestamp): JsonObject {
  return {
    schema_id: 'gait.gate.decision_event',
    schema_version: '1.0.0',
    [DECISIONS_ID_FIELD]: DECISIONS_STREAM,
    revision: revision + 1,
    created_at: now,
    type,
    payload,
  };
}
