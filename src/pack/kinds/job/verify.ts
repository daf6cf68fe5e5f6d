import { canonicalize } from '../../../core/canonical.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { Found, Report } from '../../../core/report.ts';
import type { ByteSource } from '../../../files/source.ts';
import { type JobHistory, runtimeState } from '../../../job/read/history.ts';
import { type HeadFinding, HeadWatch, type KnownHead } from '../../../log/known_heads.ts';
import type { Head } from '../../../log/record.ts';
import { LOG_START } from '../../../log/scan.ts';
import { type Members, readDocument, timeFindings } from '../../../schema/documents.ts';
import validateState from '../../../schema/generated/job_state.js';
import validatePayload from '../../../schema/generated/pack_job.js';
import validateLedger from '../../../schema/generated/pack_job_ledger.js';
import type { Validate } from '../../../schema/validator.ts';
import type { Trust } from '../../../signing/trust.ts';
import type { PackManifest } from '../../manifest.ts';
import { MerkleTree } from '../../merkle.ts';
import { ApprovalChecks, type ApprovalSignatures } from './approval_signatures.ts';
import { payloadOf } from './build.ts';
import { Fold, olderEventFindings, promisesLedger, walkChain } from './event_lines.ts';
import { EVENTS_MEMBER, type JobLedger, LEDGER_MEMBER, PAYLOAD_MEMBER, STATE_MEMBER } from './members.ts';

export interface JobPackSource {
  readonly manifest: PackManifest;
  readonly members: Members;
  /** The member of its events. */
  readonly events: ByteSource | undefined;
  readonly trust: Trust | undefined;
  /** Heads that the log must have. */
  readonly known?: readonly KnownHead[] | undefined;
  /** The history is to have its records. */
  readonly keep: boolean;
}

/** What the verification of a job pack found beside its findings. */
export interface VerifiedJob {
  /** Present when the events chain and fold to what the pack says. */
  readonly history?: JobHistory;
  /** Present when the events could be read and approvals of the job are to be signed. */
  readonly approvals?: ApprovalSignatures;
  /** What the log does not have of the heads that are known; present when its events chain. */
  readonly unknown?: readonly Found[];
}

/**
 * Checks what a job pack says: its documents conform and agree, its events chain to the head that the ledger names,
 * and fold to exactly the state beside them, and the signatures of its approvals hold. Pure.
 */
export function verifyJobPayload(source: JobPackSource, report: Report): VerifiedJob {
  const { manifest, trust } = source;
  const documents = readDocuments(source, report);
  if (documents === undefined) return {};
  const { ledger, events } = documents;
  if (ledger !== undefined) {
    report.settle('payload_agreement', agreement(manifest, documents));
    const checks = new ApprovalChecks(trust);
    const watch = new HeadWatch(source.known ?? []);
    const { history, end } = verifyEvents(source, documents, { ledger, checks, watch }, report);
    const approvals = checks.settle(report);
    return {
      ...(history === undefined ? {} : { history }),
      ...(approvals === undefined ? {} : { approvals }),
      ...(end === undefined ? {} : { unknown: watch.findings(end).map(inEvents) }),
    };
  }
  // A pack of an older producer: there is no head to chain to, and its events do not carry the state.
  report.notApplicable('event_chain');
  report.notApplicable('event_fold');
  const older = olderEventFindings(manifest.source_ref, events);
  report.settle('payload_agreement', [...agreement(manifest, documents), ...older]);
  return {};
}

interface Documents {
  readonly payload: JsonObject;
  readonly state: JsonObject;
  readonly events: ByteSource;
  /** Absent in packs of older producers. */
  readonly ledger: JobLedger | undefined;
}

interface Held {
  readonly ledger: JobLedger;
  readonly checks: ApprovalChecks;
  readonly watch: HeadWatch;
}

function inEvents(finding: HeadFinding): Found {
  return { ...finding, member: EVENTS_MEMBER };
}

/** One pass over the events: the chain, the tree, the fold and the approvals. */
function verifyEvents(
  { manifest, keep }: JobPackSource,
  { payload, state, events }: Documents,
  { ledger, checks, watch }: Held,
  report: Report,
): { readonly history?: JobHistory; readonly end?: number } {
  const { size, head, merkle_root } = ledger;
  const tree = new MerkleTree();
  const fold = new Fold(keep, {
    checkpoints: lengthOf(state['checkpoints']),
    approvals: lengthOf(state['approvals']),
  });
  let last: Head = LOG_START;
  const broken = walkChain(manifest.source_ref, events, (record, before) => {
    tree.add(Buffer.from(record.text));
    checks.see(record, before);
    watch.see(record);
    fold.see(record);
    last = record;
  });
  if (broken !== undefined) {
    report.settle('event_chain', [broken]);
    return {};
  }
  const { revision, hash } = last;
  const made = { size: revision, head: { revision, hash }, merkle_root: tree.root() };
  const chained = unlike(LEDGER_MEMBER, 'ledger_differs', made, { size, head, merkle_root });
  report.settle('event_chain', chained);
  const { history, findings } = fold.outcome;
  if (history === undefined) {
    report.settle('event_fold', findings);
    return { end: revision };
  }
  const { environment } = history.job;
  const sound = report.settle('event_fold', [
    ...unlike(STATE_MEMBER, 'state_differs', runtimeState(history.job, history), state),
    ...unlike(PAYLOAD_MEMBER, 'payload_differs', payloadOf(history.job), payload),
    ...unlike(LEDGER_MEMBER, 'ledger_differs', { environment }, { environment: ledger.environment }),
  ]);
  return sound && chained.length === 0 ? { history, end: revision } : { end: revision };
}

function readDocuments({ manifest, members, events }: JobPackSource, report: Report): Documents | undefined {
  const findings: Found[] = [];
  const missing = (name: string): void => {
    findings.push({ code: 'member_missing', message: `a job pack needs ${name}`, member: name });
  };
  const read = (name: string, validate: Validate): JsonObject | undefined => {
    const bytes = members.get(name);
    if (bytes === undefined) {
      missing(name);
      return undefined;
    }
    const { value, finding } = readDocument(name, bytes, validate);
    findings.push(...(finding === undefined ? timeFindings(name, value) : [finding]));
    return value;
  };
  const payload = read(PAYLOAD_MEMBER, validatePayload);
  const state = read(STATE_MEMBER, validateState);
  if (events === undefined) missing(EVENTS_MEMBER);
  const { contents, producer_version } = manifest;
  const needsLedger =
    contents.some(({ path }) => path === LEDGER_MEMBER) ||
    (events !== undefined && promisesLedger(producer_version, events));
  const ledger = needsLedger ? read(LEDGER_MEMBER, validateLedger) : undefined;
  const sound = report.settle('payload_schemas', findings);
  if (!sound || payload === undefined || state === undefined || events === undefined) return undefined;
  return { payload, state, events, ledger: ledger as unknown as JobLedger | undefined };
}

function agreement(manifest: PackManifest, { payload, state, ledger }: Documents): Found[] {
  const findings: Found[] = [];
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

/** A member that must be exactly what the events make of it. Names what in the document differs. */
function unlike(member: string, code: string, expected: object, actual: object): Found[] {
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
