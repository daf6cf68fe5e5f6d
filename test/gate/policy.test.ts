import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GaitError } from '../../src/core/errors.ts';
import { policyDigest } from '../../src/gate/policy/digest.ts';
import type { Policy, Rule } from '../../src/gate/policy/policy.ts';
import { parsePolicy } from '../../src/gate/policy/yaml.ts';

const parse = (text: string): Policy => parsePolicy(Buffer.from(text), 'the policy');
const digest = (text: string): string => policyDigest(parse(text));

/** A policy of one rule, with these members on lines of their own from line 4. */
const withRule = (...members: string[]): string =>
  ['rules:', '- name: r', '  effect: allow', ...members.map((member) => `  ${member}`), ''].join('\n');

function rule(...members: string[]): Rule {
  const [only] = parse(withRule(...members)).rules;
  assert.ok(only !== undefined);
  return only;
}

function refused(text: string | Buffer, line: number, field: string): void {
  assert.throws(
    () => parsePolicy(Buffer.from(text), 'the policy'),
    (error: unknown) => {
      assert.ok(error instanceof GaitError, String(error));
      assert.deepEqual([error.code, error.category], ['policy_invalid', 'invalid_input'], error.message);
      assert.equal(error.details['line'], line, error.message);
      assert.ok(error.message.includes(field), error.message);
      return true;
    },
  );
}

describe('digests of policies', () => {
  const EMPTY = '07a528a879e4f0e0cd5a0e2ca801924746b47dac624862207ef21d4ec266f8f9';
  const table: Readonly<Record<string, string>> = {
    '': EMPTY,
    '# nothing but this\n': EMPTY,
    '---\n': EMPTY,
    'rules: []\nschema_id: gait.gate.policy\nschema_version: 1.0.0\n': EMPTY,
    'default_verdict: require_approval': EMPTY,
    'default_verdict: allow': '65819d9cf07c7619aa8aaf2bd4e8d6f8e3f86b139b49a68c535fd14d77a5009f',
    'default_verdict: block': '3592f5ae672a396845ca29c14ade912f99cb1fca99cecb8edd9cfec74eae8a35',
  };
  for (const [text, expected] of Object.entries(table)) {
    test(`of ${JSON.stringify(text)}`, () => assert.equal(digest(text), expected));
  }

  const same: Readonly<Record<string, readonly [string, string]>> = {
    'the order of rules': [
      'rules: [{name: b, effect: allow}, {name: a, effect: block}, {name: c, effect: allow, priority: -1}]',
      'rules: [{name: c, effect: allow, priority: -1}, {name: a, effect: block}, {name: b, effect: allow}]',
    ],
    'the order of lists, and words twice': [
      withRule('match: {tool_names: [b, a], identities: [B, a]}', 'reason_codes: [y, x, y]'),
      withRule('match: {tool_names: [a, b, a], identities: [a, B]}', 'reason_codes: [x, y]'),
    ],
    'the case of lists in small letters': [
      withRule('match: {tool_names: [Tool.A]}', 'broker_scopes: [X]', 'endpoint: {domain_denylist: [A.b]}'),
      withRule('match: {tool_names: [tool.a]}', 'broker_scopes: [x]', 'endpoint: {domain_denylist: [a.b]}'),
    ],
    'comments and spelling': ['# first\ndefault_verdict: "allow" # yes\n', "{'default_verdict': allow}"],
    'defaults that are written': [
      withRule('rate_limit: {requests: 1}', 'dataflow: {enabled: true}', 'endpoint: {enabled: true}'),
      withRule(
        'priority: 0',
        'rate_limit: {requests: 1, window: minute, scope: tool_identity}',
        'dataflow: {tainted_sources: [tool_output, external]}',
        'endpoint: {enabled: true, action: block}',
      ),
    ],
    'a budget without its defaults': [
      withRule('destructive_budget: {requests: 1}'),
      withRule('destructive_budget: {requests: 1, window: minute, scope: tool_identity}'),
    ],
    'a limit without requests': [withRule('rate_limit: {window: x}'), withRule()],
    'an alias': [
      withRule('reason_codes: &a [x]', 'violations: *a'),
      withRule('reason_codes: [x]', 'violations: [x]'),
    ],
  };
  for (const [name, [one, other]] of Object.entries(same)) {
    test(`do not change with ${name}`, () => assert.equal(digest(one), digest(other)));
  }

  test('change with every member that says something', () => {
    const texts = [
      ...['', 'priority: 1', 'reason_codes: [x]', 'violations: [x]', 'min_approvals: 1', 'min_approvals: 2'],
      ...['require_distinct_approvers: true', 'require_context_evidence: true'],
      ...['required_context_evidence_mode: required', 'max_context_age_seconds: 1', 'broker_scopes: [x]'],
      ...['require_broker_credential: true', 'broker_reference: x', 'rate_limit: {requests: 1}'],
      ...[
        'rate_limit: {requests: 1, window: hour}',
        'dataflow: {enabled: true}',
        'endpoint: {enabled: true}',
      ],
      ...[
        'match: {max_delegation_depth: 0}',
        'match: {require_delegation: true}',
        'match: {identities: [a]}',
      ],
      ...['match: {identities: [A]}', 'match: {target_kinds: [host]}', 'match: {destination_kinds: [host]}'],
      ...[
        'dataflow: {destination_values: [a]}',
        'endpoint: {path_denylist: [a]}',
        'match: {data_classes: [a]}',
      ],
    ];
    const digests = texts.map((text) => digest(withRule(...(text === '' ? [] : [text]))));
    assert.equal(new Set(digests).size, texts.length);
  });
});

