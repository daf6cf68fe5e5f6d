import { canonicalDigest, DIGEST_PATTERN } from '../core/digest.ts';
import { type GaitError, invalidInput } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { CaptureMode, Receipt, Result, RunIntent } from './documents.ts';

/** What a digest is of: the content itself, and what an agent made of it to be digested in its place. */
export interface Digested {
  readonly own: JsonObject | undefined;
  readonly normalized: JsonObject | undefined;
}

export interface KeptDigest {
  readonly digest: string;
  /** What the content beside it makes, where that is something else. */
  readonly contentMakes?: string;
}

/**
 * The digest that is kept: the one that is stated, else that of the content. It is always of the normalized content; in
 * raw capture, where the content stays beside it, of that too. Throws `digest_wrong`, or `record_invalid` when there is
 * neither digest nor content.
 */
export function digestFor(
  what: string,
  given: string | undefined,
  { own, normalized }: Digested,
  mode: CaptureMode,
): KeptDigest {
  const stated = given?.trim().toLowerCase();
  if (stated !== undefined && !DIGEST_PATTERN.test(stated)) {
    throw invalidInput('digest_wrong', `${what} is not 64 hexadecimal digits: ${JSON.stringify(given)}`);
  }
  const [ofOwn, ofNormalized] = [own, normalized].map((value) => value && canonicalDigest(value));
  const digest = stated ?? ofNormalized ?? ofOwn;
  if (digest === undefined) {
    throw invalidInput('record_invalid', `${what} is missing, and so is what it would be of`);
  }
  if (ofNormalized !== undefined && ofNormalized !== digest) {
    throw wrongDigest(what, digest, `the normalized content makes ${ofNormalized}`);
  }
  if (ofOwn === undefined || ofOwn === digest) return { digest };
  if (mode === 'raw') throw wrongDigest(what, digest, `the content that is kept beside it makes ${ofOwn}`);
  return normalized === undefined ? { digest, contentMakes: ofOwn } : { digest };
}

/** A digest of something else than what it stands for. */
export function wrongDigest(what: string, digest: string, why: string): GaitError {
  const hint =
    'It is the SHA-256 of the canonical JSON (RFC 8785) of the object; leave it out to have it computed.';
  return invalidInput('digest_wrong', `${what} is ${digest}, ${why}`, hint);
}

/** A receipt of a trace says what the intent and result of the run say; what it leaves out is filled in from them. */
export function completed(
  receipt: Receipt,
  intents: readonly RunIntent[],
  results: readonly Result[],
): Receipt {
  const intentId =
    receipt.source_type === 'gait.trace' ? /^trace_(.+)$/.exec(receipt.ref_id)?.[1] : undefined;
  const intent = intents.find(({ intent_id }) => intent_id === intentId);
  const result = results.find(({ intent_id }) => intent_id === intentId);
  if (intent === undefined || result === undefined) return receipt;
  const { tool_name, args_digest } = intent;
  const query_digest = canonicalDigest({ tool_name, args_digest });
  const content_digest = result.result_digest;
  const pairs = [
    ['query_digest', receipt.query_digest, query_digest],
    ['content_digest', receipt.content_digest, content_digest],
  ] as const;
  for (const [name, said, is] of pairs) {
    if (said === '' || said === is) continue;
    throw invalidInput('digest_wrong', `receipt ${receipt.ref_id}: ${name} is ${said}, the run makes ${is}`);
  }
  return { ...receipt, query_digest, content_digest };
}
