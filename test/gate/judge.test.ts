import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import type { Intent, IntentRequest } from '../../src/gate/intent/intent.ts';
import { ANY_CREDENTIAL } from '../../src/gate/policy/credential_rules.ts';
import { policyDigest } from '../../src/gate/policy/digest.ts';
import { lint } from '../../src/gate/policy/lint.ts';
import { HIGH_RISK_FIELDS, type Policy, type RateLimit } from '../../src/gate/policy/policy.ts';
import { simulate } from '../../src/gate/simulate.ts';
import {
  accountsOf,
  callOn,
  decided,
  decisionOf,
  intentOf,
  judgementOf,
  NOON,
  policyOf,
  requestOf,
  verdictOf,
} from '../support/gate.ts';

/** One rule that allows, with these lines more, where everything else is blocked. */
function allowing(...lines: readonly string[]): ReturnType<typeof policyOf> {
  return policyOf(
    'default_verdict: block',
    'rules:',
    '  - name: r',
    '    effect: allow',
    ...lines.map((line) => `    ${line}`),
  );
}

const DELEGATED = { requester_identity: 'agent', scope_class: 'write' };

describe('rules', () => {
  test('an empty policy lets nothing run', () => {
    const { verdict, reason_codes } = decided(policyOf(''), intentOf());
    assert.deepEqual(
      { verdict, reason_codes },
      { verdict: 'require_approval', reason_codes: ['default_require_approval'] },
    );
  });

  test('the first priority with a rule that matches decides', () => {
    const policy = policyOf(
      'rules:',
      '  - {name: late, priority: 2, effect: block}',
      '  - {name: early, priority: 1, effect: allow}',
      '  - {name: other, priority: -1, effect: block, match: {tool_names: [tool.read]}}',
    );
    const { verdict, matched_rules } = decisionOf(policy, intentOf());
    assert.deepEqual({ verdict, matched_rules }, { verdict: 'allow', matched_rules: ['early'] });
  });

  test('a rule without reasons gives its name', () => {
    const { reason_codes } = decided(
      policyOf('rules:', '  - {name: No Such-Thing, effect: block}'),
      intentOf(),
    );
    assert.deepEqual(reason_codes, ['matched_rule_no_such_thing']);
  });

  test('every member of a match must hold, and any of its values does', () => {
    const policy = allowing('match: {tool_names: [tool.read, tool.write], identities: [agent]}');
    assert.equal(verdictOf(policy, intentOf()), 'allow');
    assert.equal(verdictOf(policy, intentOf({ context: { identity: 'other' } })), 'block');
    assert.equal(verdictOf(policy, intentOf({ tool_name: 'tool.list' })), 'block');
  });

  test('W-16: of rules of one priority the strictest decides, and no duty of the others is dropped', () => {
    const policy = policyOf(
      'rules:',
      '  - name: a',
      '    effect: allow',
      '    require_broker_credential: true',
      '    broker_reference: vault',
      '    broker_scopes: [write]',
      '    rate_limit: {requests: 3}',
      '  - {name: b, effect: require_approval, min_approvals: 2, reason_codes: [two_people]}',
    );
    const { verdict, reason_codes, matched_rules, duties } = decisionOf(policy, intentOf());
    assert.deepEqual(
      { verdict, reason_codes, matched_rules },
      { verdict: 'require_approval', reason_codes: ['two_people'], matched_rules: ['a', 'b'] },
    );
    assert.deepEqual(duties, {
      approvals: 2,
      distinct_approvers: true,
      delegation: false,
      delegation_scopes: [],
      undelegated: false,
      broker: { references: ['vault'], scopes: ['write'] },
      credential: ANY_CREDENTIAL,
      rate_limits: [{ requests: 3, window: 'minute', scope: 'tool_identity' }],
      destructive_budgets: [],
    });
  });

  test('a rule that allows, and asks for approvals, asks for approvals', () => {
    const { verdict, duties } = decisionOf(allowing('min_approvals: 2'), intentOf());
    assert.deepEqual([verdict, duties.approvals, duties.distinct_approvers], ['require_approval', 2, true]);
  });

  test('a rule that asks for a credential lets nothing run without one', () => {
    assert.deepEqual(decided(allowing('require_broker_credential: true'), intentOf()), {
      verdict: 'block',
      reason_codes: ['broker_credential_required', 'matched_rule_r'],
      violations: ['broker_credential_missing'],
    });
  });
});

