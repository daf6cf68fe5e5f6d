import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { evolveStored } from '../../src/job/evolve.ts';
import type { Job } from '../../src/job/state.ts';
import {
  AWAY,
  approve,
  ask,
  cancel,
  checkpoint,
  decideAt,
  HOME,
  JOB_ID,
  jobAfter,
  pause,
  resume,
  resumeAnyway,
  stop,
  submit,
} from '../support/given.ts';
import { gaitError } from '../support/refusals.ts';

const RUNNING = jobAfter(submit());
const PAUSED = jobAfter(submit(), pause);
const ASKED = jobAfter(submit(), ask());
const CANCELLED = jobAfter(submit(), cancel);

function eventOf(job: Job, command: Parameters<typeof decideAt>[1]): JsonObject {
  const [event] = decideAt(job, command, { reason: 'the test' }).events;
  assert.ok(event !== undefined);
  return event;
}

/** The event with other members, or with some taken out (`undefined`). */
function altered(event: JsonObject, members: Readonly<Record<string, unknown>>): JsonObject {
  const entries = Object.entries({ ...event, ...members }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as JsonObject;
}

function alteredPayload(event: JsonObject, members: Readonly<Record<string, unknown>>): JsonObject {
  return altered(event, { payload: altered(event['payload'] as JsonObject, members) });
}

function assertIllegal(job: Job, event: JsonObject): void {
  assert.throws(() => evolveStored(job, event), gaitError('illegal_event', 'verification_failed'));
}

const SUBMITTED = eventOf(undefined, submit());
const PLANNED = eventOf(RUNNING, checkpoint('plan'));
const ASKED_FOR = eventOf(RUNNING, ask());
const APPROVED = eventOf(ASKED, approve());
const RESUMED = eventOf(PAUSED, resume());
const REFUSED = eventOf(PAUSED, resume(AWAY));
const OVERRIDDEN = eventOf(PAUSED, resumeAnyway(AWAY));

const SAMPLES: readonly [Job, JsonObject][] = [
  [undefined, SUBMITTED],
  [RUNNING, PLANNED],
  [RUNNING, ASKED_FOR],
  [RUNNING, eventOf(RUNNING, pause)],
  [ASKED, APPROVED],
  [PAUSED, RESUMED],
  [PAUSED, REFUSED],
  [PAUSED, OVERRIDDEN],
  [RUNNING, eventOf(RUNNING, cancel)],
  [RUNNING, eventOf(RUNNING, stop)],
  [CANCELLED, repaired(CANCELLED)],
];

function repaired(job: Job): JsonObject {
  return eventOf(job, {
    ...{ kind: 'repair', cutBytes: 1, cutSha256: '0'.repeat(64) },
    keptAs: `cut-after-${job?.revision}-${'0'.repeat(16)}.bin`,
    after: {
      ...{ status: 'cancelled', token_floor: 9, checkpoint_floor: 9 },
      ...{ unsettled_ms: 0, chained_records: 0 },
    },
  });
}

for (const [job, event] of SAMPLES) {
  describe(`evolve: ${event['type']} ${event['reason_code']}`, () => {
    test('follows as it was decided', () => {
      const { revision } = evolveStored(job, event);
      assert.equal(revision, (job?.revision ?? 0) + 1);
    });

    test('changes neither the state before nor the event', () => {
      const before = structuredClone([job, event]);
      evolveStored(job, event);
      assert.deepEqual([job, event], before);
    });

    const FAULTS: Readonly<Record<string, JsonObject>> = {
      'an unknown type': altered(event, { type: 'teleported' }),
      'the name of an inherited member as its type': altered(event, { type: 'constructor' }),
      'a revision that was already': altered(event, { revision: job?.revision ?? 0 }),
      'a revision too far ahead': altered(event, { revision: (job?.revision ?? 0) + 2 }),
      'a revision as text': altered(event, { revision: String((job?.revision ?? 0) + 1) }),
      'a member too many': altered(event, { previous_hash: '0'.repeat(64) }),
      'a member too many in its payload': alteredPayload(event, { lease_token: 1 }),
      'no actor': altered(event, { actor: undefined }),
      'an empty actor': altered(event, { actor: '' }),
      'no payload': altered(event, { payload: undefined }),
      'another schema': altered(event, { schema_id: 'gait.run.event' }),
      'another schema version': altered(event, { schema_version: '2.0.0' }),
      "another type's reason code": altered(event, {
        reason_code: event['type'] === 'paused' ? 'cancelled' : 'paused',
      }),
      'a time in another form': altered(event, { created_at: '2026-02-14T00:00:00.000Z' }),
    };
    for (const [name, fault] of Object.entries(FAULTS)) {
      test(`with ${name} is illegal`, () => assertIllegal(job, fault));
    }
  });
}

describe('evolve refuses', () => {
  test('an event of a job that was never submitted', () => {
    assertIllegal(undefined, altered(PLANNED, { revision: 1 }));
    assertIllegal(undefined, altered(repaired(CANCELLED), { revision: 1 }));
  });

  test('an event of another job', () => {
    assertIllegal(RUNNING, altered(PLANNED, { job_id: `${JOB_ID}x` }));
  });

  test('an event at a time that no calendar has', () => {
    assertIllegal(RUNNING, altered(PLANNED, { created_at: '2026-02-30T00:00:00Z' }));
    assertIllegal(RUNNING, altered(PLANNED, { created_at: '2026-02-14T24:00:00Z' }));
  });

  test('a checkpoint id out of turn', () => {
    for (const id of ['cp_0000', 'cp_0002', 'cp_1', 'cp_00001']) {
      assertIllegal(RUNNING, alteredPayload(PLANNED, { checkpoint_id: id }));
    }
  });

  test('a checkpoint whose reason code is of another type', () => {
    assertIllegal(RUNNING, altered(PLANNED, { reason_code: 'checkpoint_progress' }));
  });

  test('decision-needed without a required action, and any other with one', () => {
    assertIllegal(RUNNING, alteredPayload(ASKED_FOR, { required_action: '' }));
    assertIllegal(RUNNING, alteredPayload(PLANNED, { required_action: 'approve' }));
  });

  test('completing with an open decision, as decide does', () => {
    // No commands lead here; the rule is held all the same, should a later transition do.
    assert.ok(RUNNING !== undefined && ASKED !== undefined);
    const job: Job = { ...RUNNING, open_decisions: ASKED.open_decisions };
    assertIllegal(job, eventOf(RUNNING, checkpoint('completed')));
    const { events, refusal } = decideAt(job, checkpoint('completed'));
    assert.deepEqual(events, []);
    gaitError('approval_required', 'approval_required')(refusal);
  });

  test('an approval of what is not open', () => {
    assertIllegal(ASKED, alteredPayload(APPROVED, { checkpoint_id: 'cp_0002' }));
    assertIllegal(jobAfter(submit(), ask(), approve()), altered(APPROVED, { revision: 4 }));
  });

  test('an environment that the fingerprint beside it is not the digest of', () => {
    assertIllegal(undefined, alteredPayload(SUBMITTED, { environment: AWAY.environment }));
    assertIllegal(PAUSED, alteredPayload(OVERRIDDEN, { environment: HOME.environment }));
  });

  test('an override that does not name both environments', () => {
    assertIllegal(PAUSED, alteredPayload(OVERRIDDEN, { expected_fingerprint: AWAY.fingerprint }));
    assertIllegal(PAUSED, alteredPayload(OVERRIDDEN, { expected_fingerprint: undefined }));
    assertIllegal(PAUSED, alteredPayload(OVERRIDDEN, { actual_fingerprint: undefined }));
  });

  test('a refused resume that was held against another environment than the one it is bound to', () => {
    assertIllegal(PAUSED, alteredPayload(REFUSED, { expected_fingerprint: 'envfp:other' }));
  });

  test('a plain resume that carries another environment', () => {
    const { expected_fingerprint, actual_fingerprint } = OVERRIDDEN['payload'] as JsonObject;
    assertIllegal(PAUSED, alteredPayload(RESUMED, { expected_fingerprint, actual_fingerprint }));
  });
});
