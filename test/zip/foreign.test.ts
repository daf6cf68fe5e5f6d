import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sourceOf } from '../../src/files/source.ts';
import { type Container, readContainer, readMember } from '../../src/zip/reader.ts';
import { withContainer } from '../support/pack.ts';
import fc from '../support/property.ts';
import {
  DOS,
  extraField,
  fieldOf,
  foreignForms,
  foreignMember,
  INFO_ZIP,
  OWNER,
  PIPED,
  PYTHON,
} from './foreign_form.ts';
import { type CentralFields, type LocalFields, type RawMember, type RawZip, rawZip } from './raw_zip.ts';

const A = Buffer.from('{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}');
const B = Buffer.from('{"b":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}');

/** What the members hold, by name; undefined for a container that is refused. */
function contentsOf(container: Container): Record<string, string> | undefined {
  if (container.findings.length > 0) return undefined;
  const all = container.members.map(
    (member) => [member, readMember(container, member, { keep: true })] as const,
  );
  if (all.some(([, { fault, crcMatches }]) => fault !== undefined || !crcMatches)) return undefined;
  return Object.fromEntries(all.map(([{ name }, { bytes }]) => [name, bytes?.toString('latin1') ?? '']));
}

const CONTENTS = { 'b.json': B.toString('latin1'), 'x/a.json': A.toString('latin1') };

describe('F4: what another writer of zips wrote is read', () => {
  for (const [who, form] of Object.entries({ PYTHON, INFO_ZIP, PIPED, DOS })) {
    test(who, async () => {
      const members = [foreignMember('x/a.json', A, form), foreignMember('b.json', B, form)];
      await withContainer(rawZip({ members }), (container) => {
        assert.deepEqual(container.findings, []);
        assert.deepEqual(contentsOf(container), CONTENTS);
        assert.equal(typeof container.foreign?.offset, 'number');
      });
    });
  }

  test('in every form that is allowed, each member in its own', async () => {
    await fc.assert(
      fc.asyncProperty(foreignForms(), foreignForms(), async (one, other) => {
        const members = [foreignMember('x/a.json', A, one), foreignMember('b.json', B, other)];
        await withContainer(rawZip({ members }), (container) => {
          assert.deepEqual(container.findings, []);
          assert.deepEqual(contentsOf(container), CONTENTS);
        });
      }),
      { numRuns: 150 },
    );
  });
});

describe('F4: whatever is changed in a header of such a container', () => {
  const sound = [PYTHON, INFO_ZIP, PIPED, DOS].map((form) =>
    rawZip({ members: [foreignMember('x/a.json', A, form), foreignMember('b.json', B, form)] }),
  );

  test('it is refused, or holds what it held', () => {
    for (const bytes of sound) {
      for (let at = 0; at < bytes.length; at += 1) {
        for (let bit = 0; bit < 8; bit += 1) {
          const changed = Buffer.from(bytes);
          changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at);
          const contents = contentsOf(readContainer(sourceOf(changed)));
          if (contents !== undefined) assert.deepEqual(contents, CONTENTS, `byte ${at}, bit ${bit}`);
        }
      }
    }
  });

  test('cut off at any byte, with a byte before, between or behind, it is refused', () => {
    for (const bytes of sound) {
      for (let at = 0; at < bytes.length; at += 1) {
        const more = Buffer.concat([bytes.subarray(0, at), Buffer.from('x'), bytes.subarray(at)]);
        for (const changed of [bytes.subarray(0, at), more])
          assert.equal(contentsOf(readContainer(sourceOf(changed))), undefined, `byte ${at}`);
      }
      assert.equal(contentsOf(readContainer(sourceOf(Buffer.concat([bytes, Buffer.from('x')])))), undefined);
    }
  });
});

