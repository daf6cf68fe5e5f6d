import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { sourceOf } from '../../src/files/source.ts';
import { inflatedSource, inflateFault } from '../../src/zip/inflate.ts';
import fc from '../support/property.ts';
import { goDeflate } from '../support/runs.ts';

const { Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE, Z_FILTERED, Z_DEFAULT_STRATEGY } = constants;
const STRATEGIES = [Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE, Z_FILTERED, Z_DEFAULT_STRATEGY];

/** Text that repeats itself near and far, and what does not. */
const content = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc
        .tuple(fc.string({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 40_000 }))
        .map(([text, length]) => {
          return Buffer.alloc(length, text);
        }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat([...parts, ...parts.slice(0, 3)]));

function inflated(packed: Buffer, size: number): Buffer {
  assert.equal(inflateFault(sourceOf(packed), size), undefined);
  return inflatedSource(sourceOf(packed), size).read(0, size);
}

/** What zlib makes of a stream, all of it used; undefined for one that is refused. */
function byZlib(packed: Buffer): Buffer | undefined {
  try {
    const { buffer, engine } = inflateRawSync(packed, { info: true }) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return engine.bytesWritten === packed.length ? buffer : undefined;
  } catch {
    return undefined;
  }
}

describe('H3: a stream is inflated piece by piece', () => {
  test('to what was deflated, by any level and strategy', () => {
    const how = fc.record({
      level: fc.integer({ min: 0, max: 9 }),
      strategy: fc.constantFrom(...STRATEGIES),
    });
    fc.assert(
      fc.property(content, how, (bytes, options) => {
        assert.ok(inflated(deflateRawSync(bytes, options), bytes.length).equals(bytes));
      }),
      { numRuns: 150 },
    );
  });

  test('in blocks of Go', () => {
    fc.assert(
      fc.property(content, (bytes) => assert.ok(inflated(goDeflate(bytes), bytes.length).equals(bytes))),
      { numRuns: 30 },
    );
  });

  test('any edited stream is refused exactly where zlib refuses it', () => {
    const edit = fc.record({ at: fc.nat(400), xor: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(
        fc.oneof(
          content.map((bytes) => bytes.subarray(0, 600)),
          fc.uint8Array({ maxLength: 300 }).map((b) => Buffer.from(b)),
        ),
        fc.constantFrom(...STRATEGIES),
        fc.array(edit, { minLength: 1, maxLength: 3 }),
        (bytes, strategy, edits) => {
          const packed = Buffer.from(deflateRawSync(bytes, { strategy }));
          for (const { at, xor } of edits) {
            const index = at % packed.length;
            packed[index] = (packed[index] ?? 0) ^ xor;
          }
          const expected = byZlib(packed);
          if (expected === undefined) {
            assert.notEqual(inflateFault(sourceOf(packed), bytes.length), undefined);
          } else {
            assert.ok(inflated(packed, expected.length).equals(expected));
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('any bytes are taken as zlib takes them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (some) => {
        const packed = Buffer.from(some);
        const expected = byZlib(packed);
        if (expected !== undefined) assert.ok(inflated(packed, expected.length).equals(expected));
        else assert.notEqual(inflateFault(sourceOf(packed), 10), undefined);
      }),
      { numRuns: 3000 },
    );
  });

  test('and read from anywhere', () => {
    const bytes = Buffer.concat(Array.from({ length: 3000 }, (_, i) => Buffer.alloc(317, `${i} `)));
    const source = inflatedSource(sourceOf(deflateRawSync(bytes)), bytes.length);
    fc.assert(
      fc.property(fc.nat(bytes.length), fc.nat(400_000), (offset, length) => {
        assert.ok(source.read(offset, length).equals(bytes.subarray(offset, offset + length)));
      }),
      { numRuns: 60 },
    );
  });

  test('one that is cut short, or has bytes behind, is refused', () => {
    const bytes = Buffer.from('a text that repeats a text that repeats a text');
    const packed = deflateRawSync(bytes);
    for (let end = 0; end < packed.length; end += 1)
      assert.notEqual(inflateFault(sourceOf(packed.subarray(0, end)), bytes.length), undefined, `${end}`);
    assert.match(
      inflateFault(sourceOf(Buffer.concat([packed, Buffer.from('xy')])), bytes.length) ?? '',
      /has 2 bytes after/,
    );
    assert.match(inflateFault(sourceOf(packed), bytes.length - 1) ?? '', /more than it says/);
    assert.match(inflateFault(sourceOf(packed), bytes.length + 1) ?? '', /inflates to 46 bytes/);
  });
});
