import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { foldJournal, journalBytes } from '../../src/run/session/journal.ts';
import {
  compacted,
  decideAppend,
  decideStart,
  type EventFacts,
  evolveSession,
  type JournalLine,
  lineFault,
  nothingPending,
} from '../../src/run/session/session.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';
import { checkpoint, event, header, IDS, NOW, stateAfter, TestSession } from '../support/sessions.ts';

const CP1 = checkpoint(1, [1, 2]);
const CP2 = checkpoint(2, [3, 3], CP1);
const STORY: readonly JournalLine[] = [header(), event(1), event(2), CP1, event(3)];

function asJson(line: object): JsonObject {
  return line as JsonObject;
}

describe('what a journal’s lines make', () => {
  const STATES: Readonly<Record<string, readonly [lines: readonly JournalLine[], state: readonly number[]]>> =
    {
      'a header alone': [[header()], [0, 0, 0, 0]],
      'two events': [
        [header(), event(1), event(2)],
        [2, 2, 0, 2],
      ],
      'a checkpoint over both': [STORY.slice(0, 4), [2, 2, 1, 0]],
      'an event after it': [STORY, [3, 3, 1, 1]],
      'a second checkpoint': [
        [...STORY, CP2],
        [3, 3, 2, 0],
      ],
      'a compacted one': [
        [header({ events: null }), CP1, event(3)],
        [1, 3, 1, 1],
      ],
      'a compacted one with nothing pending': [
        [header({ events: null }), CP1, CP2],
        [0, 3, 2, 0],
      ],
      'a compacted one that went on': [
        [header({ events: null }), CP1, CP2, event(4)],
        [1, 4, 2, 1],
      ],
    };
  for (const [name, [lines, [events, last, checkpoints, pending]]] of Object.entries(STATES)) {
    test(`${name}`, () => {
      const state = stateAfter(...lines);
      assert.deepEqual(
        [state.eventCount, state.lastSequence, state.checkpoints.length, state.pending.length],
        [events, last, checkpoints, pending],
      );
    });
  }

  const stranger = { session_id: 'another' };
  const REFUSED: Readonly<
    Record<string, readonly [before: readonly JournalLine[], line: JournalLine, why: RegExp]>
  > = {
    'an event before the header': [[], event(1), /before the header/],
    'a checkpoint before the header': [[], CP1, /before the header/],
    'a second header': [[header()], header(), /second header/],
    'a first event that is not the first': [[header()], event(2), /event 2, where 1 is due/],
    'a gap': [[header(), event(1)], event(3), /event 3, where 2 is due/],
    'an event twice': [[header(), event(1)], event(1), /event 1, where 2 is due/],
    'an event that a checkpoint covers': [STORY.slice(0, 4), event(1), /event 1, where 3 is due/],
    'a gap after a checkpoint': [STORY.slice(0, 4), event(4), /event 4, where 3 is due/],
    'an event of another session': [[header()], event(1, stranger), /of the session another/],
    'an event of another run': [[header()], event(1, { run_id: 'run_b' }), /run run_b/],
    'a checkpoint of another session': [
      STORY.slice(0, 3),
      checkpoint(1, [1, 2], undefined, stranger),
      /of the session another/,
    ],
    'a checkpoint over fewer events than there are': [
      [header(), event(1), event(2)],
      checkpoint(1, [1, 1]),
      /covers events 1 to 1, but 1 to 2/,
    ],
    'a checkpoint over more events than there are': [
      [header(), event(1)],
      checkpoint(1, [1, 2]),
      /covers events 1 to 2, but 1 to 1/,
    ],
    'a first checkpoint that is the second': [
      STORY.slice(0, 3),
      checkpoint(2, [1, 2]),
      /checkpoint 2, where 1/,
    ],
    'a checkpoint twice': [STORY.slice(0, 4), CP1, /checkpoint 1, where 2 is due/],
    'a checkpoint over events that one covers': [
      STORY,
      checkpoint(2, [2, 3], CP1),
      /starts at event 2, where 3/,
    ],
    'a checkpoint that leaves events out': [
      [header({ events: null }), CP1],
      checkpoint(2, [4, 5], CP1),
      /starts at event 4, where 3/,
    ],
    'a checkpoint that ends before it starts': [
      [header({ events: null }), CP1],
      checkpoint(2, [3, 2], CP1),
      /ends at event 2, before its start/,
    ],
    'a checkpoint without the digest before it': [STORY, checkpoint(2, [3, 3]), /does not name the digest/],
    'a checkpoint with the digest of another': [
      STORY,
      checkpoint(2, [3, 3], CP2),
      /does not name the digest/,
    ],
    'a first checkpoint that names one before it': [
      STORY.slice(0, 3),
      checkpoint(1, [1, 2], CP2),
      /does not name the digest/,
    ],
    'a checkpoint with a digest that is not its own': [
      STORY.slice(0, 3),
      checkpoint(1, [1, 2], undefined, { checkpoint_digest: 'a'.repeat(64) }),
      /does not have the digest/,
    ],
  };
  for (const [name, [before, line, why]] of Object.entries(REFUSED)) {
    test(`${name} cannot follow`, () => {
      const state = before.length === 0 ? undefined : stateAfter(...before);
      const after = evolveSession(state, line);
      assert.ok(typeof after === 'string', 'it was taken');
      assert.match(after, why);
    });
  }

  test('a line is an object with a known type, to its schema', () => {
    for (const line of STORY) assert.equal(lineFault(asJson(line)), undefined);
    const none = [
      '{}',
      '{"record_type":"header"}',
      '{"record_type":"toString","toString":{}}',
      '{"record_type":1}',
    ];
    const wrong = [
      event(0),
      event(1.5),
      event(1, { verdict: 'maybe' }),
      event(1, { intent_digest: 'abc' }),
      event(1, { created_at: 'yesterday' }),
      { ...event(1), record_type: 'checkpoint' },
      checkpoint(1, [1, 2], undefined, { runpack_path: '' }),
      { record_type: 'event', event: { ...event(1).event, stranger: 1 } },
    ];
    for (const line of [...none.map((text) => JSON.parse(text)), ...wrong]) {
      assert.notEqual(lineFault(asJson(line)), undefined, JSON.stringify(line));
    }
  });
});

