import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { interposed } from '../../src/files/faulty.ts';
import type { FsPort } from '../../src/files/port.ts';
import { SimDisk } from '../../src/files/sim.ts';
import { LogDamage, type Position } from '../../src/log/record.ts';
import { cutAfter, type LeftRecord, remainderAfter } from '../../src/log/repair.ts';
import type { FileStore } from '../../src/log/stores/file_store.ts';
import { cutDamage, isSound, JUNK, lastPosition } from '../support/operations.ts';
import { gaitError } from '../support/refusals.ts';
import {
  addBytes,
  bytesAt,
  commit,
  history,
  LOG_PATH,
  openStore,
  putBytes,
  ROOT,
  reopen,
  STREAM,
  textsOf,
} from '../support/streams.ts';

const JUNK_SHA256 = createHash('sha256').update(JUNK).digest('hex');
const movedOn = gaitError('log_moved_on', 'state_contention');

async function damagedLog(): Promise<{ disk: SimDisk; texts: string[] }> {
  const disk = new SimDisk();
  const texts = (await commit(reopen(disk), 3)).flatMap(textsOf);
  addBytes(disk, JUNK);
  return { disk, texts };
}

/** A log of `count` events, one of whose bytes in record `broken` is another. */
async function brokenAt(broken: number, count: number): Promise<{ disk: SimDisk; keep: Position }> {
  const disk = new SimDisk();
  await commit(reopen(disk), count);
  const fs = disk.mount();
  const text = bytesAt(fs, LOG_PATH).toString();
  putBytes(fs, LOG_PATH, Buffer.from(text.replace(`old ${broken - 1}`, `odd ${broken - 1}`)));
  return { disk, keep: await lastPosition(reopen(disk)) };
}

async function shown(store: FileStore, keep: Position) {
  return (await remainderAfter(store, STREAM, keep, isSound)) ?? assert.fail('no damage was shown');
}

function namesIn(disk: SimDisk): string[] {
  return disk.mount().names(`${ROOT}/${STREAM}`).sort();
}

describe('repair', () => {
  test('to look at what would be cut changes nothing', async () => {
    const { disk } = await damagedLog();
    const before = bytesAt(disk.mount(), LOG_PATH);
    const store = reopen(disk);
    const remainder = await shown(store, await lastPosition(store));
    assert.deepEqual(remainder, { bytes: JUNK.length, lines: 2, sha256: JUNK_SHA256, chained: 0 });
    assert.deepEqual(bytesAt(disk.mount(), LOG_PATH), before);
    assert.deepEqual(disk.pending(), []);
  });

  test('there is no damage behind the end of a log, nor in a torn tail, nor in a record that folds', async () => {
    const disk = new SimDisk();
    const first = (await commit(reopen(disk), 1)).at(-1)?.head ?? assert.fail();
    const store = reopen(disk);
    const keep = await lastPosition(store);
    assert.equal(keep.hash, first.hash);
    assert.equal(await remainderAfter(store, STREAM, keep, () => assert.fail()), undefined);
    await commit(store, 1);
    assert.equal(await remainderAfter(store, STREAM, keep, isSound), undefined);
    addBytes(disk, Buffer.from('{"event":{"to'));
    assert.equal(await remainderAfter(reopen(disk), STREAM, await lastPosition(store), isSound), undefined);
  });

  test('a record that does not fold is damage', async () => {
    const disk = new SimDisk();
    const store = reopen(disk);
    await commit(store, 1);
    const keep = await lastPosition(store);
    await commit(store, 2);
    const seen: number[] = [];
    const isDamaged = ({ revision }: Position): boolean => seen.push(revision) > 0;
    const left = await remainderAfter(store, STREAM, keep, isDamaged);
    assert.deepEqual([left?.lines, left?.chained, seen], [2, 2, [2]]);
    const cut = await cutAfter(store, STREAM, keep, left ?? assert.fail(), isDamaged);
    assert.equal(cut.lines, 2);
    assert.equal((await history(reopen(disk))).length, 1);
  });

  test('what is cut is kept beside the log under its digest', async () => {
    const { disk, texts } = await damagedLog();
    const store = reopen(disk);
    const cut = await cutDamage(store, await lastPosition(store));
    assert.deepEqual([cut.bytes, cut.lines, cut.sha256], [JUNK.length, 2, JUNK_SHA256]);
    assert.deepEqual(bytesAt(disk.mount(), `${ROOT}/${STREAM}/${cut.keptAs}`), JUNK);
    assert.deepEqual(await history(store, { strict: true }), texts);
    disk.crash(() => 'lost');
    assert.deepEqual(await history(reopen(disk), { strict: true }), texts);
    assert.deepEqual(bytesAt(disk.mount(), `${ROOT}/${STREAM}/${cut.keptAs}`), JUNK);
  });

  test('a writer that had the log open goes on with the repaired one', async () => {
    const { disk, texts } = await damagedLog();
    const writer = reopen(disk);
    await assert.rejects(commit(writer, 1), LogDamage);
    const store = reopen(disk);
    await cutDamage(store, await lastPosition(store));
    const next = (await commit(writer, 2, 'next')).flatMap(textsOf);
    assert.deepEqual(await history(reopen(disk), { strict: true }), [...texts, ...next]);
  });

  test('a position that is the end of no record is refused, and nothing is cut', async () => {
    const { disk } = await damagedLog();
    const store = reopen(disk);
    const keep = await lastPosition(store);
    const left = await shown(store, keep);
    const before = bytesAt(disk.mount(), LOG_PATH);
    for (const wrong of [
      { offset: keep.offset - 1 },
      { hash: 'a'.repeat(64) },
      { offset: keep.offset + 1 },
    ]) {
      await assert.rejects(cutAfter(store, STREAM, { ...keep, ...wrong }, left, isSound), movedOn);
      await assert.rejects(remainderAfter(store, STREAM, { ...keep, ...wrong }, isSound), movedOn);
    }
    assert.deepEqual(bytesAt(disk.mount(), LOG_PATH), before);
  });
});

