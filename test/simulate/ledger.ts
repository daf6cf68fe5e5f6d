import type { Batch } from '../../src/log/record.ts';
import type { AppendOutcome } from '../../src/log/store.ts';
import { Broken } from './broken.ts';

/** One record that a writer was told is on disk. */
export interface Acknowledged {
  readonly jobId: string;
  readonly revision: number;
  readonly hash: string;
}

/** What was sent to the logs, and what the senders were told of it. */
export class Ledger {
  /** Grows when an append begins and ends, and when the power fails: while it stands still, no log changes. */
  version = 0;
  /** Acknowledged since these were last looked at. */
  fresh: Acknowledged[] = [];
  readonly #acknowledged = new Set<string>();
  /** How many appends of a record have an outcome that nobody was told. */
  readonly #doubtful = new Map<string, number>();

  sent(batch: Batch): void {
    this.version += 1;
    this.#doubt(batch, 1);
  }

  /** `unknown`: nobody lives to be told, or the disk hid it. The records stay in doubt. */
  settled(batch: Batch, outcome: AppendOutcome | 'rejected' | 'unknown'): void {
    this.version += 1;
    if (outcome === 'unknown' || (outcome !== 'rejected' && outcome.status === 'unknown')) return;
    this.#doubt(batch, -1);
    if (outcome === 'rejected' || outcome.status === 'conflict') return;
    for (const { revision, hash } of batch.records) {
      if (this.#acknowledged.has(hash)) throw new Broken(`revision ${revision} was acknowledged twice`);
      this.#acknowledged.add(hash);
      this.fresh.push({ jobId: batch.stream, revision, hash });
    }
  }

  /** True for a record that was sent and not refused: only such a one may stand in a log. */
  allows(hash: string): boolean {
    return this.#acknowledged.has(hash) || (this.#doubtful.get(hash) ?? 0) > 0;
  }

  #doubt(batch: Batch, by: 1 | -1): void {
    for (const { hash } of batch.records) this.#doubtful.set(hash, (this.#doubtful.get(hash) ?? 0) + by);
  }
}
