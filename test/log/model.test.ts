import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GaitError } from '../../src/core/errors.ts';
import { type Fault, faultyFs } from '../../src/files/faulty.ts';
import type { FsPort } from '../../src/files/port.ts';
import { type Fate, SimDisk } from '../../src/files/sim.ts';
import type { Batch, Expected, LogDamage } from '../../src/log/record.ts';
import type { FileStore } from '../../src/log/stores/file_store.ts';
import { dyingFs } from '../support/failing_fs.ts';
import { cutDamage, lastPosition } from '../support/operations.ts';
import fc from '../support/property.ts';
import {
  batchOn,
  commit,
  history,
  openStore,
  readUntilDamage,
  reopen,
  STREAM,
  textsOf,
} from '../support/streams.ts';

const WRITERS = 3;
const RUNS = 700;

type Operation =
  | { readonly do: 'append'; readonly writer: number; readonly count: number }
  | { readonly do: 'append on a stale head'; readonly writer: number; readonly back: number }
  | {
      readonly do: 'append with a fault';
      readonly writer: number;
      readonly count: number;
      readonly fault: Fault;
    }
  | { readonly do: 'die in an append'; readonly writer: number; readonly count: number; readonly at: number }
  | { readonly do: 'read'; readonly writer: number }
  | { readonly do: 'snapshot'; readonly writer: number }
  | { readonly do: 'restart'; readonly writer: number }
  | { readonly do: 'power failure'; readonly fates: readonly Fate[] };

const writer = fc.nat(WRITERS - 1);
const count = fc.integer({ min: 1, max: 3 });
const at = fc.integer({ min: 1, max: 24 });
const fate: fc.Arbitrary<Fate> = fc.oneof(
  fc.constantFrom<Fate>('kept', 'lost', 'zeros'),
  fc.nat(400).map((torn) => ({ torn })),
);

const fault: fc.Arbitrary<Fault> = fc.record({
  at,
  kind: fc.constantFrom<Fault['kind']>('before', 'after', 'short'),
  // Not EACCES: the store takes it for a folder that somebody else made, and here it made them all.
  errno: fc.constantFrom('EIO', 'ENOSPC'),
});

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), writer, count }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('append on a stale head' as const), writer, back: fc.nat(3) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('append with a fault' as const), writer, count, fault }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('die in an append' as const), writer, count, at }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('read' as const), writer }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('snapshot' as const), writer }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), writer }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('power failure' as const),
      fates: fc.array(fate, { maxLength: 12 }),
    }),
  },
);

interface Writer {
  readonly store: FileStore;
  kill(): void;
  /** Its file system, once with a fault and once without. */
  use(fault?: Fault): void;
}

function startWriter(disk: SimDisk): Writer {
  const mount = disk.mount();
  let current: FsPort = mount;
  const fs = new Proxy<FsPort>(mount, { get: (_, name) => Reflect.get(current, name) });
  return {
    store: openStore(fs, { lockTimeoutMs: 20 }),
    kill: mount.kill,
    use: (fault) => {
      current = fault === undefined ? mount : faultyFs(mount, fault);
    },
  };
}

/** The log as it must be: what was acknowledged, and what may come after that. */
class World {
  readonly disk: SimDisk = new SimDisk();
  readonly writers: Writer[] = [];
  acknowledged: string[] = [];
  /** Heads of the acknowledged history, and of what was seen after it. */
  heads: Expected[] = ['none'];
  /** Sent, outcome not known. */
  doubtful = new Set<string>();
  /** Sent and rejected: gone, unless the power fails. */
  rejected = new Set<string>();
  #notes = 0;

  constructor() {
    for (let i = 0; i < WRITERS; i += 1) this.writers.push(startWriter(this.disk));
  }

  restart(i: number): void {
    this.writer(i).kill();
    this.writers[i] = startWriter(this.disk);
  }

  writer(i: number): Writer {
    return this.writers[i] as Writer;
  }

  batch(on: Expected, count: number): Batch {
    this.#notes += 1;
    return batchOn(on, `${this.#notes}`, count);
  }

  /** Reads with this store, and holds what is seen against what is owed. Answers the head. */
  async look(store: FileStore): Promise<Expected> {
    const { texts, damage } = await readUntilDamage(store);
    assert.equal(damage, undefined);
    this.#holdAgainst(texts, this.doubtful);
    await this.#remember(store);
    return this.heads.at(-1) ?? 'none';
  }