describe('a repair cuts what it showed, and nothing else', () => {
  test('of two that were shown the same, the second finds nothing to do, and what was acknowledged since stays', async () => {
    const { disk } = await damagedLog();
    const [first, second] = [reopen(disk), reopen(disk)];
    const keep = await lastPosition(first);
    const [left, same] = [await shown(first, keep), await shown(second, keep)];
    assert.deepEqual(left, same);
    await cutAfter(first, STREAM, keep, left, isSound);
    await commit(reopen(disk), 3, 'acknowledged');
    const before = await history(reopen(disk), { strict: true });
    await assert.rejects(cutAfter(second, STREAM, keep, same, isSound), movedOn);
    assert.deepEqual(await history(reopen(disk), { strict: true }), before);
    assert.equal(before.length, 6);
  });

  test('damage that grew, or became other bytes of the same length, was not shown', async () => {
    for (const change of [
      (bytes: Buffer) => Buffer.concat([bytes, JUNK]),
      (bytes: Buffer) => Buffer.from(bytes.toString().replace('no record', 'no recorD')),
    ]) {
      const { disk } = await damagedLog();
      const store = reopen(disk);
      const keep = await lastPosition(store);
      const left = await shown(store, keep);
      const fs = disk.mount();
      putBytes(fs, LOG_PATH, change(bytesAt(fs, LOG_PATH)));
      const before = bytesAt(fs, LOG_PATH);
      await assert.rejects(cutAfter(store, STREAM, keep, left, isSound), movedOn);
      assert.deepEqual(bytesAt(fs, LOG_PATH), before);
      assert.deepEqual(namesIn(disk), ['log.ndjson']);
    }
  });

  test('whatever it refuses to record, it does not cut', async () => {
    const { disk } = await damagedLog();
    const store = reopen(disk);
    const refusal = new Error('no author');
    const cut = cutDamage(store, await lastPosition(store), () => {
      throw refusal;
    });
    await assert.rejects(cut, (error) => error === refusal || (error as Error).cause === refusal);
    assert.deepEqual(namesIn(disk), ['log.ndjson']);
  });
});

