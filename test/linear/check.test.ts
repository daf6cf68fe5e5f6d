import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prng } from '../simulate/prng.ts';
import { checkHistory } from './check.ts';
import type { Append, Call, HeadText, Read } from './history.ts';

/** `[invoked, returned]`. */
type Span = readonly [number, number];

function append(process: string, [invoked, returned]: Span, expected: HeadText, next: HeadText): Append {
  const result = { status: 'committed', returned: BigInt(returned), head: next } as const;
  return { process, invoked: BigInt(invoked), kind: 'append', expected, next, result };
}

function conflict(process: string, span: Span, expected: HeadText, head: HeadText): Append {
  const result = { status: 'conflict', returned: BigInt(span[1]), head } as const;
  return { ...append(process, span, expected, `${process} refused`), result };
}

function unknown(process: string, invoked: number, expected: HeadText, next: HeadText): Append {
  return { ...append(process, [invoked, invoked], expected, next), result: { status: 'unknown' } };
}

function read(process: string, [invoked, returned]: Span, head: HeadText): Read {
  const result = { status: 'read', returned: BigInt(returned), head } as const;
  return { process, invoked: BigInt(invoked), kind: 'read', result };
}

describe('histories that one stream explains', () => {
  const HISTORIES: Readonly<Record<string, readonly Call[]>> = {
    nothing: [],
    'one after the other': [
      append('a', [1, 2], 'none', 'A'),
      append('b', [3, 4], 'A', 'B'),
      read('c', [5, 6], 'B'),
    ],
    'appends at once, in the order that their heads tell': [
      append('b', [1, 9], 'A', 'B'),
      append('a', [1, 9], 'none', 'A'),
    ],
    'a read at the same time, before': [append('a', [1, 9], 'none', 'A'), read('b', [2, 8], 'none')],
    'a read at the same time, after': [append('a', [1, 9], 'none', 'A'), read('b', [2, 8], 'A')],
    'reads during an append, the later one sees it': [
      append('a', [1, 9], 'none', 'A'),
      read('b', [2, 3], 'none'),
      read('c', [4, 5], 'A'),
    ],
    'a conflict that names the head': [append('a', [1, 4], 'none', 'A'), conflict('b', [2, 5], 'none', 'A')],
    'an unknown append that happened': [unknown('a', 1, 'none', 'A'), read('b', [2, 3], 'A')],
    'one that did not': [
      unknown('a', 1, 'none', 'A'),
      append('b', [2, 3], 'none', 'B'),
      read('b', [4, 5], 'B'),
    ],
    'one that happened late': [
      unknown('a', 1, 'none', 'A'),
      read('b', [2, 3], 'none'),
      read('b', [4, 5], 'none'),
      conflict('b', [6, 7], 'none', 'A'),
    ],
    'one that another built on': [unknown('a', 1, 'none', 'A'), append('b', [2, 3], 'A', 'B')],
    'an unknown append of a process that went on': [
      unknown('a', 1, 'none', 'A'),
      read('a', [2, 3], 'none'),
      append('a', [4, 5], 'A', 'AA'),
    ],
    'the right one of two unknown appends': [
      unknown('a', 1, 'none', 'A'),
      unknown('b', 1, 'none', 'B'),
      append('c', [2, 3], 'B', 'C'),
    ],
  };
  for (const [name, history] of Object.entries(HISTORIES)) {
    test(name, () => {
      const verdict = checkHistory(history);
      assert.ok(verdict.linearizable, `stuck before ${JSON.stringify(verdict, bigints)}`);
      const answered = history.filter(({ result }) => result.status !== 'unknown');
      assert.ok(answered.every((call) => verdict.order.includes(call)));
    });
  }
});

