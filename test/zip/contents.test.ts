import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import { type CheckName, Report } from '../../src/core/report.ts';
import { sourceOf } from '../../src/files/source.ts';
import { type Compared, type Contents, compareDeclared, readContents } from '../../src/zip/contents.ts';
import { readContainer, readMember } from '../../src/zip/reader.ts';
import { sha256 } from '../pack/forge.ts';
import { withContainer } from '../support/pack.ts';
import { EARLIER_FORMS, type EarlierForm, earlierMember, GO_FORM, goDeflate } from '../support/runs.ts';
import { type RawMember, rawZip } from './raw_zip.ts';

const TEXT = Buffer.from('{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}');
const PLAIN: EarlierForm = { deflated: true, described: false };
const STORED: EarlierForm = { deflated: false, described: false };
const MIB = 2 ** 20;

/** What comes out of the members, with everything else about the container found to be right. */
async function unpacked(members: readonly RawMember[]): Promise<(string | undefined)[]> {
  return withContainer(rawZip({ members }), (container) => {
    assert.deepEqual(container.findings, []);
    return container.members.map((member) => {
      const { bytes, crcMatches, fault } = readMember(container, member, { keep: true });
      assert.deepEqual([fault, crcMatches], [undefined, true]);
      return `${member.name} ${bytes?.toString('latin1')}`;
    });
  });
}

describe('a container of an earlier program', () => {
  for (const [name, form] of Object.entries(EARLIER_FORMS)) {
    test(`${name}: is accepted, in any order of its members`, async () => {
      const members = ['b.json', 'a/b.jsonl', 'a.json'].map((path) => earlierMember(path, TEXT, form));
      const text = TEXT.toString();
      assert.deepEqual(await unpacked(members), [`b.json ${text}`, `a/b.jsonl ${text}`, `a.json ${text}`]);
    });

    test(`${name}: members may be empty, and of mode 0755`, async () => {
      const member = earlierMember('a.jsonl', Buffer.alloc(0), form);
      const empty = { ...member, central: { ...member.central, external: 0x81ed0000 } };
      assert.deepEqual(await unpacked([empty]), ['a.jsonl ']);
    });

    test(`${name}: a member of several MiB`, async () => {
      const content = Buffer.alloc(3 * 1024 * 1024 + 1, 'a line of a journal\n');
      assert.deepEqual(await unpacked([earlierMember('a', content, form)]), [`a ${content}`]);
    });
  }

  test('whatever deflate made of it is accepted', async () => {
    const streams = [
      deflateRawSync(TEXT, { level: 0 }),
      deflateRawSync(TEXT, { level: 9 }),
      deflateRawSync(TEXT, { strategy: 2 }),
      goDeflate(TEXT),
    ];
    const members = streams.map((packed, i) => earlierMember(`${i}`, TEXT, GO_FORM, packed));
    assert.deepEqual(
      await unpacked(members),
      streams.map((_, i) => `${i} ${TEXT}`),
    );
  });

  test('with members stored and deflated, all without descriptor, is accepted', async () => {
    assert.equal(
      (await unpacked([earlierMember('a', TEXT, PLAIN), earlierMember('b', TEXT, STORED)])).length,
      2,
    );
  });

  test('is written as artifacts.md §3 has it, to the byte', () => {
    const header = '504b0304 1400 0800 0800 0000 2100 00000000 00000000 00000000 0100 0900 61';
    const bytes = rawZip({ members: [earlierMember('a', Buffer.from('x'), GO_FORM, Buffer.of(0x79))] });
    const described = '504b0708 8316dc8c 01000000 01000000';
    const record = '504b0102 1403 1400 0800 0800 0000 2100 8316dc8c 01000000 01000000 0100 0900';
    const rest = '0000 0000 0000 0000a481 00000000 61';
    const end = '504b0506 0000 0000 0100 0100 38000000 39000000 0000';
    const extra = '555405000100a6ce12';
    const hex = [header, extra, '79', described, record, rest, extra, end].join('').replaceAll(' ', '');
    assert.equal(bytes.toString('hex'), hex);
    assert.deepEqual(readContainer(sourceOf(bytes)).findings, []);
  });
});

