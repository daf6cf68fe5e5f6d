import { parseCanonical } from '../core/canonical.ts';
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts';
import type { Result, RunIntent, RunManifest, TimelineItem } from '../run/documents.ts';
import { inspectRun, type RunEntry } from '../run/inspect.ts';
import type { GuardManifest } from './kinds/guard/verify.ts';
import { EVENTS_MEMBER, PAYLOAD_MEMBER, STATE_MEMBER } from './kinds/job/members.ts';
import { type RunPayload, runPayloadOf } from './kinds/run/members.ts';
import type { PackManifest } from './manifest.ts';
import type { VerifiedPack } from './verify.ts';

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

/** What an evidence pack tells: its manifest. */
export interface GuardPackInspection {
  readonly pack_id: string;
  readonly pack_type: 'guard';
  readonly source_ref: string;
  readonly legacy_type: 'guard';
  readonly manifest: GuardManifest;
}

export function inspectGuardPack(manifest: GuardManifest): GuardPackInspection {
  const { pack_id, run_id } = manifest;
  return { pack_id, pack_type: 'guard', source_ref: run_id, legacy_type: 'guard', manifest };
}

/** What a job pack of an older producer tells: what its documents say, which nothing but its digests vouches for. */
export interface OlderJobInspection {
  readonly pack_id: string;
  readonly pack_type: 'job';
  readonly source_ref: string;
  readonly manifest: PackManifest;
  readonly job_payload: JsonObject;
  readonly job_lineage: {
    readonly event_count: number;
    readonly last_event_type: string;
    readonly checkpoint_refs: readonly Json[];
    /** What was asked, whether or not it was approved: the two are not tied to each other there. */
    readonly decisions: readonly JsonObject[];
    readonly approvals: readonly JsonObject[];
  };
  readonly timeline: readonly OlderTimelineEntry[];
}

export interface OlderTimelineEntry {
  readonly revision: number;
  readonly created_at: string;
  readonly kind: string;
  readonly actor: string;
  readonly text: string;
}

/** Tells of a verified job pack whose events carry no state. Pure. */
export function inspectOlderJobPack(
  manifest: PackManifest,
  documents: ReadonlyMap<string, Buffer>,
): OlderJobInspection {
  const read = (name: string): JsonObject => {
    const value = parseCanonical(documents.get(name) ?? Buffer.from('{}'));
    return isJsonObject(value) ? value : {};
  };
  const state = read(STATE_MEMBER);
  const lines = (documents.get(EVENTS_MEMBER) ?? Buffer.alloc(0)).toString('utf8').split('\n');
  const events = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as JsonObject);
  const checkpoints = listOf(state['checkpoints']);
  return {
    pack_id: manifest.pack_id,
    pack_type: 'job',
    source_ref: manifest.source_ref,
    manifest,
    job_payload: read(PAYLOAD_MEMBER),
    job_lineage: {
      event_count: events.length,
      last_event_type: text(events.at(-1)?.['type']),
      checkpoint_refs: checkpoints.map(({ checkpoint_id = '', type = '', reason_code = '' }) => {
        return { checkpoint_id, type, reason_code };
      }),
      decisions: checkpoints
        .filter(({ type }) => type === 'decision-needed')
        .map(({ checkpoint_id = '', required_action = '', created_at = '' }) => {
          return { checkpoint_id, required_action, asked_at: created_at };
        }),
      approvals: listOf(state['approvals']).map(({ created_at = '', actor = '', reason = '' }) => {
        return { approved_at: created_at, approved_by: actor, reason };
      }),
    },
    timeline: events.map(({ revision, created_at, type, actor, reason_code }) => {
      const place = { revision: Number(revision), created_at: text(created_at) };
      return { ...place, kind: text(type), actor: text(actor), text: text(reason_code) };
    }),
  };
}

function listOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly JsonObject[]) : [];
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
