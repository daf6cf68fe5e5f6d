import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { JobCommand } from '../../src/job/command.ts';
import { type PackVerification, verificationError } from '../../src/pack/verified.ts';
import {
  AWAY,
  approve,
  ask,
  cancel,
  checkpoint,
  HOME,
  JOB_ID,
  pause,
  resume,
  resumeAnyway,
  stop,
  submit,
} from '../support/given.ts';
import {
  assertConforms,
  codesOf,
  historyOf,
  packBytes,
  STORY,
  type Step,
  statusesOf,
  verifyBytes,
} from '../support/pack.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';
import { rawZip } from '../zip/raw_zip.ts';
import {
  EVENTS,
  eventsOf,
  type Files,
  filesOf,
  forge,
  LEDGER,
  linesOf,
  manifestFor,
  PAYLOAD,
  patched,
  STATE,
  withFile,
  without,
} from './forge.ts';

let files: Files;
before(async () => {
  files = filesOf(await historyOf(STORY));
});

async function verified(bytes: Buffer): Promise<PackVerification> {
  const { verification } = await verifyBytes(bytes);
  assertConforms('verify', verification);
  return verification;
}

const ALL_PASSED = {
  ...{ container_bytes: 'passed', member_content: 'passed' },
  ...{ manifest_schema: 'passed', pack_id: 'passed', member_digests: 'passed', nothing_undeclared: 'passed' },
  ...{ payload_schemas: 'passed', payload_agreement: 'passed', event_chain: 'passed', event_fold: 'passed' },
  signatures: 'not_applicable',
};

describe('a sound pack', () => {
  test('passes every check, and the history comes out of it', async () => {
    const history = await historyOf(STORY);
    const found = await verifyBytes(await packBytes(history));
    assert.deepEqual(found.verification.findings, []);
    assert.deepEqual(statusesOf(found.verification), ALL_PASSED);
    assert.deepEqual(found.history?.job, history.job);
    assert.deepEqual(found.history?.checkpoints, history.checkpoints);
    assert.deepEqual(found.history?.approvals, history.approvals);
    assert.equal(found.history?.position.hash, history.position.hash);
  });

  test('says what it is', async () => {
    const { checks: _, ...summary } = await verified(await packBytes(await historyOf(STORY)));
    assert.deepEqual(summary, {
      pack_id: manifestFor(files)['pack_id'],
      pack_type: 'job',
      source_ref: JOB_ID,
      files_checked: 4,
      findings: [],
      missing_files: [],
      hash_mismatches: [],
      undeclared_files: [],
      signature_status: 'missing',
      signatures_total: 0,
      signatures_valid: 0,
      signature_errors: [],
    });
  });

  test('made by another writer of the same format is sound too', async () => {
    assert.ok(forge(files).equals(await packBytes(await historyOf(STORY))));
  });

  test('M4: declares no member that its type does not have', async () => {
    const strange = ['notes.txt', 'manifest.json', 'intents.jsonl', 'run_payload.json', 'source/runpack.zip'];
    for (const name of strange)
      assert.deepEqual(await codesOf(forge(withFile(files, name, '{}'))), ['member_of_no_type'], name);
  });

  test('is built of any history that commands can make', async (t) => {
    const lengths: number[] = [];
    await fc.assert(
      fc.asyncProperty(steps(), async (wanted) => {
        const history = await historyOf([{ command: submit() }, ...wanted]);
        lengths.push(history.position.revision);
        const { verification } = await verifyBytes(await packBytes(history));
        assert.deepEqual(verification.findings, []);
        assert.deepEqual(statusesOf(verification), ALL_PASSED);
      }),
      { numRuns: 250 },
    );
    t.diagnostic(`${lengths.length} packs of up to ${Math.max(...lengths)} events`);
  });
});

function steps(): fc.Arbitrary<Step[]> {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    fc.constantFrom('\u2028', '\u0000', '"\\', '\ufeffx', '\u{1f40e}'.repeat(512)),
  );
  const claim = fc.constantFrom(HOME, AWAY, { fingerprint: 'mine' });
  const command: fc.Arbitrary<JobCommand> = fc.oneof(
    { weight: 8, arbitrary: text.map((summary) => checkpoint('progress', summary)) },
    { weight: 8, arbitrary: text.map((action) => ask(action)) },
    { weight: 12, arbitrary: fc.constantFrom(pause, approve(), checkpoint('blocked', 'stuck')) },
    { weight: 6, arbitrary: fc.nat(4).map((n) => approve(`cp_000${n}`)) },
    { weight: 6, arbitrary: claim.map(resume) },
    { weight: 6, arbitrary: claim.map(resumeAnyway) },
    { weight: 1, arbitrary: fc.constantFrom(cancel, stop, checkpoint('completed', 'done'), submit()) },
  );
  const author = fc.record({ actor: text, reason: text }, { requiredKeys: ['actor'] });
  const step = fc.tuple(command, author).map(([one, by]) => ({ command: one, ...by, refused: 'any' }));
  return fc.array(step, { maxLength: 40, size: 'max' });
}

