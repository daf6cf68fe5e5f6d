import { GaitError } from '../../../core/errors.ts';
import { inUtc, NEVER } from '../../../core/time.ts';
import { contextEnvelopeOf, privacyModeOf } from '../../../run/context.ts';
import type { RunManifest } from '../../../run/documents.ts';
import type { RunFacts } from '../../../run/verify.ts';
import { PACK_CREATED_AT, PACK_SCHEMA_VERSION } from '../../manifest.ts';

/** The members of a run pack, in the order in which they stand in it. */
export const ENVELOPE_MEMBER = 'context_envelope.json';
export const RUN_PAYLOAD_MEMBER = 'run_payload.json';
export const SOURCE_MEMBER = 'source/runpack.zip';

/** schemas/v1/pack/run.schema.json */
export interface RunPayload {
  readonly schema_id: 'gait.pack.run';
  readonly schema_version: typeof PACK_SCHEMA_VERSION;
  readonly created_at: string;
  readonly run_id: string;
  readonly capture_mode: string;
  readonly manifest_digest: string;
  readonly intents_count: number;
  readonly results_count: number;
  readonly refs_count: number;
  readonly context_set_digest?: string;
  readonly context_ref_count?: number;
  readonly context_evidence_mode?: string;
  readonly context_privacy_mode?: string;
}

/** What a run pack says of its runpack. Pure. */
export function runPayloadOf(manifest: RunManifest, facts: RunFacts): RunPayload {
  const { run, refs, intents, results } = facts;
  const receipts = refs.receipts?.length ?? 0;
  const { context_evidence_mode: mode } = refs;
  const digest = refs.context_set_digest;
  const privacy = privacyModeOf(refs);
  return {
    schema_id: 'gait.pack.run',
    schema_version: PACK_SCHEMA_VERSION,
    created_at: run.created_at === NEVER ? PACK_CREATED_AT : inUtc(run.created_at),
    run_id: run.run_id,
    capture_mode: manifest.capture_mode,
    manifest_digest: manifest.manifest_digest,
    intents_count: intents,
    results_count: results,
    refs_count: receipts,
    ...(digest === undefined ? {} : { context_set_digest: digest }),
    ...(receipts === 0 ? {} : { context_ref_count: receipts }),
    ...(mode === undefined ? {} : { context_evidence_mode: mode }),
    ...(privacy === undefined ? {} : { context_privacy_mode: privacy }),
  };
}

/** Throws `context_digest_wrong` for a run whose receipts are not of the digest that it declares. */
export function checkContext({ refs }: RunFacts): void {
  const made = contextEnvelopeOf(refs)?.context_set_digest;
  const declared = refs.context_set_digest;
  if (made === undefined || declared === undefined || declared === made) return;
  throw new GaitError({
    code: 'context_digest_wrong',
    category: 'invalid_input',
    message: `the run declares the context ${declared}, its receipts make ${made}`,
    hint: 'Record the run again with the context envelope that its receipts are from.',
    details: { expected: made, actual: declared },
  });
}
