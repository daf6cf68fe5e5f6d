import { canonicalize, parseCanonical } from '../core/canonical.ts';
import { GaitError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import { HistoryCollector, type JobHistory, runtimeState } from '../job/history.ts';
import { jobModel } from '../job/model.ts';
import type { Job } from '../job/state.ts';
import { chainHash, GENESIS_HASH, placementFault, type StoredEvent } from '../log/record.ts';
import validateState from '../schema/generated/job_state.js';
import validatePayload from '../schema/generated/pack_job.js';
import validateLedger from '../schema/generated/pack_job_ledger.js';
import { schemaFault, type Validate } from '../schema/validator.ts';
import { ledgerOf, payloadOf } from './build.ts';
import { EVENTS_MEMBER, type JobLedger, LEDGER_MEMBER, PAYLOAD_MEMBER, STATE_MEMBER } from './job_members.ts';
import type { PackManifest } from './manifest.ts';
import type { Finding, Report } from './report.ts';

export type JobFinding = Omit<Finding, 'layer'>;

/** The members of a pack by name; all of them have the digest that the manifest declares. */
export type Members = ReadonlyMap<string, Buffer>;

/**
 * Checks what a job pack says: its documents conform and agree, its events chain to the head that the ledger names,
 * and fold to exactly the state beside them. Pure. Answers the history when all of that holds.
 */
export function verifyJobPayload(
  manifest: PackManifest,
  members: Members,
  report: Report,
): JobHistory | undefined {
  const documents = readDocuments(manifest, members, report);
  if (documents === undefined) return undefined;
  const { payload, state, ledger } = documents;
  const events = members.get(EVENTS_MEMBER) ?? Buffer.alloc(0);
  if (ledger === undefined) {
    // A pack of an older producer: there is no head to chain to, and its events do not carry the state.
    report.notApplicable('event_chain');
    report.notApplicable('event_fold');
    report.settle('payload_agreement', agreement(manifest, payload, state));
    return undefined;
  }
  report.settle('payload_agreement', agreement(manifest, payload, state, ledger));
  const chained = readChain(manifest.source_ref, events);
  if (!report.settle('event_chain', chained.findings)) return undefined;
  const folded = foldChain(chained.records);
  const history = folded.history;
  if (history === undefined) {
    report.settle('event_fold', folded.findings);
    return undefined;
  }
  report.settle('event_chain', unlike(LEDGER_MEMBER, 'ledger_differs', ledgerOf(history), ledger));
  report.settle('event_fold', [
    ...unlike(STATE_MEMBER, 'state_differs', runtimeState(history.job, history), state),
    ...unlike(PAYLOAD_MEMBER, 'payload_differs', payloadOf(history.job), payload),
  ]);
  return history;
}

interface Documents {
  readonly payload: JsonObject;
  readonly state: JsonObject;
  readonly ledger: JobLedger | undefined;
}

function readDocuments(manifest: PackManifest, members: Members, report: Report): Documents | undefined {
  const findings: JobFinding[] = [];
  const read = (name: string, validate: Validate): JsonObject | undefined => {
    const bytes = members.get(name);
    if (bytes === undefined) {
      findings.push({ code: 'member_missing', message: `a job pack needs ${name}`, member: name });
      return undefined;
    }
    const { value, finding } = readDocument(name, bytes, validate);
    if (finding !== undefined) findings.push(finding);
    return value;
  };
  const payload = read(PAYLOAD_MEMBER, validatePayload);
  const state = read(STATE_MEMBER, validateState);
  const isOurs = manifest.contents.some(({ path }) => path === LEDGER_MEMBER);
  const ledger = isOurs ? read(LEDGER_MEMBER, validateLedger) : undefined;
  if (!members.has(EVENTS_MEMBER)) {
    findings.push({
      code: 'member_missing',
      message: `a job pack needs ${EVENTS_MEMBER}`,
      member: EVENTS_MEMBER,
    });
  }
  const sound = report.settle('payload_schemas', findings);
  if (!sound || payload === undefined || state === undefined) return undefined;
  return { payload, state, ledger: ledger as unknown as JobLedger | undefined };
}

/** A member that must be one canonical JSON document of a schema. */
export function readDocument(
  name: string,
  bytes: Buffer,
  validate: Validate,
): { value?: JsonObject; finding?: JobFinding } {
  try {
    const value = parseCanonical(bytes);
    const fault = schemaFault(validate, value);
    if (fault === undefined && isJsonObject(value)) return { value };
    return {
      finding: { code: 'schema_mismatch', message: `${name}: ${fault ?? 'not an object'}`, member: name },
    };
  } catch (error) {
    if (!(error instanceof GaitError)) throw error;
    return { finding: { code: error.code, message: `${name}: ${error.message}`, member: name } };
  }
}

function agreement(
  manifest: PackManifest,
  payload: JsonObject,
  state: JsonObject,
  ledger?: JobLedger,
): JobFinding[] {
  const findings: JobFinding[] = [];
  const expect = (member: string, what: string, expected: unknown, actual: unknown): void => {
    if (expected === actual) return;
    const message = `${member}: ${what} is ${String(actual)}, elsewhere in the pack it is ${String(expected)}`;
    const facts = { expected: String(expected), actual: String(actual) };
    findings.push({ code: 'payload_disagrees', message, member, ...facts });
  };
  expect(PAYLOAD_MEMBER, 'job_id', manifest.source_ref, payload['job_id']);
  expect(STATE_MEMBER, 'job_id', manifest.source_ref, state['job_id']);
  if (ledger !== undefined) expect(LEDGER_MEMBER, 'job_id', manifest.source_ref, ledger.job_id);
  for (const key of [
    'status',
    'stop_reason',
    'status_reason_code',
    'environment_fingerprint',
    'created_at',
  ]) {
    expect(PAYLOAD_MEMBER, key, state[key], payload[key]);
  }
  expect(PAYLOAD_MEMBER, 'checkpoint_count', lengthOf(state['checkpoints']), payload['checkpoint_count']);
  expect(PAYLOAD_MEMBER, 'approval_count', lengthOf(state['approvals']), payload['approval_count']);
  return findings;
}

function lengthOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}