describe('F4: what is refused whoever wrote it', () => {
  const [a, b] = [foreignMember('a.json', A, INFO_ZIP), foreignMember('b.json', B, INFO_ZIP)];
  const central = (fields: Partial<CentralFields>): RawMember => ({
    ...b,
    central: { ...b.central, ...fields },
  });
  const both = (fields: Partial<LocalFields>): RawMember => ({
    ...b,
    both: { ...b.both, ...fields },
    local: { ...b.local, ...fields },
    central: { ...b.central, ...fields },
  });
  const mode = (octal: number): RawMember => central({ external: (octal << 16) >>> 0 });
  const extras = (extra: Buffer): RawMember => both({ extra });
  const folder = (name: string, form = {}): RawMember =>
    foreignMember(name, Buffer.alloc(0), { ...PYTHON, mode: 0o040755, dos: 0x10, ...form });
  const jar = (content: string): Buffer => fieldOf(0xcafe, Buffer.from(content, 'latin1'));
  const times = (content: string): Buffer => {
    const head = Buffer.of(0, 0, 0, 0, 1, 0, 24, 0);
    return fieldOf(0x000a, Buffer.concat([head, Buffer.from(content.padEnd(24, '\0'), 'latin1')]));
  };
  /** The third attack on the evidence, 1: what lies in a field that no reader acts on, another reader finds all the same. */
  const misformed: Readonly<Record<string, readonly [code: string, zip: RawZip]>> = Object.fromEntries(
    [
      ['a mark of a jar that holds something', jar('x')],
      ['times of NTFS of another length', fieldOf(0x000a, Buffer.alloc(28))],
      ['times of NTFS under another tag', fieldOf(0x000a, Buffer.alloc(32))],
      ['more times than its bits say', fieldOf(0x5455, Buffer.of(1, 1, 1, 1, 1, 1))],
      ['times of unknown bits', fieldOf(0x5455, Buffer.of(8))],
      ['an owner of another version', fieldOf(0x7875, Buffer.of(2, 1, 1, 1, 1))],
      ['an owner that is longer than it says', fieldOf(0x7875, Buffer.of(1, 1, 1, 1, 1, 1))],
      ['an owner that is cut short', fieldOf(0x7875, Buffer.of(1, 4, 1))],
      ['owners of earlier Info-ZIP of another length', fieldOf(0x5855, Buffer.alloc(9))],
      ['an owner of two bytes that has more', fieldOf(0x7855, Buffer.alloc(6))],
      ...['\x01\x02', '\x03\x04', '\x05\x06', '\x06\x06', '\x06\x07', '\x07\x08'].map(
        (record) =>
          [`the beginning of a record PK${JSON.stringify(record)}`, times(`abcd PK${record}`)] as const,
      ),
    ].map(([name, field]) => [name, ['header_mismatch', { members: [a, extras(field as Buffer)] }]]),
  );
  const table: Readonly<Record<string, readonly [code: string, zip: RawZip]>> = {
    'a name twice': ['member_duplicate', { members: [a, a] }],
    'a name twice but for case': ['member_duplicate', { members: [a, foreignMember('A.json', A, PYTHON)] }],
    'a way up and out': ['member_name_unsafe', { members: [foreignMember('../a.json', A, PYTHON)] }],
    'an absolute path': ['member_name_unsafe', { members: [foreignMember('/a.json', A, DOS)] }],
    'a backslash': ['member_name_unsafe', { members: [foreignMember('x\\a.json', A, DOS)] }],
    'a link': ['member_not_a_file', { members: [a, mode(0o120777)] }],
    'a device': ['member_not_a_file', { members: [a, mode(0o020666)] }],
    'a folder by its mode': ['member_not_a_file', { members: [a, mode(0o040755)] }],
    'a folder as DOS has it': ['member_not_a_file', { members: [a, central({ external: 0x10 })] }],
    'a volume label': ['member_not_a_file', { members: [a, central({ external: 0x08 })] }],
    'a file that runs as root': ['header_mismatch', { members: [a, mode(0o104755)] }],
    encrypted: ['member_encrypted', { members: [a, both({ flags: 1 })] }],
    'encrypted strongly': ['header_mismatch', { members: [a, both({ flags: 0x40 })] }],
    'a patch': ['header_mismatch', { members: [a, both({ flags: 0x20 })] }],
    'masked headers': ['header_mismatch', { members: [a, both({ flags: 0x2000 })] }],
    bzip2: ['method_unsupported', { members: [a, both({ method: 12 })] }],
    'zip64 by its version': ['header_mismatch', { members: [a, both({ versionNeeded: 45 })] }],
    'zip64 by its extra field': ['header_mismatch', { members: [a, extras(extraField(1, 16))] }],
    'another name in an extra field': ['header_mismatch', { members: [a, extras(extraField(0x7075, 9))] }],
    'encryption of AES': ['header_mismatch', { members: [a, extras(extraField(0x9901, 7))] }],
    'a link in an extra field of ASi': ['header_mismatch', { members: [a, extras(extraField(0x756e, 14))] }],
    'an extra field twice': [
      'header_mismatch',
      { members: [a, extras(Buffer.concat([fieldOf(0x7875, OWNER), fieldOf(0x7875, OWNER)]))] },
    ],
    'an extra field of one header only': [
      'header_mismatch',
      { members: [a, central({ extra: Buffer.alloc(0) })] },
    ],
    'an extra field that is cut short': [
      'header_mismatch',
      { members: [a, extras(fieldOf(0x7875, OWNER).subarray(0, 7))] },
    ],
    ...misformed,
    'a long extra field': ['header_mismatch', { members: [a, extras(extraField(0x5455, 300))] }],
    'a comment on a member': ['header_mismatch', { members: [a, central({ comment: Buffer.from('junk') })] }],
    'a comment': ['container_unreadable', { members: [a, b], end: { comment: Buffer.from('junk') } }],
    'one member over another': ['container_gap', { members: [a, central({ offset: 0 })] }],
    'bytes between': ['container_gap', { members: [a, { ...b, before: Buffer.from('junk') }] }],
    'bytes before': ['container_gap', { members: [a, b], before: Buffer.from('junk') }],
    'bytes before the directory': [
      'header_mismatch',
      { members: [a, b], beforeDirectory: Buffer.from('junk') },
    ],
    'a disk': ['header_mismatch', { members: [a, central({ disk: 1 })] }],
    'another size in the local header': [
      'header_mismatch',
      { members: [{ ...a, local: { ...a.local, size: 5 } }, b] },
    ],
    'another name in the local header': [
      'header_mismatch',
      { members: [{ ...a, local: { ...a.local, name: Buffer.from('c.json') } }, b] },
    ],
    'another time in the local header': [
      'header_mismatch',
      { members: [{ ...a, local: { ...a.local, time: 1 } }, b] },
    ],
    'stored, with a descriptor': [
      'header_mismatch',
      { members: [a, foreignMember('b.json', B, { ...PYTHON, described: true })] },
    ],
    'a member that says it is by gait': [
      'header_mismatch',
      { members: [a, central({ versionMadeBy: 0x033f })] },
    ],
    'a folder': ['member_not_a_file', { members: [folder('x/'), foreignMember('x/a.json', A, PYTHON)] }],
    'a folder of no type': [
      'member_name_unsafe',
      { members: [folder('x/', { mode: 0, dos: 0 }), foreignMember('x/a.json', A, PYTHON)] },
    ],
  };
  for (const [what, [code, zip]] of Object.entries(table)) {
    test(`${what}: ${code}`, () => {
      const { findings } = readContainer(sourceOf(rawZip(zip)));
      assert.ok(
        findings.some((one) => one.code === code),
        JSON.stringify(findings),
      );
    });
  }
});
