import { sortedReceipts } from '../core/context_set.ts';
import { canonicalDigest } from '../core/digest.ts';
import type { Json } from '../core/json.ts';
import type { CapturedRun, Receipt, Refs, Result, RunDocument, RunIntent, RunManifest } from './documents.ts';
import { isBondEntry } from './session/checkpoint_bond.ts';

/** `metadata` compares without arguments, results and the content of receipts. */
export type Privacy = 'full' | 'metadata';

/** How two sets of receipts differ: not at all, only in when they were read, or in what was read. */
export type ContextDrift = 'none' | 'runtime_only' | 'semantic';

/** What differs between two runs; ids, times and versions of producers are no difference. */
export interface RunDiff {
  readonly run_id_left: string;
  readonly run_id_right: string;
  readonly manifest_changed: boolean;
  readonly files_changed?: readonly string[];
  readonly intents_changed: boolean;
  readonly results_changed: boolean;
  readonly refs_changed: boolean;
  /** Each is there only if it is true. */
  readonly environment_changed?: boolean;
  readonly timeline_changed?: boolean;
  /** The intents that both have stand in another order. */
  readonly order_changed?: boolean;
  readonly changed_intents?: readonly string[];
  readonly changed_results?: readonly string[];
  readonly left_only_intents?: readonly string[];
  readonly right_only_intents?: readonly string[];
  readonly left_only_results?: readonly string[];
  readonly right_only_results?: readonly string[];
  readonly context_drift_classification: ContextDrift;
  readonly context_runtime_only_changes?: boolean;
}

export interface DiffSide extends Pick<CapturedRun, 'run' | 'intents' | 'results' | 'refs'> {
  readonly manifest: RunManifest;
}

/** Compares two runs record by record, by intent id. Pure, symmetric but for left and right, empty on itself. */
export function diffRuns(left: DiffSide, right: DiffSide, privacy: Privacy): RunDiff {
  const intents = compare(left.intents, right.intents, privacy);
  const results = compare(left.results, right.results, privacy);
  const files = symmetricDifference(pathsOf(left), pathsOf(right));
  const full = privacy === 'full';
  const drift = full ? contextDrift(left.refs, right.refs) : 'none';
  return {
    run_id_left: left.manifest.run_id,
    run_id_right: right.manifest.run_id,
    manifest_changed: left.manifest.capture_mode !== right.manifest.capture_mode || files.length > 0,
    ...named('files_changed', files),
    intents_changed: intents.changed,
    results_changed: results.changed,
    refs_changed: full ? drift !== 'none' : countOf(left.refs) !== countOf(right.refs),
    ...courseDiff(left, right),
    ...named('changed_intents', intents.differing),
    ...named('changed_results', results.differing),
    ...named('left_only_intents', intents.leftOnly),
    ...named('right_only_intents', intents.rightOnly),
    ...named('left_only_results', results.leftOnly),
    ...named('right_only_results', results.rightOnly),
    context_drift_classification: drift,
    ...(drift === 'runtime_only' ? { context_runtime_only_changes: true } : {}),
  };
}

/** True if anything differs. */
export function differs(diff: RunDiff): boolean {
  const { environment_changed = false, timeline_changed = false, order_changed = false } = diff;
  const records = diff.intents_changed || diff.results_changed || diff.refs_changed;
  return diff.manifest_changed || records || environment_changed || timeline_changed || order_changed;
}

type CourseDiff = Pick<RunDiff, 'environment_changed' | 'timeline_changed' | 'order_changed'>;

/** What differs of where a run was, what went on in it, and in which order it asked. */
function courseDiff(left: DiffSide, right: DiffSide): CourseDiff {
  const differ = (l: Json, r: Json): boolean => canonicalDigest(l) !== canonicalDigest(r);
  const environment = differ(left.run.env, right.run.env);
  const timeline = differ(entriesOf(left.run), entriesOf(right.run));
  const order = differ(orderIn(left, right), orderIn(right, left));
  return {
    ...(environment ? { environment_changed: true } : {}),
    ...(timeline ? { timeline_changed: true } : {}),
    ...(order ? { order_changed: true } : {}),
  };
}