  #holdAgainst(texts: readonly string[], allowed: ReadonlySet<string>): void {
    assert.deepEqual(texts.slice(0, this.acknowledged.length), this.acknowledged, 'acknowledged events');
    for (const text of texts.slice(this.acknowledged.length)) {
      assert.ok(allowed.has(text), `an event that is not in doubt: ${text}`);
    }
  }

  async #remember(store: FileStore): Promise<void> {
    this.heads = ['none'];
    for await (const records of store.read(STREAM)) {
      this.heads.push(...records.map(({ revision, hash }) => ({ revision, hash })));
    }
  }

  async append(store: FileStore, batch: Batch): Promise<void> {
    const seen = await history(reopen(this.disk));
    const current = this.heads.at(-1) ?? 'none';
    const expectsCurrent = JSON.stringify(batch.expected) === JSON.stringify(current);
    try {
      const outcome = await store.append(batch);
      if (outcome.status === 'committed') {
        assert.ok(expectsCurrent, 'committed on a head that is not the true one');
        this.acknowledged = [...seen, ...textsOf(batch)];
      } else if (outcome.status === 'conflict') {
        assert.ok(!expectsCurrent, 'a conflict on the true head');
        assert.deepEqual(outcome.head, current);
      } else {
        for (const text of textsOf(batch)) this.doubtful.add(text);
      }
    } catch (error) {
      assert.ok(error instanceof GaitError, `threw ${error}`);
      assert.equal(error.category, 'io_failure');
      for (const text of textsOf(batch)) this.rejected.add(text);
    }
  }

  /** After a power failure all that is seen is on disk, and stays. */
  async recover(changes: number): Promise<void> {
    for (let i = 0; i < WRITERS; i += 1) this.writers[i] = startWriter(this.disk);
    const { store } = this.writer(0);
    const { texts, damage } = await readUntilDamage(store);
    this.#holdAgainst(texts, new Set([...this.doubtful, ...this.rejected]));
    if (damage !== undefined) await this.#repair(store, damage, changes);
    this.acknowledged = texts;
    this.doubtful = new Set();
    this.rejected = new Set();
    await this.#remember(store);
  }

  async #repair(store: FileStore, damage: LogDamage, changes: number): Promise<void> {
    assert.ok(changes > 0, `damage without cause: ${damage.message}`);
    await assert.rejects(commit(reopen(this.disk), 1), { code: 'log_damaged' });
    await cutDamage(store, await lastPosition(store));
  }
}

async function apply(world: World, operation: Operation): Promise<void> {
  if (operation.do === 'power failure') return powerFailure(world, operation.fates);
  const writer = world.writer(operation.writer);
  const { store } = writer;
  switch (operation.do) {
    case 'append':
      return world.append(store, world.batch(await world.look(store), operation.count));
    case 'append on a stale head': {
      await world.look(store);
      return world.append(store, world.batch(world.heads.at(-1 - operation.back) ?? 'none', 1));
    }
    case 'append with a fault': {
      const batch = world.batch(await world.look(store), operation.count);
      writer.use(operation.fault);
      await world.append(store, batch);
      writer.use();
      return;
    }
    case 'die in an append':
      return dieInAppend(world, operation);
    case 'read':
      await world.look(store);
      return;
    case 'snapshot':
      return snapshot(world, store);
    case 'restart':
      return world.restart(operation.writer);
  }
}

async function dieInAppend(
  world: World,
  operation: { count: number; at: number; writer: number },
): Promise<void> {
  const batch = world.batch(await world.look(world.writer(operation.writer).store), operation.count);
  const mount = world.disk.mount();
  const outcome = await openStore(dyingFs(mount, operation.at))
    .append(batch)
    .catch(() => undefined);
  mount.kill();
  if (outcome?.status === 'committed') world.acknowledged = await history(reopen(world.disk));
  else for (const text of textsOf(batch)) world.doubtful.add(text);
}

async function snapshot(world: World, store: FileStore): Promise<void> {
  const position = await lastPosition(store);
  if (position.revision === 0) return;
  await store.saveSnapshot(STREAM, { position, state: { count: position.revision } });
  assert.equal((await store.loadSnapshot(STREAM))?.position.offset, position.offset);
  await world.look(store);
}

async function powerFailure(world: World, fates: readonly Fate[]): Promise<void> {
  const changes = world.disk.pending().length;
  world.disk.crash((_, index) => fates[index] ?? 'lost');
  await world.recover(changes);
}

/** Whatever happened, the log is whole and goes on. */
async function conclude(world: World): Promise<void> {
  await world.look(reopen(world.disk));
  await world.append(world.writer(0).store, world.batch(world.heads.at(-1) ?? 'none', 1));
  const texts = await history(reopen(world.disk), { strict: true });
  assert.deepEqual(texts, world.acknowledged);
  const snapshot = await reopen(world.disk).loadSnapshot(STREAM);
  if (snapshot !== undefined) assert.equal(snapshot.state['count'], snapshot.position.revision);
  world.disk.crash(() => 'lost');
  assert.deepEqual(await history(reopen(world.disk), { strict: true }), world.acknowledged);
}

describe('the file store against a model', () => {
  test('writers that append, fail, die and come back, and a power that fails', async (t) => {
    let operations = 0;
    const property = fc.asyncProperty(
      fc.array(operation, { minLength: 1, maxLength: 24, size: 'max' }),
      async (plan) => {
        const world = new World();
        for (const step of plan) await apply(world, step);
        await conclude(world);
        operations += plan.length;
      },
    );
    await fc.assert(property, { numRuns: RUNS });
    t.diagnostic(`${RUNS} runs, ${operations} operations`);
  });
});
