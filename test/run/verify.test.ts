import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sourceOf } from '../../src/files/source.ts';
import { type RunpackPolicy, type RunpackVerification, verifyRunpack } from '../../src/run/verify.ts';
import { type Signature, signDigest } from '../../src/signing/signature.ts';
import { readContainer } from '../../src/zip/reader.ts';
import {
  type Files,
  jcs,
  patched,
  readDocument,
  readText,
  sha256,
  withFile,
  without,
  zipFiles,
} from '../pack/forge.ts';
import { corrupted, numberedKey, trusting } from '../support/keys.ts';
import * as runs from '../support/runs.ts';
import { rawZip } from '../zip/raw_zip.ts';

const { INTENTS, REFS, RESULTS, RUN, RUN_MANIFEST: MANIFEST, digits, resealed } = runs;
const SOUND = runs.runpackFiles();
const DIGEST = String(readDocument(SOUND, MANIFEST)['manifest_digest']);
const LISTED = readDocument(SOUND, MANIFEST)['files'] as { path: string; sha256: string }[];

function verified(files: Files, policy: RunpackPolicy = {}): RunpackVerification {
  return verifyRunpack(readContainer(sourceOf(zipFiles(files))), policy).verification;
}

/** The findings as `member code`, sorted; they are the same when the runpack is verified as a pack. */
function found(files: Files): string[] {
  const { findings } = verified(files);
  const codes = findings.map(({ code }) => code);
  assert.deepEqual(runs.codesIn(zipFiles(files)), codes);
  return findings.map(({ member, code }) => `${member} ${code}`).sort();
}

/** A name, the files, and what is found; a code alone is of the member `about`. */
type Row = readonly [what: string, files: Files, ...codes: string[]];

function refused(about: string, rows: readonly Row[]): void {
  for (const [what, files, ...codes] of rows) {
    const expected = codes.map((code) => (code.includes(' ') ? code : `${about} ${code}`));
    test(`${what}: ${expected.join(', ')}`, () => assert.deepEqual(found(files), expected.sort()));
  }
}

describe('a runpack that is sound', () => {
  const earlier = Object.entries(runs.EARLIER_FORMS).map(([name, form]) => {
    return [name, runs.earlierZip(SOUND, form)] as const;
  });
  for (const [how, bytes] of [['as we write it', zipFiles(SOUND)] as const, ...earlier]) {
    test(`${how}: nothing is found, and it is named as what it is`, () => {
      const { verification, run, manifest } = runs.verifyInMemory(bytes);
      assert.deepEqual(verification.findings, []);
      const ends = new Set(verification.checks.map(({ status }) => status));
      assert.deepEqual([...ends], ['passed', 'not_applicable'], 'signatures are not applicable');
      const { pack_id, pack_type, source_ref, legacy_type, files_checked } = verification;
      assert.deepEqual([pack_id, pack_type, source_ref], [DIGEST, 'run', runs.RUN_ID]);
      assert.deepEqual([legacy_type, files_checked, manifest], ['runpack', 4, undefined]);
      assert.deepEqual([run?.facts.intents, run?.facts.results], [2, 2]);
    });
  }

  const edited = (name: string, changes: object): Files => runs.edited(SOUND, name, { ...changes });
  const capitals = LISTED.map(({ path, sha256: digest }) => ({ path, sha256: digest.toUpperCase() }));
  const renamed = [...SOUND].map(([name, bytes]) => {
    return [name, Buffer.from(bytes.toString().replaceAll(runs.RUN_ID, 'a b/../c'))] as const;
  });
  const rows: readonly Row[] = [
    ['digests in upper case', resealed(SOUND, { files: capitals })],
    ['its digest in upper case', patched(SOUND, MANIFEST, { manifest_digest: DIGEST.toUpperCase() })],
    ['a time with an offset', edited(RUN, { created_at: '2026-02-14T08:00:00.5+02:00' })],
    ['a time that nobody set', edited(RUN, { created_at: '0001-01-01T00:00:00Z' })],
    ['no timeline', edited(RUN, { timeline: null })],
    ['signatures that are none', patched(SOUND, MANIFEST, { signatures: null })],
    ['an empty digest of arguments', edited(INTENTS, { args_digest: '' })],
    ['a digest of other arguments', edited(INTENTS, { args_digest: digits('a') })],
    ['a run id that `record` would not take', resealed(new Map(renamed))],
    ['no intents and results', resealed(withFile(withFile(SOUND, INTENTS, ''), RESULTS, ''))],
    ['hardly anything', runs.runpackFiles(runs.tinyRun())],
  ];
  refused('', rows);
});

