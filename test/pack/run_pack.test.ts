import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { sourceOf } from '../../src/files/source.ts';
import { type RunPayload, runPayloadOf } from '../../src/pack/kinds/run/members.ts';
import { verifyPack } from '../../src/pack/verify.ts';
import { contextEnvelopeOf } from '../../src/run/context.ts';
import type { CapturedRun } from '../../src/run/documents.ts';
import { buildRunpack } from '../../src/run/runpack.ts';
import { readContainer, readMember } from '../../src/zip/reader.ts';
import { flipped, numberedKey, trusting } from '../support/keys.ts';
import * as runs from '../support/runs.ts';
import { sized } from '../support/sized.ts';
import {
  type Document,
  type Files,
  forge,
  jcs,
  MANIFEST,
  manifestFor,
  patched,
  withFile,
  without,
  zipFiles,
} from './forge.ts';

const { ENVELOPE, INPUT, NOW, RECEIPT, RUN_ID, RUN_PAYLOAD, SOURCE, digits, recorded, runpackFiles } = runs;

function payloadOf(captured: CapturedRun): RunPayload {
  const { run, refs, intents, results } = captured;
  const { manifest } = buildRunpack(captured);
  return runPayloadOf(manifest, { run, refs, intents: intents.length, results: results.length });
}

describe('what a run pack says of its run', () => {
  const { manifest_digest } = buildRunpack(recorded()).manifest;
  const full = {
    ...{ schema_id: 'gait.pack.run', schema_version: '1.0.0', created_at: NOW, run_id: RUN_ID },
    ...{ capture_mode: 'raw', manifest_digest, intents_count: 2, results_count: 2, refs_count: 2 },
    ...{ context_ref_count: 2, context_evidence_mode: 'best_effort', context_privacy_mode: 'reference' },
  };
  const at = (created_at: string): CapturedRun => {
    const captured = recorded();
    return { ...captured, run: { ...captured.run, created_at } };
  };
  const reading = (...receipts: JsonObject[]): RunPayload =>
    payloadOf(recorded({ ...INPUT, refs: { receipts } }));

  test('is what artifacts.md §7.2 lists, and no more', () => {
    assert.deepEqual(payloadOf(recorded()), full);
    const { context_ref_count: _c, context_privacy_mode: _p, ...without } = full;
    const { manifest_digest: digest } = reading();
    assert.deepEqual(reading(), { ...without, manifest_digest: digest, refs_count: 0 });
  });
  for (const [given, expected] of [
    ['2026-02-14T08:00:00.5+02:00', '2026-02-14T06:00:00.5Z'],
    ['0001-01-01T00:00:00Z', '1980-01-01T00:00:00Z'],
  ] as const) {
    test(`of the time ${given} it says ${expected}`, () =>
      assert.equal(payloadOf(at(given)).created_at, expected));
  }
  test('of redaction modes that differ it says mixed', () => {
    assert.equal(
      reading(RECEIPT, { ...RECEIPT, ref_id: 'x', redaction_mode: 'hash' }).context_privacy_mode,
      'mixed',
    );
    assert.equal(reading({ ...RECEIPT, redaction_mode: 'hash' }).context_privacy_mode, 'hash');
  });
});

const PACK = without(runs.runPackFiles(), MANIFEST);

function sealed(files: Files, changes: Document = {}): Buffer {
  return forge(files, manifestFor(files, { pack_type: 'run', source_ref: RUN_ID, ...changes }));
}

function found(bytes: Buffer): string[] {
  const { verification } = runs.verifyInMemory(bytes);
  const codes = verification.findings.map(({ code }) => code);
  assert.deepEqual(runs.codesIn(bytes), codes, 'conforms');
  return verification.findings.map(({ member, code }) => `${member} ${code}`);
}

/** The pack whose runpack is this one; only the pack was sealed anew. */
function around(runpack: Files | Buffer): Files {
  return withFile(PACK, SOURCE, Buffer.isBuffer(runpack) ? runpack : zipFiles(runpack));
}

function inside(runpack: Files): Buffer {
  return sealed(around(runpack));
}

