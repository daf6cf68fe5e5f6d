import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GaitError } from '../../src/core/errors.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { faultyFs } from '../../src/files/faulty.ts';
import { SimDisk } from '../../src/files/sim.ts';
import { readAll } from '../../src/log/conformance.ts';
import { replay, type StreamModel } from '../../src/log/fold.ts';
import { LogDamage } from '../../src/log/record.ts';
import type { EventStore } from '../../src/log/store.ts';
import { SNAPSHOT_FILE } from '../../src/log/stores/file_store.ts';
import { SNAPSHOT_EVERY, StreamHandle } from '../../src/log/stream.ts';
import { gaitError } from '../support/refusals.ts';
import { bytesAt, ID_FIELD, LOG_PATH, openStore, putBytes, reopen, STREAM } from '../support/streams.ts';

interface Counter {
  readonly revision: number;
  readonly total: number;
}

const counter: StreamModel<Counter> = {
  idField: ID_FIELD,
  initial: { revision: 0, total: 0 },
  evolve({ revision, total }, event) {
    if (event['type'] !== 'added') throw new Error(`unknown type ${event['type']}`);
    const next = total + 1;
    if (event['total'] !== next) throw new Error(`total ${event['total']} where ${next} is due`);
    return { revision: revision + 1, total: next };
  },
  snapshot: {
    save: (state) => ({ ...state }),
    load: (stored) => stored as unknown as Counter,
  },
};

function added({ revision, total }: Counter, who: string): JsonObject {
  return { [ID_FIELD]: STREAM, revision: revision + 1, type: 'added', total: total + 1, who };
}

function handleOn(store: EventStore): StreamHandle<Counter> {
  return new StreamHandle(store, counter, STREAM);
}

function increment(handle: StreamHandle<Counter>, who: string): Promise<{ state: Counter }> {
  return handle.execute((state) => ({ events: [added(state, who)] }));
}