interface Read extends Contents {
  readonly codes: readonly string[];
  readonly messages: readonly string[];
  readonly status: string | undefined;
}

/** What reading these members through finds; the container around them has nothing wrong. */
function read(members: readonly RawMember[], onBytes?: (count: number) => void): Read {
  const report = new Report(['member_content']);
  const container = readContainer(sourceOf(rawZip({ members })));
  assert.deepEqual(container.findings, []);
  const contents = readContents(container, { keep: (name) => name !== 'not_kept', onBytes }, report);
  for (const { member, offset, layer } of report.findings) {
    assert.deepEqual([typeof member, typeof offset, layer], ['string', 'number', 'container']);
  }
  const codes = report.findings.map(({ code, member }) => `${member} ${code}`);
  const messages = report.findings.map(({ message }) => message);
  return { ...contents, codes, messages, status: report.checks[0]?.status };
}

describe('contents that are refused', () => {
  const sound = earlierMember('a', TEXT);
  const packed = goDeflate(TEXT);
  const dictionary = deflateRawSync(TEXT, { dictionary: TEXT });
  /** A stream that claims to be of `size` bytes with the CRC-32 of the text. */
  const claiming = (stream: Buffer, size: number = TEXT.length): RawMember => {
    const said = earlierMember('b', TEXT, PLAIN, stream);
    return { ...said, both: { ...said.both, size } };
  };
  const bomb = deflateRawSync(Buffer.alloc(64 * MIB));
  const unreadable: Readonly<Record<string, RawMember>> = {
    'it inflates to one byte more than it says': claiming(packed, TEXT.length - 1),
    'it inflates to much more than it says': claiming(packed, 1),
    'it says that it is empty': claiming(packed, 0),
    'it inflates to one byte less than it says': claiming(packed, TEXT.length + 1),
    'a bomb that says it is small': claiming(bomb, 1000),
    'a byte after the stream': claiming(Buffer.concat([packed, Buffer.of(0)])),
    'a stream after the stream': claiming(Buffer.concat([packed, packed])),
    'the stream is cut by a byte': claiming(packed.subarray(0, -1)),
    'the stream is cut in the middle': claiming(packed.subarray(0, packed.length >> 1)),
    'the stream never ends': claiming(deflateRawSync(TEXT, { finishFlush: constants.Z_SYNC_FLUSH })),
    'no stream at all': claiming(Buffer.alloc(0)),
    'nothing, said to be empty': claiming(Buffer.alloc(0), 0),
    'a block of a type that there is not': claiming(Buffer.of(7, 0, 0)),
    'a stored block whose lengths disagree': claiming(Buffer.from('0101000000ff', 'hex'), 1),
    'a distance back to before the start': claiming(dictionary),
    'a header of zlib': claiming(Buffer.concat([Buffer.of(0x78, 0x9c), packed])),
  };
  for (const [what, member] of Object.entries(unreadable)) {
    test(`${what}: member_unreadable`, () => {
      const { codes, digests, status } = read([sound, member]);
      assert.deepEqual([codes, status], [['b member_unreadable'], 'failed']);
      assert.deepEqual([...digests.keys()], ['a'], 'the other one was read');
    });
  }

  for (const [how, form] of Object.entries(EARLIER_FORMS)) {
    test(`${how}: another CRC-32 than its headers say: crc_mismatch`, () => {
      const other = Buffer.alloc(TEXT.length, 'b');
      const lying = earlierMember('b', TEXT, form, form.deflated ? goDeflate(other) : other);
      assert.deepEqual(read([sound, lying]).codes, ['b crc_mismatch']);
    });
  }

  test('a bomb is inflated no further than it says it is large: nobody learns how large it would be', () => {
    let passedOn = 0;
    const { messages } = read([sound, claiming(bomb, 1000)], (count) => {
      passedOn += count;
    });
    assert.deepEqual(messages, ['b inflates to more than it says']);
    assert.equal(passedOn, TEXT.length, 'the sound member, and nothing of the bomb');
  });

  test('everything that is wrong is found, not only the first', () => {
    const [cut, trailing] = [claiming(packed.subarray(0, -1)), claiming(Buffer.concat([packed, packed]))];
    const wrong = { ...earlierMember('d', TEXT, STORED), data: Buffer.alloc(TEXT.length) };
    const members = [{ ...trailing, name: 'c' }, cut, wrong];
    assert.deepEqual(read(members).codes, ['c member_unreadable', 'b member_unreadable', 'd crc_mismatch']);
  });
});