describe('the manifest of a runpack', () => {
  const text = readText(SOUND, MANIFEST);
  const written = (bytes: string): Files => withFile(SOUND, MANIFEST, bytes);
  const sealed = (changes: object): Files => resealed(SOUND, { ...changes });
  const each = (code: string, ...names: string[]): string[] => names.map((name) => `${name} ${code}`);
  const all = [INTENTS, REFS, RESULTS, RUN];
  const [stranger, itself] = ['z.json', MANIFEST].map((path) => ({ path, sha256: digits('a') }));
  refused(MANIFEST, [
    [
      'another digest',
      patched(SOUND, MANIFEST, { manifest_digest: digits('a') }),
      'manifest_digest_mismatch',
    ],
    [
      'a field changed',
      patched(SOUND, MANIFEST, { created_at: '2026-02-14T06:00:01Z' }),
      'manifest_digest_mismatch',
    ],
    ['not there', without(SOUND, MANIFEST), 'manifest_missing'],
    ['no JSON', written('{'), 'json_malformed'],
    ['not canonical', written(JSON.stringify(JSON.parse(text), null, 2)), 'json_not_canonical'],
    ['a key twice', written(`${text.slice(0, -1)},"zzz":1,"zzz":1}`), 'json_not_canonical'],
    ['a newline at the end', written(`${text}\n`), 'json_not_canonical'],
    ['a second document', written(`${text}{}`), 'json_malformed'],
    ['a byte-order mark', written(`\ufeff${text}`), 'json_malformed'],
    ['a list', written('[]'), 'schema_mismatch'],
    ['another schema', sealed({ schema_id: 'gait.runpack.other' }), 'schema_mismatch'],
    ['another version', sealed({ schema_version: '2.0.0' }), 'schema_mismatch'],
    ['a field that nobody knows', sealed({ extra: 1 }), 'schema_mismatch'],
    ['no run id', sealed({ run_id: '' }), 'schema_mismatch'],
    ['another mode', sealed({ capture_mode: 'both' }), 'schema_mismatch'],
    ['a time that was not', sealed({ created_at: '2026-02-30T00:00:00Z' }), 'not_a_time'],
    ['a time spelled otherwise', sealed({ created_at: '2026-02-14T06:00:00+00:00' }), 'not_a_time'],
    [
      'it lists nothing',
      sealed({ files: [] }),
      ...each('member_not_listed', ...all),
      ...each('member_undeclared', ...all),
    ],
    ['it lists what is not there', sealed({ files: [...LISTED, stranger] }), 'z.json member_missing'],
    ['it lists one twice', sealed({ files: [...LISTED, ...LISTED.slice(-1)] }), 'run.json declared_twice'],
    ['it lists itself', sealed({ files: [...LISTED, itself] }), 'declared_twice', 'digest_mismatch'],
    [
      'it lists members out of order',
      sealed({ files: [...LISTED].reverse() }),
      ...each('declared_unsorted', INTENTS, REFS, RESULTS),
    ],
    ['a member is missing', without(SOUND, RESULTS), 'results.jsonl member_missing'],
    ['a member is missing, not listed', resealed(without(SOUND, RESULTS)), 'results.jsonl member_not_listed'],
    ['a member too many', withFile(SOUND, 'x.txt', ''), 'x.txt member_undeclared'],
    ['a member is another', withFile(SOUND, RUN, jcs({ a: 1 })), 'run.json digest_mismatch'],
  ]);

  test('the lists of the answer say the same as the findings', () => {
    const files = withFile(withFile(without(SOUND, RESULTS), RUN, '{}'), 'x.txt', 'x');
    const { missing_files, hash_mismatches, undeclared_files } = verified(files);
    const mismatched = hash_mismatches.map(({ path }) => path);
    assert.deepEqual([missing_files, mismatched, undeclared_files], [[RESULTS], [RUN], ['x.txt']]);
  });
});

