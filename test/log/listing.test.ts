import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { faultyFs } from '../../src/files/faulty.ts';
import { SimDisk } from '../../src/files/sim.ts';
import { readAll, sampleBatch } from '../../src/log/conformance.ts';
import { LogDamage } from '../../src/log/record.ts';
import { StreamListing } from '../../src/log/stores/listing.ts';
import {
  CACHE_PATH,
  ILLEGAL,
  lastModel,
  lastView,
  listingOf,
  logOfOne,
  logPath,
  rowsOf,
  storeOn,
  truthOf,
} from '../support/listings.ts';
import fc from '../support/property.ts';
import { bytesAt, putBytes } from '../support/streams.ts';

const STREAMS = ['a', 'b', 'c', 'd'];
const PROCESSES = 3;

type Step =
  | { readonly do: 'append'; readonly stream: string; readonly note: string }
  | { readonly do: 'overwrite'; readonly stream: string; readonly note: string }
  | { readonly do: 'flip a bit' | 'tear' | 'cut'; readonly stream: string; readonly at: number }
  | { readonly do: 'remove'; readonly stream: string }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'list'; readonly process: number; readonly anew: boolean }
  | {
      readonly do: 'spoil the cache';
      readonly how: 'flip' | 'cut' | 'remove' | 'earlier';
      readonly at: number;
    };

const stream = fc.constantFrom(...STREAMS);
const note = fc.constantFrom('x', 'y', 'z', ILLEGAL);
const at = fc.nat(100_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('append' as const), stream, note }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('overwrite' as const), stream, note }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('flip a bit' as const, 'tear' as const, 'cut' as const),
      stream,
      at,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), stream }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 1999, 2001, 9000) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('list' as const),
      process: fc.nat(PROCESSES - 1),
      anew: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('spoil the cache' as const),
      how: fc.constantFrom('flip' as const, 'cut' as const, 'remove' as const, 'earlier' as const),
      at,
    }),
  },
);

/** A disk with logs, and processes that list them. */
class World {
  readonly disk = new SimDisk();
  readonly fs = this.disk.mount();
  readonly writer = storeOn(this.disk);
  readonly listings = Array.from({ length: PROCESSES }, () => listingOf(storeOn(this.disk)));
  readonly earlier: Buffer[] = [];

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'append':
        return this.append(step.stream, step.note);
      case 'overwrite':
        return this.change(step.stream, () => logOfOne(step.stream, step.note));
      case 'flip a bit':
        return this.change(step.stream, (bytes) => flipped(bytes, step.at));
      case 'tear':
        return this.change(step.stream, (bytes) => Buffer.concat([bytes, bytes.subarray(0, step.at % 90)]));
      case 'cut':
        return this.change(step.stream, (bytes) => bytes.subarray(0, step.at % (bytes.length + 1)));
      case 'remove':
        if (this.fs.stampOf?.(logPath(step.stream)) !== undefined) this.fs.remove(logPath(step.stream));
        return;
      case 'wait':
        this.disk.nowMs += step.ms;
        return;
      case 'list':
        if (step.anew) this.listings[step.process] = listingOf(storeOn(this.disk));
        return this.list(step.process);
      case 'spoil the cache':
        return this.spoil(step.how, step.at);
    }
  }

  async append(stream: string, note: string): Promise<void> {
    // A damaged log takes no more events; that is told elsewhere.
    const last = await readAll(this.writer, stream).then(
      (all) => all.at(-1) ?? 'none',
      () => undefined,
    );
    if (last === undefined) return;
    const appended = this.writer.append(sampleBatch(stream, last, 1, note));
    // Nor does one that has no records any more, where a listing has a row of it.
    await appended.catch((error: unknown) => assert.ok(error instanceof LogDamage && last === 'none'));
  }

  /** In place, as no writer of ours does it. */
  change(stream: string, edit: (bytes: Buffer) => Buffer): void {
    if (this.fs.stampOf?.(logPath(stream)) === undefined) return;
    putBytes(this.fs, logPath(stream), edit(bytesAt(this.fs, logPath(stream))));
  }

  spoil(how: 'flip' | 'cut' | 'remove' | 'earlier', at: number): void {
    if (this.fs.stampOf?.(CACHE_PATH) === undefined) return;
    const bytes = bytesAt(this.fs, CACHE_PATH);
    if (how === 'remove') this.fs.remove(CACHE_PATH);
    else if (how === 'flip') putBytes(this.fs, CACHE_PATH, flipped(bytes, at));
    else if (how === 'cut') putBytes(this.fs, CACHE_PATH, bytes.subarray(0, at % bytes.length));
    else putBytes(this.fs, CACHE_PATH, this.earlier[at % this.earlier.length] ?? bytes);
  }

  async list(process: number): Promise<void> {
    const listing = this.listings[process];
    assert.ok(listing !== undefined);
    const truth = await truthOf(storeOn(this.disk), STREAMS); // before: what is kept of it is part of the truth
    assert.deepEqual(await rowsOf(listing), truth);
    if (this.fs.stampOf?.(CACHE_PATH) !== undefined) this.earlier.push(bytesAt(this.fs, CACHE_PATH));
  }
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) copy.writeUInt8(copy.readUInt8(at % copy.length) ^ 1, at % copy.length);
  return copy;
}