describe('readContents', () => {
  test('answers digests and sizes of all, and the bytes of what is to be kept', () => {
    let count = 0;
    const members = [earlierMember('a', TEXT), earlierMember('not_kept', Buffer.from('x'), STORED)];
    const { digests, sizes, bytes, codes, status } = read(members, (more) => {
      count += more;
    });
    assert.deepEqual([codes, status], [[], 'passed']);
    assert.deepEqual(
      [...digests.values()],
      [TEXT, 'x'].map((text) => sha256(text).toString('hex')),
    );
    assert.deepEqual(
      [...sizes],
      [
        ['a', TEXT.length],
        ['not_kept', 1],
      ],
    );
    assert.deepEqual([[...bytes.keys()], bytes.get('a')], [['a'], TEXT]);
    assert.equal(count, TEXT.length + 1, 'bytes that the caller was told of');
  });

  test('of no members settles nothing', () => {
    assert.equal(read([]).status, 'not_reached');
  });
});

const CHECKS: readonly CheckName[] = ['member_digests', 'nothing_undeclared'];
const [X, Y] = [sha256('x').toString('hex'), sha256('y').toString('hex')];
const DIGESTS: Readonly<Record<string, string>> = { x: X, y: Y, X: X.toUpperCase() };

/** Compares members `m`, `x` and `y` with what is declared: `x=y` is the member x with the digest of y. */
function compared(text: string): Omit<Compared, 'unchecked'> & { codes: readonly string[] } {
  const report = new Report(CHECKS);
  const digests = new Map([
    ['m', 'its own'],
    ...['x', 'y'].map((name) => [name, DIGESTS[name] ?? ''] as const),
  ]);
  const declared = text.split(' ').flatMap((word) => {
    const [path = '', digest = ''] = word.split('=');
    return path === '' ? [] : [{ path, sha256: DIGESTS[digest] ?? '' }];
  });
  const contents = { digests, bytes: new Map(), sizes: new Map() };
  const { unchecked: _, ...result } = compareDeclared('m', declared, contents, report, {
    type: 'guard',
    strict: false,
  });
  return { ...result, codes: report.findings.map(({ code, member }) => `${member} ${code}`) };
}

describe('what is there against what is declared', () => {
  const table: readonly [what: string, declared: string, ...codes: string[]][] = [
    ['all of it', 'x=x y=y'],
    ['digests in upper case', 'x=X y=y'],
    ['nothing declared', '', 'x member_undeclared', 'y member_undeclared'],
    ['one more declared', 'x=x y=y z=y', 'z member_missing'],
    ['other content', 'x=y y=y', 'x digest_mismatch'],
    ['another case of the name', 'X=x y=y', 'X member_missing', 'x member_undeclared'],
    ['one twice', 'x=x x=x y=y', 'x declared_twice'],
    ['one twice, with two digests', 'x=x x=y y=y', 'x declared_twice', 'x digest_mismatch'],
    ['the manifest by itself', 'm=x x=x y=y', 'm declared_twice', 'm digest_mismatch'],
    ['out of order', 'y=y x=x', 'x declared_unsorted'],
  ];
  for (const [what, declared, ...codes] of table) {
    test(`${what}: ${codes.join(', ') || 'nothing to find'}`, () => {
      assert.deepEqual(compared(declared).codes, codes);
    });
  }

  test('the lists say what is missing, other, and too much', () => {
    const { missing, mismatches, undeclared } = compared('w=x y=X');
    assert.deepEqual([missing, undeclared], [['w'], ['x']]);
    assert.deepEqual(mismatches, [{ path: 'y', expected: X.toUpperCase(), actual: Y }]);
  });
});
