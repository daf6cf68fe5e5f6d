import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sourceOf } from '../../src/files/source.ts';
import type { ContainerFinding } from '../../src/zip/container.ts';
import { readContainer } from '../../src/zip/reader.ts';
import {
  descriptorOf,
  EARLIER_FORMS,
  type EarlierForm,
  earlierMember,
  TIMESTAMP_EXTRA,
} from '../support/runs.ts';
import { type CentralFields, type LocalFields, type RawMember, type RawZip, rawZip } from './raw_zip.ts';

const TEXT = Buffer.from('{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}');
const PLAIN: EarlierForm = { deflated: true, described: false };
const STORED: EarlierForm = { deflated: false, described: false };
const JUNK = Buffer.from('junk');

/** A lie for each field that local header and central record share, and where it stands in the local header. */
const LIES: readonly [field: keyof LocalFields, at: number, lie: number | Buffer][] = [
  ['signature', 0, 0x04034b51],
  ['versionNeeded', 4, 45],
  ['flags', 6, 2],
  ['method', 8, 6],
  ['time', 10, 1],
  ['date', 12, 0x5c22],
  ['crc32', 14, 0x12345678],
  ['compressedSize', 18, 77],
  ['size', 22, 77],
  ['nameLength', 26, 5],
  ['extraLength', 28, 1],
  ['name', 30, Buffer.from('c.json')],
];

function named(name: string | Buffer, form?: EarlierForm): RawMember {
  return earlierMember(name, TEXT, form);
}

/** The member with these fields in its central record. */
function central(member: RawMember, fields: Partial<CentralFields>): RawMember {
  return { ...member, central: { ...member.central, ...fields } };
}

function both(member: RawMember, fields: Partial<LocalFields>): RawMember {
  return { ...member, both: { ...member.both, ...fields } };
}

function findingsIn(zip: RawZip | Buffer): readonly ContainerFinding[] {
  const bytes = Buffer.isBuffer(zip) ? zip : rawZip(zip);
  const { findings } = readContainer(sourceOf(bytes));
  for (const { message, member, offset } of findings) {
    assert.doesNotMatch(`${message}${member}`, /\p{C}/u, 'safe to print');
    assert.ok(offset === undefined || (offset >= 0 && offset <= bytes.length), `offset ${offset}`);
  }
  return findings;
}

function finds(code: ContainerFinding['code'], zip: RawZip | Buffer): ContainerFinding {
  const findings = findingsIn(zip);
  const finding = findings.find((one) => one.code === code);
  assert.ok(finding !== undefined, `no ${code} in ${JSON.stringify(findings)}`);
  return finding;
}

const UNSAFE: Readonly<Record<string, string | Buffer>> = {
  'a folder': 'dir/',
  'up and out': '../a.json',
  'up in the middle': 'a/../../b.json',
  'this folder': './a.json',
  'an empty part': 'a//b.json',
  'an absolute path': '/etc/passwd',
  'a drive': 'C:/a.json',
  'a backslash': 'a\\b.json',
  'a share': '\\\\host\\a.json',
  'a NUL': 'a.json\0.txt',
  'an escape sequence': 'a\x1b[2J.json',
  'a device': 'aux.json',
  'a dot at the end': 'a.',
  'not UTF-8': Buffer.from([0x61, 0xff, 0xfe]),
  'UTF-8 cut short': Buffer.from([0x61, 0xc3]),
  'an overlong encoding of a slash': Buffer.from([0x61, 0xc0, 0xaf, 0x62]),
  'no name': '',
};

/** Without the mark of the earlier programs nobody can tell who wrote it: then these are free (foreign.test.ts). */
const FREE: readonly string[] = [
  'no type at all',
  'a file of another mode',
  'a name said to be UTF-8',
  'versionMadeBy',
  'internal',
];

