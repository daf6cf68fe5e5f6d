import { parseCanonical } from '../../../core/canonical.ts';
import { GaitError } from '../../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../../core/json.ts';
import { MAX_EVENT_LINE_BYTES, MAX_FINDINGS } from '../../../core/limits.ts';
import type { Found } from '../../../core/report.ts';
import { isTimestamp } from '../../../core/time.ts';
import { type ByteSource, linesOf } from '../../../files/source.ts';
import { jobModel } from '../../../job/model.ts';
import { HistoryCollector, type JobHistory } from '../../../job/read/history.ts';
import type { Job } from '../../../job/state.ts';
import { evolveAt } from '../../../log/fold.ts';
import {
  chainHash,
  type Head,
  type Position,
  placementFault,
  type StoredEvent,
} from '../../../log/record.ts';
import { LOG_START } from '../../../log/scan.ts';
import { EVENTS_MEMBER, STATE_MEMBER } from './members.ts';

/** One line of the events' member: canonical JSON, an object. */
interface EventLine {
  readonly event: JsonObject;
  readonly bytes: Buffer;
  /** Where it starts in the member. */
  readonly offset: number;
}

/** The lines of the events' member up to the first that is none, which is what it returns. */
function* readLines(source: ByteSource): Generator<EventLine, Found | undefined> {
  let index = 0;
  for (const { bytes, offset, whole } of linesOf(source, MAX_EVENT_LINE_BYTES)) {
    if (!whole) {
      const why =
        bytes.length < MAX_EVENT_LINE_BYTES ? 'the last event has no newline' : 'the line is too long';
      return at(index, offset, 'event_unreadable', why);
    }
    try {
      const event = parseCanonical(bytes);
      if (!isJsonObject(event)) return at(index, offset, 'event_unreadable', 'not an object');
      yield { event, bytes, offset };
    } catch (error) {
      if (!(error instanceof GaitError)) throw error;
      return at(index, offset, 'event_unreadable', error.message);
    }
    index += 1;
  }
  return undefined;
}

/** Sees the records of a job pack, one at a time, each with the head before it. */
export type RecordSight = (record: StoredEvent, before: Head) => void;

/**
 * Rebuilds the log's records from the events' own bytes, and shows each. Answers what breaks the chain; nothing behind
 * that is shown.
 */
export function walkChain(jobId: string, source: ByteSource, see: RecordSight): Found | undefined {
  const lines = readLines(source);
  let before: Head = LOG_START;
  for (let next = lines.next(); ; next = lines.next()) {
    if (next.done === true) {
      const none = before.revision === 0 ? at(0, 0, 'event_unreadable', 'there are no events') : undefined;
      return next.value ?? none;
    }
    const { event, bytes, offset } = next.value;
    const revision = before.revision + 1;
    const misplaced = placementFault(event, jobId, jobModel.idField, revision);
    if (misplaced !== undefined) return at(revision - 1, offset, 'event_misplaced', misplaced);
    const hash = chainHash(before.hash, bytes, 0, bytes.length);
    see({ revision, hash, offset: offset + bytes.length + 1, event, text: bytes.toString('utf8') }, before);
    before = { revision, hash };
  }
}

/** How many checkpoints and approvals the state of a pack has: events that make more of them make another state. */
export interface StateSize {
  readonly checkpoints: number;
  readonly approvals: number;
}

/** Folds records one at a time, up to the first that could not follow, or that makes more than there is to compare with. */
export class Fold {
  readonly #collector: HistoryCollector;
  readonly #size: StateSize;
  #job: Job;
  #position: Position = LOG_START;
  #finding: Found | undefined;

  /** `keep`: the history is to have its records. */
  constructor(keep: boolean, size: StateSize) {
    this.#collector = new HistoryCollector(keep);
    this.#size = size;
  }

