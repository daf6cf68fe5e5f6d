import { sha256 } from '../core/digest.ts';
import { MAX_RECORD_BYTES, MAX_RECORDS } from '../core/limits.ts';
import type { Found } from '../core/report.ts';
import { isZonedTime } from '../core/time.ts';
import { linesOf } from '../files/source.ts';
import { readDocument, timeFindings } from '../schema/documents.ts';
import validateIntent from '../schema/generated/runpack_intent.js';
import validateResult from '../schema/generated/runpack_result.js';
import type { Validate } from '../schema/validator.ts';
import { type Container, memberSource } from '../zip/reader.ts';
import { type Envelope, INTENTS_MEMBER, RESULTS_MEMBER, type Result, type RunIntent } from './documents.ts';
import { SeenDigests } from './seen_digests.ts';

/** Sees the records of a runpack, one at a time and in order: all intents, then all results. */
export interface RecordVisitor {
  intent?(intent: RunIntent): void;
  result?(result: Result): void;
}

/** A visitor that keeps all that it sees, and what it has kept. */
export function collectRecords(): { intents: RunIntent[]; results: Result[]; visit: RecordVisitor } {
  const intents: RunIntent[] = [];
  const results: Result[] = [];
  const visit: RecordVisitor = {
    intent: (intent) => void intents.push(intent),
    result: (result) => void results.push(result),
  };
  return { intents, results, visit };
}

export interface ReadRecords {
  readonly intents: number;
  readonly results: number;
  /** Lines that are no records. */
  readonly findings: readonly Found[];
  /** Records of another run. */
  readonly strangers: readonly Found[];
}

/** After so many findings in one member, more would not tell more. */
const ENOUGH_FINDINGS = 20;

/** Reads the intents and results of a runpack line by line: canonical JSON, to their schema, of this run. */
export function readRecords(container: Container, runId: string, visit: RecordVisitor = {}): ReadRecords {
  const findings: Found[] = [];
  const strangers: Found[] = [];
  const seen = new SeenIds();
  const read = <R extends Envelope & { readonly intent_id: string }>(
    name: string,
    validate: Validate,
    see: ((record: R) => void) | undefined,
  ): number => {
    const source = memberSource(container, name);
    if (source === undefined) {
      findings.push({ code: 'member_missing', message: `a runpack needs ${name}`, member: name });
      return 0;
    }
    let count = 0;
    const before = findings.length;
    for (const { bytes, offset, whole } of linesOf(source, MAX_RECORD_BYTES)) {
      count += 1;
      if (findings.length - before >= ENOUGH_FINDINGS) break;
      if (count > MAX_RECORDS) {
        const why = `a run has at most ${MAX_RECORDS} of them`;
        findings.push(at(name, count, offset, 'too_many_records', why));
        break;
      }
      if (!whole) {
        findings.push(at(name, count, offset, 'record_unreadable', 'the line has no end, or is too long'));
        continue;
      }
      const { value, finding } = readDocument(name, bytes, validate);
      if (finding !== undefined || value === undefined) {
        const why = (finding?.message ?? 'not an object').replace(`${name}: `, '');
        findings.push(at(name, count, offset, finding?.code ?? 'schema_mismatch', why));
        continue;
      }
      for (const { message } of timeFindings(`${name}: line ${count}`, value, isZonedTime)) {
        findings.push({ code: 'not_a_time', message, member: name, offset });
      }
      const record = value as unknown as R;
      if (record.run_id !== runId && strangers.length < ENOUGH_FINDINGS) {
        strangers.push(at(name, count, offset, 'payload_disagrees', `a record of the run ${record.run_id}`));
      }
      if (seen.isRepeated(name, record)) {
        const code = name === INTENTS_MEMBER ? 'intent_repeated' : 'result_repeated';
        findings.push(at(name, count, offset, code, `there is another of the intent ${record.intent_id}`));
      }
      see?.(record);
    }
    return count;
  };
  const intents = read<RunIntent>(INTENTS_MEMBER, validateIntent, visit.intent?.bind(visit));
  const results = read<Result>(RESULTS_MEMBER, validateResult, visit.result?.bind(visit));
  return { intents, results, findings, strangers };
}

/** The ids of intents that were seen, and of their results: each stands there once. */
class SeenIds {
  readonly #members = new Map<string, SeenDigests>();

  isRepeated(member: string, { intent_id }: { readonly intent_id: string }): boolean {
    const seen = this.#members.get(member) ?? new SeenDigests();
    this.#members.set(member, seen);
    return !seen.add(sha256(Buffer.from(intent_id)));
  }
}

function at(member: string, line: number, offset: number, code: string, why: string): Found {
  return { code, message: `${member}: line ${line}, byte ${offset}: ${why}`, member, offset };
}
