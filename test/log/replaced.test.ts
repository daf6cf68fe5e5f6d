import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GaitError } from '../../src/core/errors.ts';
import type { FsPort } from '../../src/files/port.ts';
import { SimDisk } from '../../src/files/sim.ts';
import { LogDamage } from '../../src/log/record.ts';
import { guardedFs } from '../support/failing_fs.ts';
import { cutDamage, JUNK, lastPosition } from '../support/operations.ts';
import { gaitError } from '../support/refusals.ts';
import {
  addBytes,
  batchOn,
  bytesAt,
  commit,
  history,
  LOG_PATH,
  openStore,
  putBytes,
  reopen,
} from '../support/streams.ts';

const OTHER = `${LOG_PATH}.other`;
/** More calls than any command needs here: what makes as many would go on for ever. */
const ENDLESS = 20_000;

/** A file system that counts its calls, and lets `meanwhile` act before each of some kind. */
function disturbed(disk: SimDisk, at: keyof FsPort, meanwhile: () => void): FsPort {
  let calls = 0;
  return guardedFs(disk.mount(), (name) => {
    calls += 1;
    assert.ok(calls < ENDLESS, 'it goes on for ever');
    if (name === at) meanwhile();
  });
}

/** Puts a copy of the log in its place, as a repair does. */
function replace(disk: SimDisk, bytes = bytesAt(disk.mount(), LOG_PATH)): void {
  const fs = disk.mount();
  putBytes(fs, OTHER, bytes);
  fs.rename(OTHER, LOG_PATH);
}

/** The same, unless another has the lock. */
function repairs(disk: SimDisk, bytes: Buffer): boolean {
  const fs = disk.mount();
  const free = fs.tryLock(fs.open(LOG_PATH, 'update'));
  if (free) replace(disk, bytes);
  fs.kill();
  return free;
}

async function damagedLog(): Promise<{ disk: SimDisk; damaged: Buffer }> {
  const disk = new SimDisk();
  await commit(reopen(disk), 2);
  addBytes(disk, JUNK);
  return { disk, damaged: bytesAt(disk.mount(), LOG_PATH) };
}

const busy = (error: unknown): boolean => {
  gaitError('stream_busy', 'state_contention')(error);
  return (error as { retryable?: boolean }).retryable === true;
};

describe('a log that is replaced while it is used', () => {
  test('once, by a repair, while its damage is read: the reader goes on with the repaired one', async () => {
    for (const at of ['tryLock', 'isAt', 'read', 'stat'] as const) {
      for (let nth = 1; nth < 12; nth += 1) {
        const { disk } = await damagedLog();
        const repairer = reopen(disk);
        const keep = await lastPosition(repairer);
        const { records } = batchOn(keep, 'repaired');
        const repaired = new SimDisk();
        await commit(reopen(repaired), 2);
        const fixed = Buffer.concat([
          bytesAt(repaired.mount(), LOG_PATH),
          ...records.map(({ line }) => line),
        ]);
        let [seen, done] = [0, false];
        const fs = disturbed(disk, at, () => {
          seen += 1;
          if (seen >= nth && !done) done = repairs(disk, fixed);
        });
        const texts = await history(openStore(fs)).catch((error: unknown) => {
          assert.ok(error instanceof LogDamage && !done, `before ${at} ${nth}: ${String(error)}`);
          return undefined;
        });
        if (texts !== undefined) assert.equal(texts.length, 3, `before ${at} ${nth}`);
      }
    }
  });

  for (const at of ['tryLock', 'isAt', 'open'] as const) {
    test(`again and again, before every ${at}: reading and writing come to an end`, async () => {
      const { disk } = await damagedLog();
      const ends = (error: unknown): boolean => error instanceof LogDamage || busy(error);
      const fs = disturbed(disk, at, () => replace(disk));
      await assert.rejects(history(openStore(fs)), ends);
      const head = (await lastPosition(reopen(disk))) ?? assert.fail();
      await assert.rejects(openStore(fs).append(batchOn(head, 'new')), ends);
      const cut = await cutDamage(openStore(fs), head).catch((error: unknown) => error);
      assert.ok(cut instanceof GaitError || 'keptAs' in (cut as object), String(cut));
    });
  }

  test('before every lock: an append gives up as busy, and nothing is written', async () => {
    const disk = new SimDisk();
    const head = (await commit(reopen(disk), 2)).at(-1)?.head ?? assert.fail();
    const before = bytesAt(disk.mount(), LOG_PATH);
    const fs = disturbed(disk, 'tryLock', () => replace(disk, before));
    await assert.rejects(openStore(fs).append(batchOn(head, 'new')), busy);
    assert.ok(before.equals(bytesAt(disk.mount(), LOG_PATH)));
    const first = batchOn('none', 'new');
    await assert.rejects(openStore(fs).append(first), busy);
  });

  test('with damage that is there for whoever has no lock, and gone for whoever has one: reading ends as busy', async () => {
    const { disk, damaged } = await damagedLog();
    const sound = damaged.subarray(0, damaged.length - JUNK.length);
    let locked = false;
    const content = (bytes: Buffer): void => {
      const fs = disk.mount();
      const fd = fs.open(LOG_PATH, 'update');
      fs.truncate(fd, 0);
      fs.write(fd, bytes, 0);
      fs.close(fd);
    };
    const inner = disk.mount();
    let calls = 0;
    const fs: FsPort = {
      ...inner,
      tryLock: (fd) => {
        locked = true;
        content(sound);
        return inner.tryLock(fd);
      },
      unlock: (fd) => {
        locked = false;
        content(damaged);
        inner.unlock(fd);
      },
      read: (...args) => {
        calls += 1;
        assert.ok(calls < ENDLESS, 'it goes on for ever');
        return inner.read(...args);
      },
    };
    await assert.rejects(history(openStore(fs)), busy);
    assert.equal(locked, false);
  });

  test('by another log, while it is read: no damage is told of the one that is gone', async () => {
    for (const at of ['isAt', 'tryLock'] as const) {
      const { disk } = await damagedLog();
      const other = new SimDisk();
      await commit(reopen(other), 5, 'other');
      const bytes = bytesAt(other.mount(), LOG_PATH);
      let done = false;
      const fs = disturbed(disk, at, () => {
        if (!done) replace(disk, bytes);
        done = true;
      });
      const unknown = gaitError('position_unknown', 'verification_failed');
      await assert.rejects(history(openStore(fs)), unknown, at);
      assert.equal((await history(reopen(disk))).length, 5);
    }
  });
});
