import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sourceOf } from '../../src/files/source.ts';
import type { Result, RunIntent } from '../../src/run/documents.ts';
import { inspectRun } from '../../src/run/inspect.ts';
import type { EventFacts } from '../../src/run/session/session.ts';
import { verifyRunpack } from '../../src/run/verify.ts';
import { readContainer } from '../../src/zip/reader.ts';
import fc from '../support/property.ts';
import { TestSession } from '../support/sessions.ts';

interface Records {
  readonly intents: RunIntent[];
  readonly results: Result[];
}

describe('a checkpoint’s runpack', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((one) => one.trim() !== '');
  const digest = fc.constantFrom('a'.repeat(64), 'B1'.repeat(32));
  const facts: fc.Arbitrary<EventFacts> = fc.record(
    {
      tool_name: text,
      verdict: fc.constantFrom('allow', 'block', 'dry_run', 'require_approval'),
      intent_id: fc.oneof(text, fc.constantFrom('i1', 'intent_1', 'intent_2')),
      intent_digest: digest,
      policy_digest: digest,
      trace_id: text,
      trace_path: text,
      reason_codes: fc.array(text, { maxLength: 2 }),
      violations: fc.array(text, { maxLength: 2 }),
    },
    { requiredKeys: ['tool_name', 'verdict'] },
  );

  /** A session with these events and a checkpoint, and what its runpack tells. */
  function sealed(events: readonly EventFacts[]): Records {
    const session = new TestSession();
    for (const one of events) session.append(one);
    session.checkpoint();
    const records: Records = { intents: [], results: [] };
    const container = readContainer(sourceOf(session.runpacks.get('cp1.zip') ?? Buffer.of()));
    const { verification } = verifyRunpack(container, {
      visit: {
        intent: (one) => void records.intents.push(one),
        result: (one) => void records.results.push(one),
      },
    });
    assert.deepEqual(verification.findings, []);
    return records;
  }

  test('verifies whatever the events say', () => {
    fc.assert(
      fc.property(fc.array(facts, { minLength: 1, maxLength: 5 }), (events) => void sealed(events)),
      { numRuns: 200 },
    );
  });

  test('tells each event’s own verdict, also where calls have one id', () => {
    fc.assert(
      fc.property(fc.array(facts, { minLength: 1, maxLength: 5 }), (events) => {
        const { entries } = inspectRun(sealed(events));
        assert.deepEqual(
          entries.map(({ tool_name, verdict }) => [tool_name, verdict]),
          events.map((one) => [one.tool_name, one.verdict]),
        );
      }),
    );
  });

  test('keeps all that an event says: after compaction nothing else does', () => {
    const all: EventFacts = {
      tool_name: 'TOOL',
      verdict: 'block',
      intent_id: 'INTENT',
      intent_digest: '1'.repeat(64),
      policy_digest: '2'.repeat(64),
      trace_id: 'TRACE',
      trace_path: 'PATH',
      reason_codes: ['CODE'],
      violations: ['VIOLATION'],
    };
    const kept = JSON.stringify(sealed([all]));
    for (const value of Object.values(all).flat())
      assert.ok(kept.includes(String(value)), `${value} is lost`);
  });
});
