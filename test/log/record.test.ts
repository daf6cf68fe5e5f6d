import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { canonicalize } from '../../src/core/canonical.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { SimDisk } from '../../src/files/sim.ts';
import {
  type DamageCause,
  LogDamage,
  MAX_BATCH_EVENTS,
  MAX_EVENT_BYTES,
  MAX_LINE_BYTES,
  seal,
} from '../../src/log/record.ts';
import { LogScanner } from '../../src/log/scan.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';
import {
  addBytes,
  batchOn,
  bytesAt,
  commit,
  ID_FIELD,
  LOG_PATH,
  putBytes,
  readUntilDamage,
  reopen,
  STREAM,
  textsOf,
} from '../support/streams.ts';

const ZEROS = Buffer.alloc(32);

/** The chain by the letter of DESIGN §4.1, with nothing of ours. */
function chained(previous: Buffer, event: string): Buffer {
  return createHash('sha256').update(previous).update(event, 'utf8').digest();
}

/** A line whose hash is right for these bytes, as someone who edits a log would make it. */
function forgedLine(previous: Buffer, event: string | Buffer): Buffer {
  const bytes = Buffer.from(event as string);
  const hash = createHash('sha256').update(previous).update(bytes).digest('hex');
  return Buffer.concat([Buffer.from('{"event":'), bytes, Buffer.from(`,"hash":"${hash}"}\n`)]);
}

function scan(bytes: Buffer, strict: boolean): LogDamage | number {
  const scanner = new LogScanner({ stream: STREAM, idField: ID_FIELD, strict });
  const records: JsonObject[] = [];
  return scanner.collect(bytes, records as never[]) ?? records.length;
}

function eventOf(bytes: number): JsonObject {
  const event = { filler: '', revision: 1, [ID_FIELD]: STREAM };
  return { ...event, filler: 'x'.repeat(bytes - canonicalize(event).length) };
}

describe('the record', () => {
  test('a line is canonical JSON of event and hash, and the chain starts with 32 zero bytes', async () => {
    const disk = new SimDisk();
    const batches = await commit(reopen(disk), 3);
    const lines = bytesAt(disk.mount(), LOG_PATH).toString().split('\n');
    assert.equal(lines.pop(), '');
    let previous: Buffer = ZEROS;
    for (const [i, line] of lines.entries()) {
      const parsed = JSON.parse(line) as { event: JsonObject; hash: string };
      assert.deepEqual(Object.keys(parsed), ['event', 'hash']);
      assert.equal(canonicalize(parsed), line);
      assert.equal(parsed.event['revision'], i + 1);
      assert.equal(parsed.event[ID_FIELD], STREAM);
      previous = chained(previous, canonicalize(parsed.event));
      assert.equal(parsed.hash, previous.toString('hex'));
      assert.equal(batches[i]?.head.hash, parsed.hash);
    }
    assert.equal(lines.length, 3);
  });

  test('golden: one event, its line and its hash', () => {
    const batch = seal('job_1', 'job_id', 'none', [
      { revision: 1, job_id: 'job_1', n: 1.0, ž: '\u{1f40e}\n' },
    ]);
    const event = '{"job_id":"job_1","n":1,"revision":1,"ž":"🐎\\n"}';
    const hash = chained(ZEROS, event).toString('hex');
    assert.equal(batch.records[0]?.line.toString(), `{"event":${event},"hash":"${hash}"}\n`);
    assert.deepEqual(batch.head, { revision: 1, hash });
  });

  test('an event for another place or another stream is not sealed', () => {
    const good = { revision: 3, [ID_FIELD]: STREAM };
    const on = { revision: 2, hash: 'a'.repeat(64) };
    assert.equal(seal(STREAM, ID_FIELD, on, [good]).head.revision, 3);
    for (const wrong of [{ revision: 2 }, { revision: 4 }, { revision: '3' }, { [ID_FIELD]: 't' }]) {
      assert.throws(() => seal(STREAM, ID_FIELD, on, [{ ...good, ...wrong }]), gaitError('event_misplaced'));
    }
    assert.throws(() => seal(STREAM, ID_FIELD, on, [{ revision: 3 }]), gaitError('event_misplaced'));
  });
});

