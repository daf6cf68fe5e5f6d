import { canonicalDigest } from './digest.ts';

/** What orders the records of a context: of each source that was read, one. */
interface ContextRecord {
  readonly ref_id: string;
  readonly source_type: string;
  readonly source_locator: string;
  readonly content_digest: string;
}

/** The order in which records of a context are digested and kept. */
export function sortedReceipts<T extends ContextRecord>(receipts: readonly T[]): T[] {
  const key = ({ ref_id, source_type, source_locator, content_digest }: T): string =>
    [ref_id, source_type, source_locator, content_digest].join('\u0000');
  return [...receipts].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

/** The digest of a set of context records: of their list, in order. */
export function contextSetDigest(receipts: readonly ContextRecord[]): string {
  return canonicalDigest(sortedReceipts(receipts));
}
