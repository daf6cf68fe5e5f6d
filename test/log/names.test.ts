import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { FsPort } from '../../src/files/port.ts';
import { SimDisk } from '../../src/files/sim.ts';
import { sampleBatch } from '../../src/log/conformance.ts';
import { replay } from '../../src/log/fold.ts';
import { LogDamage } from '../../src/log/record.ts';
import { FileStore } from '../../src/log/stores/file_store.ts';
import { StreamHandle } from '../../src/log/stream.ts';
import { lastModel } from '../support/listings.ts';
import { gaitError } from '../support/refusals.ts';
import { batchOn, commit, history, ID_FIELD, openStore, ROOT, reopen, STREAM } from '../support/streams.ts';

/** A disk on which the sync of one folder is refused, or fails. */
function refusing(disk: SimDisk, folder: string, code: string): FsPort {
  const inner = disk.mount();
  return {
    ...inner,
    syncDir(path) {
      if (path === folder) throw Object.assign(new Error(`${code}: fsync`), { code });
      inner.syncDir(path);
    },
  };
}

const REFUSALS = ['EINVAL', 'ENOTSUP', 'EACCES', 'EPERM', 'EROFS'];

describe('a folder that refuses a sync', () => {
  for (const folder of ['/', '/var', '/var/gait', ROOT]) {
    for (const code of REFUSALS) {
      test(`${folder} answers ${code}: appends go through`, async () => {
        const disk = new SimDisk();
        const store = openStore(refusing(disk, folder, code));
        await commit(store, 2);
        await commit(openStore(refusing(disk, folder, code)), 1);
        assert.equal((await history(reopen(disk))).length, 3);
      });
    }
  }

  test('for whatever reason, above the root, where gait made nothing: appends go through', async () => {
    for (const code of ['ESTALE', 'ENOTCONN', 'ENODEV']) {
      const disk = new SimDisk();
      await commit(reopen(disk), 1);
      await commit(openStore(refusing(disk, '/var', code)), 1);
      assert.equal((await history(reopen(disk))).length, 2);
    }
  });

  test("being the stream's own: the append is not confirmed, and the error names errno and path", async () => {
    const disk = new SimDisk();
    const folder = `${ROOT}/${STREAM}`;
    const handle = new StreamHandle(openStore(refusing(disk, folder, 'EINVAL')), lastModel, STREAM);
    const executed = handle.execute(() => ({ events: [{ [ID_FIELD]: STREAM, revision: 1, note: 'x' }] }));
    await assert.rejects(executed, (error: unknown) => {
      gaitError('append_unconfirmed', 'io_failure')(error);
      const { message, details } = error as { message: string; details: Record<string, unknown> };
      assert.match(message, /EINVAL/);
      assert.ok(message.includes(folder));
      assert.deepEqual([details['errno'], details['path']], ['EINVAL', folder]);
      return true;
    });
  });

  test('because the disk fails, where a name is new: the append is not confirmed', async () => {
    for (const folder of [ROOT, '/var/gait', '/var', '/']) {
      const disk = new SimDisk();
      const appended = openStore(refusing(disk, folder, 'EIO')).append(batchOn('none', 'x'));
      const status = await appended.then(
        (outcome) => outcome.status,
        () => 'rejected',
      );
      assert.notEqual(status, 'committed', folder);
    }
  });
});

describe('two ids that the file system takes for one', () => {
  test('the second is told what it is called here; a copy of a log is damage', async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'gait-case-'));
    t.after(() => rm(root, { recursive: true, force: true }));
    const open = (): FileStore => new FileStore({ root, idField: ID_FIELD });
    const store = open();
    await store.append(sampleBatch('Night', 'none', 3));
    fs.symlinkSync(join(root, 'Night'), join(root, 'night'));
    const before = fs.readFileSync(join(root, 'Night', 'log.ndjson'));

    const otherCase = (error: unknown): boolean => {
      gaitError('stream_id_case', 'invalid_input')(error);
      const { message, details } = error as { message: string; details: unknown };
      assert.match(message, /night is called Night here/);
      assert.deepEqual(details, { stream: 'night', called: 'Night' });
      return true;
    };
    await assert.rejects(new StreamHandle(open(), lastModel, 'night').load(), otherCase);
    await assert.rejects(replay(open(), lastModel, 'night'), otherCase);
    await assert.rejects(open().append(sampleBatch('night', 'none')), otherCase);
    assert.deepEqual(fs.readFileSync(join(root, 'Night', 'log.ndjson')), before);

    fs.cpSync(join(root, 'Night'), join(root, 'NIGHT'), { recursive: true });
    fs.symlinkSync(join(root, 'Night'), join(root, 'another'));
    for (const id of ['NIGHT', 'another']) {
      await assert.rejects(new StreamHandle(open(), lastModel, id).load(), (error) => {
        return error instanceof LogDamage && error.damage === 'misplaced';
      });
    }
    assert.equal((await new StreamHandle(open(), lastModel, 'Night').load()).position.revision, 3);
    await store.close();
  });
});
