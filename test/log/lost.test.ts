import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { faultyFs, interposed } from '../../src/files/faulty.ts';
import { SimDisk } from '../../src/files/sim.ts';
import { sampleBatch } from '../../src/log/conformance.ts';
import { replay } from '../../src/log/fold.ts';
import { LogDamage, type Position } from '../../src/log/record.ts';
import { cutAfter, remainderAfter } from '../../src/log/repair.ts';
import { StreamHandle } from '../../src/log/stream.ts';
import { CACHE_PATH, lastModel, listingOf, rowsOf, storeOn } from '../support/listings.ts';
import { isSound, lastPosition } from '../support/operations.ts';
import { gaitError } from '../support/refusals.ts';
import {
  addBytes,
  batchOn,
  bytesAt,
  commit,
  history,
  ID_FIELD,
  LOG_PATH,
  openStore,
  putBytes,
  ROOT,
  reopen,
  STREAM,
} from '../support/streams.ts';

const SNAPSHOT_PATH = `${ROOT}/${STREAM}/snapshot.json`;

/** A log of five events with a snapshot of the fourth. */
async function remembered(): Promise<{ disk: SimDisk; lines: Buffer[] }> {
  const disk = new SimDisk();
  const store = reopen(disk);
  await commit(store, 4);
  const position = await lastPosition(store);
  await store.saveSnapshot(STREAM, { position, state: { revision: 4, note: 'old 3' } });
  await commit(store, 1);
  await store.close();
  const lines = bytesAt(disk.mount(), LOG_PATH)
    .toString()
    .split(/(?<=\n)/)
    .map((line) => Buffer.from(line));
  return { disk, lines };
}

function becomes(disk: SimDisk, bytes: Uint8Array): void {
  putBytes(disk.mount(), LOG_PATH, bytes);
}

function event(revision: number): JsonObject {
  return { [ID_FIELD]: STREAM, revision, note: 'anew' };
}

/** Whatever begins to read the log, or to write a new one, says that records are lost, and changes nothing. */
async function assertLost(disk: SimDisk, revision: number): Promise<void> {
  const before = bytesAt(disk.mount(), LOG_PATH);
  const isLost = (error: unknown): boolean => {
    assert.ok(error instanceof LogDamage, String(error));
    assert.deepEqual(
      [error.damage, error.revision, error.category],
      ['records_lost', revision + 1, 'verification_failed'],
    );
    return true;
  };
  const handle = (): StreamHandle<unknown> => new StreamHandle(reopen(disk), lastModel, STREAM);
  await assert.rejects(handle().load(), isLost);
  await assert.rejects(
    handle().execute((_, head) => ({ events: [event(head.revision + 1)] })),
    isLost,
  );
  await assert.rejects(replay(reopen(disk), lastModel, STREAM), isLost);
  if (revision === 0) await assert.rejects(reopen(disk).append(batchOn('none', 'anew')), isLost);
  const used = handle();
  await assert.rejects(used.load(), isLost);
  await assert.rejects(used.load(), isLost, 'a handle that was told once');
  assert.ok(before.equals(bytesAt(disk.mount(), LOG_PATH)));
}