for (const [how, form] of Object.entries(EARLIER_FORMS)) {
  const [a, b] = [named('a.json', form), named('b.json', form)];
  const SOUND = rawZip({ members: [a, b] });

  describe(`${how}: what is refused`, () => {
    for (const [what, name] of Object.entries(UNSAFE)) {
      test(`the name is ${what}: member_name_unsafe`, () => {
        finds('member_name_unsafe', { members: [a, named(name, form)] });
      });
    }

    const e = 'é.json';
    const twins: Readonly<Record<string, readonly RawMember[]>> = {
      'the same': [a, a],
      'the same, not side by side': [a, b, a],
      'the same but for case': [a, named('A.JSON', form)],
      'the same but for the Unicode form': [named(e.normalize('NFD'), form), named(e.normalize('NFC'), form)],
    };
    for (const [what, members] of Object.entries(twins)) {
      test(`two names are ${what}: member_duplicate`, () => void finds('member_duplicate', { members }));
    }

    const [file, below] = [named('x', form), named('x/y/z', form)];
    const clashes: Readonly<Record<string, readonly RawMember[]>> = {
      'a file, then a folder': [file, below],
      'a folder, then a file': [below, file],
      'a folder further up, then a file': [below, a, named('x/y', form)],
      'a file, then a folder of another case': [file, named('X/y', form)],
      'a folder, then a file of another case': [named('X/y', form), file],
    };
    for (const [what, members] of Object.entries(clashes)) {
      test(`one name is ${what}: member_name_unsafe`, () => void finds('member_name_unsafe', { members }));
    }

    const mode = (octal: number): RawMember => central(b, { external: (octal << 16) >>> 0 });
    const tricks: Readonly<Record<string, readonly [ContainerFinding['code'], RawZip | Buffer]>> = {
      'a link': ['member_not_a_file', { members: [a, mode(0o120777)] }],
      'a directory by its mode': ['member_not_a_file', { members: [a, mode(0o040755)] }],
      'a device': ['member_not_a_file', { members: [a, mode(0o020666)] }],
      'no type at all': ['member_not_a_file', { members: [a, mode(0o644)] }],
      'a file that runs as root': ['header_mismatch', { members: [a, mode(0o104755)] }],
      'a file of another mode': ['header_mismatch', { members: [a, mode(0o100600)] }],
      'a directory of MS-DOS': [
        form.described ? 'header_mismatch' : 'member_not_a_file',
        { members: [a, central(b, { external: 0x81a40010 })] },
      ],
      encrypted: ['member_encrypted', { members: [a, both(b, { flags: (b.both?.flags ?? 0) | 1 })] }],
      'encrypted, as only the directory says': [
        'member_encrypted',
        { members: [a, central(b, { flags: 1 })] },
      ],
      'encrypted strongly': ['header_mismatch', { members: [a, both(b, { flags: 0x40 })] }],
      'a masked header': ['header_mismatch', { members: [a, both(b, { flags: 0x2000 })] }],
      'a name said to be UTF-8': ['header_mismatch', { members: [a, both(b, { flags: 0x0800 })] }],
      deflate64: ['method_unsupported', { members: [a, both(b, { method: 9 })] }],
      bzip2: ['method_unsupported', { members: [a, both(b, { method: 12 })] }],
      zstd: ['method_unsupported', { members: [a, both(b, { method: 93 })] }],
      'another extra field': ['header_mismatch', { members: [a, both(b, { extra: Buffer.alloc(9, 1) })] }],
      'the extra field twice': [
        'header_mismatch',
        { members: [a, both(b, { extra: Buffer.concat([TIMESTAMP_EXTRA, TIMESTAMP_EXTRA]) })] },
      ],
      'a comment on a member': ['header_mismatch', { members: [a, central(b, { comment: JUNK })] }],
      'a comment': ['container_unreadable', { members: [a, b], end: { comment: JUNK } }],
      'junk before': ['container_gap', { members: [a, b], before: JUNK }],
      'junk before, offsets as they were': ['container_unreadable', Buffer.concat([JUNK, SOUND])],
      'junk between': ['container_gap', { members: [a, { ...b, before: JUNK }] }],
      'junk before the directory': ['header_mismatch', { members: [a, b], beforeDirectory: JUNK }],
      'junk before the end record': ['header_mismatch', { members: [a, b], beforeEnd: JUNK }],
      'junk after': ['container_unreadable', { members: [a, b], after: JUNK }],
      'one member over another': ['container_gap', { members: [a, central(b, { offset: 0 })] }],
      'one member inside another': ['container_gap', { members: [a, central(b, { offset: 37 })] }],
      'a member that the directory does not name': [
        'header_mismatch',
        { members: [a], beforeDirectory: rawZip({ members: [b] }).subarray(0, 80) },
      ],
      'packed bytes past the end': ['container_gap', { members: [a, both(b, { compressedSize: 1e6 })] }],
      'fewer packed bytes than there are': [
        'container_gap',
        { members: [both(a, { compressedSize: 3, ...(form.deflated ? {} : { size: 3 }) }), b] },
      ],
      'two containers in one file': ['container_gap', Buffer.concat([SOUND, SOUND])],
      'a bomb that says so': ['member_too_large', { members: [a, both(b, { size: 100 * 2 ** 20 + 1 })] }],
    };
    for (const [what, [code, zip]] of Object.entries(tricks)) {
      if (what.startsWith('a bomb') && !form.deflated) continue; // there is none without compression
      if (!form.described && FREE.includes(what)) continue;
      test(`${what}: ${code}`, () => void finds(code, zip));
    }

    for (const [field, at, lie] of LIES) {
      test(`the local header lies about ${field}: header_mismatch`, () => {
        const members = [{ ...a, local: { ...a.local, [field]: lie } }, b];
        // Without the mark, the length is what a reader of the local header goes by: the next member stands elsewhere.
        if (field === 'extraLength' && !form.described) return void finds('container_gap', { members });
        const finding = finds('header_mismatch', { members });
        assert.deepEqual([finding.offset, finding.member], [at, 'a.json']);
      });
      test(`the central record lies about ${field}: refused`, () => {
        assert.notDeepEqual(findingsIn({ members: [central(a, { [field]: lie }), b] }), []);
      });
    }

    for (const [field, lie] of [
      ['versionMadeBy', 0x0313],
      ['disk', 1],
      ['internal', 1],
    ] as const) {
      if (!form.described && FREE.includes(field)) continue;
      test(`the central record lies about ${field}: header_mismatch`, () => {
        finds('header_mismatch', { members: [a, central(b, { [field]: lie })] });
      });
    }

    test('it is cut off at any byte', () => {
      for (let end = 0; end < SOUND.length; end += 1) {
        assert.notDeepEqual(findingsIn(SOUND.subarray(0, end)), [], `cut at ${end}`);
      }
    });
  });
}

