import { sha256Hex } from '../../core/digest.ts';
import { type GaitError, invalidInput } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import validateCheckpoint from '../../schema/generated/runpack_session_checkpoint.js';
import validateEvent from '../../schema/generated/runpack_session_event.js';
import validateHeader from '../../schema/generated/runpack_session_header.js';
import { schemaFault, type Validate } from '../../schema/validator.ts';

export const EVENT_VERDICTS: readonly string[] = ['allow', 'block', 'dry_run', 'require_approval'];

/** What every record of a session carries. */
interface SessionRecord {
  readonly schema_id: string;
  readonly schema_version: string;
  readonly created_at: string;
  readonly producer_version: string;
  readonly session_id: string;
  readonly run_id: string;
}

/** schemas/v1/runpack/session_header.schema.json */
export interface SessionHeader extends SessionRecord {
  readonly started_at: string;
  readonly events: readonly [] | null;
}

/** schemas/v1/runpack/session_event.schema.json */
export interface SessionEvent extends SessionRecord {
  /** From 1, without gaps. */
  readonly sequence: number;
  readonly intent_id?: string;
  readonly tool_name?: string;
  readonly intent_digest?: string;
  readonly policy_digest?: string;
  readonly trace_id?: string;
  readonly trace_path?: string;
  readonly verdict?: string;
  readonly reason_codes?: readonly string[] | null;
  readonly violations?: readonly string[] | null;
}

/** schemas/v1/runpack/session_checkpoint.schema.json */
export interface SessionCheckpoint extends SessionRecord {
  /** From 1. */
  readonly checkpoint_index: number;
  readonly sequence_start: number;
  readonly sequence_end: number;
  readonly runpack_path: string;
  readonly manifest_digest: string;
  readonly prev_checkpoint_digest?: string;
  readonly checkpoint_digest: string;
}

/** A line of a journal. */
export type JournalLine =
  | { readonly record_type: 'header'; readonly header: SessionHeader }
  | { readonly record_type: 'event'; readonly event: SessionEvent }
  | { readonly record_type: 'checkpoint'; readonly checkpoint: SessionCheckpoint };

/** What a journal's lines make. */
export interface SessionState {
  readonly header: SessionHeader;
  /** How many events the journal holds; compaction takes those away that a checkpoint covers. */
  readonly eventCount: number;
  readonly lastSequence: number;
  readonly checkpoints: readonly SessionCheckpoint[];
  /** Events that no checkpoint covers yet. */
  readonly pending: readonly SessionEvent[];
}

const SCHEMAS: Readonly<Record<string, Validate>> = {
  header: validateHeader,
  event: validateEvent,
  checkpoint: validateCheckpoint,
};

/** Why a value is no line of a journal; undefined when it is one. */
export function lineFault(value: JsonObject): string | undefined {
  const type = value['record_type'];
  const validate = typeof type === 'string' && Object.hasOwn(SCHEMAS, type) ? SCHEMAS[type] : undefined;
  if (validate === undefined || typeof type !== 'string') return 'it has no known record_type';
  return schemaFault(validate, value[type]);
}

/** The state after one more line. Answers text, the reason, for a line that cannot follow. Pure. */
export function evolveSession(state: SessionState | undefined, line: JournalLine): SessionState | string {
  if (line.record_type === 'header') {
    if (state !== undefined) return 'there is a second header';
    return { header: line.header, eventCount: 0, lastSequence: 0, checkpoints: [], pending: [] };
  }
  if (state === undefined) return 'it comes before the header';
  if (line.record_type === 'event') {
    return eventFault(state.header, state.lastSequence, line.event) ?? evolveEvents(state, [line.event]);
  }
  const { session_id, run_id } = state.header;
  const { checkpoint } = line;
  if (checkpoint.session_id !== session_id || checkpoint.run_id !== run_id) {
    return `it is of the session ${checkpoint.session_id} and run ${checkpoint.run_id}`;
  }
  return withCheckpoint(state, checkpoint);
}

/** The state after events that follow each other: as many steps in one, for journals of any length. */
export function evolveEvents(state: SessionState, events: readonly SessionEvent[]): SessionState {
  const { eventCount, lastSequence, pending } = state;
  return {
    ...state,
    eventCount: eventCount + events.length,
    lastSequence: lastSequence + events.length,
    pending: [...pending, ...events],
  };
}

/** Why an event cannot be the next after `lastSequence`; undefined when it can. */
export function eventFault(
  { session_id, run_id }: SessionHeader,
  lastSequence: number,
  event: SessionEvent,
): string | undefined {
  if (event.session_id !== session_id || event.run_id !== run_id) {
    return `it is of the session ${event.session_id} and run ${event.run_id}`;
  }
  const expected = lastSequence + 1;
  return event.sequence === expected ? undefined : `it is event ${event.sequence}, where ${expected} is due`;
}