describe('limits', () => {
  test('an event of 1 MiB is kept and read back, one byte more is refused', async () => {
    const store = reopen(new SimDisk());
    const largest = seal(STREAM, ID_FIELD, 'none', [eventOf(MAX_EVENT_BYTES)]);
    assert.equal((await store.append(largest)).status, 'committed');
    assert.deepEqual(await readUntilDamage(store, { strict: true }), { texts: textsOf(largest) });
    const tooLarge = () => seal(STREAM, ID_FIELD, 'none', [eventOf(MAX_EVENT_BYTES + 1)]);
    assert.throws(tooLarge, gaitError('event_too_large', 'invalid_input'));
  });

  test('a line longer than 1.1 MiB is damage, chained or not', () => {
    assert.equal(MAX_LINE_BYTES, Math.floor(1.1 * 1024 * 1024));
    const damage = scan(forgedLine(ZEROS, canonicalize(eventOf(MAX_LINE_BYTES))), false);
    assert.ok(damage instanceof LogDamage);
    assert.deepEqual([damage.damage, damage.revision, damage.offset], ['line_too_long', 1, 0]);
  });

  test('a batch holds 1 to 1000 events', () => {
    const events = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ [ID_FIELD]: STREAM, revision: i + 1 }));
    assert.equal(MAX_BATCH_EVENTS, 1000);
    assert.equal(seal(STREAM, ID_FIELD, 'none', events(1000)).records.length, 1000);
    for (const count of [0, 1001]) {
      assert.throws(() => seal(STREAM, ID_FIELD, 'none', events(count)), gaitError('batch_size'));
    }
  });

  test('a stream id is 1 to 128 characters that are safe in a file name', () => {
    const sealing = (id: string) => () => seal(id, ID_FIELD, 'none', [{ [ID_FIELD]: id, revision: 1 }]);
    for (const id of ['a', '0', 'Job.1_x:y-z', 'a'.repeat(128), 'a..b']) assert.doesNotThrow(sealing(id));
    const bad = [
      '',
      '.',
      '..',
      '.a',
      '-a',
      '_a',
      ':a',
      'a/b',
      'a\\b',
      'a b',
      'a\n',
      'ž',
      'a\0',
      'a'.repeat(129),
    ];
    for (const id of bad) assert.throws(sealing(id), gaitError('stream_id_invalid', 'invalid_input'), id);
  });
});

describe('the scanner', () => {
  const log = Buffer.concat(
    batchOn('none', 'ž🐎', 8)
      .records.map(({ line }) => line)
      .concat(Buffer.from('{"event":{"torn')),
  );

  test('finds the same records wherever the pieces are cut', () => {
    const whole = new LogScanner({ stream: STREAM, idField: ID_FIELD });
    const expected = whole.push(log);
    assert.equal(expected.length, 8);
    const cuts = fc.array(fc.nat(log.length), { maxLength: 40 });
    fc.assert(
      fc.property(cuts, fc.boolean(), (at, strict) => {
        const scanner = new LogScanner({ stream: STREAM, idField: ID_FIELD, strict });
        const borders = [0, ...at.sort((a, b) => a - b), log.length];
        const found = borders.slice(1).flatMap((end, i) => scanner.push(log.subarray(borders[i], end)));
        assert.deepEqual(found, expected);
        assert.deepEqual(scanner.position, whole.position);
        assert.deepEqual(scanner.tail, whole.tail);
      }),
    );
  });

  test('finds them byte by byte too, when each piece is overwritten after it was pushed', () => {
    const scanner = new LogScanner({ stream: STREAM, idField: ID_FIELD });
    const piece = Buffer.alloc(1);
    let found = 0;
    for (const byte of log) {
      piece[0] = byte;
      found += scanner.push(piece).length;
    }
    assert.equal(found, 8);
    assert.equal(scanner.tail.toString(), '{"event":{"torn');
  });
});

