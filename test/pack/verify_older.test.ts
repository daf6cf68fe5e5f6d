import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { codesOf, historyOf, STORY, statusesOf, verifyBytes } from '../support/pack.ts';
import {
  type Document,
  EVENTS,
  type EventLine,
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

/** What of a payload version 1.2.0 writes. artifacts.md §8.3 */
const WRITTEN = 'environment_fingerprint checkpoint_id checkpoint_type required_action reason'.split(' ');

function asOlder(event: EventLine): Document {
  const payload = Object.entries(event.payload).filter(([key]) => WRITTEN.includes(key));
  return { ...event, payload: Object.fromEntries(payload) };
}

/** The members of a job pack as version 1.2.0 writes them: no ledger, and events that do not carry the state. */
async function olderFiles(): Promise<Files> {
  const files = filesOf(await historyOf(STORY.filter(({ refused }) => refused === undefined)));
  return withFile(without(files, LEDGER), EVENTS, linesOf(eventsOf(files).map(asOlder)));
}

/** Sealed as that version does. */
function olderPack(files: Files): Buffer {
  return forge(files, manifestFor(files, { producer_version: '1.2.0' }));
}

describe('a job pack of an older producer', () => {
  test('verifies, and says that there is no chain to check', async () => {
    const { verification } = await verifyBytes(olderPack(await olderFiles()));
    assert.deepEqual(verification.findings, []);
    const { event_chain, event_fold, payload_schemas, payload_agreement, pack_id } = statusesOf(verification);
    assert.deepEqual([event_chain, event_fold], ['not_applicable', 'not_applicable']);
    assert.deepEqual([payload_schemas, payload_agreement, pack_id], ['passed', 'passed', 'passed']);
  });

  for (const [member, changes] of [
    [PAYLOAD, { checkpoint_count: 5 }],
    [PAYLOAD, { approval_count: 0 }],
    [PAYLOAD, { status: 'running' }],
    [PAYLOAD, { job_id: 'other' }],
    [STATE, { job_id: 'other' }],
    [STATE, { stop_reason: 'none' }],
    [STATE, { approvals: [] }],
  ] as const) {
    test(`with another ${Object.keys(changes)[0]} in ${member} does not verify`, async () => {
      const codes = await codesOf(olderPack(patched(await olderFiles(), member, changes)));
      assert.deepEqual(codes, ['payload_disagrees']);
    });
  }

  const lines: Record<string, (events: EventLine[]) => string> = {
    'no JSON': () => 'hello\n',
    'a list': (events) => `${JSON.stringify(events)}\n`,
    'an event with a member that is not known': ([first]) => linesOf([{ ...first, mood: 'fine' }]),
    'an event of another job': ([first]) => linesOf([{ ...first, job_id: 'other' }]),
    'an event that is not canonical': (events) => linesOf(events).replace('":', '": '),
  };
  for (const [what, write] of Object.entries(lines)) {
    test(`with ${what} in its events does not verify`, async () => {
      const files = await olderFiles();
      const forged = withFile(files, EVENTS, write(eventsOf(files)));
      assert.notDeepEqual(await codesOf(olderPack(forged)), []);
    });
  }
});

describe('a job pack of ours', () => {
  test('does not become one of an older producer by losing its ledger', async () => {
    const stripped = without(filesOf(await historyOf(STORY)), LEDGER);
    const approvals = [{ actor: 'mallory', created_at: '2026-02-14T00:03:00.3Z', reason: 'because' }];
    assert.notDeepEqual(await codesOf(olderPack(patched(stripped, STATE, { approvals }))), []);
  });
});