function withCheckpoint(state: SessionState, checkpoint: SessionCheckpoint): SessionState | string {
  const fault = linkFault(state.checkpoints.at(-1), checkpoint);
  if (fault !== undefined) return fault;
  const { sequence_start: start, sequence_end: end } = checkpoint;
  const { pending, lastSequence } = state;
  // Compaction takes all events of a checkpoint away, never some of them.
  if (pending.length > 0 && (pending[0]?.sequence !== start || lastSequence !== end)) {
    return `it covers events ${start} to ${end}, but ${pending[0]?.sequence} to ${lastSequence} stand before it`;
  }
  return {
    ...state,
    lastSequence: end,
    checkpoints: [...state.checkpoints, checkpoint],
    pending: [],
  };
}

/** Why a checkpoint does not follow the one before it; undefined when it does. */
export function linkFault(
  previous: SessionCheckpoint | undefined,
  checkpoint: SessionCheckpoint,
): string | undefined {
  const { checkpoint_index: index, sequence_start: start, sequence_end: end } = checkpoint;
  const due = (previous?.checkpoint_index ?? 0) + 1;
  if (index !== due) return `it is checkpoint ${index}, where ${due} is due`;
  const next = (previous?.sequence_end ?? 0) + 1;
  if (start !== next) return `checkpoint ${index} starts at event ${start}, where ${next} is due`;
  if (end < start) return `checkpoint ${index} ends at event ${end}, before its start`;
  if ((checkpoint.prev_checkpoint_digest ?? '') !== (previous?.checkpoint_digest ?? '')) {
    return `checkpoint ${index} does not name the digest of the one before it`;
  }
  if (checkpoint.checkpoint_digest === checkpointDigestOf(checkpoint)) return undefined;
  return `checkpoint ${index} does not have the digest of what it says`;
}

/** The digest that chains a checkpoint: over its manifest, the digest before it, its index and its span. */
export function checkpointDigestOf(checkpoint: Omit<SessionCheckpoint, 'checkpoint_digest'>): string {
  const { manifest_digest, prev_checkpoint_digest = '', checkpoint_index } = checkpoint;
  const { sequence_start, sequence_end } = checkpoint;
  return sha256Hex(
    [manifest_digest, prev_checkpoint_digest, checkpoint_index, sequence_start, sequence_end].join(':'),
  );
}

export interface SessionIds {
  readonly sessionId: string;
  readonly runId: string;
}

/** The header of a new journal; nothing for a journal that is there already, if it is of the same session and run. */
export function decideStart(
  state: SessionState | undefined,
  { sessionId, runId }: SessionIds,
  producerVersion: string,
  now: string,
): readonly JournalLine[] {
  if (state === undefined) {
    const header: SessionHeader = {
      schema_id: 'gait.runpack.session_journal',
      schema_version: '1.0.0',
      created_at: now,
      producer_version: producerVersion,
      session_id: sessionId,
      run_id: runId,
      started_at: now,
      events: [],
    };
    return [{ record_type: 'header', header }];
  }
  const { session_id, run_id } = state.header;
  if (session_id === sessionId && run_id === runId) return [];
  const message = `the journal is of the session ${session_id} and run ${run_id}`;
  throw invalidInput('session_differs', message, 'Give other ids, or another journal.');
}

/** What an event says, beside what every record carries. */
export type EventFacts = Omit<SessionEvent, keyof SessionRecord | 'sequence'>;

/** One more event. Pure; throws invalid_input for facts that a journal cannot hold. */
export function decideAppend(
  state: SessionState,
  facts: EventFacts,
  producerVersion: string,
  now: string,
): SessionEvent {
  const { session_id, run_id } = state.header;
  const event: SessionEvent = {
    schema_id: 'gait.runpack.session_event',
    schema_version: '1.0.0',
    created_at: now,
    producer_version: producerVersion,
    session_id,
    run_id,
    sequence: state.lastSequence + 1,
    ...facts,
  };
  const fault = schemaFault(validateEvent, event);
  if (fault !== undefined) throw invalidInput('event_invalid', `not an event of a session: ${fault}`);
  return event;
}

/** The lines that a compacted journal keeps: the header, all checkpoints, and the events that none of them covers. */
export function compacted({ header, checkpoints, pending }: SessionState): readonly JournalLine[] {
  return [
    { record_type: 'header', header: { ...header, events: null } },
    ...checkpoints.map((checkpoint) => ({ record_type: 'checkpoint', checkpoint }) as const),
    ...pending.map((event) => ({ record_type: 'event', event }) as const),
  ];
}

/** There is nothing to make a checkpoint of. */
export function nothingPending(): GaitError {
  return invalidInput('no_new_events', 'no events since the last checkpoint', 'Append an event first.');
}