/** The manifest is made anew over all of these. */
describe('the documents and records of a runpack', () => {
  const edited = (name: string, changes: object): Files => runs.edited(SOUND, name, { ...changes });
  const rewritten = (name: string, change: (text: string) => string): Files => {
    return resealed(withFile(SOUND, name, change(readText(SOUND, name))));
  };
  const other = { run_id: 'run_2' };
  const never = '2026-02-30T00:00:00Z';
  refused('run.json', [
    ['no JSON', rewritten(RUN, () => 'run'), 'json_malformed'],
    ['not canonical', rewritten(RUN, (text) => ` ${text}`), 'json_not_canonical'],
    ['not UTF-8', resealed(new Map([...SOUND, [RUN, Buffer.of(0xff)]])), 'utf8_malformed'],
    ['of another schema', edited(RUN, { schema_id: 'x' }), 'schema_mismatch'],
    ['a time in a list', edited(RUN, { timeline: [{ event: 'e', ts: never }] }), 'not_a_time'],
    ['another run', edited(RUN, other), 'payload_disagrees'],
  ]);
  refused('refs.json', [
    ['a field that nobody knows', edited(REFS, { extra: 1 }), 'schema_mismatch'],
    ['a time that was not', edited(REFS, { created_at: never }), 'not_a_time'],
    ['another run', edited(REFS, other), 'payload_disagrees'],
    ['a count of other receipts', edited(REFS, { context_ref_count: 3 }), 'payload_disagrees'],
    [
      'the third attack on the evidence, 14: required evidence of nothing',
      edited(REFS, {
        ...{ receipts: [], context_ref_count: 0 },
        ...{ context_evidence_mode: 'required', context_set_digest: digits('0') },
      }),
      'payload_disagrees',
    ],
    ['no required evidence', edited(REFS, { context_evidence_mode: 'required' }), 'payload_disagrees'],
  ]);
  refused('intents.jsonl', [
    ['a record of another run', edited(INTENTS, other), 'payload_disagrees'],
    ['a record is not canonical', rewritten(INTENTS, (text) => ` ${text}`), 'json_not_canonical'],
    ['a record is a word', rewritten(INTENTS, () => '"x"\n'), 'schema_mismatch'],
    ['a line is empty', rewritten(INTENTS, (text) => `${text}\n`), 'json_malformed'],
    ['a digest of 63 digits', edited(INTENTS, { args_digest: 'a'.repeat(63) }), 'schema_mismatch'],
    ['arguments that are a list', edited(INTENTS, { args: [] }), 'schema_mismatch'],
    ['a result', rewritten(INTENTS, () => readText(SOUND, RESULTS)), 'schema_mismatch', 'schema_mismatch'],
  ]);
  const toWindows = (text: string): string => text.replaceAll('\n', '\r\n');
  refused('results.jsonl', [
    ['a record is no JSON', rewritten(RESULTS, () => 'x\n'), 'json_malformed'],
    ['two on a line', rewritten(RESULTS, (text) => text.replace('}\n{', '}{')), 'json_malformed'],
    ['no newline at the end', rewritten(RESULTS, (text) => text.trimEnd()), 'record_unreadable'],
    ['Windows', rewritten(RESULTS, toWindows), 'json_not_canonical', 'json_not_canonical'],
    ['a record of a time that was not', edited(RESULTS, { created_at: never }), 'not_a_time'],
  ]);

  test('a line may be 10 MiB long, and no longer', () => {
    const limit = 10 * 1024 * 1024;
    const intent = JSON.parse(readText(SOUND, INTENTS).split('\n')[0] ?? '') as object;
    const line = (pad: number): string => `${jcs({ ...intent, args: { a: 'x'.repeat(pad) } })}\n`;
    for (const [length, codes] of [
      [limit, []],
      [limit + 1, ['intents.jsonl record_unreadable']],
    ] as const) {
      const text = line(length + 1 - line(0).length);
      assert.equal(text.length, length + 1);
      assert.deepEqual(found(resealed(withFile(SOUND, INTENTS, text))), codes);
    }
  });

  test('a finding in a record says in which line, and at which byte', () => {
    const lines = readText(SOUND, RESULTS).split('\n');
    const { findings } = verified(rewritten(RESULTS, (text) => text.replace('"error"', '"error" ')));
    const [{ message, offset } = { message: '', offset: -1 }] = findings;
    assert.equal(offset, (lines[0]?.length ?? 0) + 1);
    assert.match(message, new RegExp(`^results.jsonl: line 2, byte ${offset}:`));
  });
});