describe('descriptors that are refused', () => {
  const [a, b] = [named('a.json'), named('b.json')];
  const at = 30 + 6 + 9 + a.data.length;
  for (const [field, offset] of [
    ['signature', 0],
    ['CRC-32', 4],
    ['compressed size', 8],
    ['size', 12],
  ] as const) {
    test(`one that lies about its ${field}: header_mismatch`, () => {
      const after = Buffer.from(a.after ?? '');
      after.writeUInt8(after.readUInt8(offset) ^ 1, offset);
      const finding = finds('header_mismatch', { members: [{ ...a, after }, b] });
      assert.deepEqual([finding.offset, finding.member], [at + offset, 'a.json']);
    });
  }

  const { data } = a;
  const facts = { crc32: a.both?.crc32 ?? 0, compressedSize: data.length, size: TEXT.length };
  const members: Readonly<Record<string, RawMember>> = {
    'one without its signature': { ...a, after: (a.after ?? Buffer.alloc(0)).subarray(4) },
    'none where one is promised': { ...a, after: Buffer.alloc(0) },
    'two of them': { ...a, after: Buffer.concat([descriptorOf(facts), descriptorOf(facts)]) },
    'one of zip64': { ...a, after: Buffer.concat([descriptorOf(facts), Buffer.alloc(8)]) },
    'sizes in the local header as well': { ...a, local: {} },
    'one where none is promised': { ...named('a.json', PLAIN), after: descriptorOf(facts) },
    'the flag for it without the timestamp': both(a, { extra: Buffer.alloc(0) }),
    'the timestamp without the flag for it': both(named('a.json', PLAIN), { extra: TIMESTAMP_EXTRA }),
    'the flag in the local header only': { ...named('a.json', PLAIN), local: { flags: 8 } },
    'the timestamp in the local header only': central(a, { extra: Buffer.alloc(0) }),
    'the timestamp in the central record only': { ...a, local: { ...a.local, extra: Buffer.alloc(0) } },
  };
  for (const [what, member] of Object.entries(members)) {
    test(`${what}: container_gap or header_mismatch`, () => {
      const codes = findingsIn({ members: [member, b] }).map(({ code }) => code);
      assert.ok(codes.includes('container_gap') || codes.includes('header_mismatch'), codes.join());
    });
  }
});

describe('containers of two minds are refused', () => {
  const [plain, own] = [named('a.json', STORED), { name: 'b.json', data: TEXT }];
  const minds: Readonly<Record<string, readonly RawMember[]>> = {
    'a member of ours among those of an earlier program': [plain, own],
    'one of an earlier program among ours': [{ ...own, name: 'A.json' }, plain],
    'a deflated one of an earlier program among ours': [{ ...own, name: 'A.json' }, named('a.json', PLAIN)],
    'one that is deflated, and made by us': [central(named('a.json', PLAIN), { versionMadeBy: 0x033f })],
    'one of somebody else, with whatever they like in it': [
      named('a.json'),
      central(both(named('b.json', STORED), { flags: 0x1806, extra: Buffer.from('aa0001002a', 'hex') }), {
        versionMadeBy: 0x031e,
        external: 0x89ed0010,
      }),
    ],
  };
  for (const [what, members] of Object.entries(minds)) {
    test(what, () => assert.notDeepEqual(findingsIn({ members }), []));
  }
});
