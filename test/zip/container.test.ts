import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { MAX_MEMBERS } from '../../src/core/limits.ts';
import type { ContainerFinding } from '../../src/zip/container.ts';
import { openContainer, readMember } from '../../src/zip/reader.ts';
import { withContainer } from '../support/pack.ts';
import { gaitError } from '../support/refusals.ts';
import { type CentralFields, type LocalFields, type RawMember, type RawZip, rawZip } from './raw_zip.ts';

type Code = ContainerFinding['code'];

const A: RawMember = { name: 'a.json', data: Buffer.from('{"a":1}') };
const B: RawMember = { name: 'b.json', data: Buffer.from('{"b":22}') };
const SOUND = rawZip({ members: [A, B] });
const JUNK = Buffer.from('junk');
/** Where the headers of {@link SOUND} stand. */
const B_AT = 30 + 6 + 7;
const DIRECTORY_AT = B_AT + 30 + 6 + 8;
const END_AT = DIRECTORY_AT + 2 * (46 + 6);

function named(name: string | Buffer): RawMember {
  return { name, data: Buffer.from('{}') };
}

function findingsIn(bytes: Buffer): Promise<readonly ContainerFinding[]> {
  return withContainer(bytes, ({ findings }) => findings);
}

async function found(bytes: Buffer, code: Code): Promise<ContainerFinding> {
  const findings = await findingsIn(bytes);
  const finding = findings.find((one) => one.code === code);
  assert.ok(finding !== undefined, `no ${code} in ${JSON.stringify(findings)}`);
  for (const { message, member, offset } of findings) {
    assert.doesNotMatch(`${message}${member}`, /\p{C}/u, 'safe to print');
    assert.ok(offset === undefined || offset >= 0, `offset ${offset}`);
  }
  return finding;
}

function refuses(attacks: Readonly<Record<string, readonly [code: Code, zip: RawZip | Buffer]>>): void {
  for (const [name, [code, zip]] of Object.entries(attacks)) {
    test(`${name}: ${code}`, async () => {
      await found(Buffer.isBuffer(zip) ? zip : rawZip(zip), code);
    });
  }
}

describe('a container', () => {
  test('that is sound has no findings, and its members can be read', async () => {
    await withContainer(SOUND, (container) => {
      assert.deepEqual(container.findings, []);
      assert.deepEqual(
        container.members.map((member) => {
          const { bytes, crcMatches } = readMember(container, member, { keep: true });
          return [member.name, bytes?.toString(), crcMatches];
        }),
        [
          ['a.json', '{"a":1}', true],
          ['b.json', '{"b":22}', true],
        ],
      );
    });
  });

  test('may be empty of members, and may hold as many as the limit', async () => {
    assert.deepEqual(await findingsIn(rawZip({ members: [] })), []);
    assert.deepEqual(await findingsIn(rawZip({ members: manyMembers(MAX_MEMBERS) })), []);
  });

  test('that is not there, or is a folder, is the caller’s mistake', async () => {
    const dir = import.meta.dirname;
    await assert.rejects(openContainer(`${dir}/nothing.zip`), gaitError('file_not_found', 'invalid_input'));
    await assert.rejects(openContainer(dir), gaitError('not_a_file', 'invalid_input'));
  });
});

function manyMembers(count: number): RawMember[] {
  return Array.from({ length: count }, (_, i) => named(`m${String(i).padStart(5, '0')}.json`));
}

describe('names that are refused', () => {
  const unsafe: Record<string, string | Buffer> = {
    'a folder': 'dir/',
    'up and out': '../a.json',
    'up in the middle': 'a/../../b.json',
    'this folder': './a.json',
    'an empty part': 'a//b.json',
    'an absolute path': '/etc/passwd',
    'a drive': 'C:/a.json',
    'a backslash': 'a\\b.json',
    'a NUL': 'a.json\0.txt',
    'a newline': 'a\n.json',
    'an escape sequence': 'a\x1b[2J.json',
    'a hidden file': '.a.json',
    'an option': '-a.json',
    'a space': 'a b.json',
    'not ASCII': 'ž.json',
    'not UTF-8': Buffer.from([0x61, 0xff, 0xfe]),
    'no name': '',
    'a name of 256 bytes': 'n'.repeat(256),
  };
  for (const [what, name] of Object.entries(unsafe)) {
    test(`${what}: member_name_unsafe`, async () => {
      await found(rawZip({ members: [named(name)] }), 'member_name_unsafe');
    });
  }

  refuses({
    'the same twice': ['member_duplicate', { members: [A, A] }],
    'the same twice, not side by side': ['member_duplicate', { members: [A, B, A] }],
    'the same but for case': ['member_duplicate', { members: [named('A.json'), A] }],
    'the same but for the Unicode form': [
      'member_duplicate',
      { members: [named('é.json'.normalize('NFD')), named('é.json'.normalize('NFC'))] },
    ],
    'out of order': ['members_unsorted', { members: [B, A] }],
    'too many': ['too_many_members', { members: manyMembers(MAX_MEMBERS + 1) }],
    'too many, says the end record': ['too_many_members', { members: [A], end: { count: 65_535 } }],
  });
});

