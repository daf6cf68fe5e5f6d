import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { faultyFs } from '../../src/files/faulty.ts';
import { LineFile } from '../../src/files/line_file.ts';
import { fileLock } from '../../src/files/lock.ts';
import { SimDisk } from '../../src/files/sim.ts';
import { append, DIR, diskWith, PATH } from '../support/line_files.ts';
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
  reopen,
  STREAM,
} from '../support/streams.ts';

const notExclusive = gaitError('lock_not_exclusive', 'unsafe_operation');

describe('a file system whose lock excludes nobody', () => {
  const liar = (disk: SimDisk) => ({ ...disk.mount(), tryLock: () => true, unlock: () => {} });

  test('is refused at the first append, and nothing is written', async () => {
    const disk = new SimDisk();
    const acknowledged = (await commit(reopen(disk), 2)).at(-1)?.head ?? assert.fail();
    const before = bytesAt(disk.mount(), LOG_PATH);
    const store = openStore(liar(disk));
    await assert.rejects(store.append(batchOn(acknowledged, 'new')), notExclusive);
    await assert.rejects(store.append(batchOn(acknowledged, 'again')), notExclusive);
    assert.ok(before.equals(bytesAt(disk.mount(), LOG_PATH)));
    await assert.rejects(openStore(liar(new SimDisk())).append(batchOn('none', 'new')), notExclusive);
  });

  test('is refused by a repair, and by a file of lines', async () => {
    const disk = new SimDisk();
    await commit(reopen(disk), 2);
    addBytes(disk, JUNK);
    const store = openStore(liar(disk));
    await assert.rejects(cutDamage(store, await lastPosition(store)), notExclusive);
    const lines = diskWith('a\n');
    await assert.rejects(append(new LineFile({ path: PATH, fs: liar(lines) }), 'b\n'), notExclusive);
    assert.equal(bytesAt(lines.mount(), PATH).toString(), 'a\n');
    assert.deepEqual(lines.mount().names(DIR), ['lines']);
  });

  test('is no hindrance to reading', async () => {
    const disk = new SimDisk();
    await commit(reopen(disk), 2);
    assert.equal((await history(openStore(liar(disk)))).length, 2);
  });
});

test('that a lock excludes others is looked at once in a store', async () => {
  const disk = new SimDisk();
  const fs = faultyFs(disk.mount());
  const store = openStore(fs);
  await commit(store, 1);
  const locks = (): number => fs.calls.filter((name) => name === 'tryLock').length;
  const before = locks();
  assert.equal(before, 2);
  await commit(store, 3);
  assert.equal(locks(), before + 3);
  await store.append(batchOn('none', 'x')).then(({ status }) => assert.equal(status, 'conflict'));
  assert.equal(await store.loadSnapshot(STREAM), undefined);
});

describe('flock(2)', () => {
  const flock = (code: string) => {
    const flockSync = (): never => {
      throw Object.assign(new Error(`${code}: flock`), { code });
    };
    return fileLock({ constants: { LOCK_EX: 2, LOCK_NB: 4, LOCK_UN: 8 }, flockSync });
  };

  for (const code of ['EINVAL', 'ENOLCK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']) {
    test(`that answers ${code}: there are no locks here`, () => {
      assert.throws(() => flock(code).tryLock(3), gaitError('lock_unsupported', 'dependency_missing'));
    });
  }

  test('that answers EAGAIN: another has it; EIO: the disk fails', () => {
    assert.equal(flock('EAGAIN').tryLock(3), false);
    assert.throws(() => flock('EIO').tryLock(3), { code: 'EIO' });
  });
});
