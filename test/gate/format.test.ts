import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatPolicy } from '../../src/gate/policy/format.ts';
import { lint } from '../../src/gate/policy/lint.ts';
import { policyOf } from '../support/gate.ts';

const formatted = (...lines: readonly string[]): string =>
  formatPolicy(Buffer.from(`${lines.join('\n')}\n`), 'p');

describe('formatting a policy', () => {
  test('puts members in one order', () => {
    const text = formatted('rules:', '  - effect: block', '    name: a', 'default_verdict: block');
    assert.equal(text, 'default_verdict: block\nrules:\n  - name: a\n    effect: block\n');
  });

  test('puts the members of a freeze window in order', () => {
    const lines = ['rules:', '  - name: a', '    effect: block', '    freeze_window:'];
    const windows = ["      windows: [{end: '2026-01-02T00:00:00', start: '2026-01-01T00:00:00'}]"];
    const text = formatted(...lines, ...windows, '      timezone: UTC', '    priority: 1');
    assert.match(
      text,
      /priority: 1\n +effect: block\n +freeze_window:\n +timezone: UTC\n +windows:\n +- start: .*\n +end: /,
    );
  });

  test('leaves a map with comments in its order, so that none comes to be about something else', () => {
    const lines = ['rules:', '  - effect: block', '    # why it is called so', '    name: a'];
    assert.match(formatted(...lines), /effect: block\n +# why it is called so\n +name: a\n/);
  });

  test('leaves what an alias stands for before it', () => {
    const lines = [
      'rules:',
      '  - reason_codes: &a [x]',
      '    match: {tool_names: *a}',
      '    name: n',
      '    effect: block',
    ];
    assert.match(formatted(...lines), /reason_codes: &a \[x\]\n +match:\n +tool_names: \*a\n/);
  });

  test('keeps a file that is nothing but a comment', () => {
    assert.equal(formatted('# later'), '# later\n');
  });
});

test('an alias is no key', () => {
  const text = 'fail_closed: {risk_classes: [&k rules]}\n*k : []';
  assert.throws(() => policyOf(text), { code: 'policy_invalid', message: /a key is not text/ });
});

test('words that no call can have are pointed out, and others are not', () => {
  const codesOf = (match: string): string[] =>
    lint(policyOf('default_verdict: block', 'rules:', `  - {name: r, effect: block, match: {${match}}}`)).map(
      ({ code }) => code,
    );
  assert.deepEqual(codesOf('target_kinds: [hots]'), ['word_unknown', 'never_matches']);
  assert.deepEqual(codesOf('target_kinds: [hots, host]'), ['word_unknown']);
  assert.deepEqual(codesOf('provenance_sources: [externl]'), ['word_unknown', 'never_matches']);
  assert.deepEqual(codesOf('target_kinds: [host], provenance_sources: [external]'), []);
});