describe('what is left behind the damage', () => {
  test('is told record by record: which chain among themselves, and which do not', async () => {
    const { disk, keep } = await brokenAt(4, 9);
    addBytes(disk, Buffer.from('no record\n{"event":{"stream_id":"other","revision":1},"hash":"'));
    addBytes(disk, Buffer.from(`${'a'.repeat(64)}"}\n`));
    const seen: LeftRecord[] = [];
    const left = await remainderAfter(reopen(disk), STREAM, keep, isSound, (record) => seen.push(record));
    assert.deepEqual([left?.lines, left?.chained], [8, 5]);
    assert.deepEqual(
      seen.map(({ event, chained }) => [event['revision'], event['note'], chained]),
      [
        [4, 'odd 3', false],
        [5, 'old 4', true],
        [6, 'old 5', true],
        [7, 'old 6', true],
        [8, 'old 7', true],
        [9, 'old 8', true],
      ],
    );
  });

  test('is read in pieces, though it be one line of many MiB without an end', async () => {
    const { disk, keep } = await brokenAt(2, 3);
    addBytes(disk, Buffer.concat([Buffer.alloc(5 * 1024 * 1024, 'x'), Buffer.from('\n')]));
    addBytes(disk, Buffer.alloc(3 * 1024 * 1024));
    const before = bytesAt(disk.mount(), LOG_PATH);
    let [largest, writes] = [0, 0];
    const fs = interposed(disk.mount(), (name, call, args) => {
      if (name === 'read' || name === 'write') largest = Math.max(largest, (args[1] as Uint8Array).length);
      if (name === 'write') writes += 1;
      return call();
    });
    const cut = await cutDamage(openStore(fs), keep);
    assert.ok(writes > 8);
    assert.ok(largest <= 1024 * 1024, `${largest} bytes at once`);
    assert.deepEqual([cut.bytes, cut.lines, cut.chained], [before.length - keep.offset, 3, 1]);
    const kept = bytesAt(disk.mount(), `${ROOT}/${STREAM}/${cut.keptAs}`);
    assert.ok(kept.equals(before.subarray(keep.offset)));
    assert.equal((await history(reopen(disk))).length, 1);
  });
});

describe('the snapshot of a log that is repaired', () => {
  /** A log of five records with a snapshot of the last one, the third of which is broken. */
  async function withSnapshot(): Promise<{ disk: SimDisk; keep: Position }> {
    const disk = new SimDisk();
    const store = reopen(disk);
    await commit(store, 5);
    await store.saveSnapshot(STREAM, { position: await lastPosition(store), state: { n: 5 } });
    disk.mount().syncDir(`${ROOT}/${STREAM}`);
    const fs = disk.mount();
    putBytes(fs, LOG_PATH, Buffer.from(bytesAt(fs, LOG_PATH).toString().replace('old 2', 'odd 2')));
    return { disk, keep: await lastPosition(reopen(disk)) };
  }

  test('is gone before the repaired log is in its place, so that no crash leaves one that is ahead', async () => {
    const { disk, keep } = await withSnapshot();
    const order: string[] = [];
    const fs = interposed(disk.mount(), (name, call, args) => {
      if (name === 'rename' || name === 'syncDir') order.push(name);
      if (name === 'remove' && String(args[0]).endsWith('snapshot.json')) order.push('snapshot removed');
      return call();
    });
    await cutDamage(openStore(fs), keep);
    assert.deepEqual(order, ['snapshot removed', 'syncDir', 'rename', 'syncDir']);
    assert.deepEqual(await reopen(disk).residue(STREAM), {
      tailBytes: 0,
      snapshotFile: false,
      cuts: [
        { name: namesIn(disk)[0], revision: 2, bytes: (await reopen(disk).residue(STREAM)).cuts[0]?.bytes },
      ],
      remembered: 2,
    });
  });

  test('at whatever call the process dies, what is found then is damaged, or repaired and sound', async () => {
    for (let at = 1, ended = false; !ended; at += 1) {
      const { disk, keep } = await withSnapshot();
      let calls = 0;
      const fs: FsPort = interposed(disk.mount(), (name, call) => {
        calls += 1;
        if (calls >= at) throw Object.assign(new Error(`EIO: died at ${name}`), { code: 'EIO' });
        return call();
      });
      ended = await cutDamage(openStore(fs, { lockTimeoutMs: 0 }), keep).then(
        () => true,
        () => false,
      );
      disk.crash(() => 'kept');
      const store = reopen(disk);
      const damaged = await history(store).then(
        () => false,
        () => true,
      );
      const { remembered } = await store.residue(STREAM);
      assert.ok(
        damaged || remembered <= 2,
        `at call ${at} the log ends at 2, and ${remembered} is remembered`,
      );
    }
  });
});
