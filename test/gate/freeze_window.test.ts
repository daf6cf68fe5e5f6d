import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { timestamp } from '../../src/core/time.ts';
import type { Policy } from '../../src/gate/policy/policy.ts';
import { instantsOf, isWallTime, isZone } from '../../src/gate/policy/wall_clock.ts';
import { decided, policyOf, requestOf, verdictOf } from '../support/gate.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';

const CALL = requestOf();

/** A rule that allows everything, but for this window. */
function frozen(start: string, end: string, zone = 'Europe/Berlin', ...more: readonly string[]): Policy {
  return policyOf(
    'default_verdict: block',
    'rules:',
    '  - name: r',
    '    effect: allow',
    '    freeze_window:',
    `      timezone: ${zone}`,
    ...more.map((line) => `      ${line}`),
    `      windows: [{start: '${start}', end: '${end}'}]`,
  );
}

function heldAt(policy: Policy, ...times: readonly string[]): boolean[] {
  return times.map((now) => verdictOf(policy, CALL, now) !== 'allow');
}

describe('a freeze window', () => {
  test('holds from its start on, in the time of its zone, and no longer at its end', () => {
    const policy = frozen('2026-01-01T00:00:00', '2026-02-01T00:00:00');
    const times = ['2025-12-31T22:59:59.999999999Z', '2025-12-31T23:00:00Z', '2026-01-31T22:59:59.9Z'];
    assert.deepEqual(heldAt(policy, ...times, '2026-01-31T23:00:00Z'), [false, true, true, false]);
    assert.deepEqual(decided(policy, CALL, '2026-01-01T00:00:00Z'), {
      verdict: 'block',
      reason_codes: ['freeze_window_active_block', 'matched_rule_r'],
      violations: ['freeze_window_active_block'],
    });
  });

  test('asks a person, if that is its effect, and never weakens a rule', () => {
    const policy = frozen('2026-01-01T00:00:00', '2027-01-01T00:00:00', 'UTC', 'effect: require_approval');
    const { verdict, reason_codes } = decided(policy, CALL);
    assert.deepEqual(
      [verdict, reason_codes],
      ['require_approval', ['freeze_window_active_require_approval', 'matched_rule_r']],
    );
    const [rule] = policy.rules;
    assert.ok(rule !== undefined);
    assert.equal(verdictOf({ ...policy, rules: [{ ...rule, effect: 'block' }] }, CALL), 'block');
  });

  test('any of several holds', () => {
    const policy = policyOf(
      'rules:',
      '  - name: r',
      '    effect: allow',
      '    freeze_window:',
      '      timezone: UTC',
      '      windows:',
      "        - {name: a, start: '2026-01-01T00:00:00', end: '2026-01-02T00:00:00'}",
      "        - {start: '2026-03-01T00:00:00', end: '2026-03-02T00:00:00'}",
    );
    const days = ['2026-01-01', '2026-02-01', '2026-03-01'].map((day) => `${day}T12:00:00Z`);
    assert.deepEqual(heldAt(policy, ...days), [true, false, true]);
    const names = policy.rules.flatMap((rule) => rule.freeze_window.windows.map(({ name }) => name));
    assert.deepEqual(names, ['a', 'window-2']);
  });

  test('W-8: for an environment it holds also for a call that names none', () => {
    const policy = frozen('2026-01-01T00:00:00', '2027-01-01T00:00:00', 'UTC', 'environments: [Prod]');
    const verdictIn = (environment: string | null): string =>
      verdictOf(policy, requestOf({ context: { environment } }));
    assert.deepEqual(
      ['prod', ' PROD ', null, '', ' '].map((name) => verdictIn(name)),
      ['block', 'block', 'block', 'block', 'block'],
    );
    assert.equal(verdictIn('staging'), 'allow');
  });

  test('W-8: for a risk class it holds also for one that gait does not know', () => {
    const policy = frozen('2026-01-01T00:00:00', '2027-01-01T00:00:00', 'UTC', 'risk_classes: [high]');
    const verdictOfRisk = (risk_class: string): string =>
      verdictOf(policy, requestOf({ context: { risk_class } }));
    assert.deepEqual(['high', 'h1gh', 'low'].map(verdictOfRisk), ['block', 'block', 'allow']);
  });
});