describe('what a call of high risk must claim', () => {
  const policyFor = (field: string): Policy =>
    policyOf(
      'default_verdict: allow',
      `fail_closed: {enabled: true, risk_classes: [high], required_high_risk_fields: [${field}]}`,
    );

  const SAID: JsonObject = {
    ...Object.fromEntries(HIGH_RISK_FIELDS.map((field) => [field, 'x'])),
    ...{ agent_identity: { owner: 'x' }, credential_ttl_seconds: 1 },
    ...{ credential_source: 'stub', credential_access_type: 'jit' },
  };

  for (const field of HIGH_RISK_FIELDS) {
    test(`${field}: a call without it is blocked, one that says it is not`, () => {
      const { [field]: value, ...others } = SAID;
      const said = (context: JsonObject, risk_class = 'high'): IntentRequest =>
        requestOf({ context: { ...context, risk_class } });
      const policy = policyFor(field);
      assert.equal(verdictOf(policy, said({ [field]: value ?? null })), 'allow');
      assert.deepEqual(decided(policy, said(others)), {
        verdict: 'block',
        reason_codes: [`fail_closed_missing_${field}`],
        violations: [`missing_${field}`],
      });
      assert.equal(verdictOf(policy, said(others, 'h1gh')), 'block', 'W-8');
      assert.equal(verdictOf(policy, said(others, 'low')), 'allow');
    });
  }

  test('what says nothing is not said', () => {
    for (const [field, value] of [
      ['agent_identity', {}],
      ['agent_identity', { revoked: false }],
      ['credential_ttl_seconds', 0],
      ['environment', ' '],
    ] as const) {
      const request = requestOf({ context: { risk_class: 'high', [field]: value } });
      assert.equal(verdictOf(policyFor(field), request), 'block', field);
    }
  });

  test('the fields are in the digest', () => {
    assert.notEqual(policyDigest(policyFor('repo')), policyDigest(policyFor('run_id')));
    assert.throws(() => policyFor('colour'), { code: 'policy_invalid', details: { line: 2 } });
  });

  test('fields of a policy that does not fail closed are pointed out', () => {
    const codes = (enabled: boolean): string[] =>
      lint(policyOf(`fail_closed: {enabled: ${enabled}, required_high_risk_fields: [repo]}`)).map(
        ({ code }) => code,
      );
    assert.ok(codes(false).includes('fail_closed_off') && !codes(true).includes('fail_closed_off'));
  });
});