describe('a run pack', () => {
  const bytes = zipFiles(runs.runPackFiles());
  test('that is sound passes every check that it is put to', () => {
    const { verification, run } = runs.verifyInMemory(bytes);
    assert.deepEqual(verification.findings, []);
    const applied = verification.checks.filter(({ status }) => status === 'passed').map(({ check }) => check);
    const manifest = ['container_bytes', 'member_content', 'manifest_schema', 'pack_id', 'member_digests'];
    const payload = ['nothing_undeclared', 'payload_schemas', 'payload_agreement', 'source_runpack'];
    assert.deepEqual(applied, [...manifest, ...payload]);
    assert.deepEqual(
      [verification.pack_type, verification.source_ref, run?.manifest.run_id],
      ['run', RUN_ID, RUN_ID],
    );
  });

  const envelope = contextEnvelopeOf(recorded().refs);
  const inner = runpackFiles();
  const other = recorded({ ...INPUT, intents: INPUT.intents.slice(0, 1), results: [] });
  const lonely = without(runs.runPackFiles(recorded({ ...INPUT, refs: {} })), MANIFEST);
  const lies: JsonObject = {
    ...{
      created_at: '2026-02-14T06:00:01Z',
      run_id: 'run_2',
      capture_mode: 'reference',
      manifest_digest: digits('a'),
    },
    ...{
      intents_count: 3,
      results_count: 1,
      refs_count: 0,
      context_set_digest: digits('a'),
      context_ref_count: 1,
    },
    ...{ context_evidence_mode: 'required', context_privacy_mode: 'hash' },
  };
  const pay = (changes: Document): Buffer => sealed(patched(PACK, RUN_PAYLOAD, changes));
  const wrap = (changes: Document): Buffer => sealed(patched(PACK, ENVELOPE, changes));
  const records = envelope?.records ?? [];
  const badRecord = runs.resealed(withFile(inner, 'intents.jsonl', 'x\n'));
  const disagrees = 'payload_disagrees';
  type Row = readonly [what: string, bytes: Buffer, ...found: string[]];
  const rows: readonly Row[] = [
    ...Object.entries(lies).map(([field, lie]): Row => {
      return [`the payload lies about ${field}`, pay({ [field]: lie }), `${RUN_PAYLOAD} ${disagrees}`];
    }),
    ['the payload has a field more', pay({ x: 1 }), `${RUN_PAYLOAD} schema_mismatch`],
    ['the payload counts below nothing', pay({ refs_count: -1 }), `${RUN_PAYLOAD} schema_mismatch`],
    ['no payload', sealed(without(PACK, RUN_PAYLOAD)), `${RUN_PAYLOAD} member_missing`],
    ['no runpack', sealed(without(PACK, SOURCE)), `${SOURCE} member_missing`],
    ['the runpack is no zip', sealed(around(Buffer.from('garbage'))), `${SOURCE} container_unreadable`],
    ['the runpack is empty', sealed(around(Buffer.alloc(0))), `${SOURCE} container_unreadable`],
    ['the runpack is a pack', sealed(around(bytes)), `${SOURCE}!manifest.json manifest_missing`],
    ['a member in it is another', inside(withFile(inner, 'run.json', '{}')), '!run.json digest_mismatch'],
    ['a member in it too many', inside(withFile(inner, 'x', '')), '!x member_undeclared'],
    ['a record in it is none', inside(badRecord), '!intents.jsonl json_malformed'],
    ['it is of another run', sealed(PACK, { source_ref: 'run_2' }), `${SOURCE} ${disagrees}`],
    ['no envelope', sealed(without(PACK, ENVELOPE)), `${ENVELOPE} ${disagrees}`],
    ['an envelope of nothing', sealed(withFile(lonely, ENVELOPE, jcs(envelope))), `${ENVELOPE} ${disagrees}`],
    ['another context', wrap({ context_set_digest: digits('a') }), `${ENVELOPE} ${disagrees}`],
    ['the context of another run', wrap({ context_set_id: 'x' }), `${ENVELOPE} ${disagrees}`],
    ['records in another order', wrap({ records: [...records].reverse() }), `${ENVELOPE} ${disagrees}`],
    ['a record less', wrap({ records: records.slice(1) }), `${ENVELOPE} ${disagrees}`],
    [
      'a record read elsewhere',
      wrap({ records: [{ ...records[0], source_locator: 'x' }, records[1]] }),
      `${ENVELOPE} ${disagrees}`,
    ],
    ['it says it is of a call', sealed(PACK, { pack_type: 'call' }), `${MANIFEST} schema_mismatch`],
    ['a member more, declared', sealed(withFile(PACK, 'notes.txt', 'x')), 'notes.txt member_of_no_type'],
    ['another time of building', sealed(PACK, { created_at: NOW })],
  ];
  for (const [what, pack, ...codes] of rows) {
    const expected = codes.map((code) => (code.startsWith('!') ? `${SOURCE}${code}` : code));
    test(`${what}: ${expected.join(', ') || 'nothing to find'}`, () =>
      assert.deepEqual(found(pack), expected));
  }

  test('that says it is of a job lacks what one needs', () => {
    const codes = found(sealed(PACK, { pack_type: 'job' }));
    for (const name of ['job_payload.json', 'job_state.json', 'job_events.jsonl'])
      assert.ok(codes.includes(`${name} member_missing`), name);
    for (const name of PACK.keys()) assert.ok(codes.includes(`${name} member_of_no_type`), name);
  });

  test('around the runpack of another run does not agree with it', () => {
    const codes = new Set(found(sealed(around(runpackFiles(other)))));
    assert.deepEqual([...codes], [`${RUN_PAYLOAD} payload_disagrees`]);
  });

  test('around what an earlier program wrote is sound', () => {
    for (const form of Object.values(runs.EARLIER_FORMS)) {
      const files = runs.runPackFiles(recorded(), { runpack: runs.earlierZip(inner, form) });
      assert.deepEqual(found(zipFiles(files)), []);
      assert.deepEqual(found(runs.earlierZip(files, form)), []);
    }
  });

  test('says whether the runpack is signed, which decides nothing', () => {
    const [alpha, bravo] = [numberedKey(1), numberedKey(2)];
    const pack = sealed(around(runpackFiles(recorded(), alpha)));
    const [trust, stranger] = [trusting(alpha), trusting(bravo)];
    const statuses = [{}, { trust }, { trust: stranger }].map((policy) => {
      const { findings, source_signature_status } = runs.verifyInMemory(pack, policy).verification;
      return [findings.length, source_signature_status];
    });
    assert.deepEqual(statuses, [
      [0, 'skipped'],
      [0, 'verified'],
      [0, 'failed'],
    ]);
    assert.equal(runs.verifyInMemory(bytes).verification.source_signature_status, 'missing');
  });
});