/** Logs of one event each, long enough ago. */
async function settled(streams: readonly string[]): Promise<SimDisk> {
  const disk = new SimDisk();
  const store = storeOn(disk);
  for (const name of streams) await store.append(sampleBatch(name, 'none'));
  disk.nowMs += 10_000;
  return disk;
}

/** How many files one listing opens. */
async function opened(disk: SimDisk, view = lastView): Promise<number> {
  const fs = faultyFs(disk.mount());
  const listing = listingOf(storeOn(disk, fs), view);
  assert.equal((await rowsOf(listing)).length, STREAMS.length);
  return fs.calls.filter((name) => name === 'open').length;
}

describe('a listing', () => {
  test('shows what the logs say, whatever became of them and of the cache in between', async () => {
    const start = STREAMS.map((name): Step => ({ do: 'append', stream: name, note: 'x' }));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 40 }), async (steps) => {
        const world = new World();
        for (const one of [...start, ...steps]) await world.take(one);
        for (let process = 0; process < PROCESSES; process += 1) await world.list(process);
      }),
      { numRuns: 200 },
    );
  });

  test('reads no log again that did not change, in this process and in the next', async () => {
    const disk = await settled(STREAMS);
    assert.equal(
      await opened(disk),
      1 + STREAMS.length + 1,
      'the cache that is not there, the logs, the new cache',
    );
    assert.equal(await opened(disk), 1, 'the cache');
    const fs = faultyFs(disk.mount());
    const listing = listingOf(storeOn(disk, fs));
    for (let i = 0; i < 3; i += 1) await rowsOf(listing);
    assert.equal(fs.calls.filter((name) => name === 'open').length, 1, 'the cache, once');
  });

  test('reads the one log that changed, and keeps the rows of the others', async () => {
    const disk = await settled(STREAMS);
    await opened(disk);
    const store = storeOn(disk);
    const [first] = await readAll(store, 'b');
    await store.append(sampleBatch('b', first ?? 'none'));
    disk.nowMs += 10_000;
    assert.equal(await opened(disk), 1 + 1 + 1, 'the cache, the log, the new cache');
    assert.equal(await opened(disk), 1);
  });

  test('shows a whole record that lost its newline as damage', async () => {
    const disk = await settled(STREAMS);
    const fs = disk.mount();
    const log = bytesAt(fs, logPath('b'));
    putBytes(fs, logPath('b'), Buffer.concat([log.subarray(0, -1), Buffer.from('\v')]));
    const rows = await rowsOf(listingOf(storeOn(disk)));
    assert.match(String(rows.find(([name]) => name === 'b')?.[1]), /without its newline/);
  });

  test('keeps no row of a log that changed within the last two seconds', async () => {
    const disk = await settled(STREAMS);
    disk.nowMs -= 8000; // exactly two seconds after the appends
    await opened(disk);
    assert.equal(disk.mount().stampOf?.(CACHE_PATH), undefined);
    disk.nowMs += 1;
    await opened(disk);
    assert.notEqual(disk.mount().stampOf?.(CACHE_PATH), undefined);
  });

  test('keeps no row of a log that changed in the future', async () => {
    const disk = await settled(STREAMS);
    disk.nowMs -= 100_000;
    await opened(disk);
    assert.equal(disk.mount().stampOf?.(CACHE_PATH), undefined);
  });

  test('does not use the rows of another version', async () => {
    const disk = await settled(STREAMS);
    await opened(disk);
    const other = { ...lastView, version: 'test 2' };
    assert.equal(await opened(disk, other), 1 + STREAMS.length + 1);
    assert.equal(await opened(disk, other), 1);
  });

  test('leaves the cache as it is for a few changes', async () => {
    const disk = await settled(STREAMS);
    const store = storeOn(disk);
    const listing = new StreamListing(store, lastModel, lastView, STREAMS.length + 1);
    for (let i = 0; i < 3; i += 1) await rowsOf(listing);
    assert.equal(store.shortcuts.loadListing(), undefined);
  });

  test('works where the cache cannot be written', async () => {
    const disk = await settled(STREAMS);
    const mount = disk.mount();
    const rename = (): void => {
      throw Object.assign(new Error('EROFS'), { code: 'EROFS' });
    };
    const listing = listingOf(storeOn(disk, { ...mount, rename }));
    for (let i = 0; i < 2; i += 1) {
      assert.deepEqual(await rowsOf(listing), await truthOf(storeOn(disk), STREAMS));
    }
  });

  test('gives others their turn while it goes through many streams', async () => {
    const many = Array.from({ length: 600 }, (_, i) => `s${i}`);
    const disk = await settled(many);
    const listing = listingOf(storeOn(disk));
    let turns = 0;
    let next = setImmediate(function count() {
      turns += 1;
      next = setImmediate(count);
    });
    const turnsAt: number[] = [];
    let shown = 0;
    for await (const rows of listing.groups()) {
      shown += rows.length;
      turnsAt.push(turns);
    }
    clearImmediate(next);
    assert.equal(shown, many.length);
    assert.equal(new Set(turnsAt).size, 3, `a turn before each group but the first: ${turnsAt}`);
  });
});