describe('destructive budgets', () => {
  const policy = policyOf(
    'rules:',
    '  - {name: a, effect: allow, destructive_budget: {requests: 5, window: hour, scope: tool}}',
    '  - {name: b, effect: require_approval, destructive_budget: {requests: 2}}',
  );
  const budgetsOf = (call: Intent): readonly RateLimit[] =>
    judgementOf(policy, call).duties.destructive_budgets;

  test('W-16: all of the rules that match are kept, for a call that destroys', () => {
    const [five, two] = [
      { requests: 5, window: 'hour', scope: 'tool' },
      { requests: 2, window: 'minute', scope: 'tool_identity' },
    ];
    assert.deepEqual(budgetsOf(callOn('path', '/a', { operation: 'delete' })), [five, two]);
  });

  test('a call destroys by what it does, not by what it says', () => {
    const target = { kind: 'path', value: '/a' };
    for (const [name, call, owes] of [
      ['an operation', callOn('path', '/a', { operation: 'rm', endpoint_class: 'fs.read' }), true],
      ['a class', callOn('path', '/a', { endpoint_class: 'fs.delete' }), true],
      ['what it says', callOn('path', '/a', { operation: 'read', destructive: true }), true],
      ['a false word', callOn('path', '/a', { operation: 'delete', destructive: false }), true],
      ['the name of a tool', intentOf({ tool_name: 'fs.delete', targets: [target] }), true],
      ['the name of a tool, with no targets', intentOf({ tool_name: 'tool.exec' }), true],
      ['nothing', callOn('path', '/a', { operation: 'read' }), false],
      ['nothing it says', intentOf(), false],
    ] as const) {
      assert.equal(budgetsOf(call).length > 0, owes, name);
    }
  });

  test('a smaller one is something stricter to owe', () => {
    const budget = (requests: number): Policy =>
      policyOf('rules:', `  - {name: a, effect: allow, destructive_budget: {requests: ${requests}}}`);
    const request = requestOf({ tool_name: 'fs.delete' });
    const advice = (from: number, to: number): string =>
      simulate(budget(from), budget(to), [{ path: 'call', request }], NOON).recommendation;
    assert.deepEqual([advice(5, 2), advice(2, 5)], ['require_approval', 'observe']);
  });

  test('one of no requests is refused: it would be none', () => {
    for (const budget of ['{}', '{requests: 0}', '{window: hour}']) {
      const parse = (): Policy =>
        policyOf('rules:', '  - name: a', '    effect: allow', `    destructive_budget: ${budget}`);
      assert.throws(parse, { code: 'policy_invalid', details: { line: 4 } }, budget);
    }
  });
});

describe('delegation', () => {
  const policy = policyOf(
    'default_verdict: allow',
    'rules:',
    '  - {name: delegated, effect: allow, match: {require_delegation: true, delegation_scopes: [write]}}',
  );

  test('W-5: one that is only claimed lets nothing run', () => {
    const { verdict, reason_codes } = decided(policy, intentOf({ delegation: DELEGATED }));
    assert.deepEqual(
      [verdict, reason_codes],
      ['block', ['delegation_token_missing', 'matched_rule_delegated']],
    );
  });

  test('W-6: a rule that asks for one is not got around by claiming none', () => {
    const { verdict, reason_codes } = decided(policy, intentOf());
    assert.deepEqual([verdict, reason_codes], ['block', ['default_allow', 'delegation_token_missing']]);
  });

  test('W-5: any question about a delegation asks for proof of it', () => {
    const chain = [{ delegator_identity: 'boss', delegate_identity: 'agent' }];
    const claims = { delegation: { ...DELEGATED, chain } };
    for (const ask of [
      ...['delegation_scopes: [write]', 'allowed_delegator_identities: [boss]'],
      ...['allowed_delegate_identities: [agent]', 'max_delegation_depth: 3'],
    ]) {
      const scoped = allowing(`match: {${ask}}`);
      assert.deepEqual(
        decided(scoped, intentOf(claims)).reason_codes,
        ['delegation_token_missing', 'matched_rule_r'],
        ask,
      );
      const open = policyOf(
        'default_verdict: allow',
        'rules:',
        `  - {name: r, effect: require_approval, match: {${ask}}}`,
      );
      assert.equal(verdictOf(open, intentOf()), 'block', `${ask}, and none is claimed`);
    }
  });

  test('a rule that blocks what is delegated leaves other calls alone', () => {
    const strict = policyOf(
      'default_verdict: allow',
      'rules:',
      '  - {name: d, effect: block, match: {require_delegation: true}}',
    );
    assert.equal(verdictOf(strict, intentOf()), 'allow');
    assert.equal(verdictOf(strict, intentOf({ delegation: DELEGATED })), 'block');
  });

  test('W-5: a claim that is not the one asked for is no better than none', () => {
    const policy = policyOf(
      'rules:',
      '  - {name: d, priority: 1, effect: require_approval, match: {require_delegation: true, delegation_scopes: [write]}}',
      '  - {name: all, priority: 2, effect: allow}',
    );
    assert.equal(verdictOf(policy, intentOf()), 'block');
    assert.equal(
      verdictOf(policy, intentOf({ delegation: { requester_identity: 'x', scope_class: 'bogus' } })),
      'block',
    );
  });

  test('a rule of the same priority does not lift what the one that asks for it asks', () => {
    const beside = policyOf(
      'rules:',
      '  - {name: d, effect: allow, match: {require_delegation: true}}',
      '  - {name: p, effect: require_approval}',
    );
    assert.equal(verdictOf(beside, intentOf()), 'block');
  });

  test('a later rule may still ask a person about a call that is not delegated', () => {
    const asking = policyOf(
      'rules:',
      '  - {name: d, priority: 1, effect: allow, match: {require_delegation: true}}',
      '  - {name: p, priority: 2, effect: require_approval}',
    );
    assert.equal(verdictOf(asking, intentOf()), 'require_approval');
  });
});

