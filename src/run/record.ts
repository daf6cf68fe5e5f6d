import { DIGEST_PATTERN } from '../core/digest.ts';
import { type GaitError, invalidInput } from '../core/errors.ts';
import { Fields } from '../core/fields.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { assertConform } from './conform.ts';
import { completed, type Digested, digestFor, wrongDigest } from './digests.ts';
import type {
  CapturedRun,
  CaptureMode,
  Envelope,
  EvidenceMode,
  Receipt,
  Result,
  RunDocument,
  RunIntent,
  TimelineItem,
} from './documents.ts';
import { RUN_SCHEMA_VERSION } from './documents.ts';
import {
  type KeptValue,
  redactedEnv,
  redactedReceipts,
  refuseWhole,
  withNotes,
  withoutEmpty,
} from './reference.ts';
import { contextOf, evidenceModeOf, isEmpty, receiptOf, refsOf } from './refs.ts';

/** What says how an input is written. */
const CONTRACT = 'docs/contracts/runpack_v1.md';

/** Ids of runs are names of files and words of ticket footers. */
const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;

/** What a producer leaves out that names none. */
export const UNNAMED_PRODUCER = '0.0.0-dev';

export interface RecordOptions {
  /** Replaces the id of the run in all its documents. */
  readonly runId?: string | undefined;
  readonly captureMode?: CaptureMode | undefined;
  readonly evidenceMode?: EvidenceMode | undefined;
  /** A parsed context envelope, whose records take the place of the input's receipts. */
  readonly contextEnvelope?: Json | undefined;
  /** Receipts may have the redaction mode `raw`. */
  readonly rawContext?: boolean;
  /** Refuses a stated digest that is not of the content beside it, in reference capture too. */
  readonly strict?: boolean;
  /** The time of a run that names none, and the machine of one that names none. */
  readonly now: string;
  readonly machine: JsonObject;
}

export interface Recorded extends CapturedRun {
  readonly warnings: readonly string[];
}

/**
 * A run as it is kept, from what an agent says of it: defaults filled in, digests computed or held against what they
 * are of, raw arguments and results left out in reference mode. Pure. Throws `record_invalid`, `record_ambiguous`,
 * `digest_wrong` and `run_id_invalid`, all invalid_input.
 */
export function recordRun(input: Json, options: RecordOptions): Recorded {
  const top = new Fields(input, '', CONTRACT);
  const recorder = new Recorder(top, options);
  const captured = recorder.captured();
  return { ...captured, warnings: recorder.warnings() };
}

/** Throws `run_id_invalid` for what cannot be the name of a file and a word of a footer. */
export function checkRunId(runId: string): string {
  if (RUN_ID.test(runId)) return runId;
  const hint = 'A run id is 1 to 128 letters, digits, _ and -, and starts with a letter or digit.';
  throw invalidInput('run_id_invalid', `not a run id: ${JSON.stringify(runId.slice(0, 60))}`, hint);
}

class Recorder {
  readonly #options: RecordOptions;
  readonly #top: Fields;
  readonly #seen: Fields[] = [];
  readonly #warnings: string[] = [];
  /** What reference capture kept otherwise than it was said. */
  readonly #notes: string[] = [];
  readonly #base: Pick<Envelope, 'created_at' | 'producer_version' | 'run_id'>;
  readonly #runFields: Fields;
  readonly #mode: CaptureMode;
  readonly #args: Fields;
  readonly #payloads: Fields;