describe('what a policy says without words', () => {
  test('approval is asked for where nothing is said', () => {
    const { default_verdict, fail_closed, rules } = parse('');
    assert.deepEqual(
      [default_verdict, fail_closed, rules],
      [
        'require_approval',
        { enabled: false, risk_classes: [], required_fields: [], required_high_risk_fields: [] },
        [],
      ],
    );
  });

  test('fail_closed is about high and critical risk once enabled, unless it names others', () => {
    const risks = (text: string) => parse(`fail_closed: ${text}`).fail_closed.risk_classes;
    assert.deepEqual(risks('{enabled: true}'), ['critical', 'high']);
    assert.deepEqual(risks('{enabled: true, risk_classes: [" Low", low, Odd]}'), ['low', 'odd']);
    assert.deepEqual(risks('{enabled: false}'), []);
  });

  test('a rule has priority 0, asks for nothing and limits nothing', () => {
    const { priority, min_approvals, max_context_age_seconds, match, rate_limit, ...rest } = rule();
    assert.deepEqual([priority, min_approvals, max_context_age_seconds, rate_limit.requests], [0, 0, 0, 0]);
    assert.equal(match.max_delegation_depth, null);
    assert.deepEqual([rest.endpoint.enabled, rest.dataflow.enabled], [false, false]);
    assert.equal(rest.require_distinct_approvers, false);
    assert.equal(rest.required_context_evidence_mode, '');
  });

  test('more than one approval is that of distinct approvers', () => {
    const distinct = (text: string) =>
      rule(text, 'require_distinct_approvers: false').require_distinct_approvers;
    assert.deepEqual([distinct('min_approvals: 2'), distinct('min_approvals: 1')], [true, false]);
  });

  test('context evidence that is required is of the mode required', () => {
    assert.equal(rule('require_context_evidence: true').required_context_evidence_mode, 'required');
  });

  test('a limit is of a minute, and of a tool and an identity', () => {
    assert.deepEqual(rule('rate_limit: {requests: 3}').rate_limit, {
      ...{ requests: 3, window: 'minute', scope: 'tool_identity' },
    });
    const said = rule('rate_limit: {requests: 1, window: " Hour", scope: tool}').rate_limit;
    assert.deepEqual(said, { requests: 1, window: 'hour', scope: 'tool' });
  });

  test('a limit without requests may say anything else', () => {
    assert.equal(rule('rate_limit: {window: fortnight, scope: moon}').rate_limit.requests, 0);
  });

  for (const list of [
    'tainted_sources',
    'destination_kinds',
    'destination_values',
    'destination_operations',
  ]) {
    test(`dataflow is enabled by ${list}`, () => {
      const { dataflow } = rule(`dataflow: {enabled: false, ${list}: [external, tool_output]}`);
      assert.equal(dataflow.enabled, true);
      assert.deepEqual(dataflow.tainted_sources, ['external', 'tool_output']);
      const { action, reason_code, violation } = dataflow;
      const expected = ['require_approval', 'dataflow_tainted_destination', 'tainted_dataflow'];
      assert.deepEqual([action, reason_code, violation], expected);
    });
  }

  for (const member of [
    ...['path_allowlist: [a]', 'path_denylist: [a]', 'domain_allowlist: [a]', 'domain_denylist: [a]'],
    ...['egress_classes: [NET.dns]', 'destructive_action: block'],
  ]) {
    test(`an endpoint rule is enabled by ${member}`, () => {
      const { enabled, action, reason_code, violation } = rule(`endpoint: {${member}}`).endpoint;
      const expected = [true, 'block', 'endpoint_constraint_violation', 'endpoint_constraint_violation'];
      assert.deepEqual([enabled, action, reason_code, violation], expected);
    });
  }
});