  see(record: StoredEvent): void {
    if (this.#finding !== undefined) return;
    try {
      const before = { state: this.#job, position: this.#position };
      this.#job = evolveAt(jobModel, before, record.event);
    } catch (error) {
      if (!(error instanceof GaitError)) throw error;
      const { revision } = record;
      const message = `${EVENTS_MEMBER}: event ${revision} is not legal: ${error.message}`;
      this.#finding = { code: 'event_illegal', message, member: EVENTS_MEMBER, revision };
      return;
    }
    this.#collector.add(record);
    const { revision, hash, offset } = record;
    this.#position = { revision, hash, offset };
    const { checkpoints, approvals } = this.#collector;
    const more = checkpoints.length > this.#size.checkpoints ? 'checkpoints' : 'approvals';
    if (checkpoints.length <= this.#size.checkpoints && approvals.length <= this.#size.approvals) return;
    const message = `${STATE_MEMBER}: ${more} are not what the events make, from event ${revision} on`;
    this.#finding = { code: 'state_differs', message, member: STATE_MEMBER, revision };
  }

  /** The job that they make, or the first of them that could not follow. */
  get outcome(): { readonly history?: JobHistory; readonly findings: readonly Found[] } {
    if (this.#finding !== undefined) return { findings: [this.#finding] };
    if (this.#job === undefined) return { findings: [] };
    const { checkpoints, approvals, records } = this.#collector;
    const history = { job: this.#job, position: this.#position, checkpoints, approvals, records };
    return { history, findings: [] };
  }
}

/** The members that an event of PackSpec v1 may have; readers that exist refuse others. */
const ENVELOPE = new Set([
  'schema_id',
  'schema_version',
  'created_at',
  'job_id',
  'revision',
  'type',
  'actor',
  'reason_code',
  'payload',
]);

/**
 * What is wrong with the events of a producer that chains nothing and keeps no state in them: lines of canonical JSON,
 * of this job, with no member that PackSpec v1 does not know. There may be none, and revisions may have gaps. Stops
 * where there is more to say than anyone reads.
 */
export function olderEventFindings(jobId: string, source: ByteSource): Found[] {
  const findings: Found[] = [];
  const lines = readLines(source);
  for (let index = 0, next = lines.next(); ; index += 1, next = lines.next()) {
    if (next.done === true) return next.value === undefined ? findings : [...findings, next.value];
    const { event, offset } = next.value;
    const fault = olderEventFault(jobId, event);
    if (fault !== undefined) findings.push(at(index, offset, ...fault));
    if (findings.length > MAX_FINDINGS) return findings;
  }
}

function olderEventFault(jobId: string, event: JsonObject): [code: string, why: string] | undefined {
  const stranger = Object.keys(event).find((key) => !ENVELOPE.has(key));
  if (stranger !== undefined) return ['schema_mismatch', `unknown member ${stranger}`];
  if (event['schema_id'] !== 'gait.job.event' || event['schema_version'] !== '1.0.0')
    return ['schema_mismatch', 'not a gait.job.event 1.0.0'];
  const { created_at, revision, type } = event;
  if (typeof created_at !== 'string' || !isTimestamp(created_at) || typeof type !== 'string')
    return ['schema_mismatch', 'it has no type, or no time'];
  if (typeof revision !== 'number' || !Number.isSafeInteger(revision) || revision < 1)
    return ['schema_mismatch', 'it has no revision'];
  if (event['job_id'] === jobId) return undefined;
  return ['event_misplaced', `an event of ${JSON.stringify(event['job_id'] ?? null)}`];
}

/** Versions of the programs that chained no events: their job packs have no ledger. */
export const UNCHAINED: RegExp = /^(?:0\.0\.0|1\.\d+\.\d+)(?:[-+]|$)/;

/**
 * True for a job pack that must have a ledger: of any producer but those that chained nothing, and with events as gait
 * writes them.
 */
export function promisesLedger(producerVersion: string, events: ByteSource): boolean {
  if (!UNCHAINED.test(producerVersion)) return true;
  const first = readLines(events).next();
  if (first.done === true) return false;
  const { payload } = first.value.event;
  return isJsonObject(payload) && payload['producer_version'] !== undefined;
}

function at(index: number, offset: number, code: string, why: string): Found {
  const revision = index + 1;
  const message = `${EVENTS_MEMBER}: event ${revision}, byte ${offset}: ${why}`;
  return { code, message, member: EVENTS_MEMBER, offset, revision };
}
