import assert from 'node:assert/strict';
import { GaitError } from '../../src/core/errors.ts';
import { SimDisk } from '../../src/files/sim.ts';
import { type Batch, type Head, LogDamage, type Position, type SealedRecord } from '../../src/log/record.ts';
import { type Cut, cutAfter, remainderAfter } from '../../src/log/repair.ts';
import { LOG_START } from '../../src/log/scan.ts';
import type { AppendOutcome } from '../../src/log/store.ts';
import type { FileStore } from '../../src/log/stores/file_store.ts';
import { addBytes, batchOn, commit, history, readUntilDamage, reopen, STREAM, textsOf } from './streams.ts';

/** What a log owes to those who wrote to it. */
export class Ledger {
  readonly acknowledged: string[] = [];
  /** Sent after those, outcome not known. */
  readonly doubtful: string[] = [];
  /** Sent, and answered with an error. */
  readonly rejected: string[] = [];
  /** The end of the log as it was before the operation. */
  position: Position | undefined;
  /** True while the log ends in damage that a repair is to cut. */
  damaged = false;

  record(batch: Batch, outcome: AppendOutcome | Error): void {
    const texts = textsOf(batch);
    if (outcome instanceof Error) this.rejected.push(...texts);
    else if (outcome.status === 'committed') this.acknowledged.push(...texts);
    else if (outcome.status === 'unknown') this.doubtful.push(...texts);
  }
}

/** One thing that is done with a log, on a disk that has already seen some. */
export interface Operation {
  readonly name: string;
  /** How many events are in the log before. */
  readonly events: number;
  prepare?(disk: SimDisk, store: FileStore, ledger: Ledger): Promise<void> | void;
  /** Throws what the store threw, or an AssertionError when the store answered what is not true. */
  act(store: FileStore, ledger: Ledger): Promise<void>;
}

export const TORN: Buffer = Buffer.from('{"event":{"note":"ž');
export const JUNK: Buffer = Buffer.from('{"event":{}}\nno record\n');

export const APPENDS: readonly Operation[] = [
  { name: 'first append of a stream', events: 0, act: appending(1) },
  { name: 'append', events: 3, act: appending(1) },
  { name: 'append of a batch', events: 1, act: appending(3) },
  { name: 'append after a torn tail', events: 2, prepare: (disk) => addBytes(disk, TORN), act: appending(1) },
  { name: 'a group of appends', events: 1, act: appending(1, 3, 1, 2) },
  { name: 'a group that starts a stream', events: 0, act: appending(2, 1) },
  {
    name: 'two appends, one after the other',
    events: 0,
    async act(store, ledger) {
      const [first, second] = chain(ledger, [1, 2]) as [Batch, Batch];
      await appendAll(store, ledger, [first]);
      if (ledger.doubtful.length === 0) await appendAll(store, ledger, [second]);
    },
  },
];

export const READS: readonly Operation[] = [
  {
    name: 'read',
    events: 3,
    prepare: (disk) => addBytes(disk, TORN),
    act: async (store, ledger) => assert.deepEqual(await history(store), ledger.acknowledged),
  },
  {
    name: 'read of a damaged log',
    events: 2,
    prepare: spoil,
    async act(store, ledger) {
      const { texts, damage } = await readUntilDamage(store);
      assert.deepEqual(texts, ledger.acknowledged);
      assert.equal(damage?.revision, 3, 'the damage was not reported');
    },
  },
  {
    name: 'list',
    events: 2,
    act: async (store) => assert.deepEqual(await store.list(), [STREAM]),
  },
  {
    name: 'look at what stands beside the records',
    events: 2,
    prepare: (disk) => addBytes(disk, TORN),
    act: async (store) =>
      assert.deepEqual(await store.residue(STREAM), {
        tailBytes: TORN.length,
        snapshotFile: false,
        cuts: [],
        remembered: 0,
      }),
  },
];

export const SNAPSHOTS: readonly Operation[] = [
  { name: 'save the first snapshot', events: 3, act: saving(1) },
  {
    name: 'save another snapshot',
    events: 3,
    prepare: (_, store, ledger) => saving(1)(store, ledger),
    act: saving(2),
  },
  {
    name: 'load a snapshot',
    events: 3,
    prepare: (_, store, ledger) => saving(1)(store, ledger),
    async act(store) {
      const snapshot = await store.loadSnapshot(STREAM);
      if (snapshot !== undefined) assert.deepEqual(snapshot.state, { n: 1 });
    },
  },
];

