import { parseCanonical } from '../../../core/canonical.ts';
import { isJsonObject, type Json, type JsonObject } from '../../../core/json.ts';
import type { PackManifest } from '../../manifest.ts';
import { EVENTS_MEMBER, PAYLOAD_MEMBER, STATE_MEMBER } from './members.ts';

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