describe('a small run pack', () => {
  const captured = runs.tinyRun();
  for (const form of [undefined, runs.GO_FORM]) {
    const zip = (files: Files): Buffer =>
      form === undefined ? zipFiles(files) : runs.earlierZip(files, form);
    const files = runs.runPackFiles(captured, { runpack: zip(runpackFiles(captured)) });
    test(`${form === undefined ? 'as we write it' : 'of Go'}, with any one bit flipped, says so or says the same`, (t) => {
      const bytes = zip(files);
      const unfound: number[] = [];
      for (let bit = 0; bit < bytes.length * 8; bit += form === undefined ? sized(9, 31) : sized(1, 5)) {
        const container = readContainer(sourceOf(flipped(bytes, bit)));
        if (container.findings.length > 0) continue; // every verification tells of them
        if (verifyPack(container).verification.findings.length > 0) continue;
        unfound.push(bit);
        for (const member of container.members) {
          assert.deepEqual(
            readMember(container, member, { keep: true }).bytes,
            files.get(member.name),
            `bit ${bit}`,
          );
        }
      }
      t.diagnostic(
        `${bytes.length} bytes; flips that were not found, with the same content after: ${unfound.join()}`,
      );
      assert.ok(
        unfound.length <= (form === undefined ? 0 : 16 * files.size),
        'no more than the bits that pad blocks',
      );
    });
  }
});

test('the attack on the evidence, 13: a further member of the runpack inside is told, and strict refuses it', () => {
  const more = runs.resealed(withFile(runpackFiles(), 'approved_by_ceo.json', '{}'));
  const outer = new Map(runs.runPackFiles()).set(SOURCE, zipFiles(more));
  const digest = JSON.parse(String(more.get(runs.RUN_MANIFEST))) as { manifest_digest: string };
  const payload = { manifest_digest: digest.manifest_digest };
  const members = patched(without(outer, MANIFEST), RUN_PAYLOAD, payload);
  const pack = forge(members, manifestFor(members, { pack_type: 'run', source_ref: RUN_ID }));
  const { verification } = runs.verifyInMemory(pack);
  assert.deepEqual(verification.findings, []);
  assert.deepEqual(verification.unchecked_files, [`${SOURCE}!approved_by_ceo.json`]);
  assert.deepEqual(runs.codesIn(pack, { strict: true }), ['member_of_no_type']);
});
