import { contextSetDigest, sortedReceipts } from '../core/context_set.ts';
import { DIGEST_PATTERN } from '../core/digest.ts';
import { type GaitError, invalidInput } from '../core/errors.ts';
import type { Fields } from '../core/fields.ts';
import type { JsonObject } from '../core/json.ts';
import { inUtc } from '../core/time.ts';
import type { EvidenceMode, Receipt, Refs } from './documents.ts';

/** What the retrieval time of a receipt is that names none. */
const UNKNOWN_TIME = '1980-01-01T00:00:00Z';

const IMMUTABILITY: readonly string[] = ['unknown', 'mutable', 'immutable'];

/** A receipt of input, normalised: digests in lower case, its time in UTC. */
export function receiptOf(fields: Fields): Receipt {
  const receipt = {
    ref_id: fields.need('ref_id'),
    source_type: fields.need('source_type'),
    source_locator: fields.need('source_locator'),
    query_digest: lower(fields.text('query_digest')),
    content_digest: lower(fields.text('content_digest')),
    retrieved_at: inUtc(fields.stamp('retrieved_at') ?? UNKNOWN_TIME),
    redaction_mode: fields.need('redaction_mode'),
    immutability: lower(fields.text('immutability')) || 'unknown',
  };
  if (!IMMUTABILITY.includes(receipt.immutability)) {
    throw invalid(
      `receipt ${receipt.ref_id}: immutability is ${receipt.immutability}, not one of ${IMMUTABILITY.join(', ')}`,
    );
  }
  const sla = fields.count('freshness_sla_seconds');
  const label = fields.text('sensitivity_label');
  const params = fields.object('retrieval_params');
  return {
    ...receipt,
    ...(sla === undefined || sla === 0 ? {} : { freshness_sla_seconds: sla }),
    ...(label === undefined ? {} : { sensitivity_label: label }),
    ...(params === undefined || isEmpty(params) ? {} : { retrieval_params: params }),
  };
}

export function evidenceModeOf(text: string | undefined): EvidenceMode | undefined {
  const mode = lower(text);
  if (mode === '') return undefined;
  if (mode === 'best_effort' || mode === 'required') return mode;
  throw invalid(`context_evidence_mode is ${JSON.stringify(text)}, neither best_effort nor required`);
}

/** Refs as they are kept. Throws `record_invalid` for a set digest that is none, or is missing where evidence is required. */
export function refsOf(
  envelope: Pick<Refs, 'schema_id' | 'schema_version' | 'created_at' | 'producer_version' | 'run_id'>,
  context: {
    readonly receipts: readonly Receipt[];
    readonly setDigest: string;
    readonly mode?: EvidenceMode;
  },
): Refs {
  const { receipts, setDigest, mode } = context;
  if (setDigest !== '' && !DIGEST_PATTERN.test(setDigest)) {
    throw invalid(`context_set_digest is not 64 hexadecimal digits: ${setDigest}`);
  }
  if (mode === 'required' && setDigest === '') {
    throw invalid(
      'context evidence is required, but there is no context_set_digest',
      'Give --context-envelope FILE.',
    );
  }
  return {
    ...envelope,
    receipts: sortedReceipts(receipts),
    ...(setDigest === '' ? {} : { context_set_digest: setDigest }),
    ...(mode === undefined ? {} : { context_evidence_mode: mode }),
    ...(receipts.length === 0 ? {} : { context_ref_count: receipts.length }),
  };
}

/** The records and digest of a context envelope. Throws `context_invalid` when its digest is not of its records. */
export function contextOf(fields: Fields): {
  readonly receipts: readonly Receipt[];
  readonly setDigest: string;
} {
  if (fields.text('schema_id') !== 'gait.context.envelope' || fields.text('schema_version') !== '1.0.0') {
    throw invalidInput('context_invalid', 'the context envelope is not a gait.context.envelope 1.0.0');
  }
  const receipts = fields.each('records').map(receiptOf);
  for (const { ref_id, query_digest, content_digest } of receipts) {
    if (DIGEST_PATTERN.test(query_digest) && DIGEST_PATTERN.test(content_digest)) continue;
    throw invalidInput('context_invalid', `context record ${ref_id} lacks a digest`);
  }
  const declared = lower(fields.text('context_set_digest'));
  const setDigest = contextSetDigest(receipts);
  if (declared === '' || declared === setDigest) return { receipts: sortedReceipts(receipts), setDigest };
  const facts = { expected: setDigest, actual: declared };
  const message = `the context envelope has the digest ${declared}, its records make ${setDigest}`;
  throw invalidInput('context_invalid', message, 'Make the envelope anew from its records.', facts);
}

export function isEmpty(object: JsonObject): boolean {
  return Object.keys(object).length === 0;
}

function lower(text: string | undefined): string {
  return text?.trim().toLowerCase() ?? '';
}

function invalid(message: string, hint?: string): GaitError {
  return invalidInput('record_invalid', message, hint);
}
