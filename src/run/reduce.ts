import { invalidInput } from '../core/errors.ts';
import type { CapturedRun, Result, RunIntent } from './documents.ts';
import { tellsOfCapture } from './reference.ts';

/** What makes an intent the one to keep. */
export type Predicate = 'missing_result' | 'non_ok_status';

export const PREDICATES: readonly Predicate[] = ['missing_result', 'non_ok_status'];

/** schemas/v1/run/reduce_report.schema.json */
export interface ReduceReport {
  readonly schema_id: 'gait.runpack.reduce_report';
  readonly schema_version: '1.0.0';
  readonly created_at: string;
  readonly producer_version: string;
  readonly run_id: string;
  readonly reduced_run_id: string;
  readonly predicate: Predicate;
  readonly selected_intent_id: string;
  readonly original_intent_count: number;
  readonly reduced_intent_count: number;
  readonly original_result_count: number;
  readonly reduced_result_count: number;
  readonly original_ref_count: number;
  readonly reduced_ref_count: number;
  readonly still_failing: boolean;
}

export interface Reduced {
  readonly captured: CapturedRun;
  readonly report: ReduceReport;
}

/**
 * The smallest run that still fails as this one does: its first intent that the predicate picks, with what came of it.
 * Pure. Throws `predicate_not_met` when no intent fails so.
 */
export function reduceRun(source: CapturedRun, predicate: Predicate): Reduced {
  const { run, intents, results, refs } = source;
  const selected = intents.find((intent) => fails(intent, results, predicate));
  if (selected === undefined) {
    const what = { missing_result: 'lacks a result', non_ok_status: 'has a status other than ok' }[predicate];
    throw invalidInput(
      'predicate_not_met',
      `no intent of ${run.run_id} ${what}: there is nothing to reduce to`,
    );
  }
  const { intent_id } = selected;
  const run_id = reducedRunId(run.run_id, predicate);
  const kept = results.filter((result) => result.intent_id === intent_id);
  const receipts = (refs.receipts ?? []).filter(({ ref_id }) => ref_id === `trace_${intent_id}`);
  const timeline = run.timeline?.filter((item) => item['ref'] === intent_id || tellsOfCapture(item)) ?? null;
  const { context_ref_count: _count, context_set_digest: _digest, ...context } = refs;
  const captured: CapturedRun = {
    captureMode: source.captureMode,
    run: { ...run, run_id, timeline },
    intents: [{ ...selected, run_id }],
    results: kept.map((result) => ({ ...result, run_id })),
    refs: {
      ...context,
      run_id,
      receipts,
      ...(receipts.length === 0 ? {} : { context_ref_count: receipts.length }),
    },
  };
  return { captured, report: reportOf(source, captured, predicate, intent_id) };
}

function reportOf(
  source: CapturedRun,
  reduced: CapturedRun,
  predicate: Predicate,
  selected: string,
): ReduceReport {
  const { created_at, producer_version, run_id } = source.run;
  const [intent] = reduced.intents;
  return {
    schema_id: 'gait.runpack.reduce_report',
    schema_version: '1.0.0',
    created_at,
    producer_version,
    run_id,
    reduced_run_id: reduced.run.run_id,
    predicate,
    selected_intent_id: selected,
    original_intent_count: source.intents.length,
    reduced_intent_count: reduced.intents.length,
    original_result_count: source.results.length,
    reduced_result_count: reduced.results.length,
    original_ref_count: source.refs.receipts?.length ?? 0,
    reduced_ref_count: reduced.refs.receipts?.length ?? 0,
    still_failing: intent !== undefined && fails(intent, reduced.results, predicate),
  };
}

function fails({ intent_id }: RunIntent, results: readonly Result[], predicate: Predicate): boolean {
  const result = results.find((one) => one.intent_id === intent_id);
  if (predicate === 'missing_result') return result === undefined;
  return result !== undefined && result.status.toLowerCase() !== 'ok';
}

function reducedRunId(runId: string, predicate: Predicate): string {
  const prefixed = runId.startsWith('run_') ? runId : `run_${runId}`;
  return `${prefixed}_reduced_${predicate.replaceAll('_', '')}`;
}
