import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ByteSource, chunksOf, type Line, linesOf, slice, sourceOf } from '../../src/files/source.ts';
import fc from '../support/property.ts';

const MIB = 2 ** 20;

function allOf(source: ByteSource): Buffer {
  return Buffer.concat([...chunksOf(source)]);
}

function textsOf(lines: Iterable<Line>): string[] {
  return [...lines].map(({ bytes, offset, whole }) => `${offset} ${bytes}${whole ? '' : ' …'}`);
}

const bytes = fc.uint8Array({ maxLength: 40 }).map((content) => Buffer.from(content));
/** An offset and a length, in or past what there is. */
const place = fc.tuple(fc.nat(50), fc.nat(50));
const text = fc.string({ unit: fc.constantFrom('\n', 'a', 'é', '\r'), maxLength: 40 });

describe('a source', () => {
  test('gives the bytes that are there, fewer only at the end', () => {
    const source = sourceOf(Buffer.from('0123456789'));
    const parts = [
      [0, 3, '012'],
      [8, 5, '89'],
      [10, 1, ''],
      [20, 1, ''],
      [3, 0, ''],
    ] as const;
    for (const [offset, length, expected] of parts) {
      assert.equal(source.read(offset, length).toString(), expected, `${length} bytes from ${offset}`);
    }
  });

  test('of a part has only that part, however it is read and nested', () => {
    fc.assert(
      fc.property(bytes, place, place, place, (whole, [a, b], [c, d], [e, f]) => {
        const expected = whole.subarray(a, a + b).subarray(c, c + d);
        const part = slice(slice(sourceOf(whole), a, b), c, d);
        assert.equal(part.size, expected.length);
        assert.deepEqual(part.read(e, f), expected.subarray(e, e + f));
        assert.deepEqual(allOf(part), expected);
      }),
    );
  });

  for (const size of [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB]) {
    test(`of ${size} bytes comes whole, in pieces of up to a mebibyte`, () => {
      const content = Buffer.alloc(size, 'abcdefg');
      const pieces = [...chunksOf(sourceOf(content))];
      assert.ok(Buffer.concat(pieces).equals(content));
      assert.ok(pieces.every(({ length }) => length > 0 && length <= MIB));
    });
  }

  test('that gives less than it was asked for is read on, and one that ends early ends', () => {
    const slow: ByteSource = {
      size: 5,
      read: (at, length) => Buffer.from('abcde').subarray(at, at + Math.min(length, 2)),
    };
    assert.deepEqual([...chunksOf(slow)].map(String), ['ab', 'cd', 'e']);
    const shrunk: ByteSource = {
      size: 500,
      read: (at, length) => Buffer.from('abc').subarray(at, at + length),
    };
    assert.deepEqual([...chunksOf(shrunk)].map(String), ['abc']);
  });
});

describe('the lines of a source', () => {
  const table: readonly [text: string, limit: number, ...lines: string[]][] = [
    ['', 9],
    ['\n', 9, '0 '],
    ['a\nb\n', 9, '0 a', '2 b'],
    ['a\n\nb\n', 9, '0 a', '2 ', '3 b'],
    ['a\r\nb\n', 9, '0 a\r', '3 b'],
    ['a\nb', 9, '0 a', '2 b …'],
    ['abc\nd\n', 3, '0 abc', '4 d'],
    ['abcd\ne\n', 3, '0 abc …'],
    ['a\nbcdef', 3, '0 a', '2 bcd …'],
    ['abc', 3, '0 abc …'],
    ['abcd', 3, '0 abc …'],
  ];
  for (const [content, limit, ...lines] of table) {
    test(`${JSON.stringify(content)}, up to ${limit} bytes: ${JSON.stringify(lines)}`, () => {
      assert.deepEqual(textsOf(linesOf(sourceOf(Buffer.from(content)), limit)), lines);
    });
  }

  test('are what splitting at newlines makes, wherever they stand', () => {
    fc.assert(
      fc.property(text, (content) => {
        const whole = Buffer.from(content);
        const lines = [...linesOf(sourceOf(whole), 100)];
        const joined = lines.map((line) => `${line.bytes}${line.whole ? '\n' : ''}`).join('');
        assert.equal(joined, content);
        for (const { bytes: line, offset } of lines) {
          assert.ok(!line.includes(10));
          assert.deepEqual(whole.subarray(offset, offset + line.length), line);
        }
        assert.ok(lines.slice(0, -1).every((line) => line.whole));
      }),
    );
  });

  test('may lie across pieces, and begin or end where a piece does', () => {
    for (const length of [MIB - 2, MIB - 1, MIB, MIB + 1, 2 * MIB - 1, 2 * MIB]) {
      const line = 'x'.repeat(length);
      const content = Buffer.from(`${line}\n${line}\ny\n`);
      const lines = [...linesOf(sourceOf(content), 2 * MIB)];
      const found = lines.map(({ bytes: one, offset, whole }) => [one.length, offset, whole]);
      const expected = [
        [length, 0, true],
        [length, length + 1, true],
        [1, 2 * length + 2, true],
      ];
      assert.deepEqual(found, expected, `lines of ${length}`);
    }
  });

  test('longer than the limit by a byte are cut, even across pieces', () => {
    const limit = 3 * MIB;
    for (const length of [limit, limit + 1]) {
      const content = Buffer.alloc(length + 1, 'x').fill('\n', length);
      const lines = [...linesOf(sourceOf(content), limit)];
      assert.deepEqual(
        lines.map(({ bytes: line, whole }) => [line.length, whole]),
        [[limit, length === limit]],
      );
    }
  });
});