  constructor(top: Fields, options: RecordOptions) {
    this.#top = top;
    this.#options = options;
    this.#runFields = this.#see(top.inside('run'));
    const runId = options.runId ?? this.#runFields.need('run_id');
    this.#runFields.text('run_id');
    this.#base = {
      run_id: checkRunId(runId),
      created_at: this.#runFields.stamp('created_at') ?? options.now,
      producer_version: this.#runFields.text('producer_version') ?? UNNAMED_PRODUCER,
    };
    this.#mode = this.#captureMode();
    const normalization = this.#see(top.inside('normalization'));
    this.#args = normalization.inside('intent_args');
    this.#payloads = normalization.inside('result_payloads');
  }

  captured(): CapturedRun {
    const run = this.#run();
    const fullIntents = this.#top.each('intents').map((fields) => this.#intent(this.#see(fields)));
    const fullResults = this.#top.each('results').map((fields) => this.#result(this.#see(fields)));
    const stripped = this.#mode === 'reference' && [...fullIntents, ...fullResults].some(holdsContent);
    const strip = this.#mode === 'reference';
    const intents = strip ? fullIntents.map(({ args: _, ...intent }) => intent) : fullIntents;
    const results = strip ? fullResults.map(({ result: _, ...result }) => result) : fullResults;
    if (stripped)
      this.#warn('reference capture left out the raw arguments and results, after digesting them');
    if (!strip)
      this.#warn('raw capture keeps arguments and results as they are: treat the runpack as confidential');
    this.#checkIds(intents, results);
    const refs = this.#refs(intents, results);
    assertConform({ run, intents, results, refs });
    for (const note of this.#notes) this.#warn(`reference capture keeps of ${note}`);
    return { captureMode: this.#mode, run: withNotes(run, this.#notes), intents, results, refs };
  }

  warnings(): readonly string[] {
    const ignored = [this.#top, ...this.#seen].flatMap((fields) => fields.ignored());
    if (ignored.length > 0)
      this.#warn(`ignored: ${ignored.slice(0, 10).join(', ')}${ignored.length > 10 ? ' …' : ''}`);
    return this.#warnings;
  }

  #captureMode(): CaptureMode {
    const given = this.#top.text('capture_mode');
    const mode = this.#options.captureMode ?? given ?? 'reference';
    if (mode === 'reference' || mode === 'raw') return mode;
    throw invalid(`capture_mode is ${JSON.stringify(mode)}, neither reference nor raw`);
  }

  #run(): RunDocument {
    const said = withoutEmpty(this.#runFields.object('env') ?? {});
    const timeline =
      this.#runFields.list('timeline') === undefined
        ? null
        : this.#runFields.each('timeline').map((item) => this.#timelineItem(this.#see(item)));
    const kept = { ...this.#options.machine, ...this.#note(redactedEnv(said), said) };
    return { ...this.#envelope(this.#runFields, 'gait.runpack.run'), env: kept, timeline };
  }

  /** In reference capture what is kept, which is told here and in the run; in raw capture what there was. */
  #note<T>({ kept, note }: KeptValue<T>, captured: T): T {
    if (this.#mode === 'raw') return captured;
    if (note !== undefined) this.#notes.push(note);
    return kept;
  }

  #timelineItem(fields: Fields): TimelineItem {
    const ref = fields.text('ref');
    const item = { event: fields.need('event'), ts: fields.time('ts') ?? this.#base.created_at };
    return ref === undefined ? item : { ...item, ref };
  }

  #intent(fields: Fields): RunIntent {
    const intent_id = fields.need('intent_id');
    const args = fields.object('args');
    const normalized = this.#args.object(intent_id);
    const given = fields.text('args_digest');
    const intent = {
      ...this.#envelope(fields, 'gait.runpack.intent'),
      intent_id,
      tool_name: fields.need('tool_name'),
      args_digest: this.#digest(`intent ${intent_id}: args_digest`, given, { own: args, normalized }),
    };
    return args === undefined || isEmpty(args) ? intent : { ...intent, args };
  }

  #result(fields: Fields): Result {
    const intent_id = fields.need('intent_id');
    const result = fields.object('result');
    const normalized = this.#payloads.object(intent_id);
    const given = fields.text('result_digest');
    const what = `result of ${intent_id}: result_digest`;
    const record = {
      ...this.#envelope(fields, 'gait.runpack.result'),
      intent_id,
      status: fields.need('status'),
      result_digest: this.#digest(what, given, { own: result, normalized }),
    };
    return result === undefined || isEmpty(result) ? record : { ...record, result };
  }

  /** In reference capture nothing but the digest is left: one that is stated stays, and is told of. */
  #digest(what: string, given: string | undefined, content: Digested): string {
    const { digest, contentMakes } = digestFor(what, given, content, this.#mode);
    if (contentMakes === undefined) return digest;
    const why = `the content beside it makes ${contentMakes}`;
    if (this.#options.strict === true) throw wrongDigest(what, digest, why);
    this.#warn(`digest_unverified: ${what} is kept as ${digest}, though ${why}`);
    return digest;
  }

  #refs(intents: readonly RunIntent[], results: readonly Result[]): CapturedRun['refs'] {
    const fields = this.#see(this.#top.inside('refs'));
    const mode =
      this.#options.evidenceMode ?? evidenceModeOf(fields.text('context_evidence_mode')) ?? 'best_effort';
    const own = fields.each('receipts').map((receipt) => receiptOf(this.#see(receipt)));
    const setDigest = fields.text('context_set_digest')?.trim().toLowerCase() ?? '';
    fields.count('context_ref_count');
    const envelope = this.#envelope(fields, 'gait.runpack.refs');
    const context = this.#envelopeContext(mode) ?? { receipts: own, setDigest };
    const receipts = context.receipts.map((receipt) => completed(receipt, intents, results));
    this.#checkReceipts(receipts);
    const redacted = redactedReceipts(receipts, context.setDigest !== '');
    const kept = this.#note(redacted, receipts);
    const { strict = false, rawContext = false } = this.#options;
    if (this.#mode === 'reference' && strict && !rawContext) refuseWhole(redacted);
    return refsOf(envelope, { receipts: kept, setDigest: context.setDigest, mode });
  }

  /** The context envelope's records. One that is not sound is only warned about where evidence is not required. */
  #envelopeContext(mode: EvidenceMode): ReturnType<typeof contextOf> | undefined {
    const { contextEnvelope } = this.#options;
    if (contextEnvelope === undefined) return undefined;
    try {
      return contextOf(new Fields(contextEnvelope, 'context', CONTRACT));
    } catch (error) {
      if (mode === 'required' || !(error instanceof Error)) throw error;
      this.#warn(`the context envelope is not used: ${error.message}`);
      return undefined;
    }
  }

  #checkReceipts(receipts: readonly Receipt[]): void {
    const raw = receipts.find(({ redaction_mode }) => redaction_mode.toLowerCase() === 'raw');
    if (raw !== undefined && this.#options.rawContext !== true) {
      const hint = 'Raw context may hold secrets: redact it, or give --unsafe-context-raw.';
      throw invalidInput('context_raw', `receipt ${raw.ref_id} has the redaction mode raw`, hint);
    }
    for (const { ref_id, query_digest, content_digest } of receipts) {
      if (DIGEST_PATTERN.test(query_digest) && DIGEST_PATTERN.test(content_digest)) continue;
      throw invalid(`receipt ${ref_id} needs query_digest and content_digest, 64 hexadecimal digits each`);
    }
  }

  #checkIds(intents: readonly RunIntent[], results: readonly Result[]): void {
    const ids = new Set<string>();
    for (const { intent_id } of intents) {
      if (ids.has(intent_id)) throw invalid(`there is more than one intent ${intent_id}`);
      ids.add(intent_id);
    }
    const answered = new Set<string>();
    for (const { intent_id } of results) {
      if (answered.has(intent_id)) throw invalid(`there is more than one result of intent ${intent_id}`);
      answered.add(intent_id);
      if (!ids.has(intent_id)) this.#warn(`there is a result of ${intent_id}, but no such intent`);
    }
  }

  #envelope(fields: Fields, schemaId: string): Envelope {
    const { run_id, created_at, producer_version } = this.#base;
    const said = fields.text('run_id')?.trim();
    if (said !== undefined && said !== run_id && this.#options.runId === undefined) {
      throw invalid(
        `a document of ${said} stands in the run ${run_id}`,
        'Give --run-id ID to put the same id into all.',
      );
    }
    const [id, version] = [
      fields.text('schema_id') ?? schemaId,
      fields.text('schema_version') ?? RUN_SCHEMA_VERSION,
    ];
    if (id !== schemaId || version !== RUN_SCHEMA_VERSION) {
      throw invalid(`a document of ${id} ${version} stands where a ${schemaId} ${RUN_SCHEMA_VERSION} should`);
    }
    return {
      schema_id: schemaId,
      schema_version: RUN_SCHEMA_VERSION,
      created_at: fields.stamp('created_at') ?? created_at,
      producer_version: fields.text('producer_version') ?? producer_version,
      run_id,
    };
  }

  #see(fields: Fields): Fields {
    this.#seen.push(fields);
    return fields;
  }

  #warn(text: string): void {
    this.#warnings.push(text);
  }
}

function holdsContent(record: RunIntent | Result): boolean {
  return 'args' in record || 'result' in record;
}

function invalid(message: string, hint?: string): GaitError {
  return invalidInput('record_invalid', message, hint);
}
