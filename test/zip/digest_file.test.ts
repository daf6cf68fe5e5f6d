import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { digestWritten } from '../../src/files/digest_file.ts';
import { type ByteSource, sourceOf } from '../../src/files/source.ts';
import { openContainer } from '../../src/zip/reader.ts';
import { writeZipAtomically } from '../../src/zip/writer.ts';
import { gaitError } from '../support/refusals.ts';

const MIB = 1024 * 1024;
/** Either side of where a thread is worth its start. */
const SIZES = [0, 1, 3 * MIB + 7, 64 * MIB - 200, 65 * MIB + 1];

const dir = mkdtempSync(join(tmpdir(), 'gait-digest-'));
after(() => rmSync(dir, { recursive: true }));

/** Bytes that differ from one KiB to the next. */
function bytesOf(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += 1024) bytes.writeUInt8((at / 1024) % 251, at);
  return bytes;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('the digest of a file', () => {
  for (const size of SIZES) {
    test(`of ${size} bytes and the zip around them, written and read back`, async () => {
      const path = join(dir, `${size}.zip`);
      const bytes = bytesOf(size);
      const member = { name: 'x', source: sourceOf(bytes), crc32: crc32(bytes) };
      const written = await writeZipAtomically(path, [member]);
      const whole = readFileSync(path);
      assert.deepEqual(written, { sha256: sha256(whole), size: whole.length });
      const container = await openContainer(path);
      let told = 0;
      const digest = await container.digest((count) => {
        told += count;
      });
      container.close();
      assert.deepEqual(digest, { sha256: sha256(whole), crc32: crc32(whole) });
      assert.equal(told, whole.length);
    });
  }

  test('follows whoever writes it, in steps of any size', async () => {
    const fd = openSync(join(dir, 'steps'), 'wx+');
    const bytes = bytesOf(300_001);
    const digest = digestWritten(fd, 65 * MIB);
    for (let at = 0, step = 1; at < bytes.length; step = (step * 7) % 5003) {
      const piece = bytes.subarray(at, at + step);
      writeSync(fd, piece);
      digest.update(piece);
      at += piece.length;
      if (step % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal(await digest.end(), sha256(bytes));
    closeSync(fd);
  });

  test('ends, and leaves nothing behind, when the writing fails', async () => {
    const source: ByteSource = { size: 70 * MIB, read: () => Buffer.alloc(0) };
    const path = join(dir, 'failed', 'x.zip');
    const written = writeZipAtomically(path, [{ name: 'x', source, crc32: 0 }]);
    await assert.rejects(written, gaitError('source_changed'));
    assert.deepEqual(readdirSync(join(dir, 'failed')), []);
  });
});