export const REPAIRS: readonly Operation[] = [
  {
    name: 'show what a repair would cut',
    events: 2,
    prepare: spoil,
    async act(store, ledger) {
      const left = await remainderAfter(store, STREAM, ledger.position as Position, isSound);
      assert.deepEqual([left?.bytes, left?.lines], [JUNK.length, 2]);
    },
  },
  {
    name: 'repair',
    events: 2,
    prepare: spoil,
    async act(store, ledger) {
      const { bytes } = await cutDamage(store, ledger.position as Position);
      assert.equal(bytes, JUNK.length);
      ledger.damaged = false;
    },
  },
  {
    name: 'repair that records itself',
    events: 2,
    prepare: spoil,
    async act(store, ledger) {
      const { records } = batchOn(ledger.position ?? 'none', 'repaired');
      const texts = records.map(({ text }) => text);
      ledger.doubtful.push(...texts);
      await cutDamage(store, ledger.position as Position, () => records);
      ledger.acknowledged.push(...ledger.doubtful.splice(0));
      ledger.damaged = false;
    },
  },
];

/** No fold here has a word against a record. */
export const isSound = (): boolean => false;

/** Shows what a repair would cut, and cuts that. */
export async function cutDamage(
  store: FileStore,
  keep: Position,
  record?: (cut: Cut) => readonly SealedRecord[],
): Promise<Cut> {
  const shown = await remainderAfter(store, STREAM, keep, isSound);
  assert.ok(shown !== undefined, 'there is no damage');
  return cutAfter(store, STREAM, keep, shown, isSound, record);
}

/** The disk and the ledger as they are right before the operation. */
export async function arrange(operation: Operation): Promise<{ disk: SimDisk; ledger: Ledger }> {
  const disk = new SimDisk();
  const ledger = new Ledger();
  const store = reopen(disk);
  ledger.acknowledged.push(...(await commit(store, operation.events)).flatMap(textsOf));
  if (operation.events > 0) ledger.position = await lastPosition(store);
  await operation.prepare?.(disk, store, ledger);
  await store.close();
  return { disk, ledger };
}

/** The end of the last good record. */
export async function lastPosition(store: FileStore): Promise<Position> {
  let last = LOG_START;
  try {
    for await (const records of store.read(STREAM)) last = records.at(-1) ?? last;
  } catch (error) {
    if (!(error instanceof LogDamage)) throw error;
  }
  const { revision, hash, offset } = last;
  return { revision, hash, offset };
}

function spoil(disk: SimDisk, _store: FileStore, ledger: Ledger): void {
  addBytes(disk, JUNK);
  ledger.damaged = true;
}

function saving(n: number): Operation['act'] {
  return (store, { position }) =>
    store.saveSnapshot(STREAM, { position: position as Position, state: { n } });
}

/** Batches of these sizes, each on the one before, sent at once. */
function appending(...sizes: number[]): Operation['act'] {
  return (store, ledger) => appendAll(store, ledger, chain(ledger, sizes));
}

function chain({ position }: Ledger, sizes: readonly number[]): Batch[] {
  const batches: Batch[] = [];
  let head: Head | 'none' = position ?? 'none';
  for (const [i, size] of sizes.entries()) {
    const batch = batchOn(head, `new ${i}`, size);
    batches.push(batch);
    head = batch.head;
  }
  return batches;
}

async function appendAll(store: FileStore, ledger: Ledger, batches: readonly Batch[]): Promise<void> {
  const outcomes = await Promise.allSettled(batches.map((batch) => store.append(batch)));
  const errors: unknown[] = [];
  for (const [i, batch] of batches.entries()) {
    const outcome = outcomes[i] as PromiseSettledResult<AppendOutcome>;
    if (outcome.status === 'rejected') errors.push(outcome.reason);
    ledger.record(batch, outcome.status === 'rejected' ? outcome.reason : outcome.value);
  }
  if (errors.length > 0) throw errors.find((error) => !(error instanceof GaitError)) ?? errors[0];
}