describe('risk', () => {
  const policy = policyOf(
    'default_verdict: allow',
    'fail_closed: {enabled: true, required_fields: [targets]}',
  );

  test('calls of high risk that say too little are blocked', () => {
    assert.deepEqual(decided(policy, intentOf({ context: { risk_class: 'high' } })), {
      verdict: 'block',
      reason_codes: ['fail_closed_missing_targets'],
      violations: ['missing_targets'],
    });
    assert.equal(verdictOf(policy, intentOf()), 'allow');
  });

  test('W-8: a risk that nobody knows is the highest where that is stricter, and none where it is not', () => {
    const strange = { context: { risk_class: 'h1gh' } };
    assert.equal(verdictOf(policy, intentOf(strange)), 'block');
    const only = policyOf(
      'default_verdict: allow',
      'fail_closed: {enabled: true, risk_classes: [high], required_fields: [targets]}',
    );
    assert.equal(verdictOf(only, intentOf(strange)), 'block');
    const restricting = policyOf(
      'default_verdict: allow',
      'rules:',
      '  - {name: r, effect: block, match: {risk_classes: [medium]}}',
    );
    assert.equal(verdictOf(restricting, intentOf(strange)), 'block');
    assert.equal(
      verdictOf(allowing('match: {risk_classes: [critical, high, medium, low]}'), intentOf(strange)),
      'block',
    );
    assert.equal(
      verdictOf(allowing('match: {risk_classes: [h1gh]}'), intentOf(strange)),
      'allow',
      'the policy knows it',
    );
  });

  test('a target of which nobody knows what is done to it is blocked where calls fail closed', () => {
    const intent = intentOf({
      context: { risk_class: 'critical' },
      targets: [{ kind: 'table', value: 't' }],
    });
    assert.deepEqual(decided(policy, intent).reason_codes, ['fail_closed_endpoint_class_unknown']);
  });
});

