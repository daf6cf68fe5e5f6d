import type { Result, RunIntent, RunManifest, TimelineItem } from '../../../run/documents.ts';
import { inspectRun, type RunEntry } from '../../../run/inspect.ts';
import type { PackManifest } from '../../manifest.ts';
import type { VerifiedPack } from '../../verified.ts';
import { type RunPayload, runPayloadOf } from './members.ts';

/** What a run pack tells: the run's intents with what came of them, its timeline and what it read. */
export interface RunPackInspection {
  readonly pack_id: string;
  readonly pack_type: 'run';
  readonly source_ref: string;
  readonly legacy_type?: 'runpack';
  readonly manifest: PackManifest | RunManifest;
  readonly run_payload: RunPayload;
  readonly run_lineage: {
    readonly timeline_events: number;
    readonly receipt_count: number;
    readonly intent_results: readonly {
      readonly intent_id: string;
      readonly tool_name?: string;
      readonly status?: string;
    }[];
  };
  readonly timeline: readonly TimelineItem[];
  readonly entries: readonly RunEntry[];
}

/** What a verified run pack, or a runpack by itself, tells. Pure. */
export function inspectRunPack(
  { manifest, verification, run }: VerifiedPack,
  records: { readonly intents: readonly RunIntent[]; readonly results: readonly Result[] },
): RunPackInspection | undefined {
  if (run === undefined) return undefined;
  const { entries, unmatched_results } = inspectRun(records);
  const matched = entries.map(({ intent_id, tool_name, status }) => {
    return { intent_id, tool_name, ...(status === undefined ? {} : { status }) };
  });
  const strangers = unmatched_results.map(({ intent_id, status }) => ({ intent_id, status }));
  const timeline = run.facts.run.timeline ?? [];
  return {
    pack_id: verification.pack_id,
    pack_type: 'run',
    source_ref: verification.source_ref,
    ...(verification.legacy_type === 'runpack' ? { legacy_type: 'runpack' } : {}),
    manifest: manifest ?? run.manifest,
    run_payload: runPayloadOf(run.manifest, run.facts),
    run_lineage: {
      timeline_events: timeline.length,
      receipt_count: run.facts.refs.receipts?.length ?? 0,
      intent_results: [...matched, ...strangers].sort((a, b) => (a.intent_id < b.intent_id ? -1 : 1)),
    },
    timeline,
    entries,
  };
}
