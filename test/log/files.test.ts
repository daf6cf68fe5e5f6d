import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { sha256Hex } from '../../src/core/digest.ts';
import { LineFile } from '../../src/files/line_file.ts';
import { nodeFs, shareFolder } from '../../src/files/node.ts';
import { sampleBatch } from '../../src/log/conformance.ts';
import { FileStore } from '../../src/log/stores/file_store.ts';
import { cutDamage, JUNK, lastPosition } from '../support/operations.ts';
import { gaitError } from '../support/refusals.ts';
import { commit, history, ID_FIELD, STREAM } from '../support/streams.ts';

const isRoot = process.getuid?.() === 0;
const SECRET = 'of somebody else\n';

interface Place {
  readonly root: string;
  readonly dir: string;
  readonly log: string;
  readonly store: FileStore;
  /** A file outside, which links lead to. */
  readonly outside: string;
  at(name: string): string;
}

async function place(t: TestContext, name = 'streams'): Promise<Place> {
  const base = await mkdtemp(join(tmpdir(), 'gait-files-'));
  const root = join(base, name);
  const store = new FileStore({ root, idField: ID_FIELD });
  t.after(async () => {
    await store.close();
    await rm(base, { recursive: true, force: true });
  });
  const outside = join(base, 'outside');
  fs.writeFileSync(outside, SECRET);
  const dir = join(root, STREAM);
  return { root, dir, log: join(dir, 'log.ndjson'), store, outside, at: (file) => join(dir, file) };
}

async function damaged(t: TestContext): Promise<Place> {
  const found = await place(t);
  await commit(found.store, 2);
  fs.appendFileSync(found.log, JUNK);
  return found;
}

function modeOf(path: string): number {
  return fs.statSync(path).mode & 0o7777;
}

const KEPT = `cut-after-2-${sha256Hex(JUNK).slice(0, 16)}`;

describe('a link that somebody planted', () => {
  const NAMES = [
    `${KEPT}.bin`,
    '.log.ndjson.new',
    'log.ndjson.repaired',
    '.snapshot.json.new',
    'snapshot.json',
  ];
  for (const leads of ['to a file of somebody else', 'nowhere']) {
    test(`${leads}, at each name that a repair or a snapshot writes: nothing is written through it`, async (t) => {
      const { store, at, outside, log } = await damaged(t);
      const target = leads === 'nowhere' ? `${outside}-not-there` : outside;
      for (const name of NAMES) fs.symlinkSync(target, at(name));
      const cut = await cutDamage(store, await lastPosition(store));
      await store.saveSnapshot(STREAM, { position: await lastPosition(store), state: { n: 2 } });
      assert.deepEqual((await store.loadSnapshot(STREAM))?.state, { n: 2 });
      assert.equal(fs.readFileSync(outside, 'utf8'), SECRET);
      assert.ok(!fs.existsSync(`${outside}-not-there`));
      assert.equal(cut.keptAs, `${KEPT}-2.bin`);
      assert.deepEqual(fs.readFileSync(at(cut.keptAs)), JUNK);
      for (const path of [log, at(cut.keptAs), at('snapshot.json')])
        assert.ok(fs.lstatSync(path).isFile(), path);
    });
  }

  test('at the names of the listing: nothing is written through it', async (t) => {
    const { store, root, outside } = await damaged(t);
    for (const name of ['.listing.json', '..listing.json.new', `..listing.json.${process.pid}`]) {
      fs.symlinkSync(outside, join(root, name));
    }
    store.shortcuts.saveListing(Buffer.from('listing'));
    assert.equal(fs.readFileSync(outside, 'utf8'), SECRET);
    assert.equal(fs.readFileSync(join(root, '.listing.json'), 'utf8'), 'listing');
    assert.ok(fs.lstatSync(join(root, '.listing.json')).isFile());
  });

  test('at the name of a log that is to be: no file is made at its other end', async (t) => {
    const { store, dir, log, outside } = await place(t);
    fs.mkdirSync(dir, { recursive: true });
    fs.symlinkSync(`${outside}-not-there`, log);
    await assert.rejects(store.append(sampleBatch(STREAM, 'none')), gaitError('path_unusable'));
    assert.ok(!fs.existsSync(`${outside}-not-there`));
  });

  test('in place of the log itself: it is not repaired', async (t) => {
    const { store, dir, log } = await damaged(t);
    const elsewhere = join(dir, 'elsewhere');
    fs.renameSync(log, elsewhere);
    fs.symlinkSync(elsewhere, log);
    const before = fs.readFileSync(elsewhere);
    const repaired = cutDamage(store, await lastPosition(store));
    await assert.rejects(repaired, gaitError('log_is_link', 'unsafe_operation'));
    assert.deepEqual(fs.readFileSync(elsewhere), before);
    assert.ok(fs.lstatSync(log).isSymbolicLink());
    assert.deepEqual(fs.readdirSync(dir).sort(), ['elsewhere', 'log.ndjson']);
  });
});

