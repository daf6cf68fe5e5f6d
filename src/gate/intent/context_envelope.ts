import { contextSetDigest } from '../../core/context_set.ts';
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts';
import { wordList } from '../../core/text.ts';
import { epochMs, inUtc, isZonedTime, type Timestamp } from '../../core/time.ts';
import validateEnvelope from '../../schema/generated/context_envelope.js';
import { schemaFault } from '../../schema/validator.ts';
import { CLOCK_SKEW_MS } from '../tokens/token.ts';
import type { Intent, IntentRequest, ProvenContext } from './intent.ts';

/** Why an envelope that was given speaks against the call. */
export type ContextFault = 'context_envelope_invalid' | 'context_envelope_mismatch';

/** What an envelope proves: nothing, if none is given, or one of no records. */
export interface ContextProof {
  readonly proven?: ProvenContext;
  readonly fault?: ContextFault;
}

/** schemas/v1/context/envelope.schema.json */
interface Envelope {
  readonly context_set_digest: string;
  readonly evidence_mode: ProvenContext['mode'];
  readonly records: readonly EnvelopeRecord[];
}

interface EnvelopeRecord {
  readonly ref_id: string;
  readonly source_type: string;
  readonly source_locator: string;
  readonly query_digest: string;
  readonly content_digest: string;
  readonly retrieved_at: string;
  readonly retrieval_params?: JsonObject;
  readonly freshness_sla_seconds?: number;
}

/**
 * What the envelope that is given for a call proves of its context: it is to its schema, its digest is of its records,
 * and the call claims no other digest, mode or references. Pure.
 */
export function proveContext(envelope: Json | undefined, { context }: Intent, now: Timestamp): ContextProof {
  if (envelope === undefined) return {};
  const sound = soundEnvelope(envelope);
  if (sound === undefined) return { fault: 'context_envelope_invalid' };
  const { records, evidence_mode: mode } = sound;
  const set_digest = sound.context_set_digest.toLowerCase();
  const refs = wordList(records.map(({ ref_id }) => ref_id));
  const { context_set_digest: digest, context_evidence_mode: claimedMode, context_refs: claimed } = context;
  const same =
    (digest === undefined || digest === set_digest) &&
    (claimedMode === undefined || claimedMode === mode) &&
    (claimed === undefined || isSameList(claimed, refs));
  if (!same) return { fault: 'context_envelope_mismatch' };
  if (records.length === 0) return {};
  const age_seconds = ageOf(records, now);
  return { proven: { set_digest, mode, refs, ...(age_seconds === undefined ? {} : { age_seconds }) } };
}

/** The request as it is judged: of its context nothing counts but what is proven. */
export function withContext(
  { proven_context: _, ...request }: IntentRequest,
  { proven }: ContextProof,
): IntentRequest {
  return proven === undefined ? request : { ...request, proven_context: proven };
}

function soundEnvelope(value: Json): Envelope | undefined {
  if (!isJsonObject(value) || schemaFault(validateEnvelope, value) !== undefined) return undefined;
  const envelope = value as unknown as Envelope;
  const times = [value['created_at'], ...envelope.records.map(({ retrieved_at }) => retrieved_at)];
  if (!times.every((time) => typeof time === 'string' && isZonedTime(time))) return undefined;
  const digest = contextSetDigest(envelope.records.map(normalized));
  return envelope.context_set_digest.toLowerCase() === digest ? envelope : undefined;
}

/** A record as it is digested, by `run record` too: digests in lower case, its time in UTC, nothing that says nothing. */
function normalized({ retrieval_params, freshness_sla_seconds, ...record }: EnvelopeRecord): EnvelopeRecord {
  const empty = retrieval_params === undefined || Object.keys(retrieval_params).length === 0;
  return {
    ...record,
    query_digest: record.query_digest.toLowerCase(),
    content_digest: record.content_digest.toLowerCase(),
    retrieved_at: inUtc(record.retrieved_at),
    ...(freshness_sla_seconds ? { freshness_sla_seconds } : {}),
    ...(empty ? {} : { retrieval_params }),
  };
}

/** How long ago the oldest was read, in whole seconds; undefined if one was read in the future: its time is not known. */
function ageOf(records: readonly EnvelopeRecord[], now: Timestamp): number | undefined {
  const ages = records.map(({ retrieved_at }) => epochMs(now) - epochMs(inUtc(retrieved_at)));
  if (ages.some((age) => age < -CLOCK_SKEW_MS)) return undefined;
  return Math.max(0, ...ages.map((age) => Math.floor(age / 1000)));
}

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((item, i) => item === other[i]);
}
