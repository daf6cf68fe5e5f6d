import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canonicalize, parseCanonical } from '../../src/core/canonical.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { JobCommand } from '../../src/job/command.ts';
import { type Job, jobFromSnapshot, jobToSnapshot } from '../../src/job/state.ts';
import { seal } from '../../src/log/record.ts';
import {
  AWAY,
  approve,
  ask,
  cancel,
  checkpoint,
  decideAt,
  folded,
  HOME,
  JOB_ID,
  pause,
  resume,
  resumeAnyway,
  stop,
  submit,
} from '../support/given.ts';
import fc from '../support/property.ts';

const RUNS = { numRuns: 300 };
const FINAL = ['completed', 'cancelled', 'emergency_stopped'];

const claim = fc.constantFrom(HOME, AWAY, { fingerprint: 'mine' });
const words = fc.string({ unit: 'grapheme', maxLength: 20 });
const checkpointIds = fc.integer({ min: 0, max: 6 }).map((n) => `cp_000${n}`);

const ordinary: fc.Arbitrary<JobCommand> = fc.oneof(
  fc
    .tuple(fc.constantFrom('plan', 'progress', 'blocked'), words)
    .map(([type, text]) => checkpoint(type, text)),
  words.map((action) => ask(action)),
  fc.constantFrom(pause, approve(), resume()),
  checkpointIds.map(approve),
  claim.map(resume),
  claim.map(resumeAnyway),
);
const ending = fc.constantFrom(cancel, stop, checkpoint('completed'), submit());
const command = fc.oneof({ weight: 12, arbitrary: ordinary }, { weight: 1, arbitrary: ending });

interface Step {
  readonly command: JobCommand;
  readonly author: { readonly actor?: string; readonly reason?: string };
}

const author = fc.record(
  { actor: fc.constantFrom('alice', 'bob', ''), reason: fc.constantFrom('because', 'why not') },
  { requiredKeys: [] },
);
const steps: fc.Arbitrary<Step[]> = fc
  .array(fc.record({ command, author }), { maxLength: 30, size: 'max' })
  .map((rest) => [{ command: submit(), author: {} }, ...rest]);

interface Turn {
  readonly before: Job;
  readonly step: Step;
  readonly events: readonly JsonObject[];
  readonly after: Job;
}

/** What comes of each command. An event that does not fold ends the run with an exception. */
function run(start: Job, wanted: readonly Step[]): Turn[] {
  let before = start;
  return wanted.map((step) => {
    const { events, refusal } = decideAt(before, step.command, step.author);
    assert.ok(events.length > 0 || refusal !== undefined, 'neither an event nor a refusal');
    const turn = { before, step, events, after: folded(before, events) };
    before = turn.after;
    return turn;
  });
}

function eventsOf(turns: readonly Turn[]): JsonObject[] {
  return turns.flatMap(({ events }) => events);
}

/** Checks something of every event that any sequence of commands makes. */
function forEveryEvent(check: (before: Job, event: JsonObject, after: Job) => void): void {
  fc.assert(
    fc.property(steps, (wanted) => {
      for (const { before, events, after } of run(undefined, wanted)) {
        for (const event of events) check(before, event, after);
      }
    }),
    RUNS,
  );
}

