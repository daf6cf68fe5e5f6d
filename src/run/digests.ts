import { canonicalDigest, DIGEST_PATTERN } from '../core/digest.ts';
import { invalidInput } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { Intent, Receipt, Result } from './documents.ts';

/** The digest of what is there; what was given must be it. Throws `digest_wrong`, or `record_invalid` when there is neither. */
export function digestFor(
  what: string,
  given: string | undefined,
  values: readonly (JsonObject | undefined)[],
): string {
  const stated = given?.trim().toLowerCase();
  const digests = values.flatMap((value) => (value === undefined ? [] : [canonicalDigest(value)]));
  if (stated !== undefined && !DIGEST_PATTERN.test(stated)) {
    throw invalidInput('digest_wrong', `${what} is not 64 hexadecimal digits: ${JSON.stringify(given)}`);
  }
  for (const actual of digests) {
    if (stated === undefined || stated === actual) continue;
    const hint =
      'It is the SHA-256 of the canonical JSON (RFC 8785) of the object; leave it out to have it computed.';
    throw invalidInput('digest_wrong', `${what} is ${stated}, the content makes ${actual}`, hint);
  }
  const digest = stated ?? digests[0];
  if (digest !== undefined) return digest;
  throw invalidInput('record_invalid', `${what} is missing, and so is what it would be of`);
}

/** A receipt of a trace says what the intent and result of the run say; what it leaves out is filled in from them. */
export function completed(receipt: Receipt, intents: readonly Intent[], results: readonly Result[]): Receipt {
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
