import assert from 'node:assert/strict';
import { GaitError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import {
  type Batch,
  chainHash,
  type Expected,
  GENESIS_HASH,
  MAX_BATCH_EVENTS,
  type Position,
  type StoredEvent,
  seal,
} from './record.ts';
import type { AppendOutcome, EventStore } from './store.ts';

/** What the suite needs of a store under test. Its events name their stream in `stream_id`. */
export interface ConformanceSubject {
  /** A store that is empty. */
  open(): Promise<EventStore>;
  /** Another store over the same streams as `store`, as a second process has; absent where there is no such thing. */
  again?(store: EventStore): Promise<EventStore>;
  dispose?(): Promise<void>;
}

export interface ConformanceCase {
  readonly name: string;
  run(subject: ConformanceSubject): Promise<void>;
}

export const CONFORMANCE_ID_FIELD = 'stream_id';

/** `count` events for a stream, chained to `expected`. `note` tells batches apart. */
export function sampleBatch(stream: string, expected: Expected, count = 1, note = 'x'): Batch {
  const start = expected === 'none' ? 0 : expected.revision;
  const events = Array.from({ length: count }, (_, i): JsonObject => {
    return { [CONFORMANCE_ID_FIELD]: stream, revision: start + i + 1, note, text: 'žluťoučký 🐎' };
  });
  return seal(stream, CONFORMANCE_ID_FIELD, expected, events);
}

export async function readAll(store: EventStore, stream: string, after?: Position): Promise<StoredEvent[]> {
  const all: StoredEvent[] = [];
  for await (const records of store.read(stream, after === undefined ? {} : { after })) all.push(...records);
  return all;
}

/** What every event store must do, whatever it stands on. Each case opens a subject of its own. */
export const CONFORMANCE: readonly ConformanceCase[] = [
  {
    name: 'a stream that does not exist has no records and is not listed',
    run: withStore(async (store) => {
      assert.deepEqual(await readAll(store, 'absent'), []);
      assert.deepEqual(await store.list(), []);
      assert.equal(await store.loadSnapshot('absent'), undefined);
    }),
  },
  {
    name: 'what was committed is read back: events, text, revisions and chain',
    run: withStore(async (store) => {
      const batch = sampleBatch('s', 'none', 3);
      const outcome = await store.append(batch);
      const head = committed(outcome);
      assert.deepEqual({ revision: head.revision, hash: head.hash }, batch.head);
      const records = await readAll(store, 's');
      assert.deepEqual(
        records.map(({ event }) => event),
        batch.records.map(({ event }) => event),
      );
      let previous = GENESIS_HASH;
      for (const [i, { revision, hash, text }] of records.entries()) {
        assert.equal(revision, i + 1);
        assert.equal(text, batch.records[i]?.text);
        const bytes = Buffer.from(text);
        assert.equal(hash, chainHash(previous, bytes, 0, bytes.length));
        previous = hash;
      }
      assert.equal(records.at(-1)?.offset, head.offset);
    }),
  },
  {
    name: 'an append on another head than the true one conflicts, names the true one, and writes nothing',
    run: withStore(async (store) => {
      const first = sampleBatch('s', 'none', 2);
      committed(await store.append(first));
      const stale: Expected[] = ['none', { revision: 1, hash: first.records[0]?.hash ?? '' }];
      stale.push({ revision: 2, hash: 'f'.repeat(64) }, { revision: 3, hash: first.head.hash });
      for (const expected of stale) {
        const outcome = await store.append(sampleBatch('s', expected, 1, 'late'));
        assert.deepEqual(outcome, { status: 'conflict', head: first.head });
      }
      assert.equal((await readAll(store, 's')).length, 2);
    }),
  },
  {
    name: 'an append to a stream that does not exist conflicts with none',
    run: withStore(async (store) => {
      const outcome = await store.append(sampleBatch('s', { revision: 1, hash: 'a'.repeat(64) }));
      assert.deepEqual(outcome, { status: 'conflict', head: 'none' });
      assert.deepEqual(await store.list(), []);
    }),
  },
  {
    name: 'of many appends on one head exactly one is committed',
    run: withStore(async (store, again) => {
      const other = await again();
      const racers = Array.from({ length: 20 }, (_, i) => {
        return (i % 2 === 0 ? store : other).append(sampleBatch('s', 'none', 1, `racer ${i}`));
      });
      const outcomes = await Promise.all(racers);
      assert.equal(outcomes.filter(({ status }) => status === 'committed').length, 1);
      assert.equal(outcomes.filter(({ status }) => status === 'conflict').length, 19);
      assert.equal((await readAll(store, 's')).length, 1);
    }),
  },
  {
    name: 'appends sealed one on the other and sent at once are all committed, in order',
    run: withStore(async (store) => {
      const batches: Batch[] = [];
      for (let i = 0; i < 50; i += 1)
        batches.push(sampleBatch('s', batches.at(-1)?.head ?? 'none', 2, `b${i}`));
      const outcomes = await Promise.all(batches.map((batch) => store.append(batch)));
      for (const outcome of outcomes) committed(outcome);
      const notes = (await readAll(store, 's')).map(({ event }) => event['note']);
      assert.deepEqual(
        notes,
        batches.flatMap(({ records }) => records.map(({ event }) => event['note'] as string)),
      );
    }),
  },
  {
    name: 'reading goes on after any record, and refuses a position that is none',
    run: withStore(async (store) => {
      committed(await store.append(sampleBatch('s', 'none', 5)));
      const all = await readAll(store, 's');
      for (const record of all) {
        const { revision, hash, offset } = record;
        const rest = await readAll(store, 's', { revision, hash, offset });
        assert.deepEqual(rest, all.slice(revision));
      }
      const last = all.at(-1);
      assert.ok(last !== undefined);
      const wrong = { revision: last.revision, offset: last.offset, hash: 'b'.repeat(64) };
      await assert.rejects(readAll(store, 's', wrong), hasCode('position_unknown'));
      const beyond = { revision: last.revision, hash: last.hash, offset: last.offset + 1 };
      await assert.rejects(readAll(store, 's', beyond), hasCode('position_unknown'));
    }),
  },
  {
    name: 'streams are apart from each other and listed in order',
    run: withStore(async (store) => {
      for (const stream of ['b', 'a.1', 'a:2', 'Z'])
        committed(await store.append(sampleBatch(stream, 'none')));
      assert.deepEqual(await store.list(), ['Z', 'a.1', 'a:2', 'b']);
      for (const stream of await store.list()) assert.equal((await readAll(store, stream)).length, 1);
    }),
  },
  {
    name: 'another store over the same streams sees what was committed, and conflicts are true for both',
    run: withStore(async (store, again) => {
      const other = await again();
      const first = sampleBatch('s', 'none');
      committed(await store.append(first));
      assert.equal((await readAll(other, 's')).length, 1);
      committed(await other.append(sampleBatch('s', first.head)));
      const outcome = await store.append(sampleBatch('s', first.head, 1, 'late'));
      assert.equal(outcome.status, 'conflict');
    }),
  },
  {
    name: 'a snapshot is kept and answered, and one that belongs to no record of the stream is not',
    run: withStore(async (store) => {
      const head = committed(await store.append(sampleBatch('s', 'none', 3)));
      await store.saveSnapshot('s', { position: head, state: { count: 3 } });
      assert.deepEqual(await store.loadSnapshot('s'), { position: head, state: { count: 3 } });
      await store.saveSnapshot('t', { position: head, state: { count: 3 } });
      assert.equal(await store.loadSnapshot('t'), undefined);
    }),
  },
  {
    name: 'a snapshot of later events than the stream has is not answered',
    run: withStore(async (store) => {
      const head = committed(await store.append(sampleBatch('s', 'none', 3)));
      await store.saveSnapshot('s', { position: head, state: { count: 3 } });
      const { revision, offset } = head;
      const later = { revision: revision + 1, offset: offset + 200, hash: 'c'.repeat(64) };
      await store.saveSnapshot('s', { position: later, state: { count: 4 } });
      const kept = await store.loadSnapshot('s');
      assert.ok(kept === undefined || kept.position.revision === revision);
    }),
  },
  {
    name: 'a stream of which nothing is lost is never said to have lost something, even to one who read it long ago',
    run: withStore(async (store, again) => {
      const first = committed(await store.append(sampleBatch('s', 'none', 3)));
      const last = committed(await store.append(sampleBatch('s', first, 2)));
      await store.saveSnapshot('s', { position: last, state: { count: 5 } });
      const other = await again();
      for (const each of [store, other]) {
        await each.assertNoneLost?.('s', last);
        await each.assertNoneLost?.('s', first);
        await each.assertNoneLost?.('absent', { revision: 0, hash: GENESIS_HASH, offset: 0 });
      }
    }),
  },
  {
    name: 'a batch of the largest size goes through, whole',
    run: withStore(async (store) => {
      committed(await store.append(sampleBatch('s', 'none', MAX_BATCH_EVENTS)));
      assert.equal((await readAll(store, 's')).length, MAX_BATCH_EVENTS);
    }),
  },
  {
    name: 'ids that are no stream ids are refused before anything is touched',
    run: withStore(async (store) => {
      for (const id of ['', '..', 'a/b', '.hidden', 'a'.repeat(129), 'nul\0']) {
        await assert.rejects(readAll(store, id), hasCode('stream_id_invalid'));
        assert.throws(() => sampleBatch(id, 'none'), hasCode('stream_id_invalid'));
      }
    }),
  },
];

type Again = () => Promise<EventStore>;

function withStore(test: (store: EventStore, again: Again) => Promise<void>): ConformanceCase['run'] {
  return async (subject) => {
    const store = await subject.open();
    const others: EventStore[] = [];
    try {
      await test(store, async () => {
        if (subject.again === undefined) return store;
        const other = await subject.again(store);
        others.push(other);
        return other;
      });
    } finally {
      for (const open of [store, ...others]) await open.close();
      await subject.dispose?.();
    }
  };
}

function committed(outcome: AppendOutcome): Position {
  assert.equal(outcome.status, 'committed');
  return outcome.head;
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof GaitError && error.code === code;
}