describe('commands', () => {
  test('start: a header where there is nothing, nothing where the same session stands, else refused', () => {
    const [line, ...more] = decideStart(undefined, IDS, '1', NOW);
    assert.deepEqual([line, more], [header({ producer_version: '1' }), []]);
    const state = stateAfter(...STORY);
    assert.deepEqual(decideStart(state, IDS, '2', '2027-01-01T00:00:00Z'), []);
    for (const ids of [
      { ...IDS, runId: 'run_b' },
      { ...IDS, sessionId: 'b' },
    ]) {
      assert.throws(() => decideStart(state, ids, '1', NOW), gaitError('session_differs', 'invalid_input'));
    }
  });

  test('append: the next sequence, also after a checkpoint and after compaction', () => {
    const facts = { tool_name: 't', verdict: 'block', reason_codes: ['a'] };
    for (const lines of [STORY.slice(0, 3), STORY.slice(0, 4), [header({ events: null }), CP1]]) {
      const decided = decideAppend(stateAfter(...lines), facts, 'test-1', NOW);
      assert.deepEqual(decided, { ...event(3, facts).event });
    }
  });

  test('append: refuses what a journal cannot hold', () => {
    const unsound: readonly EventFacts[] = [
      { verdict: 'maybe' },
      { policy_digest: 'xyz' },
      { tool_name: '' },
    ];
    for (const facts of unsound) {
      const appending = () => decideAppend(stateAfter(header()), facts, '1', NOW);
      assert.throws(appending, gaitError('event_invalid', 'invalid_input'), JSON.stringify(facts));
    }
  });

  test('checkpoint: refused while nothing is pending', () => {
    const session = new TestSession();
    assert.throws(() => session.checkpoint(), gaitError(nothingPending().code, 'invalid_input'));
    session.append();
    session.checkpoint();
    assert.throws(() => session.checkpoint(), gaitError('no_new_events', 'invalid_input'));
  });

  test('compact: keeps header, checkpoints and what is pending, in this order', () => {
    assert.deepEqual(compacted(stateAfter(...STORY, CP2, event(4), event(5))), [
      header({ events: null }),
      CP1,
      CP2,
      event(4),
      event(5),
    ]);
  });

  test('in any order: every event is in one checkpoint or pending, once, and the journal can always be read', () => {
    const step = fc.constantFrom('append', 'append', 'append', 'checkpoint', 'compact', 'reread');
    const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const session = new TestSession();
      let appended = 0;
      for (const one of steps) {
        if (one === 'append') {
          appended += 1;
          assert.equal(session.append().sequence, appended);
        } else if (one === 'checkpoint') {
          if (session.state.pending.length > 0) session.checkpoint();
        } else if (one === 'compact') {
          const { eventCount, ...before } = session.state;
          session.compact();
          const { eventCount: left, header: _, ...after } = session.state;
          assert.deepEqual({ ...after, header: before.header }, before);
          assert.deepEqual([left, left <= eventCount], [before.pending.length, true]);
        } else {
          assert.deepEqual(foldJournal(journalBytes(session.lines), 'j'), session.state);
        }
      }
      const { checkpoints, pending, lastSequence } = session.state;
      const spans = checkpoints.flatMap(({ sequence_start: start, sequence_end: end }) =>
        Array.from({ length: end - start + 1 }, (_, i) => start + i),
      );
      const all = [...spans, ...pending.map(({ sequence }) => sequence)];
      assert.deepEqual(
        all,
        Array.from({ length: appended }, (_, i) => i + 1),
      );
      assert.equal(lastSequence, appended);
    });
    fc.assert(property, { numRuns: 150 });
  });
});
