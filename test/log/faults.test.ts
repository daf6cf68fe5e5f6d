import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GaitError } from '../../src/core/errors.ts';
import { type Fault, type FaultyFs, faultyFs } from '../../src/files/faulty.ts';
import type { Fd } from '../../src/files/port.ts';
import type { SimDisk } from '../../src/files/sim.ts';
import { LogDamage } from '../../src/log/record.ts';
import type { FileStore } from '../../src/log/stores/file_store.ts';
import {
  APPENDS,
  arrange,
  cutDamage,
  type Ledger,
  lastPosition,
  type Operation,
  READS,
  REPAIRS,
  SNAPSHOTS,
} from '../support/operations.ts';
import { gaitError } from '../support/refusals.ts';
import { THOROUGH } from '../support/sized.ts';
import { batchOn, commit, history, openStore, readUntilDamage, reopen, textsOf } from '../support/streams.ts';

/** What becomes of the process and of the machine after the fault. */
const AFTERMATHS = [
  'the process goes on',
  'the process is killed',
  'the power fails and all unsynced is lost',
  'the power fails and all unsynced is kept',
] as const;

type Aftermath = (typeof AFTERMATHS)[number];

interface Run {
  readonly disk: SimDisk;
  readonly ledger: Ledger;
  readonly fs: FaultyFs;
  readonly store: FileStore;
  readonly kill: () => void;
  /** What the operation threw. */
  readonly error: unknown;
}

async function runWith(operation: Operation, fault?: Fault): Promise<Run> {
  const { disk, ledger } = await arrange(operation);
  const mount = disk.mount();
  const fs = faultyFs(mount, fault);
  const store = openStore(fs, { lockTimeoutMs: 20 });
  let error: unknown;
  await operation.act(store, ledger).catch((thrown: unknown) => {
    error = thrown;
  });
  return { disk, ledger, fs, store, kill: mount.kill, error };
}

/** The store that is used after the fault. */
function comeBack({ disk, store, kill }: Run, aftermath: Aftermath): FileStore {
  if (aftermath === 'the process goes on') return store;
  if (aftermath === 'the process is killed') kill();
  if (aftermath === 'the power fails and all unsynced is lost') disk.crash(() => 'lost');
  if (aftermath === 'the power fails and all unsynced is kept') disk.crash(() => 'kept');
  return reopen(disk);
}

/** Throws when the log is not what was promised. */
async function examine(run: Run, aftermath: Aftermath): Promise<void> {
  const { ledger, disk, error } = run;
  if (error !== undefined && !(error instanceof GaitError)) throw new Error(`threw ${String(error)}`);
  if (error instanceof LogDamage && !ledger.damaged) throw new Error('a fault was taken for damage');
  const store = comeBack(run, aftermath);
  const seen = await readUntilDamage(store, { strict: true });
  // A repair that failed late has cut all the same.
  assert.ok(seen.damage === undefined || ledger.damaged, `${seen.damage?.message}`);
  if (seen.damage !== undefined) await cutDamage(store, await lastPosition(store));
  assert.deepEqual(
    seen.texts.slice(0, ledger.acknowledged.length),
    ledger.acknowledged,
    'acknowledged events',
  );
  const more = seen.texts.slice(ledger.acknowledged.length);
  assert.deepEqual(more, ledger.doubtful.slice(0, more.length), 'events that were not in doubt');
  await goOn(disk, store, seen.texts);
}

/** The next appends work, of another process and of this one, and outlive a power failure. */
async function goOn(disk: SimDisk, store: FileStore, texts: readonly string[]): Promise<void> {
  const next = [...(await commit(reopen(disk), 1, 'next of another')), ...(await commit(store, 1, 'next'))];
  const expected = [...texts, ...next.flatMap(textsOf)];
  assert.deepEqual(await history(store, { strict: true }), expected, 'history after the next appends');
  disk.crash(() => 'lost');
  const survived = await history(reopen(disk), { strict: true });
  assert.deepEqual(survived, expected, 'the next appends were acknowledged, and lost in a power failure');
}

const ERRNOS = ['ENOSPC', 'EIO', 'EACCES'] as const;

