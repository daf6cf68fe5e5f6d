import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GaitError } from '../../src/core/errors.ts';
import { foldJournal, journalBytes } from '../../src/run/session/journal.ts';
import type { JournalLine } from '../../src/run/session/session.ts';
import { gaitError } from '../support/refusals.ts';
import { checkpoint, event, header, stateAfter } from '../support/sessions.ts';

const STORY: readonly JournalLine[] = [header(), event(1), event(2), checkpoint(1, [1, 2]), event(3)];

describe('the bytes of a journal', () => {
  const bytes = journalBytes(STORY);

  function damageOf(journal: Buffer): GaitError {
    try {
      foldJournal(journal, 'night.jsonl');
    } catch (error) {
      assert.ok(error instanceof GaitError && gaitError('journal_damaged', 'verification_failed')(error));
      return error;
    }
    return assert.fail('it was read');
  }

  test('are a line of canonical JSON for each record; other spellings, blank lines and carriage returns are read too', () => {
    assert.deepEqual(foldJournal(bytes, 'j'), stateAfter(...STORY));
    const spelled = STORY.map((line) => `\n \t\n${JSON.stringify(line, null, 1).replaceAll('\n', ' ')}\r\n`);
    assert.deepEqual(foldJournal(Buffer.from(spelled.join('')), 'j'), stateAfter(...STORY));
    assert.equal(foldJournal(Buffer.alloc(0), 'j'), undefined);
    assert.equal(foldJournal(Buffer.from('\n\n'), 'j'), undefined);
  });

  test('that are damaged are refused with the line and the byte', () => {
    const starts = [...bytes.toString().matchAll(/^/gm)].map(({ index }) => index);
    const junk = ['{}', 'null', '[]', '{"record_type":"event"}', '\u0000', '{"a":1,"a":2}', '\ufeff{}', '{'];
    for (const [i, offset] of starts.slice(0, -1).entries()) {
      for (const line of junk) {
        const journal = Buffer.concat([
          bytes.subarray(0, offset),
          Buffer.from(`${line}\n`),
          bytes.subarray(offset),
        ]);
        const { details, message } = damageOf(journal);
        assert.deepEqual(details, { path: 'night.jsonl', line: i + 1, offset }, line);
        assert.match(message, new RegExp(`line ${i + 1}, byte ${offset}`));
      }
    }
  });

  test('of which any one event is missing, doubled or swapped are damage', () => {
    const lines = journalBytes([header(), event(1), event(2), event(3)])
      .toString()
      .split(/(?<=\n)/);
    for (let i = 1; i < 3; i += 1) {
      damageOf(Buffer.from(lines.toSpliced(i, 1).join('')));
      damageOf(Buffer.from(lines.toSpliced(i, 0, lines[i] ?? '').join('')));
      damageOf(Buffer.from(lines.toSpliced(i, 2, lines[i + 1] ?? '', lines[i] ?? '').join('')));
    }
  });

  test('with a line of more than 8 MiB are damage', () => {
    const { details } = damageOf(
      Buffer.concat([bytes, Buffer.alloc(8 * 1024 * 1024 + 1, 32), Buffer.from('\n')]),
    );
    assert.equal(details['line'], STORY.length + 1);
  });

  test('are read in steps that grow with their length, not with its square', () => {
    const stepsOf = (count: number): number => {
      const long = journalBytes([header(), ...Array.from({ length: count }, (_, i) => event(i + 1))]);
      return elementsPassed(() => assert.equal(foldJournal(long, 'j')?.lastSequence, count));
    };
    const [few, many] = [stepsOf(500), stepsOf(2000)];
    assert.ok(few >= 500, 'the steps are counted');
    assert.ok(many <= 4 * few, `500 events in ${few} steps, 2,000 in ${many}`);
  });
});

/** How many elements of arrays are gone over, or copied by a spread, while something is done. */
function elementsPassed(act: () => void): number {
  const plain = Array.prototype[Symbol.iterator];
  let count = 0;
  Array.prototype[Symbol.iterator] = function* counting<T>(this: T[]): ArrayIterator<T> {
    for (let i = 0; i < this.length; i += 1) {
      count += 1;
      yield this[i] as T;
    }
    return undefined;
  };
  try {
    act();
  } finally {
    Array.prototype[Symbol.iterator] = plain;
  }
  return count;
}
