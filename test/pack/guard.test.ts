import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { VerificationPolicy } from '../../src/pack/verified.ts';
import { type Signature, signDigest } from '../../src/signing/signature.ts';
import { corrupted, flipped, numberedKey, trusting } from '../support/keys.ts';
import fc from '../support/property.ts';
import * as runs from '../support/runs.ts';
import {
  type Document,
  type Files,
  jcs,
  MANIFEST,
  patched,
  readDocument,
  readText,
  sha256,
  withFile,
  without,
  zipFiles,
} from './forge.ts';

const { digits, NOW, RUN_ID } = runs;

function digestOf(value: unknown): string {
  return sha256(typeof value === 'string' ? value : jcs(value)).toString('hex');
}

/** The members of an evidence pack with their types, as artifacts.md §6.1 lists them. */
const MEMBERS: Readonly<Record<string, readonly [type: string, content: Document | Document[]]>> = {
  'approval_audit_00.json': ['evidence', { schema_id: 'gait.gate.approval_audit_record', trace_id: 't1' }],
  'referenced_runpacks.json': ['evidence', { run_id: RUN_ID, receipts: [], references: 0 }],
  'regress_summary.json': ['report', { results: [], status_counts: {}, total: 0 }],
  'runpack_summary.json': ['runpack', { run_id: RUN_ID, manifest_digest: digits('a'), intent_count: 2 }],
  'trace_summary.json': ['trace', { traces: [], verdict_counts: {}, total: 0 }],
};

interface Entry {
  readonly path: string;
  readonly sha256: string;
  readonly type: string;
}

const LISTED: readonly Entry[] = Object.entries(MEMBERS).map(([path, [type, content]]) => {
  return { path, sha256: digestOf(content), type };
});
const CONTROLS = [
  {
    control_id: 'CC6.6',
    title: 'Change Management Evidence',
    evidence_paths: LISTED.map(({ path }) => path),
  },
];
const POINTERS = LISTED.map((entry, i) => ({ pointer_id: `ev_00${i + 1}`, ...entry }));

/** `pack_` and 16 digits of the SHA-256 of run and contents: artifacts.md §1.3. */
function packIdOf({ run_id, contents }: Document): string {
  return `pack_${digestOf({ run_id, contents }).slice(0, 16)}`;
}

function evidencePack(changes: Document = {}): Files {
  const files = new Map(
    Object.entries(MEMBERS).map(([path, [, content]]) => [path, Buffer.from(jcs(content))]),
  );
  files.set('control_index.json', Buffer.from(jcs(CONTROLS)));
  files.set('evidence_pointers.json', Buffer.from(jcs(POINTERS)));
  const indices = ['control_index.json', 'evidence_pointers.json'].map((path) => {
    return { path, sha256: sha256(files.get(path) ?? '').toString('hex'), type: 'report' };
  });
  const contents = [...LISTED, ...indices].sort((a, b) => (a.path < b.path ? -1 : 1));
  const manifest: Document = {
    ...{ schema_id: 'gait.guard.pack_manifest', schema_version: '1.0.0', created_at: NOW, generated_at: NOW },
    ...{ producer_version: '0.0.0-dev', run_id: RUN_ID, case_id: 'case-1', template_id: 'soc2' },
    ...{ control_index: CONTROLS, evidence_pointers: POINTERS, contents },
    ...changes,
  };
  return files.set(MANIFEST, Buffer.from(jcs({ pack_id: packIdOf(manifest), ...manifest })));
}

const SOUND = evidencePack();

function signedPack(): { files: Files; signature: Signature } {
  const { signatures: _, ...unsigned } = readDocument(SOUND, MANIFEST);
  const signature = signDigest(digestOf(unsigned), numberedKey(1));
  return { files: patched(SOUND, MANIFEST, { signatures: [signature] }), signature };
}

function found(files: Files, policy: VerificationPolicy = {}): string[] {
  const { verification } = runs.verifyInMemory(zipFiles(files), policy);
  assert.equal(verification.pack_type, 'guard');
  const codes = runs.codesIn(zipFiles(files), policy);
  assert.deepEqual(
    codes,
    verification.findings.map(({ code }) => code),
  );
  return verification.findings.map(({ member, code }) => `${member} ${code}`);
}