describe('the signatures of a runpack', () => {
  const [alpha, bravo] = [numberedKey(1), numberedKey(2)];
  const signed = runs.runpackFiles(runs.recorded(), alpha);
  const [good] = readDocument(signed, MANIFEST)['signatures'] as [Signature];
  const over = (text: string): Signature => signDigest(sha256(text).toString('hex'), alpha);
  const resigned = (...signatures: object[]): Files => patched(signed, MANIFEST, { signatures });
  const stale = patched(signed, MANIFEST, { producer_version: 'other' });
  const [trust, both] = [trusting(alpha), trusting(alpha, bravo)];
  const invalid = 'failed signature_invalid';
  const repeated = 'failed signature_repeated';
  const strangers = signDigest(good.signed_digest ?? '', bravo);
  const capitals = { ...good, key_id: good.key_id.toUpperCase() };
  const table: readonly (readonly [what: string, files: Files, policy: RunpackPolicy, found: string])[] = [
    ['none', SOUND, { trust }, 'missing'],
    ['none, and one is required', SOUND, { trust, required: true }, 'missing signature_missing'],
    ['one, and no key', signed, {}, 'skipped'],
    ['one, no key, and it is required', signed, { required: true }, 'skipped signature_unchecked'],
    ['one that holds', signed, { trust, required: true }, 'verified'],
    ['one, and another key', signed, { trust: trusting(bravo) }, invalid],
    ['one of two that holds', resigned(strangers, good), { trust }, 'verified'],
    ['H4: two by one key, one of them good', resigned(over('x'), good), { trust }, repeated],
    ['H4: one, written down twice', resigned(good, good), { trust }, repeated],
    ['H4: one, written down twice, and no key', resigned(good, good), {}, repeated],
    ['H4: its key in capitals beside it', resigned(good, capitals), { trust }, repeated],
    ['one of another document, and no key', resigned(over('x')), {}, invalid],
    ['of before a change', stale, { trust }, 'failed manifest_digest_mismatch signature_invalid'],
    ['another bit', resigned(corrupted(good, 3)), { trust }, invalid],
    ['another algorithm', resigned({ ...good, alg: 'rsa' }), { trust }, invalid],
    ['under the name of another key', resigned({ ...good, key_id: bravo.keyId }), { trust: both }, invalid],
    ['no word of what it is over', resigned({ ...good, signed_digest: undefined }), { trust }, invalid],
  ];
  for (const [what, files, policy, expected] of table) {
    test(`${what}: ${expected}`, () => {
      const { signature_status, findings } = verified(files, policy);
      assert.equal([signature_status, ...findings.map(({ code }) => code)].join(' '), expected);
    });
  }

  test('is over the manifest with its digest, by the formula of artifacts.md §1.3', () => {
    const { signatures: _, ...unsigned } = readDocument(signed, MANIFEST);
    assert.deepEqual(good, over(jcs(unsigned)));
    assert.notEqual(good.signed_digest, unsigned['manifest_digest']);
  });
});

test('all that is wrong with a runpack is found, in every layer', () => {
  const broken = withFile(withFile(withFile(SOUND, RUN, '{}'), 'x.txt', 'x'), REFS, '{}');
  const files = patched(broken, MANIFEST, { producer_version: 'someone else' });
  const members = [...files].reverse().map(([name, data]) => ({ name, data }));
  const codes = new Set(runs.codesIn(rawZip({ members }), { required: true }));
  const digests = ['digest_mismatch', 'manifest_digest_mismatch', 'member_undeclared'];
  assert.deepEqual([...codes].sort(), [...digests, 'members_unsorted', 'signature_missing']);
});