/** Rebuilds the log's records from the events' own bytes. */
function readChain(jobId: string, bytes: Buffer): { records: StoredEvent[]; findings: JobFinding[] } {
  const records: StoredEvent[] = [];
  let hash = GENESIS_HASH;
  let start = 0;
  const fail = (code: string, why: string): { records: StoredEvent[]; findings: JobFinding[] } => {
    const revision = records.length + 1;
    const message = `${EVENTS_MEMBER}: event ${revision}, byte ${start}: ${why}`;
    return { records, findings: [{ code, message, member: EVENTS_MEMBER, offset: start, revision }] };
  };
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    const line = bytes.subarray(start, end);
    let event: unknown;
    try {
      event = parseCanonical(line);
    } catch (error) {
      return fail('event_unreadable', error instanceof Error ? error.message : String(error));
    }
    if (!isJsonObject(event)) return fail('event_unreadable', 'not an object');
    const revision = records.length + 1;
    const misplaced = placementFault(event, jobId, jobModel.idField, revision);
    if (misplaced !== undefined) return fail('event_misplaced', misplaced);
    hash = chainHash(hash, line, 0, line.length);
    records.push({ revision, hash, offset: end + 1, event, text: line.toString('utf8') });
    start = end + 1;
  }
  if (start < bytes.length) return fail('event_unreadable', 'the last event has no newline');
  if (records.length === 0) return fail('event_unreadable', 'there are no events');
  return { records, findings: [] };
}

function foldChain(records: readonly StoredEvent[]): { history?: JobHistory; findings: JobFinding[] } {
  const collector = new HistoryCollector();
  let job: Job;
  for (const record of records) {
    try {
      job = jobModel.evolve(job, record.event);
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

/** A member that must be exactly what the events make of it. Names the first member of the document that differs. */
function unlike(member: string, code: string, expected: object, actual: object): JobFinding[] {
  if (canonicalize(expected) === canonicalize(actual)) return [];
  const [should, is] = [expected, actual] as Record<string, unknown>[];
  const keys = [...new Set([...Object.keys(should ?? {}), ...Object.keys(is ?? {})])].sort();
  const differing = keys.filter((key) => print(should?.[key]) !== print(is?.[key]));
  const message = `${member}: ${differing.join(', ')} ${differing.length === 1 ? 'is' : 'are'} not what the events make`;
  return [{ code, message, member }];
}

function print(value: unknown): string {
  return value === undefined ? '' : canonicalize(value);
}
