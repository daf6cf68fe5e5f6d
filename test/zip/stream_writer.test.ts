import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { type ByteSource, sourceOf } from '../../src/files/source.ts';
import { type SourcedMember, writeZipAtomically, zipOf } from '../../src/zip/writer.ts';
import { sha256, zipFiles } from '../pack/forge.ts';
import { childEnv } from '../support/child_env.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';

const OLD = Buffer.from('PK\x03\x04 what stood there');

function temporaryDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'gait-stream-'));
  t.after(() => rm(dir, { recursive: true }));
  return dir;
}

function member(name: string, bytes: Buffer): SourcedMember {
  return { name, source: sourceOf(bytes), crc32: crc32(bytes) };
}

/** Reads of the bytes, no more than `most` at a time. */
function haltingly(bytes: Buffer, most: number): ByteSource {
  return { size: bytes.length, read: (at, length) => bytes.subarray(at, at + Math.min(length, most)) };
}

const name = fc
  .array(fc.string({ unit: fc.constantFrom('a', 'B', '0', '_', '-'), minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => parts.map((part) => `x${part}`).join('/'));
const content = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const files = fc
  .uniqueArray(fc.tuple(name, content), { maxLength: 12, selector: ([path]) => path })
  .map((entries) => new Map(entries));

describe('writeZipAtomically', () => {
  test('writes exactly the bytes of zipOf, and of an independent writer, for any members', async (t) => {
    const path = join(temporaryDir(t), 'pack.zip');
    await fc.assert(
      fc.asyncProperty(files, fc.integer({ min: 1, max: 64 }), async (wanted, most) => {
        const members = [...wanted].map(([path_, bytes]) => member(path_, bytes));
        const slow = members.map((one) => ({ ...one, source: haltingly(wanted.get(one.name) ?? OLD, most) }));
        const told: number[] = [];
        const { sha256: digest, size } = await writeZipAtomically(path, slow, (count) => told.push(count));
        const written = readFileSync(path);
        assert.ok(written.equals(await zipOf(members)), 'differs from zipOf');
        assert.ok(written.equals(zipFiles(wanted)), 'differs from the independent writer');
        assert.deepEqual([digest, size], [sha256(written).toString('hex'), written.length]);
        assert.equal(
          told.reduce((sum, count) => sum + count, 0),
          written.length,
        );
      }),
      { numRuns: 60 },
    );
  });

  test('the same for members of several MiB', async (t) => {
    const path = join(temporaryDir(t), 'pack.zip');
    const sizes = [2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1, 5 * 2 ** 20];
    const members = sizes.map((size, i) => member(`m${i}`, Buffer.alloc(size, `${i} a line\n`)));
    await writeZipAtomically(path, members);
    assert.ok(readFileSync(path).equals(await zipOf(members)));
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  const changed: Readonly<Record<string, SourcedMember>> = {
    'has other bytes than its digest is of': { ...member('b', OLD), crc32: 1 },
    'gives fewer bytes than it has': {
      ...member('b', OLD),
      source: { size: OLD.length + 9, read: sourceOf(OLD).read },
    },
    'gives no bytes any more': {
      ...member('b', Buffer.alloc(0)),
      source: { size: 4, read: () => Buffer.alloc(0) },
    },
  };
  for (const [what, bad] of Object.entries(changed)) {
    test(`a source that ${what}: source_changed, and what stood there stays`, async (t) => {
      const dir = temporaryDir(t);
      const path = join(dir, 'pack.zip');
      writeFileSync(path, OLD);
      const written = writeZipAtomically(path, [member('a', OLD), bad]);
      await assert.rejects(written, gaitError('source_changed', 'state_contention'));
      assert.deepEqual([readdirSync(dir), readFileSync(path)], [['pack.zip'], OLD]);
    });
  }

  for (const size of [0xffff_ffff, 2 ** 40]) {
    test(`a member of ${size} bytes: member_too_large, before it is read`, async (t) => {
      const dir = temporaryDir(t);
      const huge = { size, read: () => assert.fail('read') };
      const written = writeZipAtomically(join(dir, 'pack.zip'), [{ name: 'a', source: huge, crc32: 0 }]);
      await assert.rejects(written, gaitError('member_too_large', 'invalid_input'));
      assert.deepEqual(readdirSync(dir), []);
    });
  }

  test('a file that may not grow to its end is not put in place as if it were whole', (t) => {
    const dir = temporaryDir(t);
    // The end record is the last piece. A limit inside it makes the system write a part of that piece, with no error.
    const headers = 30 + 1 + 46 + 1;
    const bytes = 16 * 1024 - headers - 12;
    const writer = new URL('../../src/zip/writer.js', import.meta.url).href;
    const script = `
      import { writeZipAtomically } from ${JSON.stringify(writer)};
      import { crc32 } from 'node:zlib';
      process.on('SIGXFSZ', () => {});
      const bytes = Buffer.alloc(${bytes});
      const source = { size: bytes.length, read: (at, length) => bytes.subarray(at, at + length) };
      await writeZipAtomically(${JSON.stringify(join(dir, 'pack.zip'))}, [{ name: 'a', source, crc32: crc32(bytes) }]);`;
    const command = `ulimit -f 16 && exec "$0" --input-type=module -e "$1"`;
    const { error, status, stderr } = spawnSync('bash', ['-c', command, process.execPath, script], {
      env: childEnv(),
    });
    if (error !== undefined) return t.skip('there is no bash to set the limit');
    const left = readdirSync(dir).map((file) => `${file}: ${statSync(join(dir, file)).size} bytes`);
    assert.notEqual(status, 0, `it said that it had written ${bytes + headers + 22} bytes, and left ${left}`);
    assert.match(String(stderr), /GaitError/);
    assert.deepEqual(left, []);
  });
});
