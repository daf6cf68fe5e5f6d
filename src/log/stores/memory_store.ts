import { GaitError } from '../../core/errors.ts';
import { assertStreamId, type Batch, type Position, type StoredEvent, sameHead } from '../record.ts';
import type { AppendOutcome, EventStore, ReadOptions, Snapshot } from '../store.ts';

/** Streams in memory, for tests and for agents that want no files. Nothing outlives the object. */
export class MemoryStore implements EventStore {
  readonly #streams = new Map<string, StoredEvent[]>();
  readonly #snapshots = new Map<string, Snapshot>();

  async append(batch: Batch): Promise<AppendOutcome> {
    const records = this.#streams.get(batch.stream) ?? [];
    const head = records.at(-1);
    if (!sameHead(batch.expected, head ?? 'none')) {
      return {
        status: 'conflict',
        head: head === undefined ? 'none' : { revision: head.revision, hash: head.hash },
      };
    }
    let offset = head?.offset ?? 0;
    for (const { revision, hash, text, line } of batch.records) {
      offset += line.length;
      records.push({ revision, hash, text, event: JSON.parse(text), offset });
    }
    this.#streams.set(batch.stream, records);
    return { status: 'committed', head: { ...batch.head, offset } };
  }

  async *read(stream: string, options: ReadOptions = {}): AsyncGenerator<readonly StoredEvent[]> {
    assertStreamId(stream);
    const records = this.#streams.get(stream) ?? [];
    const from = options.after?.revision ?? 0;
    if (options.after !== undefined && !this.#has(stream, options.after)) {
      const { revision, offset } = options.after;
      throw new GaitError({
        code: 'position_unknown',
        category: 'verification_failed',
        message: `no record of ${stream} ends at byte ${offset} with that hash`,
        details: { stream, revision, offset },
      });
    }
    if (records.length > from) yield records.slice(from);
  }

  async list(): Promise<readonly string[]> {
    return [...this.#streams.keys()].sort();
  }

  async loadSnapshot(stream: string): Promise<Snapshot | undefined> {
    return this.#snapshots.get(stream);
  }

  async saveSnapshot(stream: string, snapshot: Snapshot): Promise<void> {
    if (this.#has(stream, snapshot.position)) this.#snapshots.set(stream, structuredClone(snapshot));
  }

  async close(): Promise<void> {}

  #has(stream: string, { revision, hash, offset }: Position): boolean {
    if (revision === 0) return offset === 0;
    const record = this.#streams.get(stream)?.[revision - 1];
    return record !== undefined && record.hash === hash && record.offset === offset;
  }
}
