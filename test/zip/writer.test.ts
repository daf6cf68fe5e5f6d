import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { centralRecord, endRecord, localHeader } from '../../src/zip/layout.ts';
import { readMember } from '../../src/zip/reader.ts';
import { type NewMember, zipOf } from '../../src/zip/writer.ts';
import { childEnv } from '../support/child_env.ts';
import { temporaryFile, withContainer } from '../support/pack.ts';
import fc from '../support/property.ts';
import { rawZip } from './raw_zip.ts';

const SAMPLE: readonly NewMember[] = [
  { name: 'b/two.jsonl', bytes: Buffer.alloc(0) },
  { name: 'a.txt', bytes: Buffer.from('123456789') },
];

/** Two members, byte for byte, as packages.md §4 and DESIGN §6 describe them. 0xcbf43926 is CRC-32's check value. */
const EXPECTED = [
  // a.txt: signature, needs 2.0, UTF-8 names, stored, 00:00:00, 1980-01-01, CRC, both sizes, name length, no extra.
  '504b0304 1400 0008 0000 0000 2100 2639f4cb 09000000 09000000 0500 0000',
  hex('a.txt123456789'),
  '504b0304 1400 0008 0000 0000 2100 00000000 00000000 00000000 0b00 0000',
  hex('b/two.jsonl'),
  // As above after "made by Unix, 6.3"; then no comment, disk 0, internal 0, a regular file rw-r--r--, its offset.
  '504b0102 3f03 1400 0008 0000 0000 2100 2639f4cb 09000000 09000000 0500 0000 0000 0000 0000 0000a481 00000000',
  hex('a.txt'),
  '504b0102 3f03 1400 0008 0000 0000 2100 00000000 00000000 00000000 0b00 0000 0000 0000 0000 0000a481 2c000000',
  hex('b/two.jsonl'),
  // Disk 0 twice, two records here and in all, 108 bytes of directory at 85, no comment.
  '504b0506 0000 0000 0200 0200 6c000000 55000000 0000',
].join('');

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}

describe('zipOf', () => {
  test('writes exactly the bytes of the layout', async () => {
    assert.equal((await zipOf(SAMPLE)).toString('hex'), EXPECTED.replaceAll(' ', ''));
  });

  test('writes an end record alone when there are no members', async () => {
    assert.equal((await zipOf([])).toString('hex'), `504b0506${'00'.repeat(18)}`);
  });

  test('writes the same bytes in every time zone', async () => {
    const expected = (await zipOf(SAMPLE)).toString('hex');
    for (const TZ of ['UTC', 'Asia/Tokyo', 'America/New_York']) assert.equal(zippedIn(TZ), expected, TZ);
  });

  test('is what src/zip/layout.ts says, and what the reader accepts, for any members', async () => {
    await fc.assert(
      fc.asyncProperty(members(), async (wanted) => {
        const bytes = await zipOf(wanted);
        assert.ok(bytes.equals(fromLayout(wanted)), 'differs from the layout');
        assert.ok(bytes.equals(fromRawZip(wanted)), 'differs from an independent writer');
        const { findings, found } = await withContainer(bytes, (container) => ({
          findings: container.findings,
          found: container.members.map((member) => readMember(container, member, { keep: true }).bytes),
        }));
        assert.deepEqual(findings, []);
        assert.deepEqual(
          found,
          sorted(wanted).map(({ bytes: content }) => content),
        );
      }),
      { numRuns: 200 },
    );
  });

  test('the order of the members given does not matter', async () => {
    assert.deepEqual(await zipOf([...SAMPLE].reverse()), await zipOf(SAMPLE));
  });

  for (const [program, args] of [
    ['unzip', ['-t']],
    ['python3', ['-m', 'zipfile', '-t']],
  ] as const) {
    const missing = spawnSync(program, ['-h'], { env: childEnv() }).error !== undefined;
    test(`${program} reads it`, { skip: missing && `${program} is not installed` }, async () => {
      const file = temporaryFile(await zipOf(SAMPLE));
      try {
        const { status, stdout, stderr } = spawnSync(program, [...args, file.path], { env: childEnv() });
        assert.equal(status, 0, `${stdout}${stderr}`);
      } finally {
        file.dispose();
      }
    });
  }
});

function zippedIn(timeZone: string): string {
  const writer = new URL('../../src/zip/writer.js', import.meta.url).href;
  const sample = JSON.stringify(SAMPLE.map(({ name, bytes }) => [name, bytes.toString('base64')]));
  const script = `
    import { zipOf } from ${JSON.stringify(writer)};
    const members = ${sample}.map(([name, text]) => ({ name, bytes: Buffer.from(text, 'base64') }));
    console.log((await zipOf(members)).toString('hex'));`;
  const env = { ...childEnv(), TZ: timeZone };
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { env });
  return stdout.toString().trim() || stderr.toString();
}

function members(): fc.Arbitrary<NewMember[]> {
  const letter = fc.constantFrom('a', 'B', 'z', '0', '_', '-', '.');
  const part = fc.string({ unit: letter, maxLength: 8 }).map((rest) => `x${rest}`.replace(/\.+$/, ''));
  const name = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  const bytes = fc.uint8Array({ maxLength: 200 }).map((content) => Buffer.from(content));
  const selector = (member: NewMember): string => member.name.toLowerCase();
  const wanted = fc.uniqueArray(fc.record({ name, bytes }), { maxLength: 8, selector });
  return wanted.filter((list) =>
    list.every(({ name: path }) => !list.some((other) => isBelow(path, other.name))),
  );
}

function isBelow(path: string, folder: string): boolean {
  return path.toLowerCase().startsWith(`${folder.toLowerCase()}/`);
}

function sorted(wanted: readonly NewMember[]): NewMember[] {
  return [...wanted].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function fromRawZip(wanted: readonly NewMember[]): Buffer {
  return rawZip({ members: sorted(wanted).map(({ name, bytes }) => ({ name, data: bytes })) });
}

function fromLayout(wanted: readonly NewMember[]): Buffer {
  let offset = 0;
  const layouts = sorted(wanted).map(({ name, bytes }) => {
    const layout = { name: Buffer.from(name), crc32: crc32(bytes), size: bytes.length, offset };
    const local = Buffer.concat([localHeader(layout), bytes]);
    offset += local.length;
    return { local, central: centralRecord(layout) };
  });
  const directory = Buffer.concat(layouts.map(({ central }) => central));
  const end = endRecord(wanted.length, directory.length, offset);
  return Buffer.concat([...layouts.map(({ local }) => local), directory, end]);
}
