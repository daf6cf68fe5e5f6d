import type { JsonObject } from '../../core/json.ts';

/** A file beside a decision. */
export interface DecisionRecordFile {
  readonly type: 'approval_audit' | 'delegation_audit' | 'credential';
  readonly path: string;
  readonly sha256: string;
}

export type RecordKind = DecisionRecordFile['type'] | 'trace';

/** Where a gate puts the files that a decision leaves. */
export interface RecordSink {
  /** Keeps a record under a name of its kind, never over another, and answers what it is called and its digest. */
  keep(kind: RecordKind, document: JsonObject, ids: DecisionIds): Promise<Kept>;
}

export interface Kept {
  readonly path: string;
  readonly sha256: string;
}

export interface DecisionIds {
  readonly traceId: string;
  readonly eventId: string;
}