describe('a forger who recomputes the hash', () => {
  const id = `"${ID_FIELD}":"${STREAM}"`;
  const refusedWhenStrict: Record<string, string> = {
    'a doubled key': `{"a":1,"a":2,"revision":1,${id}}`,
    'a doubled key, spelt in two ways': `{"a":1,"\\u0061":1,"revision":1,${id}}`,
    'keys out of order': `{"revision":1,"a":1,${id}}`,
    'white space': `{"revision": 1,${id}}`,
    'a carriage return': `{"revision":1,${id}}\r`,
    'another spelling of a number': `{"n":1.0,"revision":1,${id}}`,
    'an exponent': `{"n":1e2,"revision":1,${id}}`,
    'a negative zero': `{"n":-0,"revision":1,${id}}`,
    'a number that is none as a double': `{"n":9007199254740993,"revision":1,${id}}`,
    'a number too large': `{"n":1e999,"revision":1,${id}}`,
    'an escape that is not needed': `{"revision":1,"${ID_FIELD}":"\\u0073"}`,
    'a lone surrogate': `{"a":"\\ud800","revision":1,${id}}`,
    'nesting without end': `{"a":${'['.repeat(600)}${']'.repeat(600)},"revision":1,${id}}`,
  };
  for (const [what, event] of Object.entries(refusedWhenStrict)) {
    test(`${what} is refused by a strict reader`, () => {
      const damage = scan(forgedLine(ZEROS, event), true);
      assert.ok(damage instanceof LogDamage, 'it was accepted');
      assert.deepEqual([damage.damage, damage.revision, damage.offset], ['not_canonical', 1, 0]);
    });
  }

  const refusedAlways: Record<string, [DamageCause, string | Buffer]> = {
    'another revision': ['misplaced', `{"revision":2,${id}}`],
    'no revision': ['misplaced', `{${id}}`],
    'another stream': ['misplaced', `{"revision":1,"${ID_FIELD}":"t"}`],
    'two documents': ['not_json', `{"revision":1,${id}},"more":{}`],
    'an array': ['not_json', '[1]'],
    'a byte-order mark': ['not_json', `\ufeff{"revision":1,${id}}`],
    'bytes that are not UTF-8': ['not_utf8', Buffer.from(`{"a":"\xff","revision":1,${id}}`, 'latin1')],
  };
  for (const [what, [cause, event]] of Object.entries(refusedAlways)) {
    test(`${what} is refused by every reader`, () => {
      for (const strict of [false, true]) {
        const damage = scan(forgedLine(ZEROS, event), strict);
        assert.ok(damage instanceof LogDamage, 'it was accepted');
        assert.deepEqual([damage.damage, damage.revision, damage.offset], [cause, 1, 0]);
      }
    });
  }
});

describe('an edit of one byte', () => {
  async function logOf(count: number): Promise<{ disk: SimDisk; bytes: Buffer; starts: number[] }> {
    const disk = new SimDisk();
    const batches = await commit(reopen(disk), count);
    const bytes = bytesAt(disk.mount(), LOG_PATH);
    let at = 0;
    const starts = batches.map(({ records }) => {
      at += records[0]?.line.length ?? 0;
      return at;
    });
    return { disk, bytes, starts: [0, ...starts.slice(0, -1)] };
  }

  test('is reported by a strict read at every byte of a log, with revision and offset', async (t) => {
    const { disk, bytes, starts } = await logOf(4);
    let edits = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const line = starts.findLastIndex((start) => start <= at);
      const byte = bytes[at] ?? 0;
      const others = new Set([1, 2, 4, 8, 16, 32, 64, 128].map((bit) => byte ^ bit).concat(10, 0));
      others.delete(byte);
      for (const other of others) {
        const edited = Buffer.from(bytes);
        edited[at] = other;
        putBytes(disk.mount(), LOG_PATH, edited);
        const { texts, damage } = await readUntilDamage(reopen(disk), { strict: true });
        assert.ok(damage instanceof LogDamage, `byte ${at}, ${byte} -> ${other}: accepted`);
        assert.deepEqual([damage.revision, damage.offset, texts.length], [line + 1, starts[line], line]);
        edits += 1;
      }
    }
    t.diagnostic(`${edits} edits of ${bytes.length} bytes`);
  });

  test('and so are a byte left out, a byte put in, and whole lines moved, doubled or left out', async () => {
    const { disk, bytes, starts } = await logOf(3);
    const [a, b, c] = starts.map((start, i) => bytes.subarray(start, starts[i + 1] ?? bytes.length));
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    const edits: Buffer[][] = [
      [b, a, c],
      [a, c],
      [b, c],
      [a, a, b, c],
      [a, b, c, c],
      [a, b, Buffer.from('\n'), c],
    ];
    for (let at = 0; at < bytes.length - 1; at += 1) {
      edits.push([bytes.subarray(0, at), bytes.subarray(at + 1)]);
      edits.push([bytes.subarray(0, at), Buffer.from('x'), bytes.subarray(at)]);
    }
    for (const [i, edit] of edits.entries()) {
      putBytes(disk.mount(), LOG_PATH, Buffer.concat(edit));
      const { damage } = await readUntilDamage(reopen(disk), { strict: true });
      assert.ok(damage instanceof LogDamage, `edit ${i} was accepted`);
    }
  });

  test('something after the last record that is no torn record is no history, and hides nothing', async () => {
    const { disk } = await logOf(2);
    addBytes(disk, Buffer.from('{"event":'));
    const { texts, damage } = await readUntilDamage(reopen(disk), { strict: true });
    assert.equal(damage, undefined);
    assert.equal(texts.length, 2);
  });
});