describe('W-10: lists of paths look at plain paths', () => {
  const listed = allowing("endpoint: {path_allowlist: ['/data/**'], path_denylist: ['/data/secret/**']}");

  for (const path of ['/data', '/data/a', '/data//a/./b', '/data/x/../a', '/data/a/']) {
    test(`${path} is allowed`, () => assert.equal(verdictOf(listed, callOn('path', path)), 'allow'));
  }

  for (const path of [
    ...['/data/../etc/passwd', '/database', '/', 'data/a', '../data/a', '/data/a/../../etc', '/data/..'],
    ...['\\data\\a', '/x\\..\\..\\data\\a', '//data/a', '\\\\data\\a'],
    ...['/data/secret/k', '/data/./secret/k', '/data//secret//k', '/data/x/../secret/k', '/data/secret/'],
  ]) {
    test(`${path} is blocked`, () => assert.equal(verdictOf(listed, callOn('path', path)), 'block'));
  }

  for (const [denied, ...paths] of [
    ['/etc/secret/', '/etc/secret', '/etc//secret', '/x/../etc/secret'],
    ['/people/*/.ssh/**', '/people/bob/.ssh/id', '/people/bob/.ssh', '/people/bob/.ssh/a/b'],
    ['**/.env', '/a/b/.env', '.env', '/repo/.env'],
    ['**', '/a/b', 'x'],
    ['/srv/**/.env', '/srv/.env', '/srv/a/.env', '/srv/a/b/.env'],
    ['**/secrets/**', 'secrets', 'secrets/k', '/secrets/k', '/a/secrets/k'],
    ['secrets/**', '/repo/secrets/k', 'secrets/k'],
    ['/x/**/y/**/z', '/x/y/z', '/x/y/a/z', '/x/a/y/z', '/x/a/b/y/c/d/z'],
    ['/repo/secret/**', 'secret/key', './secret/key'],
    ['/etc/passwd', 'file:///etc/passwd', '/etc/passwd\0', '/etc/%2e%2e/etc/passwd', '/é\0'],
    ['/caf\u00e9', '/cafe\u0301'],
  ] as const) {
    test(`nothing gets around ${JSON.stringify(denied)}`, () => {
      const denying = policyOf(
        'default_verdict: allow',
        'rules:',
        `  - {name: r, effect: allow, endpoint: {path_denylist: [${JSON.stringify(denied)}]}}`,
      );
      assert.equal(verdictOf(denying, callOn('path', '/other/place')), denied === '**' ? 'block' : 'allow');
      for (const path of paths) assert.equal(verdictOf(denying, callOn('path', path)), 'block', path);
    });
  }

  test('a grant of paths is none of anything else', () => {
    for (const kind of ['repo', 'bucket', 'table', 'queue', 'topic', 'other', 'host', 'url']) {
      const target = callOn(kind, '/etc/passwd', { endpoint_class: 'ui.click' });
      assert.equal(verdictOf(listed, target), 'block', kind);
    }
    assert.equal(verdictOf(listed, callOn('url', 'https://x.test/')), 'block');
  });

  test('what is no path by its kind, but by its class or scheme, is looked at as one', () => {
    for (const [kind, value, more] of [
      ['other', '/etc/passwd', { endpoint_class: 'fs.read' }],
      ['url', 'file:///etc/passwd', {}],
    ] as const) {
      assert.equal(verdictOf(listed, callOn(kind, value, more)), 'block', kind);
    }
  });

  test('a call that names no target passes no list', () => {
    assert.deepEqual(decided(listed, intentOf()).violations, [
      'endpoint_constraint_violation',
      'endpoint_no_targets',
    ]);
  });

  test('a workspace is a folder, not the beginning of a name, for a rule that grants', () => {
    const granting = allowing('match: {workspace_prefixes: [/repo]}');
    for (const [workspace, verdict] of [
      ['/repo', 'allow'],
      ['/repo/sub/', 'allow'],
      ['/repo-evil', 'block'],
      ['/repo/../etc', 'block'],
    ] as const) {
      assert.equal(verdictOf(granting, intentOf({ context: { workspace } })), verdict, workspace);
    }
  });

  test('a rule that blocks a workspace is not got around by its spelling', () => {
    const blocking = policyOf(
      'default_verdict: allow',
      'rules:',
      '  - {name: r, effect: block, match: {workspace_prefixes: [/repo]}}',
    );
    for (const workspace of [
      '/repo',
      '/repo/x',
      '//repo/x',
      '/x/../repo',
      '/./repo',
      '/repo-2',
      '/../repo',
      '../repo',
    ]) {
      assert.equal(verdictOf(blocking, intentOf({ context: { workspace } })), 'block', workspace);
    }
  });
});