describe('a log that ends before what lies beside it', () => {
  const SHORTER: Readonly<Record<string, (lines: Buffer[]) => [bytes: Buffer, revision: number]>> = {
    'is empty': () => [Buffer.alloc(0), 0],
    'became zeros of the same length': (lines) => [Buffer.alloc(Buffer.concat(lines).length), 0],
    'became zeros from its third record on': (lines) => {
      const [kept, rest] = [Buffer.concat(lines.slice(0, 2)), Buffer.concat(lines.slice(2))];
      return [Buffer.concat([kept, Buffer.alloc(rest.length)]), 2];
    },
    'was cut at a newline': (lines) => [Buffer.concat(lines.slice(0, 3)), 3],
    'was cut in its first record': (lines) => [Buffer.from(lines[0]?.subarray(0, 20) ?? ''), 0],
  };
  for (const [what, shorter] of Object.entries(SHORTER)) {
    test(`${what}: records are lost, and nothing is written over`, async () => {
      const { disk, lines } = await remembered();
      const [bytes, revision] = shorter(lines);
      becomes(disk, bytes);
      await assertLost(disk, revision);
    });
  }

  test('does not go on under who read or wrote it before its end was there', async () => {
    for (const how of ['read', 'wrote']) {
      const disk = new SimDisk();
      const early = reopen(disk);
      await commit(how === 'wrote' ? early : reopen(disk), 3);
      const head = await lastPosition(early);
      const late = reopen(disk);
      await commit(late, 1);
      await late.saveSnapshot(STREAM, {
        position: await lastPosition(late),
        state: { revision: 4, note: 'x' },
      });
      const fs = disk.mount();
      const fd = fs.open(LOG_PATH, 'update');
      fs.truncate(fd, head.offset);
      fs.close(fd);
      const { revision, hash } = head;
      const before = bytesAt(disk.mount(), LOG_PATH);
      await assert.rejects(
        early.append(batchOn({ revision, hash }, 'anew')),
        { damage: 'records_lost' },
        how,
      );
      assert.ok(before.equals(bytesAt(disk.mount(), LOG_PATH)), how);
    }
  });

  test('may end behind what is remembered: that is no loss', async () => {
    const { disk, lines } = await remembered();
    becomes(disk, Buffer.concat(lines.slice(0, 4)));
    const handle = new StreamHandle(reopen(disk), lastModel, STREAM);
    assert.equal((await handle.load()).position.revision, 4);
    assert.equal((await reopen(disk).residue(STREAM)).remembered, 4);
  });

  test('is told of by the snapshot though it does not anchor, and not by one of another stream or a spoilt one', async () => {
    const { disk } = await remembered();
    const snapshot = bytesAt(disk.mount(), SNAPSHOT_PATH);
    becomes(disk, Buffer.alloc(0));
    const { snapshot: kept, snapshotRevision, remembered: revision } = await reopen(disk).residue(STREAM);
    assert.deepEqual([kept?.state, snapshotRevision, revision], [{ revision: 4, note: 'old 3' }, 4, 4]);
    putBytes(disk.mount(), SNAPSHOT_PATH, Buffer.from(snapshot.toString().replace('old 3', 'odd 3')));
    assert.deepEqual((await reopen(disk).residue(STREAM)).remembered, 0);
    await commit(reopen(disk), 1);
  });

  test('that is not there, beside a snapshot, is not started anew', async () => {
    const { disk } = await remembered();
    disk.mount().remove(LOG_PATH);
    const handle = new StreamHandle(reopen(disk), lastModel, STREAM);
    await assert.rejects(handle.load(), LogDamage);
    await assert.rejects(reopen(disk).append(batchOn('none', 'anew')), LogDamage);
  });

  test('is noticed by a handle that has it open', async () => {
    const { disk } = await remembered();
    const handle = new StreamHandle(reopen(disk), lastModel, STREAM);
    await handle.load();
    becomes(disk, Buffer.alloc(0));
    await assert.rejects(handle.load(), LogDamage);
  });

  test('is told of by the names of what repairs cut, the least of them', async () => {
    const { disk, lines } = await remembered();
    disk.mount().remove(SNAPSHOT_PATH);
    for (const revision of [4, 2]) {
      putBytes(
        disk.mount(),
        `${ROOT}/${STREAM}/cut-after-${revision}-0123456789abcdef.bin`,
        Buffer.from('x'),
      );
    }
    becomes(disk, lines[0] ?? assert.fail());
    await assertLost(disk, 1);
    assert.deepEqual((await reopen(disk).residue(STREAM)).cuts, [
      { name: 'cut-after-2-0123456789abcdef.bin', bytes: 1, revision: 2 },
      { name: 'cut-after-4-0123456789abcdef.bin', bytes: 1, revision: 4 },
    ]);
    becomes(disk, Buffer.concat(lines.slice(0, 2)));
    assert.equal((await history(reopen(disk))).length, 2);
    await new StreamHandle(reopen(disk), lastModel, STREAM).load();
  });

  test('and has no record, is told of by the listing, however often it is listed', async () => {
    const disk = new SimDisk();
    const store = storeOn(disk);
    for (const name of ['a', STREAM]) await store.append(sampleBatch(name, 'none'));
    disk.nowMs += 10_000;
    await rowsOf(listingOf(storeOn(disk)));
    assert.ok(bytesAt(disk.mount(), CACHE_PATH).length > 0);
    becomes(disk, Buffer.alloc(0));
    for (let times = 0; times < 3; times += 1) {
      disk.nowMs += 10_000;
      await store.append(sampleBatch(`more ${times}`.replace(' ', '-'), 'none'));
      const [, row] = (await rowsOf(listingOf(storeOn(disk)))).find(([name]) => name === STREAM) ?? [];
      assert.match(String(row), /\.listing\.json/);
      await assertLost(disk, 0);
    }
  });
});

