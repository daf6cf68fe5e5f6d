import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimDisk } from '../../src/files/sim.ts';
import { LogDamage } from '../../src/log/record.ts';
import { lastPosition } from '../support/operations.ts';
import {
  bytesAt,
  commit,
  history,
  LOG_PATH,
  putBytes,
  readUntilDamage,
  reopen,
  STREAM,
  textsOf,
} from '../support/streams.ts';

interface Log {
  readonly texts: readonly string[];
  /** The acknowledged records. */
  readonly kept: Buffer;
  /** The line of a record that was never acknowledged, with characters of two, three and four bytes in it. */
  readonly last: Buffer;
}

async function logOf(count: number): Promise<Log> {
  const disk = new SimDisk();
  const batches = await commit(reopen(disk), count + 1, 'ž…🐎');
  const bytes = bytesAt(disk.mount(), LOG_PATH);
  const last = batches.at(-1)?.records[0]?.line ?? Buffer.alloc(0);
  return {
    texts: batches.slice(0, -1).flatMap(textsOf),
    kept: bytes.subarray(0, bytes.length - last.length),
    last,
  };
}

/** A disk whose log has these bytes. */
async function diskWith(bytes: Buffer): Promise<SimDisk> {
  const disk = new SimDisk();
  await commit(reopen(disk), 1);
  putBytes(disk.mount(), LOG_PATH, bytes);
  return disk;
}

async function assertNoHistory(bytes: Buffer, texts: readonly string[], what: string): Promise<void> {
  const disk = await diskWith(bytes);
  const store = reopen(disk);
  assert.deepEqual(await history(store), texts, `${what}: reading`);
  assert.deepEqual(bytesAt(disk.mount(), LOG_PATH), bytes, `${what}: a reader changed the log`);
  const next = (await commit(store, 2, 'next')).flatMap(textsOf);
  assert.deepEqual(await history(reopen(disk), { strict: true }), [...texts, ...next], `${what}: after`);
  assert.equal(bytesAt(disk.mount(), LOG_PATH).at(-1), 10, `${what}: the tail was not cut`);
}

async function assertDamage(
  bytes: Buffer,
  texts: readonly string[],
  offset: number,
  what: string,
): Promise<void> {
  const disk = await diskWith(bytes);
  const where = { revision: texts.length + 1, offset };
  for (const strict of [false, true]) {
    const seen = await readUntilDamage(reopen(disk), { strict });
    assert.ok(seen.damage instanceof LogDamage, `${what}: accepted`);
    const { revision, offset: at, category, code } = seen.damage;
    assert.deepEqual({ revision, offset: at }, where, what);
    assert.deepEqual([category, code], ['verification_failed', 'log_damaged']);
    assert.deepEqual(seen.texts, texts, `${what}: the records before`);
  }
  const appending = commit(reopen(disk), 1, 'next');
  await assert.rejects(appending, LogDamage, `${what}: appended to`);
  assert.deepEqual(bytesAt(disk.mount(), LOG_PATH), bytes, `${what}: the log was changed`);
}

/** What can stand in place of the rest of a record whose write was torn. */
const RESTS: Record<string, (length: number) => Buffer> = {
  'cut off': () => Buffer.alloc(0),
  'filled with zeros': (length) => Buffer.alloc(length),
  'filled with zeros beyond its end': (length) => Buffer.alloc(length + 4096),
  'filled with ones': (length) => Buffer.alloc(length, 0xff),
  'filled with half of a character': (length) => Buffer.alloc(length, Buffer.from('🐎').subarray(0, 3)),
  'filled with a piece of another record': (length) => {
    return Buffer.alloc(length, `{"event":{"revision":3},"hash":"${'0'.repeat(64)}"}`);
  },
  'filled with garbage': (length) => {
    return Buffer.from(
      Array.from({ length }, (_, i) => ((i * 89 + 17) % 256 === 10 ? 0 : (i * 89 + 17) % 256)),
    );
  },
};

describe('bytes after the last newline are no history', () => {
  for (const [name, rest] of Object.entries(RESTS)) {
    test(`the last record, cut at every byte and ${name}`, async (t) => {
      for (const count of [0, 2]) {
        const { texts, kept, last } = await logOf(count);
        for (let at = 0; at < last.length; at += 1) {
          const tail = Buffer.concat([last.subarray(0, at), rest(last.length - at)]);
          if (isWholeRecordWithMore(tail, last)) continue;
          await assertNoHistory(Buffer.concat([kept, tail]), texts, `cut at byte ${at} of ${last.length}`);
        }
        t.diagnostic(`${last.length} cuts after ${count} records`);
      }
    });
  }

  test('the cut goes through characters of several bytes', async () => {
    const { last } = await logOf(2);
    const text = last.toString();
    for (const character of ['ž', '…', '🐎']) {
      assert.ok(text.includes(character));
    }
    const inside = [...last.keys()].filter((at) => ((last[at] ?? 0) & 0xc0) === 0x80);
    assert.ok(inside.length >= 6);
  });
});