/** A lie about each field, and the first byte of the header that it changes: local header = central directory. */
const LOCAL: readonly [field: keyof LocalFields, at: number, lie: number | Buffer][] = [
  ['signature', 0, 0x04034b51],
  ['versionNeeded', 4, 45],
  ['flags', 6, 0x0804],
  ['method', 8, 8],
  ['time', 10, 1],
  ['date', 12, 0x5c22],
  ['crc32', 14, 0x12345678],
  ['compressedSize', 18, 9],
  ['size', 22, 9],
  ['nameLength', 26, 5],
  ['extraLength', 28, 1],
  ['name', 30, Buffer.from('c.json')],
];
const CENTRAL: readonly [field: keyof CentralFields, at: number, lie: number, code?: string][] = [
  ['versionMadeBy', 4, 0x0314],
  ['versionNeeded', 6, 45],
  ['flags', 8, 0x0804],
  ['method', 10, 8, 'method_unsupported'],
  ['time', 12, 1],
  ['date', 14, 0x5c22],
  ['disk', 34, 1],
  ['internal', 36, 1],
  ['external', 40, 0o120777 * 65_536, 'member_not_a_file'],
];

describe('headers that are refused, with the byte', () => {
  for (const [field, at, lie] of LOCAL) {
    test(`local ${field}`, async () => {
      const bytes = rawZip({ members: [A, { ...B, local: { [field]: lie } }] });
      const { offset, member } = await found(bytes, 'header_mismatch');
      assert.deepEqual([offset, member], [B_AT + at, 'b.json']);
    });
  }

  for (const [field, at, lie, code = 'header_mismatch'] of CENTRAL) {
    test(`central ${field}`, async () => {
      const bytes = rawZip({ members: [A, { ...B, central: { [field]: lie } }] });
      const findings = await findingsIn(bytes);
      const where = findings.map(({ code, offset }) => [code, offset]);
      assert.deepEqual(where, [[code, DIRECTORY_AT + 52 + at]]);
    });
  }

  for (const [field, at] of [
    ['directoryDisk', 6],
    ['countHere', 8],
    ['directorySize', 12],
  ] as const) {
    test(`end ${field}`, async () => {
      const bytes = rawZip({ members: [A, B], end: { [field]: 7 } });
      const { offset, member } = await found(bytes, 'header_mismatch');
      assert.deepEqual([offset, member], [END_AT + at, undefined]);
    });
  }
});

const BOMB = deflateRawSync(Buffer.alloc(64 * 1024 * 1024));
const EXTRA = Buffer.from('5455050001000000', 'hex').subarray(0, 8);
const TIMES = Buffer.concat([EXTRA, Buffer.from([0])]);
const DESCRIPTOR = Buffer.from(`504b0708${'00'.repeat(12)}`, 'hex');

describe('contents that are refused', () => {
  const deflated = deflateRawSync(A.data);
  const squeezed = { method: 8, compressedSize: deflated.length, size: A.data.length };
  const bomb = { method: 8, compressedSize: BOMB.length, size: 64 * 1024 * 1024 };
  const { length } = A.data;
  refuses({
    'compressed, by deflate': ['method_unsupported', { members: [{ ...A, data: deflated, both: squeezed }] }],
    'a bomb': ['container_gap', { members: [{ name: 'a.json', data: BOMB, both: bomb }] }],
    encrypted: ['member_encrypted', { members: [encrypted(A)] }],
    'encrypted, with no room for its header': [
      'member_encrypted',
      { members: [{ ...A, both: { flags: 0x0801 } }] },
    ],
    'with a data descriptor': [
      'header_mismatch',
      { members: [{ ...A, both: { flags: 0x0808 }, after: DESCRIPTOR }] },
    ],
    'with an extra field': ['header_mismatch', { members: [{ ...A, both: { extra: TIMES } }] }],
    'with a comment': ['header_mismatch', { members: [{ ...A, central: { comment: JUNK } }] }],
    'larger than it says, by a header': ['header_mismatch', { members: [A, withSize(B, 4)] }],
    'smaller than it says, by the central record': ['header_mismatch', { members: [size(A, length + 1)] }],
    'larger than it says, by both': ['container_gap', { members: [withSize(A, length - 1), B] }],
    'smaller than it says, by both': ['container_gap', { members: [withSize(A, length + 1), B] }],
  });

  const impossible: Record<string, RawMember> = {
    'smaller than it says, by nearly 4 GiB': withSize(A, 0xfffffff0),
    'a marker of zip64 and nothing else': withSize(A, 0xffffffff),
    'a size that only zip64 can say': zip64(A, 1n << 33n),
    'a size that no one can have': zip64(A, (1n << 63n) - 1n),
  };
  for (const [what, member] of Object.entries(impossible)) {
    test(`${what}: a finding, not an exception`, async () => {
      assert.ok((await findingsIn(rawZip({ members: [member] }))).length > 0);
    });
  }

  test('a wrong CRC in both headers: the content does not match', async () => {
    const bytes = rawZip({ members: [{ ...A, both: { crc32: 1 } }] });
    await withContainer(bytes, (container) => {
      assert.deepEqual(container.findings, []);
      const [member] = container.members;
      assert.equal(member && readMember(container, member, { keep: false }).crcMatches, false);
    });
  });
});

