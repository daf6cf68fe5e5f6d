import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { manualClock, systemClock } from '../../src/core/clock.ts';
import { epochMs, isTimestamp, timestamp } from '../../src/core/time.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';

const YEAR_ZERO_MS = Date.parse('0000-01-01T00:00:00Z');
const YEAR_9999_MS = Date.parse('9999-12-31T23:59:59.999Z');

describe('timestamp', () => {
  const FORMS: readonly [number, string][] = [
    [0, '1970-01-01T00:00:00Z'],
    [Date.UTC(2026, 1, 14), '2026-02-14T00:00:00Z'],
    [Date.UTC(2026, 1, 14) + 100, '2026-02-14T00:00:00.1Z'],
    [Date.UTC(2026, 1, 14) + 120, '2026-02-14T00:00:00.12Z'],
    [Date.UTC(2026, 1, 14) + 123, '2026-02-14T00:00:00.123Z'],
    [Date.UTC(2026, 1, 14) + 10, '2026-02-14T00:00:00.01Z'],
    [Date.UTC(2026, 1, 14) + 1, '2026-02-14T00:00:00.001Z'],
    [Date.UTC(2026, 9, 10, 10, 10, 10), '2026-10-10T10:10:10Z'],
    [Date.UTC(2026, 9, 10, 10, 10, 10, 500), '2026-10-10T10:10:10.5Z'],
    [-1, '1969-12-31T23:59:59.999Z'],
    [YEAR_9999_MS, '9999-12-31T23:59:59.999Z'],
    [YEAR_ZERO_MS, '0000-01-01T00:00:00Z'],
  ];
  for (const [ms, text] of FORMS) {
    test(`writes ${text}`, () => assert.equal(timestamp(ms), text));
  }
});

describe('isTimestamp', () => {
  const ACCEPTED = [
    '2026-02-14T00:00:00Z',
    '2026-02-14T23:59:59Z',
    '2026-02-14T00:00:00.1Z',
    '2026-02-14T00:00:00.001Z',
    '2026-02-14T00:00:00.123456789Z',
    '2024-02-29T00:00:00Z',
    '2000-02-29T00:00:00Z',
    '0000-02-29T00:00:00Z',
    '0099-12-31T00:00:00Z',
    '9999-12-31T23:59:59.999999999Z',
  ];
  for (const text of ACCEPTED) test(`accepts ${text}`, () => assert.equal(isTimestamp(text), true));

  const REFUSED: Readonly<Record<string, string>> = {
    'a fraction of zeros': '2026-02-14T00:00:00.000Z',
    'a fraction that ends in zero': '2026-02-14T00:00:00.10Z',
    'ten digits of fraction': '2026-02-14T00:00:00.1234567891Z',
    'an empty fraction': '2026-02-14T00:00:00.Z',
    'a comma': '2026-02-14T00:00:00,1Z',
    'the offset +00:00': '2026-02-14T00:00:00+00:00',
    'the offset +02:00': '2026-02-14T00:00:00+02:00',
    'no zone': '2026-02-14T00:00:00',
    'lower case': '2026-02-14t00:00:00z',
    'a space for the T': '2026-02-14 00:00:00Z',
    'no seconds': '2026-02-14T00:00Z',
    'hour 24': '2026-02-14T24:00:00Z',
    'minute 60': '2026-02-14T00:60:00Z',
    'second 60': '2016-12-31T23:59:60Z',
    'month 0': '2026-00-14T00:00:00Z',
    'month 13': '2026-13-14T00:00:00Z',
    'day 0': '2026-02-00T00:00:00Z',
    'February 29 in a common year': '2026-02-29T00:00:00Z',
    'February 29 in 1900': '1900-02-29T00:00:00Z',
    'February 30': '2024-02-30T00:00:00Z',
    'April 31': '2026-04-31T00:00:00Z',
    'a year of five digits': '12026-02-14T00:00:00Z',
    'an expanded year': '+012026-02-14T00:00:00Z',
    'a newline after': '2026-02-14T00:00:00Z\n',
    'a space before': ' 2026-02-14T00:00:00Z',
    'digits that are not ASCII': '\u0662026-02-14T00:00:00Z',
    'no text': '',
  };
  for (const [name, text] of Object.entries(REFUSED)) {
    test(`refuses ${name}`, () => {
      assert.equal(isTimestamp(text), false);
      assert.throws(() => epochMs(text), gaitError('timestamp_malformed', 'invalid_input'));
    });
  }
});

describe('epochMs', () => {
  test('cuts the fraction to milliseconds', () => {
    assert.equal(epochMs('1970-01-01T00:00:00.1239Z'), 123);
    assert.equal(epochMs('1970-01-01T00:00:00.000999999Z'), 0);
  });

  test('is the way back from timestamp, for every millisecond of the years 0 to 9999', () => {
    fc.assert(
      fc.property(fc.integer({ min: YEAR_ZERO_MS, max: YEAR_9999_MS }), (ms) => {
        const text = timestamp(ms);
        assert.ok(isTimestamp(text), text);
        assert.equal(epochMs(text), ms);
        assert.equal(timestamp(epochMs(text)), text);
      }),
      { numRuns: 1000 },
    );
  });
});

test('timestamps of the same length order as their instants', () => {
  const ms = fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => seconds * 1000);
  fc.assert(fc.property(ms, ms, (a, b) => assert.equal(timestamp(a) < timestamp(b), a < b)));
});

describe('clocks', () => {
  test('the manual clock stands still until told otherwise', () => {
    const clock = manualClock(0);
    assert.equal(clock.now(), clock.now());
    clock.advance(1500);
    assert.equal(clock.now(), '1970-01-01T00:00:01.5Z');
  });

  test('the system clock gives timestamps', () => {
    assert.ok(isTimestamp(systemClock.now()));
  });
});