test('a stream whose folder is gone can be started anew, and no listing is read for that', async () => {
  const disk = new SimDisk();
  const store = storeOn(disk);
  await store.append(sampleBatch('a', 'none'));
  disk.nowMs += 10_000;
  await rowsOf(listingOf(storeOn(disk)));
  const other = new SimDisk();
  await storeOn(other).append(sampleBatch('b', 'none'));
  putBytes(other.mount(), CACHE_PATH, bytesAt(disk.mount(), CACHE_PATH));
  const opened: string[] = [];
  const fs = interposed(other.mount(), (name, call, args) => {
    if (name === 'open') opened.push(String(args[0]));
    return call();
  });
  const handle = new StreamHandle(storeOn(other, fs), lastModel, 'a');
  await handle.execute(() => ({ events: [{ [ID_FIELD]: 'a', revision: 1, note: 'anew' }] }));
  assert.ok(opened.length > 0);
  assert.ok(!opened.includes(CACHE_PATH));
});

describe('records that are lost', () => {
  test('are not, if another wrote them and a snapshot while this one read', async () => {
    const disk = new SimDisk();
    await commit(reopen(disk), 2);
    const other = openStore(disk.mount());
    let first = true;
    const store = reopen(disk);
    const read = store.read.bind(store);
    store.read = async function* (stream, options) {
      yield* read(stream, options);
      if (!first) return;
      first = false;
      await commit(other, 2, 'meanwhile');
      await other.saveSnapshot(STREAM, { position: await lastPosition(other), state: {} });
    };
    assert.equal((await new StreamHandle(store, lastModel, STREAM).load()).position.revision, 2);
  });

  test('are looked for once in a handle, not at every poll', async () => {
    const disk = new SimDisk();
    await commit(reopen(disk), 3);
    const fs = faultyFs(disk.mount());
    const handle = new StreamHandle(openStore(fs), lastModel, STREAM);
    await handle.load();
    const looks = (): number => fs.calls.filter((name) => name === 'names').length;
    assert.equal(looks(), 1);
    for (let i = 0; i < 5; i += 1) await handle.load();
    assert.equal(looks(), 1);
  });

  test('can be recorded as such by a repair that cuts nothing, and then the log goes on', async () => {
    const { disk, lines } = await remembered();
    becomes(disk, Buffer.concat(lines.slice(0, 3)));
    const store = reopen(disk);
    const keep: Position = await lastPosition(store);
    const shown = await remainderAfter(store, STREAM, keep, isSound);
    assert.deepEqual([shown?.bytes, shown?.lines, shown?.chained], [0, 0, 0]);
    const { records } = batchOn(keep, 'repaired');
    const cut = await cutAfter(store, STREAM, keep, shown ?? assert.fail(), isSound, () => records);
    assert.match(cut.keptAs, /^cut-after-3-/);
    const handle = new StreamHandle(reopen(disk), lastModel, STREAM);
    assert.equal((await handle.load()).position.revision, 4);
    await commit(reopen(disk), 1, 'next');
    assert.equal(
      await remainderAfter(reopen(disk), STREAM, await lastPosition(reopen(disk)), isSound),
      undefined,
    );
  });

  test('are not cut off a log once nothing says any more that they are lost', async () => {
    const { disk, lines } = await remembered();
    becomes(disk, Buffer.concat(lines.slice(0, 3)));
    const store = reopen(disk);
    const keep = await lastPosition(store);
    const shown = (await remainderAfter(store, STREAM, keep, isSound)) ?? assert.fail();
    disk.mount().remove(SNAPSHOT_PATH);
    const cut = cutAfter(store, STREAM, keep, shown, isSound);
    await assert.rejects(cut, gaitError('log_moved_on', 'state_contention'));
  });

  test('are not forgotten by such a repair that dies on the way', async () => {
    for (let at = 1, ended = false; !ended; at += 1) {
      const { disk, lines } = await remembered();
      becomes(disk, Buffer.concat(lines.slice(0, 3)));
      const keep = await lastPosition(reopen(disk));
      const shown = (await remainderAfter(reopen(disk), STREAM, keep, isSound)) ?? assert.fail();
      let calls = 0;
      const fs = interposed(disk.mount(), (name, call) => {
        calls += 1;
        if (calls >= at) throw Object.assign(new Error(`EIO: died at ${name}`), { code: 'EIO' });
        return call();
      });
      const { records } = batchOn(keep, 'repaired');
      const store = openStore(fs, { lockTimeoutMs: 0 });
      ended = await cutAfter(store, STREAM, keep, shown, isSound, () => records).then(
        () => true,
        () => false,
      );
      disk.crash(() => 'kept');
      const texts = await history(reopen(disk));
      const lost = await new StreamHandle(reopen(disk), lastModel, STREAM).load().then(
        () => false,
        () => true,
      );
      assert.ok(lost || texts.length === 4, `at call ${at} neither lost nor recorded`);
    }
  });

  test('are no loss, if nobody was told that they are on disk: a snapshot is of what was synced', async () => {
    const { disk, lines } = await remembered();
    const mount = disk.mount();
    mount.remove(SNAPSHOT_PATH);
    mount.syncDir(`${ROOT}/${STREAM}`);
    becomes(disk, Buffer.concat(lines.slice(0, 4)));
    const fd = mount.open(LOG_PATH, 'update');
    mount.write(fd, lines[4] ?? assert.fail(), mount.stat(fd).size); // of a writer who died before its sync
    const reader = reopen(disk);
    await reader.saveSnapshot(STREAM, { position: await lastPosition(reader), state: {} });
    disk.crash(({ path }) => (path === LOG_PATH ? 'lost' : 'kept'));
    assert.ok(bytesAt(disk.mount(), SNAPSHOT_PATH).length > 0);
    await new StreamHandle(reopen(disk), lastModel, STREAM).load();
  });

  test('a snapshot of what the log has not is not kept', async () => {
    const { disk, lines } = await remembered();
    const position = await lastPosition(reopen(disk));
    disk.mount().remove(SNAPSHOT_PATH);
    becomes(disk, Buffer.concat(lines.slice(0, 3)));
    const store = reopen(disk);
    await store.saveSnapshot(STREAM, { position, state: {} });
    assert.deepEqual(disk.mount().names(`${ROOT}/${STREAM}`), ['log.ndjson']);
    await store.saveSnapshot(STREAM, { position: { ...position, offset: 1e9 }, state: {} });
    addBytes(disk, Buffer.from('x'));
    assert.deepEqual(disk.mount().names(`${ROOT}/${STREAM}`), ['log.ndjson']);
  });
});