const WRONG_ID = { pack_id: '0'.repeat(64) };

/** A forged pack with a header that no writer of gait writes. */
function withBadHeader(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  changed[10] = 1;
  return changed;
}

describe('all that is wrong is reported', () => {
  test('two faults of the manifest', async () => {
    const extra = withFile(files, 'extra.txt', 'undeclared');
    const found = await verified(forge(extra, manifestFor(files, WRONG_ID)));
    assert.deepEqual(codes(found), ['pack_id_mismatch', 'member_undeclared']);
    assert.deepEqual(found.undeclared_files, ['extra.txt']);
  });

  test('two members that are not what the manifest declares, and one that is not there', async () => {
    const changed = withFile(withFile(without(files, EVENTS), STATE, '{}'), PAYLOAD, '{}');
    const found = await verified(forge(changed, manifestFor(files)));
    assert.deepEqual(codes(found), ['member_missing', 'digest_mismatch', 'digest_mismatch']);
    assert.deepEqual(
      found.findings.map(({ member }) => member),
      [EVENTS, PAYLOAD, STATE],
    );
    assert.deepEqual(found.missing_files, [EVENTS]);
    assert.deepEqual(
      found.hash_mismatches.map(({ path }) => path),
      [PAYLOAD, STATE],
    );
    assert.equal(statusesOf(found)['payload_schemas'], 'not_reached');
  });

  test('faults of the container and of the manifest', async () => {
    const bytes = withBadHeader(forge(files, manifestFor(files, WRONG_ID)));
    assert.deepEqual(await codesOf(bytes), ['header_mismatch', 'pack_id_mismatch']);
  });

  test('faults of the container and of the payload', async () => {
    const bytes = withBadHeader(forge(patched(files, STATE, { revision: 3 })));
    assert.deepEqual(await codesOf(bytes), ['header_mismatch', 'state_differs']);
  });

  test('faults of two documents of the payload', async () => {
    const changed = patched(patched(files, STATE, { revision: 3 }), LEDGER, { size: 7 });
    assert.deepEqual(await codesOf(forge(changed)), ['ledger_differs', 'state_differs']);
  });

  test('two documents that cannot be read', async () => {
    const changed = withFile(withFile(files, STATE, '{'), LEDGER, '{"a":1,"a":2}');
    assert.deepEqual(await codesOf(forge(changed)), ['json_malformed', 'json_not_canonical']);
  });

  test('an illegal event, and a ledger whose head is not the end of the chain', async () => {
    const extra = { ...eventsOf(files)[5], revision: 9 };
    const found = await verified(forge(withFile(files, EVENTS, linesOf([...eventsOf(files), extra]))));
    assert.equal(statusesOf(found)['event_chain'], 'failed', 'the chain does not end at the ledger’s head');
    assert.deepEqual(codes(found).sort(), ['event_illegal', 'ledger_differs']);
  });
});

function codes({ findings }: PackVerification): string[] {
  return findings.map(({ code }) => code);
}

describe('a file that is not a pack', () => {
  const others: Record<string, readonly [code: string, bytes: Buffer]> = {
    'an empty file': ['container_unreadable', Buffer.alloc(0)],
    'a zip without a manifest': ['manifest_missing', rawZip({ members: [] })],
    'a zip with an empty name': [
      'member_name_unsafe',
      rawZip({ members: [{ name: '', data: Buffer.of() }] }),
    ],
  };
  for (const [what, [code, bytes]] of Object.entries(others)) {
    test(`${what}: ${code}`, async () => {
      assert.ok((await codesOf(bytes)).includes(code));
    });
  }

  test('every finding of its manifest says where', async () => {
    const { findings } = await verified(rawZip({ members: [] }));
    for (const { message, member } of findings) assert.ok(member !== undefined, message);
  });

  test('is refused with its first finding, and how many there are', async () => {
    const error = verificationError(await verified(forge(files, manifestFor(files, WRONG_ID))), 'p.zip');
    gaitError('pack_damaged', 'verification_failed')(error);
    assert.match(
      error.message,
      /^p\.zip does not verify: pack_id is 0{64}, the manifest makes [0-9a-f]{64}$/,
    );
  });
});
