import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inUtc, isTimestamp, isZonedTime, zonedTime } from '../../src/core/time.ts';
import fc from '../support/property.ts';

const DAY = '2026-02-14T06:00:00';

/** artifacts.md §1.2: what the programs before this one make of a time. */
const KEPT: Readonly<Record<string, string>> = {
  [`${DAY}Z`]: `${DAY}Z`,
  [`${DAY}.1Z`]: `${DAY}.1Z`,
  [`${DAY}.10Z`]: `${DAY}.1Z`,
  [`${DAY}.000Z`]: `${DAY}Z`,
  [`${DAY}.0Z`]: `${DAY}Z`,
  [`${DAY}.123456789Z`]: `${DAY}.123456789Z`,
  [`${DAY}.1234567891Z`]: `${DAY}.123456789Z`,
  [`${DAY}.1000000009Z`]: `${DAY}.1Z`,
  [`${DAY}.0000000009Z`]: `${DAY}Z`,
  [`${DAY},5Z`]: `${DAY}.5Z`,
  [`${DAY}+00:00`]: `${DAY}Z`,
  [`${DAY}-00:00`]: `${DAY}Z`,
  [`${DAY}.500+00:00`]: `${DAY}.5Z`,
  [`${DAY}+02:00`]: `${DAY}+02:00`,
  [`${DAY}.250-07:30`]: `${DAY}.25-07:30`,
  [`${DAY}+23:59`]: `${DAY}+23:59`,
  '2024-02-29T23:59:59Z': '2024-02-29T23:59:59Z',
  '2000-02-29T00:00:00Z': '2000-02-29T00:00:00Z',
  '0001-01-01T00:00:00Z': '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999Z': '9999-12-31T23:59:59.999999999Z',
};

const REFUSED: readonly string[] = [
  '',
  '2026-02-14',
  '2026-02-14T06:00Z',
  '2026-02-14T06:00:00',
  '2026-02-14 06:00:00Z',
  '2026-02-14t06:00:00Z',
  '2026-02-14T06:00:00z',
  '2026-02-14T06:00:00.Z',
  '2026-02-14T06:00:00,Z',
  '2026-02-14T24:00:00Z',
  '2026-02-14T06:60:00Z',
  '2026-02-14T06:00:60Z',
  '2026-00-14T06:00:00Z',
  '2026-13-14T06:00:00Z',
  '2026-02-00T06:00:00Z',
  '2026-02-30T06:00:00Z',
  '2026-02-29T06:00:00Z',
  '1900-02-29T06:00:00Z',
  '2026-04-31T06:00:00Z',
  '2026-2-14T06:00:00Z',
  '02026-02-14T06:00:00Z',
  '+002026-02-14T06:00:00Z',
  '-2026-02-14T06:00:00Z',
  `${DAY}+2:00`,
  `${DAY}+0200`,
  `${DAY}+02`,
  `${DAY}+24:00`,
  `${DAY}+02:60`,
  `${DAY}Z+02:00`,
  `${DAY}Z `,
  ` ${DAY}Z`,
  `${DAY}Z\n`,
  `${DAY} Z`,
  `${DAY}.٣Z`,
  '1770000000',
];

describe('zonedTime', () => {
  for (const [text, kept] of Object.entries(KEPT)) {
    test(`${text} is kept as ${kept}`, () => {
      assert.equal(zonedTime(text), kept);
      assert.equal(isZonedTime(text), text === kept);
      assert.equal(isZonedTime(kept), true);
    });
  }

  for (const text of REFUSED) {
    test(`${JSON.stringify(text)} is no time`, () => {
      assert.deepEqual([zonedTime(text), isZonedTime(text)], [undefined, false]);
    });
  }

  test('a timestamp in UTC is one', () => {
    assert.ok(
      Object.values(KEPT)
        .filter((text) => text.endsWith('Z'))
        .every(isTimestamp),
    );
  });
});

describe('inUtc', () => {
  const table: Readonly<Record<string, string>> = {
    [`${DAY}Z`]: '2026-02-14T06:00:00Z',
    [`${DAY}.123456789Z`]: '2026-02-14T06:00:00.123456789Z',
    [`${DAY}+02:00`]: '2026-02-14T04:00:00Z',
    [`${DAY}-07:30`]: '2026-02-14T13:30:00Z',
    [`${DAY}.000000001+02:00`]: '2026-02-14T04:00:00.000000001Z',
    '2026-03-01T00:30:00+01:00': '2026-02-28T23:30:00Z',
    '2025-12-31T23:30:00.5-01:00': '2026-01-01T00:30:00.5Z',
    '0100-01-01T00:00:00+00:01': '0099-12-31T23:59:00Z',
  };
  for (const [text, expected] of Object.entries(table)) {
    test(`${text} is ${expected}`, () => assert.equal(inUtc(text), expected));
  }

  test('is a timestamp of the same instant for every time that is kept', () => {
    const two = (max: number): fc.Arbitrary<string> => fc.nat(max).map((n) => String(n).padStart(2, '0'));
    const date = fc.tuple(fc.integer({ min: 0, max: 9999 }), two(13), two(32));
    const clock = fc.tuple(two(24), two(60), two(60));
    const fraction = fc.string({ unit: fc.constantFrom('0', '1', '9'), maxLength: 11 });
    const zone = fc.oneof(fc.constant('Z'), fc.tuple(fc.constantFrom('+', '-'), two(24), two(60)));
    fc.assert(
      fc.property(date, clock, fraction, zone, ([year, month, day], time, digits, offset) => {
        const shift = typeof offset === 'string' ? offset : `${offset[0]}${offset[1]}:${offset[2]}`;
        const instant = `${String(year).padStart(4, '0')}-${month}-${day}T${time.join(':')}`;
        const kept = zonedTime(`${instant}${digits === '' ? '' : `.${digits}`}${shift}`);
        if (kept === undefined) return;
        const utc = inUtc(kept);
        assert.ok(isTimestamp(utc), `${kept} became ${utc}`);
        assert.equal(Date.parse(utc), Date.parse(kept));
      }),
      { numRuns: 3000 },
    );
  });

  for (const edge of ['0000-01-01T00:00:00+00:01', '9999-12-31T23:59:59-00:01']) {
    test(`${edge} has no year of four digits in UTC: it is no time to keep`, () => {
      const kept = zonedTime(edge);
      assert.ok(kept === undefined || isTimestamp(inUtc(kept)), `${kept} was kept`);
    });
  }
});