/** An edit of the last newline looks the same: a strict reader reports it. */
function isWholeRecordWithMore(tail: Buffer, record: Buffer): boolean {
  return tail.length >= record.length && tail.subarray(0, record.length - 1).equals(record.subarray(0, -1));
}

describe('what ends in a newline and is no record is damage', () => {
  test('the last record, cut at every byte, with the newline still there', async (t) => {
    for (const count of [0, 2]) {
      const { texts, kept, last } = await logOf(count);
      for (const rest of [RESTS['cut off'], RESTS['filled with zeros'], RESTS['filled with garbage']]) {
        for (let at = 0; at < last.length - 1; at += 1) {
          const missing = last.length - 1 - at;
          const line = Buffer.concat([
            last.subarray(0, at),
            rest?.(missing) ?? Buffer.alloc(0),
            Buffer.from('\n'),
          ]);
          await assertDamage(Buffer.concat([kept, line]), texts, kept.length, `cut at byte ${at}`);
        }
      }
      t.diagnostic(`${(last.length - 1) * 3} lines after ${count} records`);
    }
  });

  test('a torn record with a whole one after it', async () => {
    const { texts, kept, last } = await logOf(2);
    for (let at = 1; at < last.length; at += 1) {
      const bytes = Buffer.concat([kept, last.subarray(0, at), last]);
      await assertDamage(bytes, texts, kept.length, `torn at byte ${at}`);
    }
  });

  test('a hole of zeros at any place before the last newline', async (t) => {
    const { kept, texts, last } = await logOf(3);
    const whole = Buffer.concat([kept, last]);
    const starts = [0];
    for (let at = whole.indexOf(10); at < whole.length - 1; at = whole.indexOf(10, at + 1))
      starts.push(at + 1);
    let holes = 0;
    for (const length of [1, 7, 64, kept.length]) {
      for (let from = 0; from + length < whole.length; from += 3) {
        const bytes = Buffer.from(whole).fill(0, from, from + length);
        const line = starts.findLastIndex((start) => start <= from);
        await assertDamage(bytes, texts.slice(0, line), starts[line] ?? 0, `${length} zeros at ${from}`);
        holes += 1;
      }
    }
    t.diagnostic(`${holes} holes`);
  });

  test('an empty line, and a line of spaces', async () => {
    const { texts, kept } = await logOf(2);
    for (const line of ['\n', '  \n', '\r\n', '{}\n', 'null\n', '{"event":{},"hash":""}\n']) {
      await assertDamage(Buffer.concat([kept, Buffer.from(line)]), texts, kept.length, JSON.stringify(line));
    }
  });
});

describe('a whole record that lacks its newline only', () => {
  test('is no history, unless something stands in place of the newline: then it is damage for all', async () => {
    const { texts, kept, last } = await logOf(2);
    const unterminated = Buffer.concat([kept, last.subarray(0, -1)]);
    await assertNoHistory(unterminated, texts, 'without a newline');
    for (const stray of ['\0', 'x', '{"event":']) {
      const disk = await diskWith(Buffer.concat([unterminated, Buffer.from(stray)]));
      const { damage, texts: read } = await readUntilDamage(reopen(disk));
      assert.deepEqual(read, texts);
      assert.deepEqual([damage?.damage, damage?.revision, damage?.offset], ['unterminated', 3, kept.length]);
      await assert.rejects(commit(reopen(disk), 1), { code: 'log_damaged' });
      assert.deepEqual(bytesAt(disk.mount(), LOG_PATH).subarray(0, -stray.length), unterminated);
    }
  });
});

describe('a stream of which there is only a torn first record', () => {
  async function tornStart(): Promise<SimDisk> {
    const { last } = await logOf(0);
    return diskWith(last.subarray(0, 20));
  }

  test('has no record, and can be started', async () => {
    const store = reopen(await tornStart());
    assert.deepEqual(await history(store), []);
    await commit(store, 1);
    assert.equal((await lastPosition(store)).revision, 1);
  });

  test('is not listed', async () => {
    const store = reopen(await tornStart());
    assert.deepEqual(await store.list(), []);
    await commit(store, 1);
    assert.deepEqual(await store.list(), [STREAM]);
  });
});
