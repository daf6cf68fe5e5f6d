import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FsPort } from '../../src/files/port.ts';
import { type Fate, type Pending, SimDisk } from '../../src/files/sim.ts';
import { LogDamage } from '../../src/log/record.ts';
import { SNAPSHOT_FILE } from '../../src/log/stores/file_store.ts';
import { dyingFs, guardedFs } from '../support/failing_fs.ts';
import {
  APPENDS,
  arrange,
  cutDamage,
  JUNK,
  type Ledger,
  lastPosition,
  type Operation,
  REPAIRS,
  SNAPSHOTS,
} from '../support/operations.ts';
import { sized } from '../support/sized.ts';
import {
  batchOn,
  bytesAt,
  commit,
  history,
  LOG_PATH,
  openStore,
  ROOT,
  readUntilDamage,
  reopen,
  STREAM,
  textsOf,
} from '../support/streams.ts';

/** More combinations of fates than this are sampled. */
const MOST = sized(512, 150);

/** All that a power failure can make of one unsynced change. */
function fatesOf(change: Pending): readonly Fate[] {
  if (change.kind !== 'write') return ['lost', 'kept'];
  const torn = [1, Math.floor(change.length / 2), change.length - 1].map((bytes) => ({ torn: bytes }));
  return ['lost', 'kept', 'zeros', ...torn];
}

/** Every combination of the changes' fates; of too many a fixed sample that spreads over all of them. */
function* combinations(changes: readonly Pending[]): Generator<Fate[]> {
  const choices = changes.map(fatesOf);
  const count = choices.reduce((product, { length }) => product * length, 1);
  const step = Math.max(1, count / MOST);
  for (let at = 0; at < count; at += step) {
    let rest = Math.floor(at);
    yield choices.map((fates) => {
      const fate = fates[rest % fates.length] as Fate;
      rest = Math.floor(rest / fates.length);
      return fate;
    });
  }
}

interface Interrupted {
  readonly disk: SimDisk;
  readonly ledger: Ledger;
  readonly calls: number;
  /** Acknowledged before the power failed. */
  readonly owed: readonly string[];
  /** All that was sent after that. */
  readonly sent: readonly string[];
}

/** The operation, up to its call number `at` of the file system. */
async function interrupt(operation: Operation, at?: number): Promise<Interrupted> {
  const { disk, ledger } = await arrange(operation);
  const fs = dyingFs(disk.mount(), at);
  await operation.act(openStore(fs, { lockTimeoutMs: 0 }), ledger).catch(() => {});
  const { acknowledged, doubtful, rejected } = ledger;
  return { disk, ledger, calls: fs.calls(), owed: acknowledged, sent: [...doubtful, ...rejected] };
}

/** Throws unless the log holds what it owes, plus at most a prefix of what was sent, and goes on from there. */
async function examine({ disk, ledger, owed, sent }: Interrupted, fates: readonly Fate[]): Promise<boolean> {
  const store = reopen(disk);
  const { texts, damage } = await readUntilDamage(store);
  assert.deepEqual(texts, [...owed, ...sent].slice(0, Math.max(texts.length, owed.length)));
  if (damage !== undefined) {
    const hole = fates.some((fate) => fate !== 'kept' && fate !== 'lost');
    assert.ok(ledger.damaged || hole, `no fate explains it: ${damage.message}`);
    await assert.rejects(commit(reopen(disk), 1), LogDamage);
    await cutDamage(store, await lastPosition(store));
  }
  const next = (await commit(store, 2, 'next')).flatMap(textsOf);
  disk.crash(() => 'lost');
  assert.deepEqual(await history(reopen(disk), { strict: true }), [...texts, ...next]);
  return damage !== undefined;
}

type Check = (run: Interrupted, fates: readonly Fate[]) => Promise<boolean>;

/** The power fails at each call of the operation, with each combination of fates. */
async function sweep(operation: Operation, check: Check): Promise<string> {
  const { calls } = await interrupt(operation);
  let [cases, damaged] = [0, 0];
  const broken: string[] = [];
  for (let at = 1; at <= calls + 1; at += 1) {
    const pending = (await interrupt(operation, at)).disk.pending();
    for (const fates of combinations(pending)) {
      const run = await interrupt(operation, at);
      run.disk.crash((_, index) => fates[index] ?? 'lost');
      cases += 1;
      try {
        if (await check(run, fates)) damaged += 1;
      } catch (error) {
        broken.push(`at call ${at}, ${JSON.stringify(fates)}: ${(error as Error).message}`);
      }
    }
  }
  assert.ok(broken.length === 0, `${broken.length} of ${cases} cases, the first ${broken[0]}`);
  return `${calls} calls, ${cases} cases, ${damaged} of them damaged`;
}

describe('the power fails at any call, and every subset of what was not synced survives', () => {
  for (const operation of APPENDS) {
    test(operation.name, async (t) => t.diagnostic(await sweep(operation, examine)));
  }

  for (const operation of SNAPSHOTS) {
    test(operation.name, async (t) => {
      const check: Check = async (run, fates) => {
        const snapshot = await reopen(run.disk).loadSnapshot(STREAM);
        assert.ok([undefined, 1, 2].includes(snapshot?.state['n'] as number | undefined));
        if (snapshot !== undefined) assert.deepEqual(snapshot.position, run.ledger.position);
        return examine(run, fates);
      };
      t.diagnostic(await sweep(operation, check));
    });
  }

  for (const operation of REPAIRS) {
    test(operation.name, async (t) => {
      const check: Check = async (run, fates) => {
        assert.ok(holdsCutBytes(run.disk), 'the bytes that were cut are nowhere');
        return examine(run, fates);
      };
      t.diagnostic(await sweep(operation, check));
    });
  }
});

