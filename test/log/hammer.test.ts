import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { StoredEvent } from '../../src/log/record.ts';
import { FileStore } from '../../src/log/stores/file_store.ts';
import { checkHistory } from '../linear/check.ts';
import { isDoubtful } from '../linear/history.ts';
import { type Acknowledged, acknowledgedIn, callsIn } from '../linear/told.ts';
import { childEnv } from '../support/child_env.ts';
import { gaitError } from '../support/refusals.ts';
import { seeded } from '../support/seed.ts';
import { sized } from '../support/sized.ts';
import { batchOn, commit, history, ID_FIELD, STREAM, textsOf } from '../support/streams.ts';

const WORKER = fileURLToPath(new URL('hammer_worker.js', import.meta.url));
const PROCESSES = 8;
const EVENTS = sized(100, 40);
const KILLS = sized(80, 25);
/** When somebody is killed, and who. */
const RANDOM = seeded('hammer');

interface Worker {
  readonly child: ChildProcess;
  /** The lines that it printed so far, the last one up to where it came. */
  readonly lines: () => string[];
  readonly errors: () => string;
  readonly ended: Promise<unknown>;
}

function start(...args: string[]): Worker {
  const child = spawn(process.execPath, [WORKER, ...args], {
    env: childEnv(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  return { child, lines: () => out.split('\n'), errors: () => err, ended: once(child, 'close') };
}

function acknowledgedBy(worker: Worker): Acknowledged[] {
  return acknowledgedIn(worker.lines().slice(0, -1));
}

/** The calls of all workers have an order in which one stream would have answered the same. */
function assertLinearizable(workers: readonly Worker[]): string {
  const calls = workers.flatMap((worker, i) => callsIn(`w${i}`, worker.lines().slice(0, -1)));
  const verdict = checkHistory(calls);
  if (!verdict.linearizable) {
    const stuck = verdict.stuck.map((call) =>
      JSON.stringify(call, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    );
    assert.fail(
      `after ${verdict.order.length} of ${calls.length} calls none of these can be next:\n${stuck.join('\n')}`,
    );
  }
  const doubtful = calls.filter(isDoubtful).length;
  return `${calls.length} calls, ${doubtful} of them of unknown outcome, are linearizable`;
}

async function temporaryRoot(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'gait-hammer-'));
  t.after(() => rm(dir, { recursive: true }));
  return join(dir, 'streams');
}

async function strictRecords(root: string): Promise<StoredEvent[]> {
  const store = new FileStore({ root, idField: ID_FIELD });
  const all: StoredEvent[] = [];
  for await (const records of store.read(STREAM, { strict: true })) all.push(...records);
  await store.close();
  return all;
}

/** Writers' own numbers are 1, 2, 3 … in the order of the log: nothing lost, doubled or out of order. */
function countsByWriter(records: readonly StoredEvent[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [i, { revision, event }] of records.entries()) {
    assert.equal(revision, i + 1);
    const writer = String(event['writer']);
    const sequence = (counts.get(writer) ?? 0) + 1;
    assert.equal(event['sequence'], sequence, `${writer} at revision ${revision}`);
    counts.set(writer, sequence);
  }
  return counts;
}

function assertHolds(records: readonly StoredEvent[], acknowledged: readonly Acknowledged[]): void {
  for (const { writer, sequence, revision } of acknowledged) {
    const event = records[revision - 1]?.event;
    assert.deepEqual([event?.['writer'], event?.['sequence']], [writer, sequence], `revision ${revision}`);
  }
}

describe('processes on one log', () => {
  test(`${PROCESSES} processes append ${EVENTS} events each: no gap, no duplicate`, async (t) => {
    const root = await temporaryRoot(t);
    const workers = Array.from({ length: PROCESSES }, (_, i) =>
      start('append', root, `w${i}`, String(EVENTS)),
    );
    await Promise.all(workers.map(({ ended }) => ended));
    for (const { child, errors } of workers) assert.deepEqual([child.exitCode, errors()], [0, '']);
    const records = await strictRecords(root);
    assert.equal(records.length, PROCESSES * EVENTS);
    const counts = countsByWriter(records);
    assert.deepEqual(
      [...counts.values()],
      workers.map(() => EVENTS),
    );
    const acknowledged = workers.flatMap(acknowledgedBy);
    assert.equal(acknowledged.length, PROCESSES * EVENTS);
    assertHolds(records, acknowledged);
    t.diagnostic(assertLinearizable(workers));
  });

  test(`${KILLS} of them are killed in the midst: all that was acknowledged is there, once`, async (t) => {
    const root = await temporaryRoot(t);
    const all: Worker[] = [];
    const begin = (): Worker => {
      const worker = start('append', root, `w${all.length}`, '1000000');
      all.push(worker);
      return worker;
    };
    const running = Array.from({ length: PROCESSES }, begin);
    for (let kills = 0; kills < KILLS; kills += 1) {
      const victim = await anyThatWrites(running);
      await sleep(RANDOM.real() * 8);
      running[victim]?.child.kill('SIGKILL');
      running[victim] = begin();
    }
    for (const { child } of running) child.kill('SIGKILL');
    await Promise.all(all.map(({ ended }) => ended));
    assert.deepEqual(all.map(({ errors }) => errors()).join(''), '');

    const records = await strictRecords(root);
    const counts = countsByWriter(records);
    assertHolds(records, all.flatMap(acknowledgedBy));
    for (const [i, worker] of all.entries()) {
      // One event of a killed writer may be there that it had no time to acknowledge.
      const unacknowledged = (counts.get(`w${i}`) ?? 0) - acknowledgedBy(worker).length;
      assert.ok(unacknowledged === 0 || unacknowledged === 1, `w${i}: ${unacknowledged}`);
    }
    t.diagnostic(assertLinearizable(all));
    t.diagnostic(`${KILLS} kills, ${records.length} events of ${counts.size} writers`);
    await commit(new FileStore({ root, idField: ID_FIELD }), 1, 'next');
  });
});

/** Which of these has acknowledged something, one of them at random. Fails if one ended of itself. */
async function anyThatWrites(workers: readonly Worker[]): Promise<number> {
  for (;;) {
    const gone = workers.find(({ child }) => child.exitCode !== null);
    assert.equal(gone, undefined, gone?.errors());
    const writing = [...workers.keys()].filter((i) =>
      workers[i]?.lines().some((line) => line.includes('"committed"')),
    );
    const chosen = writing[RANDOM.below(writing.length)];
    if (chosen !== undefined) return chosen;
    await sleep(2);
  }
}

describe('a log that a stopped process holds', () => {
  test('is busy: an append gives up, wrote nothing, and goes through once the process is gone', async (t) => {
    const root = await temporaryRoot(t);
    const store = new FileStore({ root, idField: ID_FIELD, lockTimeoutMs: 30 });
    const [first] = await commit(store, 1);
    assert.ok(first !== undefined);
    const holder = start('hold', root);
    t.after(() => holder.child.kill('SIGKILL'));
    while (holder.lines()[0] !== 'held') {
      assert.equal(holder.child.exitCode, null, holder.errors());
      await sleep(5);
    }
    holder.child.kill('SIGSTOP');
    const second = batchOn(first.head, 'second');
    await assert.rejects(store.append(second), (error) => {
      assert.ok(gaitError('stream_busy', 'state_contention')(error));
      return (error as { retryable?: boolean }).retryable === true;
    });
    assert.deepEqual(await history(store, { strict: true }), textsOf(first), 'a reader needs no lock');
    holder.child.kill('SIGKILL');
    await holder.ended;
    assert.equal((await store.append(second)).status, 'committed');
    assert.deepEqual(await history(store, { strict: true }), [...textsOf(first), ...textsOf(second)]);
    await store.close();
  });
});