describe('where clocks are set', () => {
  // Berlin, 2026: 02:00 becomes 03:00 on 29 March at 01:00Z; 03:00 becomes 02:00 on 25 October at 01:00Z.
  test('a time that is shown twice begins with the first and ends with the last', () => {
    const policy = frozen('2026-10-25T02:15:00', '2026-10-25T02:30:00');
    const times = ['2026-10-25T00:14:59Z', '2026-10-25T00:15:00Z', '2026-10-25T00:45:00Z'];
    assert.deepEqual(heldAt(policy, ...times), [false, true, true]);
    assert.deepEqual(heldAt(policy, '2026-10-25T01:29:59Z', '2026-10-25T01:30:00Z'), [true, false]);
  });

  test('a time that is never shown begins and ends by whichever offset freezes longer', () => {
    const ends = frozen('2026-03-29T00:00:00', '2026-03-29T02:30:00');
    assert.deepEqual(heldAt(ends, '2026-03-29T01:29:59Z', '2026-03-29T01:30:00Z'), [true, false]);
    const begins = frozen('2026-03-29T02:30:00', '2026-03-30T00:00:00');
    assert.deepEqual(heldAt(begins, '2026-03-29T00:29:59Z', '2026-03-29T00:30:00Z'), [false, true]);
  });

  test('a time of such a day that is shown once is one instant', () => {
    for (const [wall, at] of [
      ['2026-03-29T12:00:00', '2026-03-29T10:00:00Z'],
      ['2026-03-29T01:30:00', '2026-03-29T00:30:00Z'],
      ['2026-10-25T12:00:00', '2026-10-25T11:00:00Z'],
    ] as const) {
      const { earliest, latest } = instantsOf(wall, 'Europe/Berlin');
      assert.deepEqual([earliest, latest].map(timestamp), [at, at], wall);
    }
  });

  test('a day that a zone skipped is placed on either side of the gap', () => {
    const { earliest, latest } = instantsOf('2011-12-30T12:00:00', 'Pacific/Apia');
    assert.deepEqual([earliest, latest].map(timestamp), ['2011-12-29T22:00:00Z', '2011-12-30T22:00:00Z']);
  });

  test('every instant lies within the readings of the time that its clock shows', () => {
    const zones = ['Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC'];
    const seconds = fc.integer({ min: 0, max: 2_000_000_000 });
    fc.assert(
      fc.property(fc.constantFrom(...zones), seconds, (zone, second) => {
        const at = second * 1000;
        const shown = new Date(at).toLocaleString('sv-SE', { timeZone: zone }).replace(' ', 'T');
        const { earliest, latest } = instantsOf(shown, zone);
        assert.ok(earliest <= at && at <= latest, `${shown} in ${zone}`);
        assert.ok(latest - earliest <= 3_600_000, 'at most an hour apart');
      }),
      { numRuns: 500 },
    );
  });

  test('what is no zone, or no local time', () => {
    for (const name of ['', 'Europe/Atlantis', '+01:00', 'UTC+1', 'Local', '../UTC']) {
      assert.equal(isZone(name), false, name);
    }
    assert.ok(isZone('UTC') && isZone('America/Argentina/Ushuaia'));
    const times = ['2026-01-01', '2026-01-01T00:00:00Z', '2026-02-30T00:00:00', '2026-01-01T24:00:00'];
    for (const text of [...times, '2026-01-01T00:00:00.5', '0001-01-01T00:00:00', '']) {
      assert.equal(isWallTime(text), false, text);
    }
  });
});

describe('a freeze window that cannot be meant', () => {
  const [start, end] = ["start: '2026-01-01T00:00:00'", "end: '2026-01-02T00:00:00'"];
  for (const [name, line, members] of [
    ['a zone that is none', 5, ['timezone: Mars/Olympus', `windows: [{${start}, ${end}}]`]],
    ['no zone', 4, [`windows: [{${start}, ${end}}]`]],
    ['no windows', 4, ['timezone: UTC']],
    ['no windows, though it is enabled', 4, ['enabled: true', 'timezone: UTC']],
    [
      'windows, though it is not enabled',
      5,
      ['enabled: false', 'timezone: UTC', `windows: [{${start}, ${end}}]`],
    ],
    [
      'an end that is the start',
      7,
      ['timezone: UTC', 'windows:', `  - {${start}, end: '2026-01-01T00:00:00'}`],
    ],
    ['no end', 7, ['timezone: UTC', 'windows:', `  - {${start}}`]],
    ['a start in UTC', 6, ['timezone: UTC', `windows: [{start: '2026-01-01T00:00:00Z', ${end}}]`]],
    ['an unknown member', 5, ['zone: UTC']],
    ['an unknown effect', 5, ['effect: allow']],
  ] as const) {
    test(`${name} is refused with its line`, () => {
      const lines = ['rules:', '  - name: r', '    effect: allow', '    freeze_window:'];
      const parse = (): Policy => policyOf(...lines, ...members.map((member) => `      ${member}`));
      assert.throws(parse, gaitError('policy_invalid'));
      assert.throws(parse, { details: { line } });
    });
  }
});