describe('what a policy says', () => {
  test('rules are in the order of priority, then of the bytes of their names', () => {
    const rules = [
      '{name: b}',
      '{name: a, priority: 10}',
      '{name: a, priority: 9}',
      '{name: B}',
      '{name: z, priority: -1}',
    ];
    const text = rules.map((one) => `- ${one.replace('}', ', effect: allow}')}`).join('\n');
    const order = parse(`rules:\n${text}`).rules.map(({ name, priority }) => `${name}${priority}`);
    assert.deepEqual(order, ['z-1', 'B0', 'b0', 'a9', 'a10']);
  });

  test('some lists of a match are in small letters, and some in the case they have', () => {
    const lowered = [
      ...['tool_names', 'risk_classes', 'target_kinds', 'skill_publishers', 'skill_sources', 'data_classes'],
      ...['destination_kinds', 'destination_operations', 'provenance_sources', 'delegation_scopes'],
    ];
    const kept = [
      ...['target_values', 'destination_values', 'identities', 'workspace_prefixes'],
      ...['allowed_delegator_identities', 'allowed_delegate_identities'],
    ];
    const words = (list: string) => {
      const { match } = rule(`match: {${list}: [" b\\u0085", B, "\\ufeffa", "", B]}`);
      return (match as unknown as Record<string, unknown>)[list];
    };
    for (const list of lowered) assert.deepEqual(words(list), ['b', '\ufeffa'], list);
    for (const list of kept) assert.deepEqual(words(list), ['B', 'b', '\ufeffa'], list);
    assert.deepEqual(rule('match: {endpoint_classes: [UI.type, fs.read]}').match.endpoint_classes, [
      'fs.read',
      'ui.type',
    ]);
  });

  test('numbers and truth values in lists of text are text', () => {
    assert.deepEqual(rule('reason_codes: [1, true, yes, "2.50"]').reason_codes, ['1', '2.50', 'true', 'yes']);
  });
});