describe('the file that keeps what was cut', () => {
  test('is used if it is there already with just these bytes', async (t) => {
    const { store, at } = await damaged(t);
    fs.writeFileSync(at(`${KEPT}.bin`), JUNK);
    assert.equal((await cutDamage(store, await lastPosition(store))).keptAs, `${KEPT}.bin`);
    assert.deepEqual(fs.readFileSync(at(`${KEPT}.bin`)), JUNK);
  });

  test('has another name where that is taken by other bytes, a folder, or a link to the same bytes', async (t) => {
    const { store, at, outside, dir } = await damaged(t);
    fs.writeFileSync(at(`${KEPT}.bin`), Buffer.alloc(JUNK.length));
    fs.mkdirSync(at(`${KEPT}-2.bin`));
    fs.writeFileSync(outside, JUNK);
    fs.symlinkSync(outside, at(`${KEPT}-3.bin`));
    fs.writeFileSync(at(`${KEPT}-4.bin`), JUNK.subarray(1));
    const { keptAs } = await cutDamage(store, await lastPosition(store));
    assert.equal(keptAs, `${KEPT}-5.bin`);
    assert.deepEqual(fs.readFileSync(join(dir, keptAs)), JUNK);
    assert.deepEqual(fs.readFileSync(at(`${KEPT}.bin`)), Buffer.alloc(JUNK.length));
  });
});

describe('owner and mode', () => {
  test('of what a repair and a snapshot write are those of the log; a file of lines that is replaced keeps its owner', async (t) => {
    const { store, log, at, root } = await damaged(t);
    fs.chmodSync(log, 0o640);
    if (isRoot) fs.chownSync(log, 1234, 1235);
    const { keptAs } = await cutDamage(store, await lastPosition(store));
    await store.saveSnapshot(STREAM, { position: await lastPosition(store), state: {} });
    const lines = join(root, 'lines');
    fs.writeFileSync(lines, 'a\n');
    fs.chmodSync(lines, 0o640);
    if (isRoot) fs.chownSync(lines, 1234, 1235);
    await new LineFile({ path: lines }).change('update', () => ({ replace: Buffer.from('b\n'), result: 1 }));
    for (const path of [log, at(keptAs), at('snapshot.json'), lines]) {
      assert.equal(modeOf(path), path === lines ? 0o600 : 0o640, path);
      if (isRoot) assert.deepEqual([fs.statSync(path).uid, fs.statSync(path).gid], [1234, 1235], path);
    }
  });

  test('of what is made are for the owner alone', async (t) => {
    const { root, dir, log } = await damaged(t);
    assert.deepEqual([root, dir, log].map(modeOf), [0o700, 0o700, 0o600]);
  });

  test('below a folder with the setgid bit are for its group as well, whatever the umask', async (t) => {
    const { root, dir, log, at, store } = await place(t, 'shared/streams');
    const shared = join(root, '..');
    const group = isRoot ? 1236 : (process.getgid?.() ?? 0);
    shareFolder(shared, group);
    assert.deepEqual([modeOf(shared), fs.statSync(shared).gid], [0o2770, group]);
    const umask = process.umask(0o077);
    t.after(() => process.umask(umask));
    await commit(store, 3);
    await store.saveSnapshot(STREAM, { position: await lastPosition(store), state: {} });
    store.shortcuts.saveListing(Buffer.from('listing'));
    fs.appendFileSync(log, JUNK);
    const { keptAs } = await cutDamage(store, await lastPosition(store));
    await store.saveSnapshot(STREAM, { position: await lastPosition(store), state: {} });
    assert.deepEqual([root, dir].map(modeOf), [0o2770, 0o2770]);
    const files = [log, at('snapshot.json'), at(keptAs), join(root, '.listing.json')];
    assert.deepEqual(
      files.map(modeOf),
      [0o660, 0o660, 0o660, 0o600],
      'the listing tells of jobs of others too',
    );
    for (const path of [root, dir, ...files]) assert.equal(fs.statSync(path).gid, group, path);
  });

  test('a folder that is there already can be shared, and what is in it stays as it is', async (t) => {
    const { root, dir, log, store } = await place(t);
    await commit(store, 1);
    const group = isRoot ? 1236 : (process.getgid?.() ?? 0);
    shareFolder(root, group);
    assert.deepEqual([root, dir, log].map(modeOf), [0o2770, 0o700, 0o600]);
    await store.append(sampleBatch('other', 'none'));
    assert.equal(modeOf(join(root, 'other')), 0o2770);
  });

  test('a file is made only where there is none', async (t) => {
    const { outside } = await place(t);
    assert.throws(() => nodeFs.open(outside, 'new'), { code: 'EEXIST' });
    fs.symlinkSync(`${outside}-not-there`, `${outside}-link`);
    assert.throws(() => nodeFs.open(`${outside}-link`, 'new'), { code: 'EEXIST' });
    assert.throws(() => nodeFs.open(`${outside}-link`, 'plain'), { code: 'ELOOP' });
  });
});

test('a repair that was cut short leaves nothing that the next one minds', async (t) => {
  const { store, at } = await damaged(t);
  fs.writeFileSync(at('.log.ndjson.new'), 'half a log');
  await cutDamage(store, await lastPosition(store));
  assert.equal((await history(store, { strict: true })).length, 2);
  assert.ok(!fs.existsSync(at('.log.ndjson.new')));
});