/** Who is in the log, in its order. */
async function authors(disk: SimDisk): Promise<string[]> {
  const found: string[] = [];
  await replay(reopen(disk), counter, STREAM, ({ event }) => found.push(String(event['who'])));
  return found;
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix} ${i}`);
}

describe('commands at once on a stream', () => {
  test('of one handle are all decided, each once, in the order of the calls', async () => {
    const disk = new SimDisk();
    const handle = handleOn(reopen(disk));
    const who = names('a', 600);
    const results = await Promise.all(who.map((name) => increment(handle, name)));
    assert.deepEqual(
      results.map(({ state }) => state.total),
      who.map((_, i) => i + 1),
    );
    assert.deepEqual(await authors(disk), who);
  });

  for (const batches of [1, 10]) {
    test(`of several handles over the same disk, ${batches} rounds: no update is lost or doubled`, async () => {
      const disk = new SimDisk();
      const handles = Array.from({ length: 3 }, () => handleOn(openStore(disk.mount())));
      const sent: string[] = [];
      const totals: number[] = [];
      for (let round = 0; round < batches; round += 1) {
        const who = handles.map((_, h) => names(`${h}/${round}`, 1 + ((round + h) % 40)));
        const calls = handles.flatMap((handle, h) => (who[h] ?? []).map((name) => increment(handle, name)));
        totals.push(...(await Promise.all(calls)).map(({ state }) => state.total));
        sent.push(...who.flat());
      }
      assert.deepEqual((await authors(disk)).sort(), [...sent].sort());
      assert.deepEqual(
        totals.sort((a, b) => a - b),
        sent.map((_, i) => i + 1),
      );
    });
  }

  test('a refusal is thrown once its events are recorded, and nothing is recorded for one without', async () => {
    const disk = new SimDisk();
    const handle = handleOn(reopen(disk));
    const refusal = new GaitError({ code: 'test.refused', category: 'invalid_input', message: 'no' });
    const refused = handle.execute((state) => ({ events: [added(state, 'recorded')], refusal }));
    await assert.rejects(refused, refusal);
    await assert.rejects(
      handle.execute(() => ({ events: [], refusal })),
      refusal,
    );
    assert.deepEqual(await authors(disk), ['recorded']);
  });

  test('an event that does not fold is never written', async () => {
    const disk = new SimDisk();
    const handle = handleOn(reopen(disk));
    await increment(handle, 'a');
    for (const wrong of [{ type: 'other' }, { total: 7 }]) {
      const deciding = handle.execute((state) => ({ events: [{ ...added(state, 'b'), ...wrong }] }));
      await assert.rejects(deciding, gaitError('decided_illegal_event', 'internal_failure'));
    }
    await increment(handle, 'c');
    assert.deepEqual(await authors(disk), ['a', 'c']);
  });
});

describe('a handle whose disk fails once', () => {
  test('at any call: what it acknowledged is there, and it goes on', async (t) => {
    let cases = 0;
    for (let at = 1; ; at += 1) {
      const disk = new SimDisk();
      const fs = faultyFs(disk.mount(), { at, kind: 'before', errno: 'EIO' });
      const handle = handleOn(openStore(fs));
      const results = await Promise.allSettled(names('a', 5).map((who) => increment(handle, who)));
      results.push(...(await Promise.allSettled(names('b', 5).map((who) => increment(handle, who)))));
      const who = [...names('a', 5), ...names('b', 5)];
      const log = await authors(disk);
      for (const [i, result] of results.entries()) {
        if (result.status === 'fulfilled') assert.equal(log.filter((name) => name === who[i]).length, 1);
        else assert.ok(result.reason instanceof GaitError, String(result.reason));
      }
      assert.equal(new Set(log).size, log.length);
      if (fs.calls.length < at) break;
      cases += 1;
      assert.equal((await increment(handle, 'last')).state.total, log.length + 1);
    }
    t.diagnostic(`${cases} cases`);
  });

  test('an append that is not confirmed says so, and says whether the log shows it', async () => {
    const disk = new SimDisk();
    await increment(handleOn(reopen(disk)), 'a');
    const mount = disk.mount();
    const sync = () => {
      throw Object.assign(new Error('EIO'), { code: 'EIO' });
    };
    const failing = increment(handleOn(openStore({ ...mount, sync })), 'b');
    await assert.rejects(failing, (error) => {
      assert.ok(gaitError('append_unconfirmed', 'io_failure')(error));
      assert.equal((error as GaitError).details['in_log'], false);
      assert.equal((error as GaitError).retryable, false);
      return true;
    });
    assert.deepEqual(await authors(disk), ['a']);
  });
});

describe('a handle that read what another writer took back', () => {
  test('goes on from what is in the log', async () => {
    const disk = new SimDisk();
    await increment(handleOn(reopen(disk)), 'a');
    const watcher = handleOn(openStore(disk.mount()));
    await watcher.load();
    let seen: ReturnType<typeof watcher.load> | undefined;
    const mount = disk.mount();
    let writes = 0;
    const write: typeof mount.write = (fd, bytes, position) => {
      writes += 1;
      if (writes === 1) return mount.write(fd, bytes.subarray(0, bytes.indexOf(10) + 1), position);
      seen = watcher.load(); // reads what is there right now
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    };
    const writer = handleOn(openStore({ ...mount, write }));
    const both = writer.execute((state) => {
      const first = added(state, 'b');
      return { events: [first, added(counter.evolve(state, first), 'c')] };
    });
    await assert.rejects(both, gaitError('disk_full', 'io_failure'));
    assert.equal((await seen)?.state.total, 2);
    assert.deepEqual(await authors(disk), ['a']);
    assert.equal((await watcher.load()).state.total, 1);
    assert.equal((await increment(watcher, 'd')).state.total, 2);
  });
});

describe('a snapshot is a cache and nothing else', () => {
  async function longStream(): Promise<SimDisk> {
    const disk = new SimDisk();
    const handle = handleOn(reopen(disk));
    await Promise.all(names('a', SNAPSHOT_EVERY + 50).map((who) => increment(handle, who)));
    return disk;
  }

  const path = `/var/gait/streams/${STREAM}/${SNAPSHOT_FILE}`;

  test('with it, without it, and with one that is spoilt, the state is the same', async () => {
    const disk = await longStream();
    const fs = disk.mount();
    const snapshot = bytesAt(fs, path);
    const spoilt = [
      Buffer.alloc(0),
      Buffer.alloc(snapshot.length),
      snapshot.subarray(0, 100),
      Buffer.from('{}'),
    ];
    for (const bytes of [snapshot, ...spoilt]) {
      putBytes(fs, path, bytes);
      const { state } = await handleOn(reopen(disk)).load();
      assert.equal(state.total, SNAPSHOT_EVERY + 50);
    }
    fs.remove(path);
    assert.equal((await handleOn(reopen(disk)).load()).state.total, SNAPSHOT_EVERY + 50);
  });

  test('one wrong bit anywhere in it changes no state, and no command is refused for it', async () => {
    const disk = await longStream();
    const fs = disk.mount();
    const snapshot = bytesAt(fs, path);
    const broken: string[] = [];
    for (let bit = 0; bit < snapshot.length * 8; bit += 1) {
      const bytes = Buffer.from(snapshot);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      putBytes(fs, path, bytes);
      const total = await handleOn(reopen(disk))
        .load()
        .then(({ state }) => state.total, String);
      if (total !== SNAPSHOT_EVERY + 50) broken.push(`${bytes}: ${total}`);
    }
    assert.ok(broken.length === 0, `${broken.length} bits, the first one ${broken[0]}`);
  });

  test('evidence is folded without it', async () => {
    const disk = await longStream();
    const fs = disk.mount();
    const lie = bytesAt(fs, path)
      .toString()
      .replace(/"total":\d+/, '"total":7');
    putBytes(fs, path, Buffer.from(lie));
    assert.equal((await replay(reopen(disk), counter, STREAM)).state.total, SNAPSHOT_EVERY + 50);
  });
});

describe('a handle whose log lost what was on disk', () => {
  test('says so, and does not go on', async () => {
    const disk = new SimDisk();
    await increment(handleOn(reopen(disk)), 'a');
    const handle = handleOn(reopen(disk));
    await handle.load();
    const [kept] = (await readAll(reopen(disk), STREAM)).slice(-1);
    await increment(handle, 'b');
    const fs = disk.mount();
    const fd = fs.open(LOG_PATH, 'update');
    fs.truncate(fd, kept?.offset ?? 0);
    fs.kill();
    await assert.rejects(handle.load(), (error) => {
      return error instanceof LogDamage && error.damage === 'acknowledged_lost' && error.revision === 2;
    });
  });
});
