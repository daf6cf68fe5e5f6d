import { contextSetDigest, sortedReceipts } from '../core/context_set.ts';
import type { Receipt, Refs } from './documents.ts';

/** schemas/v1/context/envelope.schema.json */
export interface ContextEnvelope {
  readonly schema_id: 'gait.context.envelope';
  readonly schema_version: '1.0.0';
  readonly created_at: string;
  readonly producer_version: string;
  readonly context_set_id: string;
  readonly context_set_digest: string;
  readonly evidence_mode: string;
  readonly records: readonly Receipt[];
}

/** What a run read of its context, as a document of its own; undefined for a run that read nothing. Pure. */
export function contextEnvelopeOf(refs: Refs): ContextEnvelope | undefined {
  const receipts = refs.receipts ?? [];
  if (receipts.length === 0) return undefined;
  return {
    schema_id: 'gait.context.envelope',
    schema_version: '1.0.0',
    created_at: refs.created_at,
    producer_version: refs.producer_version,
    context_set_id: refs.run_id,
    context_set_digest: contextSetDigest(receipts),
    evidence_mode: refs.context_evidence_mode ?? 'best_effort',
    records: sortedReceipts(receipts),
  };
}

/** The one redaction mode of all receipts, `mixed` when they differ, undefined when there are none. */
export function privacyModeOf({ receipts }: Refs): string | undefined {
  const modes = new Set((receipts ?? []).map(({ redaction_mode }) => redaction_mode || 'unknown'));
  const [first] = modes;
  return modes.size > 1 ? 'mixed' : first;
}