function holdsCutBytes(disk: SimDisk): boolean {
  const fs = disk.mount();
  const paths = fs
    .names(`${ROOT}/${STREAM}`)
    .filter((name) => name === 'log.ndjson' || /^cut-.*\.bin$/.test(name));
  return paths.some((name) => bytesAt(fs, `${ROOT}/${STREAM}/${name}`).includes(JUNK));
}

describe('several processes die one after another, and then the power fails', () => {
  /** Two appends that were written and not synced, with a torn tail between them that the second one cut. */
  async function diedTwice(): Promise<Interrupted> {
    const disk = new SimDisk();
    const owed = (await commit(reopen(disk), 2)).flatMap(textsOf);
    const first = batchOn((await commit(reopen(disk), 1)).at(-1)?.head ?? 'none', 'first', 2);
    const ledger = {} as Ledger;
    const [old = ''] = (await history(reopen(disk))).slice(-1);
    await dieAt(disk, 'sync', first);
    const mount = disk.mount();
    const fd = mount.open(LOG_PATH, 'update');
    mount.write(fd, Buffer.from('{"event":{"to'), mount.stat(fd).size);
    mount.kill();
    const second = batchOn(first.head, 'second');
    await dieAt(disk, 'sync', second);
    return { disk, ledger, calls: 0, owed: [...owed, old], sent: [...textsOf(first), ...textsOf(second)] };
  }

  async function dieAt(disk: SimDisk, call: keyof FsPort, batch: ReturnType<typeof batchOn>): Promise<void> {
    const mount = disk.mount();
    let ended = false;
    const fs = guardedFs(mount, (name) => {
      ended ||= name === call;
      if (ended) throw Object.assign(new Error(`EIO: the process ended at ${name}`), { code: 'EIO' });
    });
    await openStore(fs).append(batch);
    mount.kill();
  }

  test('what was acknowledged is there, and the rest is a prefix or damage', async (t) => {
    const { disk } = await diedTwice();
    let [cases, damaged] = [0, 0];
    const pending = disk.pending();
    assert.deepEqual(
      pending.map(({ kind }) => kind),
      ['write', 'write', 'truncate', 'write'],
    );
    for (const fates of combinations(pending)) {
      const run = await diedTwice();
      run.disk.crash((_, index) => fates[index] ?? 'lost');
      cases += 1;
      // A write that is kept behind one that is lost leaves a hole as well.
      if (await examine(run, [...fates, 'zeros'])) damaged += 1;
    }
    assert.ok(damaged > 0 && damaged < cases);
    t.diagnostic(`${cases} cases, ${damaged} of them damaged`);
  });
});

describe('a snapshot that a crash left behind', () => {
  test('belongs to events that were lost: it is not used', async () => {
    const { disk, ledger } = await arrange({ name: '', events: 2, act: async () => {} });
    const batch = batchOn(ledger.position ?? 'none', 'lost');
    const liar = openStore({ ...disk.mount(), sync: () => {} });
    const outcome = await liar.append(batch);
    assert.ok(outcome.status === 'committed');
    await liar.saveSnapshot(STREAM, { position: outcome.head, state: { n: 3 } });
    assert.equal((await liar.loadSnapshot(STREAM))?.state['n'], 3);
    disk.crash(({ path }) => (path.includes(SNAPSHOT_FILE) ? 'kept' : 'lost'));
    assert.equal(await reopen(disk).loadSnapshot(STREAM), undefined);
    assert.deepEqual(await history(reopen(disk)), ledger.acknowledged);
  });
});

describe('an append that was rejected with an error', () => {
  // The write failed half way and was taken back, but neither is on disk when the power fails.
  async function rejected(): Promise<Interrupted> {
    const { disk, ledger } = await arrange({ name: '', events: 1, act: async () => {} });
    const mount = disk.mount();
    let writes = 0;
    const write: typeof mount.write = (fd, bytes, position) => {
      writes += 1;
      if (writes > 1) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      return mount.write(fd, bytes.subarray(0, bytes.length - 10), position);
    };
    const batch = batchOn(ledger.position ?? 'none', 'rejected', 3);
    await assert.rejects(openStore({ ...mount, write }).append(batch), { code: 'disk_full' });
    assert.equal(writes, 2);
    return { disk, ledger, calls: 0, owed: ledger.acknowledged, sent: textsOf(batch) };
  }

  test('left nothing, as long as the power does not fail', async () => {
    const { disk, owed } = await rejected();
    assert.deepEqual(await history(reopen(disk), { strict: true }), owed);
  });

  test('left nothing after a power failure either', async () => {
    const { disk } = await rejected();
    for (const fates of combinations(disk.pending())) {
      const run = await rejected();
      run.disk.crash((_, index) => fates[index] ?? 'lost');
      assert.deepEqual(await history(reopen(run.disk), { strict: true }), run.owed, JSON.stringify(fates));
    }
  });
});