describe('W-11: lists of domains look at where a call leads', () => {
  const listed = allowing(
    "endpoint: {domain_allowlist: ['good.com', '*.good.org'], domain_denylist: [bad.good.org]}",
  );

  for (const [kind, value] of [
    ['url', 'https://good.com/x'],
    ['url', 'https://GOOD.com:8443/'],
    ['url', 'https://good.com./'],
    ['url', 'https://a.b.good.org'],
    ['host', 'good.com'],
    ['host', 'good.com:443'],
    ['host', 'wss://good.com'],
    ['url', 'https://user@good.com/'],
    ['url', 'https://good.com/?q=a b'],
  ] as const) {
    test(`${kind} ${value} is allowed`, () => assert.equal(verdictOf(listed, callOn(kind, value)), 'allow'));
  }

  for (const [kind, value, more] of [
    ['url', 'evil.com/exfil'],
    ['url', 'https://evil.com\\@good.com/x'],
    ['url', 'https://good.com@evil.com/'],
    ['url', 'https://a@b@good.com/'],
    ['url', 'https://good.com.evil.com/'],
    ['url', 'mongodb://evil.com,good.com/db'],
    ['url', 'http://evil.com%2cgood.com/'],
    ['other', 'https:/evil.com/'],
    ['path', 'https:\\\\evil.com\\x'],
    ['other', '\u0001https://evil.com'],
    ['other', '//evil.com/x'],
    ['repo', 'git@evil.com:o/r.git'],
    ['table', 'jdbc:postgresql://evil.com/db'],
    ['other', 'evil.com', { endpoint_class: 'net.http', endpoint_domain: 'good.com' }],
    ['path', '/etc/passwd'],
    ['url', 'https://good.org/'],
    ['url', 'https://bad.good.org./'],
    ['url', 'https://BAD.good.org/'],
    ['url', 'https://gооd.com/'],
    ['url', 'https://evil.com/', { endpoint_domain: 'good.com' }],
    ['host', 'good.com:80@evil.com'],
    ['host', 'evil.com'],
    ['other', 'x', { endpoint_domain: 'evil.com' }],
    ['repo', 'https://evil.com/x'],
    ['other', 'https://evil.com/x'],
    ['other', 'x', { endpoint_class: 'net.http' }],
    ['host', 'HTTP://evil.com'],
    ['url', 'ssh://bad.good.org../x'],
    ['url', 'git://b%61d.good.org/x'],
  ] as const) {
    const said = more === undefined ? '' : ` that says ${JSON.stringify(more)}`;
    test(`${kind} ${value}${said} is blocked`, () => {
      assert.equal(verdictOf(listed, callOn(kind, value, more)), 'block');
    });
  }
});

describe('W-11: denied domains in all their spellings', () => {
  for (const [denied, ...values] of [
    ['evil.com', 'git://EVIL.com/x', 'git://ev%69l.com/x', 'http://evil.com../x', 'https://evil.com:444/'],
    ['127.0.0.1', 'http://0x7f.1/', 'ssh://2130706433/x', 'http://[::ffff:127.0.0.1]/'],
    ['::1', 'http://[::1]/', 'http://[0:0::1]/'],
    ['bücher.de', 'https://xn--bcher-kva.de/', 'https://BÜCHER.de/'],
    ['evil.com.', 'https://evil.com/'],
    ['https://evil.com', 'https://evil.com/x'],
  ] as const) {
    test(denied, () => {
      const denying = policyOf(
        'default_verdict: allow',
        'rules:',
        `  - {name: r, effect: allow, endpoint: {domain_denylist: ["${denied}"]}}`,
      );
      assert.equal(verdictOf(denying, callOn('url', 'https://good.com/')), 'allow');
      for (const value of values) assert.equal(verdictOf(denying, callOn('url', value)), 'block', value);
    });
  }
});