describe('whatever the commands', () => {
  test('nothing leaves a final status', () => {
    forEveryEvent((before) => assert.ok(!FINAL.includes(before?.status ?? 'none')));
  });

  test('nothing is approved that was not asked for, nor twice', () => {
    forEveryEvent((before, { type, payload }) => {
      if (type !== 'approved') return;
      const { checkpoint_id } = payload as { checkpoint_id: string };
      assert.ok(before?.open_decisions.some((open) => open.checkpoint_id === checkpoint_id));
    });
  });

  test('nothing runs on or completes with an open decision', () => {
    forEveryEvent((_, { type }, after) => {
      if (type !== 'resumed' && after?.status !== 'completed') return;
      assert.deepEqual(after?.open_decisions, []);
    });
  });

  test('nothing resumes in another environment without an override', () => {
    forEveryEvent((before, { type, reason_code }, after) => {
      if (type !== 'resumed' || reason_code !== 'resumed') return;
      assert.equal(after?.environment_fingerprint, before?.environment_fingerprint);
    });
  });

  test('a refusal changes nothing unless it is recorded', () => {
    fc.assert(
      fc.property(steps, (wanted) => {
        for (const { before, events, after } of run(undefined, wanted)) {
          if (events.length === 0) assert.equal(after, before);
          else assert.equal(after?.revision, (before?.revision ?? 0) + 1);
        }
      }),
      RUNS,
    );
  });

  test('checkpoints and approvals are counted as they are recorded', () => {
    fc.assert(
      fc.property(steps, (wanted) => {
        const turns = run(undefined, wanted);
        const job = turns.at(-1)?.after;
        const count = (type: string) => eventsOf(turns).filter((event) => event['type'] === type).length;
        assert.equal(job?.checkpoint_count, count('checkpoint_added'));
        assert.equal(job?.approval_count, count('approved'));
      }),
      RUNS,
    );
  });
});

describe('the log of whatever commands', () => {
  test('can be sealed as one chain and folds again to the same state', () => {
    fc.assert(
      fc.property(steps, (wanted) => {
        const turns = run(undefined, wanted);
        const { records } = seal(JOB_ID, 'job_id', 'none', eventsOf(turns));
        const stored = records.map(({ text }) => parseCanonical(Buffer.from(text)) as JsonObject);
        const again = folded(undefined, stored);
        assert.equal(canonicalize(again), canonicalize(turns.at(-1)?.after));
      }),
      RUNS,
    );
  });

  test('goes on from a snapshot as it would have without', () => {
    fc.assert(
      fc.property(steps, fc.nat(30), (wanted, at) => {
        const past = run(undefined, wanted.slice(0, at + 1));
        const future = wanted.slice(at + 1);
        const job = past.at(-1)?.after;
        const kept = parseCanonical(Buffer.from(canonicalize(jobToSnapshot(job)))) as JsonObject;
        const restored = jobFromSnapshot(kept, JOB_ID, job?.revision ?? 0);
        assert.deepEqual(restored, job);
        assert.deepEqual(eventsOf(run(restored, future)), eventsOf(run(job, future)));
      }),
      RUNS,
    );
  });
});

describe('the snapshot', () => {
  test('of another shape is none', () => {
    const snapshot = jobToSnapshot(folded(undefined, decideAt(undefined, submit()).events));
    assert.notEqual(jobFromSnapshot(snapshot, JOB_ID, 1), undefined);
    assert.equal(jobFromSnapshot(snapshot, 'other', 1), undefined);
    assert.equal(jobFromSnapshot(snapshot, JOB_ID, 2), undefined);
    for (const strange of [{}, { ...snapshot, lease: 1 }, { ...snapshot, schema_version: '2.0.0' }]) {
      assert.equal(jobFromSnapshot(strange, JOB_ID, 1), undefined);
    }
  });

  test('does not grow with the checkpoints of a job', () => {
    const long = 'x'.repeat(512);
    const types = fc.array(fc.constantFrom<'plan' | 'progress'>('plan', 'progress'), {
      maxLength: 60,
      size: 'max',
    });
    const sizeAfter = (count: readonly ('plan' | 'progress')[]) => {
      const work = count.map((type) => ({ command: checkpoint(type, long), author: {} }));
      const job = run(undefined, [{ command: submit(), author: {} }, ...work]).at(-1)?.after;
      return canonicalize(jobToSnapshot(job)).length;
    };
    const one = sizeAfter(['progress']);
    // Revision and count may take some digits more; nothing else may.
    fc.assert(
      fc.property(types, (all) => assert.ok(sizeAfter(all) <= one + 10)),
      { numRuns: 300 },
    );
  });
});