describe('policies that are refused, with the line and the field', () => {
  const top: readonly (readonly [string, number, string])[] = [
    ['\n\nschema_id: gait.gate.intent_request', 3, 'schema_id'],
    ['\nschema_version: 1.0.1', 2, 'schema_version'],
    ['# a\ndefault_verdict: deny', 2, 'default_verdict'],
    ['fail_closed:\n  required_fields:\n  - targets\n  - moon', 2, 'fail_closed.required_fields'],
    ['fail_closed:\n  enabled: yes', 2, 'fail_closed.enabled'],
    ['fail_closed:\n  enabled: true\n  extra: 1', 3, 'fail_closed.extra'],
    ['default_verdict: allow\nDefault_verdict: block', 2, 'Default_verdict'],
    ['rules: {}', 1, 'rules'],
    ['rules:\n- effect: allow', 2, 'rules[0].name'],
    ['rules:\n- name: a\n  effect: allow\n- name: b', 4, 'rules[1].effect'],
    ['default_verdict: allow\ndefault_verdict: allow', 2, ''],
    ['default_verdict: allow\n---\nrules: []', 2, 'document'],
    ['\ufeffdefault_verdict: allow', 1, 'byte-order mark'],
    ['\ndefault_verdict: !!str allow\nrules: !mine []', 3, ''],
    ['\ndefault_verdict: !!str allow', 2, ''],
    ['rules:\n- name: a\n  effect: allow\n  min_approvals: !!int "1"', 4, ''],
    ['%YAML 1.1\n---\ndefault_verdict: allow', 1, 'directive'],
    ['default_verdict: allow\n%TAG ! x', 2, ''],
    ['default_verdict: allow\n  rules: [', 1, ''],
    ['- a', 1, 'the policy'],
  ];
  for (const [text, line, field] of top) test(JSON.stringify(text), () => refused(text, line, field));

  for (const member of [
    ...[
      'effect2: 1',
      'priority: 1.5',
      'priority: "1"',
      'priority: 010',
      'priority: 9007199254740993',
      'name2: a',
    ],
    ...['min_approvals: -1', 'min_approvals: two', 'max_context_age_seconds: -1', 'reason_codes: x'],
    ...[
      'required_context_evidence_mode: best_effort',
      'require_broker_credential: yes',
      'violations: [2.50]',
    ],
    ...['broker_reference: 1e3', 'broker_scopes: [0x10]', 'broker_reference: [a]'],
    ...[
      'match.extra: 1',
      'match.tool_names: tool.x',
      'match.endpoint_classes: [net.ftp]',
      'match.identities: [[a]]',
    ],
    ...['match.max_delegation_depth: -1', 'match.max_delegation_depth: 1.5', 'match.require_delegation: 1'],
    ...['endpoint.extra: 1', 'endpoint.egress_classes: [fs.read]', 'endpoint.action: allow'],
    ...['endpoint.destructive_action: dry_run', 'dataflow.extra: 1', 'dataflow.action: allow'],
    ...['rate_limit.extra: 1', 'rate_limit.requests: -1', 'rate_limit.window: day', 'rate_limit.scope: team'],
  ]) {
    test(member, () => {
      const dotted = /^([a-z_]+)\.([a-z_]+: .*)$/.exec(member);
      const limit = /window|scope: team/.test(member) ? ['  requests: 1'] : [];
      const lines = dotted === null ? [member] : [`${dotted[1]}:`, ...limit, `  ${dotted[2]}`];
      refused(withRule(...lines), 3 + lines.length, `rules[0].${member.split(':')[0]}`);
    });
  }

  test('an effect that there is not', () =>
    refused('rules:\n- name: a\n  effect: deny', 3, 'rules[0].effect'));

  test('merge keys', () => refused(withRule('endpoint: {<<: {path_denylist: [a]}}'), 4, '<<'));
});

describe('L5: a line end that only some readers see', () => {
  for (const [name, end] of Object.entries({ CR: '\r', NEL: '\u0085', LS: '\u2028', PS: '\u2029' }))
    test(name, () =>
      refused(`default_verdict: block #${end}default_verdict: allow\n`, 1, 'a line ends there'),
    );
});