function encrypted({ name, data }: RawMember): RawMember {
  const both = { flags: 0x0801, compressedSize: data.length + 12, size: data.length };
  return { name, data: Buffer.concat([Buffer.alloc(12), data]), both };
}

function size(member: RawMember, bytes: number): RawMember {
  return { ...member, central: { size: bytes } };
}

function withSize(member: RawMember, bytes: number): RawMember {
  return { ...member, both: { size: bytes, compressedSize: bytes } };
}

function zip64(member: RawMember, bytes: bigint): RawMember {
  const extra = Buffer.alloc(20);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(16, 2);
  extra.writeBigUInt64LE(bytes, 4);
  extra.writeBigUInt64LE(bytes, 12);
  return { ...member, both: { size: 0xffffffff, compressedSize: 0xffffffff, extra } };
}

describe('layouts that are refused', () => {
  const inner = rawZip({ members: [] });
  const locator = Buffer.concat([Buffer.from('504b0607', 'hex'), Buffer.alloc(16)]);
  refuses({
    'nothing at all': ['container_unreadable', Buffer.alloc(0)],
    'not a zip': ['container_unreadable', Buffer.from('{"schema_id":"gait.pack.manifest"}'.repeat(9))],
    'junk before, offsets adjusted': ['container_gap', { members: [A, B], before: JUNK }],
    'junk before, offsets as they were': ['container_unreadable', Buffer.concat([JUNK, SOUND])],
    'junk after': ['container_unreadable', Buffer.concat([SOUND, JUNK])],
    'a gap between two members': ['container_gap', { members: [{ ...A, after: JUNK }, B] }],
    'a gap before the directory': ['header_mismatch', { members: [A, B], beforeDirectory: JUNK }],
    'a gap before the end record': ['header_mismatch', { members: [A, B], beforeEnd: JUNK }],
    'a member over another': ['container_gap', { members: [A, { ...B, central: { offset: 0 } }] }],
    'a member inside another': ['container_gap', { members: [A, { ...B, central: { offset: 36 } }] }],
    'a member that the directory does not name': [
      'header_mismatch',
      { members: [A], beforeDirectory: SOUND.subarray(B_AT, DIRECTORY_AT) },
    ],
    'an offset beyond the end': ['container_gap', { members: [A, { ...B, central: { offset: 1e9 } }] }],
    'a comment': ['container_unreadable', { members: [A, B], end: { comment: JUNK } }],
    'a second end record in the comment': ['header_mismatch', { members: [A, B], end: { comment: inner } }],
    'a second end record after': ['header_mismatch', { members: [A, B], after: inner }],
    'a second container after': ['container_gap', Buffer.concat([SOUND, SOUND])],
    'a smaller count': ['header_mismatch', { members: [A, B], end: { count: 1, countHere: 1 } }],
    'a count of none': ['header_mismatch', { members: [A, B], end: { count: 0, countHere: 0 } }],
    'a larger count': ['container_unreadable', { members: [A, B], end: { count: 3, countHere: 3 } }],
    'a directory elsewhere': ['container_unreadable', { members: [A, B], end: { directoryOffset: 0 } }],
    'a directory beyond the end': ['container_unreadable', { members: [A], end: { directoryOffset: 1e9 } }],
    'a disk of many': ['header_mismatch', { members: [A, B], end: { disk: 1 } }],
    'a locator of zip64': ['header_mismatch', { members: [A, B], beforeEnd: locator }],
  });

  test('cut off at any byte', async (t) => {
    for (let end = 0; end < SOUND.length; end += 1) {
      const findings = await findingsIn(SOUND.subarray(0, end));
      assert.ok(findings.length > 0, `cut at ${end}`);
    }
    t.diagnostic(`${SOUND.length} cuts`);
  });
});
