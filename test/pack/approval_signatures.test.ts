import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { manualClock } from '../../src/core/clock.ts';
import { timestamp } from '../../src/core/time.ts';
import { JobWorkspace } from '../../src/job/open.ts';
import type { JobHistory } from '../../src/job/read/history.ts';
import { MemoryStore } from '../../src/log/stores/memory_store.ts';
import { type ComparedPack, diffPacks } from '../../src/pack/diff.ts';
import { inspectJobPack } from '../../src/pack/kinds/job/inspect.ts';
import { ComparableRun } from '../../src/pack/kinds/run/compare.ts';
import type { PackVerification } from '../../src/pack/verified.ts';
import { verifyPack } from '../../src/pack/verify.ts';
import { Keyring } from '../../src/signing/keyring.ts';
import type { SigningKey } from '../../src/signing/keys.ts';
import { packTrust } from '../../src/signing/ring_trust.ts';
import { ANN, BOB, CY, HOUR, MALLORY } from '../support/approvers.ts';
import { ask, checkpoint, HOME, JOB_ID, resume } from '../support/given.ts';
import { corrupted, trusting } from '../support/keys.ts';
import {
  assertConforms,
  historyOf,
  packBytes,
  STARTED,
  STORY,
  statusesOf,
  verifyBytes,
  withContainer,
} from '../support/pack.ts';
import { verifyInMemory } from '../support/runs.ts';
import { type EventLine, eventsOf, filesOf, forge, rechained } from './forge.ts';

const [FIRST, SECOND] = [3, 4]; // the revisions of the two approvals

/** A job of which two of three approvers had to sign one decision. */
async function signedHistory(signers: readonly SigningKey[] = [ANN, CY], wait = 0): Promise<JobHistory> {
  const clock = manualClock(STARTED);
  const people = new JobWorkspace({ store: new MemoryStore(), clock, actor: 'people' });
  const keys = [ANN, BOB, CY].map(({ publicKey }) => publicKey);
  await people.submit(JOB_ID, { approvers: { keys, required: 2 }, environment: HOME });
  await people.jobs.execute(JOB_ID, { actor: 'agent' }, ask('approve the deploy'));
  for (const [index, key] of signers.entries()) {
    clock.advance(wait);
    await people.approve(JOB_ID, { key, by: `person ${index + 1}`, expiresMs: HOUR + wait });
  }
  await people.jobs.execute(JOB_ID, { actor: 'agent' }, resume());
  await people.jobs.execute(JOB_ID, { actor: 'agent' }, checkpoint('completed', 'all done'));
  return people.history(JOB_ID);
}

let history: JobHistory;
before(async () => {
  history = await signedHistory();
});

/** The pack with these events, and a ledger and a manifest that fit them. */
async function forgedWith(change: (events: EventLine[]) => EventLine[]): Promise<PackVerification> {
  const files = filesOf(history);
  const { verification } = await verifyBytes(forge(rechained(files, change(eventsOf(files)))));
  assertConforms('verify', verification);
  return verification;
}

/** The event of a revision, with this in place of its `signed`. */
function resigned(event: EventLine, change: (signed: Signed) => unknown): EventLine {
  return { ...event, payload: { ...event.payload, signed: change(event.payload['signed'] as Signed) } };
}

interface Signed {
  readonly head: { readonly revision: number; readonly hash: string };
  readonly expires_at: string;
  readonly signature: Parameters<typeof corrupted>[0];
}

function invalid({ findings }: PackVerification): (number | undefined)[] {
  const codes = ['approval_signature_invalid', 'event_illegal'];
  for (const { code, message } of findings) assert.ok(codes.includes(code), message);
  assert.ok(findings.some(({ code }) => code === 'event_illegal'));
  return findings.filter(({ code }) => code === codes[0]).map(({ revision }) => revision);
}