describe('what a call is said to be', () => {
  const denies = (match: string) =>
    policyOf('default_verdict: allow', 'rules:', `  - {name: r, effect: block, match: {${match}}}`);

  test('does not hide what it looks to be from a rule that restricts', () => {
    const erase = callOn('path', '/x', { operation: 'delete', endpoint_class: 'fs.read' });
    assert.equal(verdictOf(denies('endpoint_classes: [fs.delete]'), erase), 'block');
    const send = callOn('url', 'https://x.test', { endpoint_class: 'fs.read' });
    assert.equal(verdictOf(denies('endpoint_classes: [net.http]'), send), 'block');
    const grants = allowing('match: {endpoint_classes: [fs.read]}');
    assert.equal(verdictOf(grants, erase), 'block', 'nor does it grant');
    assert.equal(
      verdictOf(grants, callOn('table', 'users', { operation: 'delete', endpoint_class: 'fs.read' })),
      'block',
    );
    assert.equal(
      verdictOf(grants, callOn('path', '/x', { operation: 'exec', endpoint_class: 'fs.read' })),
      'block',
    );
    assert.equal(verdictOf(grants, callOn('path', '/x', { operation: 'read' })), 'allow');
    const written = callOn('table', 'users', { operation: 'write', endpoint_class: 'fs.read' });
    assert.equal(verdictOf(grants, written), 'block');
    assert.equal(
      verdictOf(denies('endpoint_classes: [fs.delete]'), callOn('table', 'users', { operation: 'drop' })),
      'block',
    );
    const shell = intentOf({
      tool_name: 'shell.exec',
      targets: [{ kind: 'path', value: '/bin/sh', operation: 'read' }],
    });
    assert.equal(verdictOf(denies('endpoint_classes: [proc.exec]'), shell), 'block');
  });

  test('does not hide that it destroys', () => {
    const policy = allowing('endpoint: {destructive_action: block}');
    for (const call of [
      intentOf({
        tool_name: 'tool.delete',
        targets: [{ kind: 'path', value: '/x', endpoint_class: 'fs.read' }],
      }),
      intentOf({ tool_name: 'tool.delete', targets: [{ kind: 'table', value: 'users' }] }),
      intentOf({ tool_name: 'x', targets: [{ kind: 'path', value: '/bin/sh', operation: 'shell' }] }),
      intentOf({ tool_name: 'tool.exec' }),
      intentOf({ tool_name: 'deleteFile', targets: [{ kind: 'table', value: 'users', operation: 'read' }] }),
    ]) {
      assert.equal(verdictOf(policy, call), 'block', JSON.stringify(call));
    }
    assert.equal(verdictOf(policy, intentOf({ tool_name: 'text.transform' })), 'allow');
  });

  test('a value is the same however it is spelled, for a rule that restricts', () => {
    for (const [kind, listed, ...values] of [
      [
        'path',
        '/etc/passwd',
        '/etc/./passwd',
        '/etc//passwd',
        '../etc/passwd',
        '/etc/passwd\0',
        'file:///etc/passwd',
      ],
      [
        'url',
        'https://evil.com/admin',
        'https://evil.com/%61dmin',
        'https://evil.com/x/../admin',
        'https://u@evil.com/admin',
      ],
      ['url', 'https://evil.com/', 'HTTPS://EVIL.com/', 'https://evil.com', 'https://evil.com:443/'],
    ] as const) {
      for (const value of values) {
        for (const member of ['target_values', 'destination_values']) {
          assert.equal(verdictOf(denies(`${member}: ["${listed}"]`), callOn(kind, value)), 'block', value);
          assert.equal(
            verdictOf(allowing(`match: {${member}: ["${listed}"]}`), callOn(kind, value)),
            'block',
            value,
          );
        }
      }
    }
  });

  test('two targets are two, whatever characters are in them', () => {
    const policy = policyOf(
      'default_verdict: allow',
      'rules:',
      '  - {name: r, effect: block, match: {target_values: [/etc/passwd]}}',
    );
    const targets = [
      { kind: 'path', value: '/etc/passwd', operation: 'a', sensitivity: 'b\0c', endpoint_class: 'fs.read' },
      { kind: 'path', value: '/etc/passwd\0a', operation: 'b', sensitivity: 'c', endpoint_class: 'fs.read' },
    ];
    assert.equal(verdictOf(policy, intentOf({ targets })), 'block');
  });
});