/** What went on, without when, and without the session that a checkpoint belongs to. */
function entriesOf({ timeline }: RunDocument): Json {
  const entries = (timeline ?? []).filter((item) => !isBondEntry(item));
  return entries.map(({ ts: _, ...entry }) => entry);
}

/** The ids of the intents that the other run has too, in the order of this one, each once. */
function orderIn(side: DiffSide, other: DiffSide): string[] {
  const theirs = new Set(other.intents.map(({ intent_id }) => intent_id));
  const own = new Set(side.intents.map(({ intent_id }) => intent_id));
  return [...own].filter((id) => theirs.has(id));
}

/** How what two runs read of their context differs. */
export function contextDrift(left: Refs, right: Refs): ContextDrift {
  const [l, r] = [substance(left), substance(right)];
  if (canonicalDigest(l.what) !== canonicalDigest(r.what)) return 'semantic';
  return canonicalDigest(l.when) === canonicalDigest(r.when) ? 'none' : 'runtime_only';
}

/** What was read, and when. The digest of the set is of both, so it is neither. */
function substance(refs: Refs): { what: object; when: readonly string[] } {
  const receipts = sortedReceipts(refs.receipts ?? []);
  const what = receipts.map(({ retrieved_at: _, ...receipt }: Receipt) => receipt);
  const mode = refs.context_evidence_mode ?? 'best_effort';
  return { what: { mode, receipts: what }, when: receipts.map(({ retrieved_at }) => retrieved_at) };
}

interface Comparison {
  readonly changed: boolean;
  /** Ids that both sides have, with other content. */
  readonly differing: readonly string[];
  readonly leftOnly: readonly string[];
  readonly rightOnly: readonly string[];
}

function compare(
  left: readonly (RunIntent | Result)[],
  right: readonly (RunIntent | Result)[],
  privacy: Privacy,
): Comparison {
  const [l, r] = [digestsById(left, privacy), digestsById(right, privacy)];
  const leftOnly = [...l.keys()].filter((id) => !r.has(id)).sort();
  const rightOnly = [...r.keys()].filter((id) => !l.has(id)).sort();
  const differing = [...l].filter(([id, digest]) => r.has(id) && r.get(id) !== digest).map(([id]) => id);
  const changed = leftOnly.length + rightOnly.length + differing.length > 0;
  return { changed, differing: differing.sort(), leftOnly, rightOnly };
}

/** One id may have several records: all of them count. */
function digestsById(records: readonly (RunIntent | Result)[], privacy: Privacy): Map<string, string> {
  const byId = new Map<string, string>();
  for (const record of records) {
    const digest = canonicalDigest(comparable(record, privacy));
    byId.set(record.intent_id, `${byId.get(record.intent_id) ?? ''}${digest}`);
  }
  return byId;
}

function comparable(record: RunIntent | Result, privacy: Privacy): object {
  const { run_id: _id, producer_version: _version, created_at: _time, ...content } = record;
  if (privacy === 'full') return content;
  const { args: _args, result: _result, ...metadata } = content as Partial<RunIntent & Result>;
  return metadata;
}

function pathsOf({ manifest }: DiffSide): ReadonlySet<string> {
  return new Set((manifest.files ?? []).map(({ path }) => path));
}

function symmetricDifference(left: ReadonlySet<string>, right: ReadonlySet<string>): string[] {
  return [...new Set([...left, ...right])].filter((path) => !left.has(path) || !right.has(path)).sort();
}

function countOf(refs: Refs): number {
  return refs.receipts?.length ?? 0;
}

function named<K extends string>(
  key: K,
  list: readonly string[],
): { readonly [key in K]?: readonly string[] } {
  return (list.length === 0 ? {} : { [key]: list }) as { readonly [key in K]?: readonly string[] };
}
