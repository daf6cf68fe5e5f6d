import type { Timestamp } from '../../../core/time.ts';
import type { ApprovalPolicy } from '../../../job/approval_policy.ts';
import type { JobEvent } from '../../../job/events.ts';
import type { Difference } from '../../../job/fingerprint.ts';
import { eventText } from '../../../job/read/describe.ts';
import { eventOf, type JobHistory } from '../../../job/read/history.ts';
import type { Approval } from '../../../job/state.ts';
import type { Head } from '../../../log/record.ts';
import type { PackManifest } from '../../manifest.ts';
import { payloadOf } from './build.ts';
import type { JobPayload } from './members.ts';

/** One line of what happened. */
export interface TimelineEntry {
  readonly revision: number;
  readonly created_at: Timestamp;
  readonly kind: string;
  readonly actor: string;
  readonly text: string;
  readonly checkpoint_id?: string;
}

/** A decision that was asked for, and, once it was approved, by whom, when and why. */
export interface DecisionLineage {
  readonly checkpoint_id: string;
  readonly required_action: string;
  readonly asked_at: Timestamp;
  readonly approved_at?: Timestamp;
  readonly approved_by?: string;
  readonly reason?: string;
  /** Of a job whose approvals are signed: each of them, in order. */
  readonly approvals?: readonly SignedApprovalLineage[];
}

export interface SignedApprovalLineage {
  readonly approved_at: Timestamp;
  readonly approved_by: string;
  readonly reason: string;
  readonly key_id: string;
  /** It counted until then, or for good if the job was resumed before. */
  readonly expires_at: Timestamp;
}

export interface JobInspection {
  readonly pack_id: string;
  readonly pack_type: 'job';
  readonly source_ref: string;
  readonly manifest: PackManifest;
  readonly job_payload: JobPayload;
  readonly job_lineage: {
    readonly event_count: number;
    readonly last_event_type: string;
    readonly head: Head;
    readonly checkpoint_refs: readonly {
      readonly checkpoint_id: string;
      readonly type: string;
      readonly reason_code: string;
    }[];
    readonly decisions: readonly DecisionLineage[];
    /** Whose signatures the decisions needed; absent where none were asked for. */
    readonly approval_policy?: ApprovalPolicy;
    readonly refusals: readonly {
      readonly revision: number;
      readonly created_at: Timestamp;
      readonly actor: string;
      readonly differences: readonly Difference[];
    }[];
  };
  readonly timeline: readonly TimelineEntry[];
}

/** What a verified job pack tells: its checkpoints, decisions, who approved them and when, refusals, in order. Pure. */
export function inspectJobPack(manifest: PackManifest, history: JobHistory): JobInspection {
  const events = history.records.map(eventOf);
  const { revision, hash } = history.position;
  const { approval_policy } = history.job;
  return {
    pack_id: manifest.pack_id,
    pack_type: 'job',
    source_ref: manifest.source_ref,
    manifest,
    job_payload: payloadOf(history.job),
    job_lineage: {
      event_count: events.length,
      last_event_type: events.at(-1)?.type ?? '',
      head: { revision, hash },
      checkpoint_refs: history.checkpoints.map(({ checkpoint_id, type, reason_code }) => {
        return { checkpoint_id, type, reason_code };
      }),
      decisions: decisionsOf(history),
      ...(approval_policy === undefined ? {} : { approval_policy }),
      refusals: events.flatMap((event) => {
        if (event.type !== 'resume_refused') return [];
        const { created_at, actor, payload } = event;
        return [{ revision: event.revision, created_at, actor, differences: payload.differences }];
      }),
    },
    timeline: events.map(timelineEntry),
  };
}

function decisionsOf({ job, checkpoints, approvals }: JobHistory): DecisionLineage[] {
  const open = new Set(job.open_decisions.map(({ checkpoint_id }) => checkpoint_id));
  const approvalOf = new Map(approvals.map((approval) => [approval.checkpoint_id, approval]));
  return checkpoints
    .filter(({ type }) => type === 'decision-needed')
    .map(({ checkpoint_id, required_action = '', created_at: asked_at }) => {
      const signed = approvals.flatMap((approval) => signedLineage(approval, checkpoint_id));
      const asked = {
        checkpoint_id,
        required_action,
        asked_at,
        ...(signed.length > 0 ? { approvals: signed } : {}),
      };
      const approval = approvalOf.get(checkpoint_id);
      if (approval === undefined || open.has(checkpoint_id)) return asked;
      const { created_at: approved_at, actor: approved_by, reason } = approval;
      return { ...asked, approved_at, approved_by, reason };
    });
}

function signedLineage(approval: Approval, checkpointId: string): SignedApprovalLineage[] {
  const { checkpoint_id, created_at: approved_at, actor: approved_by, reason, key_id, expires_at } = approval;
  if (checkpoint_id !== checkpointId || key_id === undefined || expires_at === undefined) return [];
  return [{ approved_at, approved_by, reason, key_id, expires_at }];
}

function timelineEntry(event: JobEvent): TimelineEntry {
  const { revision, created_at, type: kind, actor } = event;
  const checkpoint = 'checkpoint_id' in event.payload ? { checkpoint_id: event.payload.checkpoint_id } : {};
  return { revision, created_at, kind, actor, text: eventText(event), ...checkpoint };
}