describe('histories that no stream explains', () => {
  const HISTORIES: Readonly<Record<string, readonly Call[]>> = {
    'two commits on one head': [append('a', [1, 9], 'none', 'A'), append('b', [1, 9], 'none', 'B')],
    'a lost update': [append('a', [1, 2], 'none', 'A'), append('b', [3, 4], 'none', 'B')],
    'a commit on a head that never was': [append('a', [1, 2], 'X', 'A')],
    'a commit that answers another head': [{ ...append('a', [1, 2], 'none', 'A'), next: 'B' } as Append],
    'a stale read': [append('a', [1, 2], 'none', 'A'), read('b', [3, 4], 'none')],
    'a read that sees and one after it that does not': [
      append('a', [1, 9], 'none', 'A'),
      read('b', [2, 3], 'A'),
      read('c', [4, 5], 'none'),
    ],
    'a read of what is to come': [read('b', [1, 2], 'A'), append('a', [3, 4], 'none', 'A')],
    'a conflict on the true head': [append('a', [1, 2], 'none', 'A'), conflict('b', [3, 4], 'A', 'A')],
    'a conflict that names an old head': [
      append('a', [1, 2], 'none', 'A'),
      append('a', [3, 4], 'A', 'AA'),
      conflict('b', [5, 6], 'none', 'A'),
    ],
    'an unknown append before its invocation': [read('b', [1, 2], 'A'), unknown('a', 3, 'none', 'A')],
    'an unknown append that happened, and then had not': [
      unknown('a', 1, 'none', 'A'),
      read('b', [2, 3], 'A'),
      read('b', [4, 5], 'none'),
    ],
    'an unknown append that happened on another head': [
      unknown('a', 1, 'X', 'A'),
      append('b', [2, 3], 'none', 'B'),
      read('b', [4, 5], 'A'),
    ],
    'both of two unknown appends on one head': [
      unknown('a', 1, 'none', 'A'),
      unknown('b', 1, 'none', 'B'),
      read('c', [2, 3], 'A'),
      read('c', [4, 5], 'B'),
    ],
  };
  for (const [name, history] of Object.entries(HISTORIES)) {
    test(name, () => assert.equal(checkHistory(history).linearizable, false));
  }

  test('it is said how far an order comes, and what cannot come next', () => {
    const [first, second] = [append('a', [1, 2], 'none', 'A'), append('b', [3, 4], 'none', 'B')];
    const { explored: _, ...verdict } = checkHistory([first, second]);
    assert.deepEqual(verdict, { linearizable: false, order: [first], stuck: [second] });
  });

  test('a process that makes two calls at once is no history', () => {
    assert.throws(
      () => checkHistory([read('a', [1, 5], 'none'), read('a', [2, 6], 'none')]),
      /two calls at once/,
    );
  });
});

/** What `processes` would see of one stream in `rounds` calls each, more or less, the spans of calls stretched until they overlap. */
function played(seed: number, processes: number, rounds: number): Call[] {
  const random = prng(seed);
  const believed = Array.from({ length: processes }, () => 'none');
  const free = believed.map(() => 0);
  const calls: Call[] = [];
  let [head, now] = ['none', 0];
  for (let i = 0; calls.length < processes * rounds; i += 1) {
    now += 10;
    const who = random.below(processes);
    const span: Span = [Math.max(free[who] ?? 0, now - random.below(200)), now + random.below(200)];
    if (span[0] > now) continue;
    free[who] = span[1] + 1;
    const expected = believed[who] ?? 'none';
    if (random.chance(0.3)) calls.push(read(`p${who}`, span, head));
    else if (random.chance(0.1)) calls.push(unknown(`p${who}`, span[0], expected, `${i}`));
    else if (expected === head) {
      head = `${i}`;
      calls.push(append(`p${who}`, span, expected, head));
    } else calls.push(conflict(`p${who}`, span, expected, head));
    const lost = calls.at(-1)?.result.status === 'unknown';
    if (lost && expected === head && random.chance(0.5)) head = `${i}`;
    if (!lost) believed[who] = head;
  }
  return calls;
}

describe('histories of 8 processes and 50 calls each', () => {
  test('are judged with little more work than they have calls', (t) => {
    let [calls, explored] = [0, 0];
    for (let seed = 1; seed <= 50; seed += 1) {
      const history = played(seed, 8, 50);
      const verdict = checkHistory(history);
      assert.ok(verdict.linearizable, `seed ${seed}, stuck: ${JSON.stringify(verdict, bigints)}`);
      assert.ok(verdict.explored < 20 * history.length, `seed ${seed}: ${verdict.explored} configurations`);
      calls += history.length;
      explored += verdict.explored;
    }
    t.diagnostic(`${calls} calls, ${explored} configurations`);
  });

  test('one wrong answer among them is found', () => {
    let found = 0;
    for (let seed = 1; seed <= 50; seed += 1) {
      const history = played(seed, 8, 50);
      const at = history.findLastIndex(({ kind }) => kind === 'read');
      const wrong = history[at] as Read;
      const spoiled = history.with(at, { ...wrong, result: { ...wrong.result, head: 'none' } });
      if (wrong.result.head === 'none') continue;
      found += 1;
      assert.equal(checkHistory(spoiled).linearizable, false, `seed ${seed}`);
    }
    assert.ok(found > 30, `only ${found} histories went past their start`);
  });
});

function bigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