describe('the signed approvals of a job pack', () => {
  test('are checked and counted, by the keys that the job names and by those that the reader gave', async () => {
    const bytes = await packBytes(history);
    for (const [trust, trusted] of [
      [undefined, 0],
      [trusting(ANN, MALLORY), 1],
      [trusting(ANN, CY), 2],
    ] as const) {
      const policy = trust === undefined ? {} : { trust };
      const { verification } = await withContainer(bytes, (container) => verifyPack(container, policy));
      assertConforms('verify', verification);
      assert.deepEqual(verification.findings, []);
      assert.deepEqual(verification.approval_signatures, { total: 2, valid: 2, trusted });
      assert.equal(statusesOf(verification)['approval_signatures'], 'passed');
    }
  });

  test('count as trusted in the name that the reader has for the key, and in no other', async () => {
    const bytes = await packBytes(history);
    for (const [names, trusted] of [
      [[], 2],
      [['person 1'], 1],
      [['person 1', 'person 2'], 2],
      [['person'], 0],
    ] as const) {
      const ring = new Keyring();
      for (const { publicKey } of [ANN, CY])
        ring.admit({ publicKey, purposes: ['approver'], identities: names, source: 'a test' });
      const policy = { trust: packTrust(ring, timestamp(STARTED)) };
      const { verification } = await withContainer(bytes, (container) => verifyPack(container, policy));
      assert.deepEqual(verification.approval_signatures, { total: 2, valid: 2, trusted });
    }
  });

  test('are no signature of the pack: who demands that is not content with them', async () => {
    const bytes = await packBytes(history);
    const policy = { trust: trusting(ANN, CY), required: true };
    const { verification } = await withContainer(bytes, (container) => verifyPack(container, policy));
    assert.deepEqual(
      verification.findings.map(({ code }) => code),
      ['signature_missing'],
    );
  });

  test('of a job that asks for none have no check, and no count', async () => {
    const { verification } = await verifyBytes(await packBytes(await historyOf(STORY)));
    assert.ok(!('approval_signatures' in verification));
    assert.ok(!('approval_signatures' in statusesOf(verification)));
  });

  test('fit the pack of the same events', async () => {
    assert.deepEqual((await forgedWith((events) => events)).findings, []);
  });

  test('are found when any byte of one is turned and every digest made anew, and with it those behind', async () => {
    for (let bit = 0; bit < 512; bit += 8) {
      const turned = await forgedWith((events) =>
        events.map((event) =>
          event.revision === SECOND
            ? resigned(event, (signed) => ({ ...signed, signature: corrupted(signed.signature, bit) }))
            : event,
        ),
      );
      assert.deepEqual(invalid(turned), [SECOND], `bit ${bit}`);
      assert.deepEqual(turned.approval_signatures, { total: 2, valid: 1, trusted: 0 });
      assert.equal(statusesOf(turned)['approval_signatures'], 'failed');
    }
    const first = await forgedWith((events) =>
      events.map((event) =>
        event.revision === FIRST
          ? resigned(event, (signed) => ({ ...signed, signature: corrupted(signed.signature, 0) }))
          : event,
      ),
    );
    assert.deepEqual(invalid(first), [FIRST, SECOND], 'the second one signed what the first one was');
  });

  for (const [name, finds, change] of [
    ['another author', [FIRST, SECOND], { actor: 'mallory' }],
    ['another time', [FIRST, SECOND], { created_at: '2026-02-13T00:00:00Z' }],
  ] as const) {
    test(`are found to be of ${name}`, async () => {
      const changed = await forgedWith((events) =>
        events.map((event) => (event.revision === FIRST ? { ...event, ...change } : event)),
      );
      assert.deepEqual(invalid(changed), finds);
    });
  }

  test('are found behind another history than they were signed for, though the chain fits', async () => {
    const moved = await forgedWith((events) =>
      events.map((event) => (event.revision === 2 ? { ...event, actor: 'mallory' } : event)),
    );
    assert.deepEqual(invalid(moved), [FIRST, SECOND]);
  });

  test('are missed when they are taken away, or the approvers are', async () => {
    const unsigned = await forgedWith((events) => events.map((event) => resigned(event, () => undefined)));
    assert.deepEqual(invalid(unsigned), [FIRST, SECOND]);
    const ownerless = await forgedWith(([submitted, ...rest]) => {
      const { approval_policy: _, ...payload } = submitted?.payload ?? {};
      return [{ ...submitted, payload } as EventLine, ...rest];
    });
    assert.deepEqual(invalid(ownerless), [FIRST, SECOND]);
  });

  test('by too few, with the resume left standing, are no history', async () => {
    const { findings } = await forgedWith((events) =>
      events
        .filter(({ revision }) => revision !== SECOND)
        .map((event, index) => ({ ...event, revision: index + 1 })),
    );
    assert.deepEqual(
      findings.map(({ code, revision }) => [code, revision]),
      [['event_illegal', 4]],
    );
  });
});

test('inspect tells whose signatures a decision has, and whose it needed', async () => {
  const { manifest } = await verifyBytes(await packBytes(history));
  assert.ok(manifest !== undefined);
  const inspection = inspectJobPack(manifest, history);
  assertConforms('inspect', inspection);
  const { approval_policy, decisions } = inspection.job_lineage;
  assert.equal(approval_policy?.required, 2);
  assert.equal(decisions[0]?.approved_by, 'person 2');
  assert.deepEqual(
    decisions[0]?.approvals?.map(({ approved_by, key_id }) => [approved_by, key_id]),
    [
      ['person 1', ANN.keyId],
      ['person 2', CY.keyId],
    ],
  );
});

test('two jobs that the same people approved at other times are the same; other people are a difference', async () => {
  const side = (bytes: Buffer): ComparedPack => {
    const pack = verifyInMemory(bytes);
    return {
      pack,
      declared: pack.manifest?.contents ?? [],
      documents: pack.documents,
      run: new ComparableRun(),
    };
  };
  const pack = side(await packBytes(history));
  const later = side(await packBytes(await signedHistory([ANN, CY], 5000)));
  const others = side(await packBytes(await signedHistory([ANN, BOB])));
  assert.equal(diffPacks(pack, later).diff.summary.changed, false);
  assert.equal(diffPacks(pack, others).diff.summary.changed, true);
});