describe('constraints', () => {
  test('W-20: tainted arguments make a rule stricter, never weaker', () => {
    const tainted = intentOf({
      targets: [{ kind: 'url', value: 'https://x.test' }],
      arg_provenance: [{ arg_path: '$.a', source: 'external' }],
    });
    for (const [effect, verdict] of [
      ['allow', 'require_approval'],
      ['block', 'block'],
    ]) {
      const policy = policyOf('rules:', `  - {name: r, effect: ${effect}, dataflow: {enabled: true}}`);
      assert.equal(verdictOf(policy, tainted), verdict);
    }
  });

  test('a network call is one whatever class it is said to be of', () => {
    const policy = allowing('endpoint: {egress_classes: [net.dns]}');
    assert.equal(verdictOf(policy, callOn('url', 'https://x.test', { endpoint_class: 'fs.read' })), 'block');
    assert.equal(verdictOf(policy, callOn('host', 'x.test', { operation: 'resolve' })), 'allow');
  });

  test('W-20: what leads to the network is a destination whatever kind it is said to be of', () => {
    const policy = allowing('dataflow: {enabled: true, action: block}');
    for (const kind of ['url', 'path', 'other', 'table', 'repo']) {
      const targets = [{ kind, value: 'https://x.test/' }];
      const arg_provenance = [{ arg_path: '$.a', source: 'external' }];
      assert.equal(verdictOf(policy, intentOf({ targets, arg_provenance })), 'block', kind);
    }
  });

  test('W-20: a destination counts by the kind that it is said to be of, and by where it leads', () => {
    const tainted = (kind: string, value: string) =>
      intentOf({ targets: [{ kind, value }], arg_provenance: [{ arg_path: '$.a', source: 'external' }] });
    for (const [flow, kind, value] of [
      ['destination_kinds: [repo]', 'repo', 'https://x.test/r'],
      ['destination_kinds: [url]', 'repo', 'https://x.test/r'],
      ['destination_values: [/repo/out]', 'path', 'out'],
    ] as const) {
      const policy = allowing(`dataflow: {enabled: true, action: block, ${flow}}`);
      assert.equal(verdictOf(policy, tainted(kind, value)), 'block', flow);
    }
  });

  test('W-22: destructive_action: require_approval blocks while action is block', () => {
    const erase = callOn('path', '/a', { operation: 'delete' });
    assert.equal(verdictOf(allowing('endpoint: {destructive_action: require_approval}'), erase), 'block');
    const both = allowing('endpoint: {action: require_approval, destructive_action: require_approval}');
    assert.equal(verdictOf(both, erase), 'require_approval');
  });
});

test('an explanation says of each rule whether it decides, and if not, why', () => {
  const policy = policyOf(
    'fail_closed: {enabled: true, required_fields: [targets]}',
    'rules:',
    '  - {name: other, priority: 1, effect: block, match: {tool_names: [tool.read], identities: [root]}}',
    '  - {name: this, priority: 2, effect: allow}',
    '  - {name: later, priority: 3, effect: block}',
  );
  const standings = (risk_class: string) =>
    accountsOf(policy, intentOf({ context: { risk_class } })).map(({ name, standing, misses }) => [
      name,
      standing,
      misses,
    ]);
  assert.deepEqual(standings('low'), [
    ['other', 'no', ['tool_names', 'identities']],
    ['this', 'decides', []],
    ['later', 'not_asked', []],
  ]);
  assert.deepEqual(
    standings('high').map(([, standing]) => standing),
    ['no', 'not_asked', 'not_asked'],
    'what fails closed comes before all rules',
  );
});
