import { isJsonObject, type Json } from '../core/json.ts';
import type { CapturedRun, Result, RunIntent } from './documents.ts';

/** An intent and what came of it. */
export interface RunEntry {
  /** From 1. */
  readonly index: number;
  readonly intent_id: string;
  readonly tool_name: string;
  readonly created_at: string;
  readonly args_digest: string;
  readonly status?: string;
  readonly result_digest?: string;
  readonly verdict?: string;
  readonly reason_codes?: readonly string[];
  readonly violations?: readonly string[];
}

export interface UnmatchedResult {
  readonly intent_id: string;
  readonly status: string;
  readonly result_digest: string;
}

export interface RunInspection {
  readonly entries: readonly RunEntry[];
  /** Results of intents that the run does not have. */
  readonly unmatched_results: readonly UnmatchedResult[];
  readonly warnings: readonly string[];
}

/** What a run tells: its intents in order, each with the first result that it has. Pure. */
export function inspectRun({ intents, results }: Pick<CapturedRun, 'intents' | 'results'>): RunInspection {
  const resultOf = new Map<string, Result>();
  const doubled = new Set<string>();
  for (const result of results) {
    if (resultOf.has(result.intent_id)) doubled.add(result.intent_id);
    else resultOf.set(result.intent_id, result);
  }
  const ids = new Set(intents.map(({ intent_id }) => intent_id));
  const strangers = results.filter(({ intent_id }) => !ids.has(intent_id));
  return {
    entries: intents.map((intent, index) => entryOf(index + 1, intent, resultOf.get(intent.intent_id))),
    unmatched_results: strangers.map(({ intent_id, status, result_digest }) => {
      return { intent_id, status, result_digest };
    }),
    warnings: [...doubled].map((id) => `there is more than one result of ${id}; the first is shown`),
  };
}

function entryOf(index: number, intent: RunIntent, result: Result | undefined): RunEntry {
  const { intent_id, tool_name, created_at, args_digest } = intent;
  const asked = { index, intent_id, tool_name, created_at, args_digest };
  if (result === undefined) return asked;
  const { status, result_digest, result: content } = result;
  const verdict = content?.['verdict'];
  return {
    ...asked,
    status,
    result_digest,
    ...(typeof verdict === 'string' && verdict !== '' ? { verdict } : {}),
    ...listed('reason_codes', content?.['reason_codes']),
    ...listed('violations', content?.['violations']),
  };
}

function listed(name: 'reason_codes' | 'violations', value: Json | undefined): Partial<RunEntry> {
  if (!Array.isArray(value) || isJsonObject(value)) return {};
  const texts = value.filter((item): item is string => typeof item === 'string');
  return texts.length === 0 ? {} : { [name]: texts };
}
