import { parseCanonical } from '../core/canonical.ts';
import { GaitError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type { Found } from '../core/report.ts';
import { isTimestamp } from '../core/time.ts';
import { HistoryCollector, type JobHistory } from '../job/history.ts';
import { jobModel } from '../job/model.ts';
import type { Job } from '../job/state.ts';
import { evolveAt } from '../log/fold.ts';
import { chainHash, GENESIS_HASH, placementFault, type StoredEvent } from '../log/record.ts';
import { LOG_START } from '../log/scan.ts';
import { EVENTS_MEMBER } from './job_members.ts';

/** One line of the events' member: canonical JSON, an object. */
interface EventLine {
  readonly event: JsonObject;
  readonly bytes: Buffer;
  /** Where it starts in the member. */
  readonly offset: number;
}

/** The lines of the events' member up to the first that is none. */
function readLines(bytes: Buffer): { lines: EventLine[]; finding?: Found } {
  const lines: EventLine[] = [];
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    const line = bytes.subarray(start, end);
    try {
      const event = parseCanonical(line);
      if (!isJsonObject(event))
        return { lines, finding: at(lines.length, start, 'event_unreadable', 'not an object') };
      lines.push({ event, bytes: line, offset: start });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { lines, finding: at(lines.length, start, 'event_unreadable', why) };
    }
    start = end + 1;
  }
  if (start === bytes.length) return { lines };
  return { lines, finding: at(lines.length, start, 'event_unreadable', 'the last event has no newline') };
}

/** Rebuilds the log's records from the events' own bytes. */
export function readChain(jobId: string, bytes: Buffer): { records: StoredEvent[]; findings: Found[] } {
  const { lines, finding } = readLines(bytes);
  const records: StoredEvent[] = [];
  let hash = GENESIS_HASH;
  for (const { event, bytes: line, offset } of lines) {
    const revision = records.length + 1;
    const misplaced = placementFault(event, jobId, jobModel.idField, revision);
    if (misplaced !== undefined)
      return { records, findings: [at(records.length, offset, 'event_misplaced', misplaced)] };
    hash = chainHash(hash, line, 0, line.length);
    records.push({ revision, hash, offset: offset + line.length + 1, event, text: line.toString('utf8') });
  }
  if (finding !== undefined) return { records, findings: [finding] };
  if (records.length > 0) return { records, findings: [] };
  return { records, findings: [at(0, 0, 'event_unreadable', 'there are no events')] };
}

/** The job that records make, or the first of them that could not follow. */
export function foldRecords(records: readonly StoredEvent[]): {
  history?: JobHistory;
  findings: Found[];
} {
  const collector = new HistoryCollector();
  let job: Job;
  for (const [index, record] of records.entries()) {
    try {
      job = evolveAt(jobModel, { state: job, position: records[index - 1] ?? LOG_START }, record.event);
    } catch (error) {
      if (!(error instanceof GaitError)) throw error;
      const { revision } = record;
      const message = `${EVENTS_MEMBER}: event ${revision} is not legal: ${error.message}`;
      return { findings: [{ code: 'event_illegal', message, member: EVENTS_MEMBER, revision }] };
    }
    collector.add(record);
  }
  const position = records.at(-1);
  if (job === undefined || position === undefined) return { findings: [] };
  return { history: { job, position, ...collector }, findings: [] };
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
 * of this job, with no member that PackSpec v1 does not know. There may be none, and revisions may have gaps.
 */
export function olderEventFindings(jobId: string, bytes: Buffer): Found[] {
  const { lines, finding } = readLines(bytes);
  const findings = lines.flatMap(({ event, offset }, index) => {
    const stranger = Object.keys(event).find((key) => !ENVELOPE.has(key));
    if (stranger !== undefined) return [at(index, offset, 'schema_mismatch', `unknown member ${stranger}`)];
    if (event['schema_id'] !== 'gait.job.event' || event['schema_version'] !== '1.0.0') {
      return [at(index, offset, 'schema_mismatch', 'not a gait.job.event 1.0.0')];
    }
    const { created_at, revision, type } = event;
    if (typeof created_at !== 'string' || !isTimestamp(created_at) || typeof type !== 'string') {
      return [at(index, offset, 'schema_mismatch', 'it has no type, or no time')];
    }
    if (typeof revision !== 'number' || !Number.isSafeInteger(revision) || revision < 1) {
      return [at(index, offset, 'schema_mismatch', 'it has no revision')];
    }
    if (event['job_id'] === jobId) return [];
    return [at(index, offset, 'event_misplaced', `an event of ${JSON.stringify(event['job_id'] ?? null)}`)];
  });
  return finding === undefined ? findings : [...findings, finding];
}

/** True for events as gait has written them since it chains them: their packs have a ledger. */
export function promisesLedger(bytes: Buffer): boolean {
  const payload = readLines(bytes.subarray(0, bytes.indexOf(10) + 1)).lines[0]?.event['payload'];
  return isJsonObject(payload) && payload['producer_version'] !== undefined;
}

function at(index: number, offset: number, code: string, why: string): Found {
  const revision = index + 1;
  const message = `${EVENTS_MEMBER}: event ${revision}, byte ${offset}: ${why}`;
  return { code, message, member: EVENTS_MEMBER, offset, revision };
}