describe('an evidence pack', () => {
  const forms = Object.entries(runs.EARLIER_FORMS).map(
    ([name, form]) => [name, runs.earlierZip(SOUND, form)] as const,
  );
  for (const [how, bytes] of [['stored by us', zipFiles(SOUND)] as const, ...forms]) {
    test(`${how}, is sound`, () => {
      const { verification, guard, manifest, run } = runs.verifyInMemory(bytes);
      assert.deepEqual(verification.findings, []);
      const { pack_id, pack_type, legacy_type, source_ref, files_checked, signature_status } = verification;
      assert.deepEqual(
        [pack_type, legacy_type, source_ref, signature_status],
        ['guard', 'guard', RUN_ID, 'missing'],
      );
      assert.deepEqual([pack_id, files_checked], [packIdOf(readDocument(SOUND, MANIFEST)), 7]);
      assert.deepEqual([guard?.case_id, manifest, run], ['case-1', undefined, undefined]);
      const ends = new Set(verification.checks.map(({ status }) => status));
      assert.deepEqual([...ends], ['passed', 'not_applicable']);
    });
  }

  const sound: Readonly<Record<string, Files>> = {
    'of an incident': evidencePack({
      incident_window: { from: '2026-02-13T06:00:00Z', to: '2026-02-15T06:00:00Z', window_seconds: 172800 },
      template_id: 'incident_response',
    }),
    'with times that keep their offset': evidencePack({ created_at: '2026-02-14T08:00:00.5+02:00' }),
    'with no more than must be there': evidencePack({
      control_index: undefined,
      evidence_pointers: undefined,
      case_id: undefined,
    }),
    'with signatures that are none': evidencePack({ signatures: null }),
  };
  for (const [what, files] of Object.entries(sound))
    test(`${what}, is sound`, () => assert.deepEqual(found(files), []));

  const contents = readDocument(SOUND, MANIFEST)['contents'] as Entry[];
  const [first, second] = contents as [Entry, Entry];
  const relisted = (...list: Entry[]): Files => evidencePack({ contents: list });
  const [x, text] = ['x.json', readText(SOUND, MANIFEST)];
  const never = '2026-02-30T00:00:00Z';
  type Row = readonly [what: string, files: Files, ...found: string[]];
  const rows: readonly Row[] = [
    ...LISTED.map(
      ({ path }): Row => [`${path} is another`, withFile(SOUND, path, '{}'), `${path} digest_mismatch`],
    ),
    ['a member is missing', without(SOUND, first.path), `${first.path} member_missing`],
    ['a member too many', withFile(SOUND, x, '{}'), `${x} member_undeclared`],
    [
      'a member under another name',
      withFile(without(SOUND, first.path), x, readText(SOUND, first.path)),
      `${first.path} member_missing`,
      `${x} member_undeclared`,
    ],
    ['a member is not declared any more', relisted(...contents.slice(1)), `${first.path} member_undeclared`],
    ['a member is declared twice', relisted(first, ...contents), `${first.path} declared_twice`],
    [
      'members are declared out of order',
      relisted(second, first, ...contents.slice(2)),
      `${first.path} declared_unsorted`,
    ],
    [
      'another id',
      patched(SOUND, MANIFEST, { pack_id: 'pack_0000000000000000' }),
      `${MANIFEST} pack_id_mismatch`,
    ],
    [
      'its id in upper case',
      patched(SOUND, MANIFEST, { pack_id: packIdOf({ contents, run_id: RUN_ID }).toUpperCase() }),
      `${MANIFEST} pack_id_mismatch`,
    ],
    ['another run', patched(SOUND, MANIFEST, { run_id: 'run_2' }), `${MANIFEST} pack_id_mismatch`],
    [
      'a type that there is not',
      relisted({ ...first, type: 'json' }, ...contents.slice(1)),
      `${MANIFEST} schema_mismatch`,
    ],
    ['another version', evidencePack({ schema_version: '1.1.0' }), `${MANIFEST} schema_mismatch`],
    ['a field that nobody knows', evidencePack({ extra: 1 }), `${MANIFEST} schema_mismatch`],
    ['a time that was not', evidencePack({ generated_at: never }), `${MANIFEST} not_a_time`],
  ];
  for (const [what, files, ...codes] of rows) {
    test(`${what}: ${codes.join(', ')}`, () => assert.deepEqual(found(files), codes));
  }

  test('whose manifest is not canonical, or holds a key twice, is refused', () => {
    const pretty = JSON.stringify(JSON.parse(text), null, 2);
    for (const bytes of [pretty, `${text}\n`, `${text.slice(0, -1)},"pack_id":"pack_1"}`, `\ufeff${text}`]) {
      assert.notDeepEqual(runs.codesIn(zipFiles(withFile(SOUND, MANIFEST, bytes))), []);
    }
  });

  test('in a container with something wrong says that as well', () => {
    const twice = withFile(SOUND, 'TRACE_summary.json', '{}');
    assert.deepEqual(runs.codesIn(zipFiles(twice)).sort(), ['member_duplicate', 'member_undeclared']);
  });

  test('nothing in it can be changed, dropped, added or renamed unseen', () => {
    const names = [...SOUND.keys()].filter((name) => name !== MANIFEST);
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(), fc.nat(3), (name, where, how) => {
        const bytes = SOUND.get(name) ?? Buffer.alloc(0);
        const flip = withFile(SOUND, name, flipped(bytes, where % (bytes.length * 8)));
        const renamed = withFile(without(SOUND, name), `${name}x`, bytes);
        const files =
          [flip, without(SOUND, name), withFile(SOUND, `x${where}`, bytes), renamed][how] ?? SOUND;
        assert.notDeepEqual(found(files), []);
      }),
    );
  });
});

describe('the signature of an evidence pack', () => {
  const { files, signature } = signedPack();
  const trust = trusting(numberedKey(1));
  const stale = patched(files, MANIFEST, { case_id: 'case-2' });
  const resigned = (one: object): Files => patched(files, MANIFEST, { signatures: [one] });
  const invalid = `${MANIFEST} signature_invalid`;
  const rows: readonly (readonly [
    what: string,
    files: Files,
    policy: VerificationPolicy,
    ...found: string[],
  ])[] = [
    ['holds', files, { trust, required: true }],
    ['is not checked without a key', files, {}],
    ['is required and cannot be checked', files, { required: true }, `${MANIFEST} signature_unchecked`],
    ['is required and not there', SOUND, { trust, required: true }, `${MANIFEST} signature_missing`],
    ['is of another key', files, { trust: trusting(numberedKey(2)) }, invalid],
    ['is of what it was before a change', stale, { trust }, invalid],
    ['is of what it was before a change, as one sees without a key', stale, {}, invalid],
    ['has another bit', resigned(corrupted(signature, 5)), { trust }, invalid],
    [
      'is of another algorithm',
      resigned({ ...signature, alg: 'rsa' }),
      { trust },
      `${MANIFEST} schema_mismatch`,
    ],
  ];
  for (const [what, pack, policy, ...codes] of rows) {
    test(`${what}: ${codes.join(', ') || 'nothing to find'}`, () =>
      assert.deepEqual(found(pack, policy), codes));
  }
});