/** In every run one of them at each call, in turn. */
function* faults(calls: number): Generator<Fault> {
  for (let at = 1; at <= calls; at += 1) {
    for (const kind of ['before', 'after', 'short'] as const) {
      for (const errno of THOROUGH ? ERRNOS : [ERRNOS[at % ERRNOS.length] ?? 'EIO'])
        yield { at, kind, errno };
    }
  }
}

/** Broken promises, the same ones counted together. */
class Findings {
  readonly #cases = new Map<string, string[]>();

  add(call: string, fault: Fault, aftermath: Aftermath, { message }: Error): void {
    const [line = ''] = message.split('\n');
    const what = line.replace(/(ENOSPC|EIO|EACCES).*/, 'a bare system error').replace(/ for \d+ ms/, '');
    const finding = `${call}: ${what}`;
    this.#cases.set(finding, [
      ...(this.#cases.get(finding) ?? []),
      `${fault.kind} ${fault.errno}, ${aftermath}`,
    ]);
  }

  assertNone(): void {
    const lines = [...this.#cases].map(
      ([finding, cases]) => `${finding} (${cases.length} cases: ${cases[0]} …)`,
    );
    assert.ok(lines.length === 0, `broken promises:\n${lines.join('\n')}`);
  }
}

async function sweep(operation: Operation): Promise<{ calls: number; cases: number }> {
  const { fs, error } = await runWith(operation);
  assert.equal(error, undefined);
  const names = [...fs.calls];
  const findings = new Findings();
  let cases = 0;
  for (const fault of faults(names.length)) {
    for (const aftermath of AFTERMATHS) {
      cases += 1;
      const run = await runWith(operation, fault);
      const call = `call ${fault.at}, ${names[fault.at - 1]}`;
      await examine(run, aftermath).catch((broken: Error) => findings.add(call, fault, aftermath, broken));
    }
  }
  findings.assertNone();
  return { calls: names.length, cases };
}

describe('one fault, at any call of the file system', () => {
  for (const operation of [...APPENDS, ...READS, ...SNAPSHOTS, ...REPAIRS]) {
    test(operation.name, async (t) => {
      const { calls, cases } = await sweep(operation);
      t.diagnostic(`${calls} calls, ${cases} cases`);
    });
  }
});

describe('two faults at once', () => {
  async function appendWithout(...broken: ('sync' | 'close' | 'write' | 'truncate')[]): Promise<void> {
    const { disk, ledger } = await arrange({ name: '', events: 2, act: async () => {} });
    const mount = disk.mount();
    const fail = (name: string) => (fd: Fd, bytes: Uint8Array, position: number) => {
      if (name === 'write') mount.write(fd, bytes.subarray(0, 10), position);
      throw Object.assign(new Error(`EIO: ${name}`), { code: 'EIO' });
    };
    const store = openStore({ ...mount, ...Object.fromEntries(broken.map((name) => [name, fail(name)])) });
    const batch = batchOn(ledger.position ?? 'none', 'new');
    const outcome = await store.append(batch);
    assert.deepEqual(
      outcome.status === 'unknown' && outcome.hashes,
      batch.records.map(({ hash }) => hash),
    );
    mount.kill();
    const texts = await history(reopen(disk), { strict: true });
    assert.deepEqual(texts, [...ledger.acknowledged, ...textsOf(batch)].slice(0, texts.length));
    assert.ok(texts.length >= ledger.acknowledged.length);
  }

  test('the sync fails, and so does closing the file: the outcome is unknown', () =>
    appendWithout('sync', 'close'));

  test('the write fails half way, and so does taking it back: the outcome is unknown', () =>
    appendWithout('write', 'truncate'));

  test('the write fails at once, and so does taking it back: nothing was written, and the error says why', async () => {
    const { disk, ledger } = await arrange({ name: '', events: 2, act: async () => {} });
    const fail = (): never => {
      throw Object.assign(new Error('EPERM: immutable'), { code: 'EPERM' });
    };
    const store = openStore({ ...disk.mount(), write: fail, truncate: fail });
    const append = store.append(batchOn(ledger.position ?? 'none', 'new'));
    await assert.rejects(append, gaitError('access_denied', 'io_failure'));
    assert.deepEqual(await history(reopen(disk), { strict: true }), ledger.acknowledged);
  });
});
