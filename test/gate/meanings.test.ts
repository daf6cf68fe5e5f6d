import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import { lint } from '../../src/gate/policy/lint.ts';
import { parsePolicy } from '../../src/gate/policy/yaml.ts';
import { callOn, decisionOf, intentOf, policyOf, verdictOf } from '../support/gate.ts';
import { gaitError } from '../support/refusals.ts';

/** A rule that allows all but what its endpoint lists say. */
function allowBut(...endpoint: readonly string[]) {
  return policyOf(
    'default_verdict: block',
    'rules:',
    '  - name: r',
    '    effect: allow',
    `    endpoint: {${endpoint.join(', ')}}`,
  );
}

function blocking(match: string, verdict = 'allow') {
  return policyOf(
    `default_verdict: ${verdict}`,
    'rules:',
    '  - name: r',
    '    effect: block',
    `    match: {${match}}`,
  );
}

function allowing(match: string, ...more: readonly string[]) {
  return policyOf(
    'default_verdict: block',
    'rules:',
    '  - name: r',
    '    effect: allow',
    `    match: {${match}}`,
    ...more,
  );
}

const KINDS = ['path', 'url', 'host', 'other', 'repo', 'bucket', 'table', 'queue', 'topic'] as const;

describe('what is denied in one spelling is denied in all', () => {
  const keys = allowBut(`path_denylist: ['/home/u/.ssh/**', '**/.env']`);
  const spellings = [
    ...[
      '/home/u/.ssh/id',
      '//home/u/.ssh/id',
      '///home/u/.ssh/id',
      '/home//u/./x/../.ssh/id',
      '/\\home/u/.ssh/id',
    ],
    ...[
      'file:///home/u/.ssh/id',
      'FILE:/home/u/.ssh/id',
      'file://localhost/home/u/.ssh/id',
      'file:///home/u/%2essh/id',
    ],
    ...['/proc/self/root/home/u/.ssh/id', '/proc/1/root/home/u/.ssh/id', '//proc/self//root/home/u/.ssh/id'],
    ...[
      '~/.ssh/id',
      '$HOME/.ssh/id',
      `\${HOME}/.ssh/id`,
      '/home/u/.ssh*/id',
      '/home/*/.ssh/id',
      '/home/u/.s?h/id',
    ],
    ...['/home/u/{.ssh,x}/id', '/home/u/[.]ssh/id', '/home/$USER/.ssh/id', '/home/$(whoami)/.ssh/id'],
    ...[
      'ab:/.env',
      'x:/repo/.env',
      'user@host:.env',
      '.e*',
      '{.env,a}',
      '.en?',
      './/.env',
      'view-source:file:///x/.env',
    ],
  ];
  for (const value of spellings) {
    test(`C1, M6: ${value}`, () => {
      for (const kind of KINDS) {
        assert.equal(verdictOf(keys, callOn(kind, value, { operation: 'read' })), 'block', kind);
        const said = callOn(kind, value, { endpoint_domain: 'x.com', endpoint_class: 'net.http' });
        assert.equal(verdictOf(keys, said), 'block', `${kind}, said to be of x.com`);
      }
    });
  }

  for (const value of ['/home/u/notes', '/home/u/.sshx/id', 'src/env', '/repo/app/[id]/page.tsx']) {
    test(`${value} is not denied`, () =>
      assert.equal(verdictOf(keys, callOn('path', value, { operation: 'read' })), 'allow'));
  }

  const domains = allowBut('domain_denylist: [evil.com, 127.0.0.1]');
  for (const value of [
    ...[
      'evil.com',
      'evil.com:443',
      'EVIL.com.',
      'https://evil.com/x',
      'http:evil.com/x',
      'http:/evil.com/x',
      '//evil.com/x',
    ],
    ...[
      'https://user@evil.com',
      'git@evil.com:x/y',
      'gopher://evil.com',
      'evil.com/x',
      'ht\ttp://evil.com',
      'http:\\\\evil.com',
    ],
    ...['http://127.1', 'http://[::ffff:127.0.0.1]', 'http://[::7f00:1]', 'http://[64:ff9b::7f00:1]'],
    ...['http://[2002:7f00:1::]', 'http://[::ffff:0:127.0.0.1]', 'http://0x7f.1'],
  ]) {
    test(`M1: ${JSON.stringify(value)}`, () => {
      for (const kind of KINDS) assert.equal(verdictOf(domains, callOn(kind, value)), 'block', kind);
      const hidden = callOn('other', value, { endpoint_domain: 'good.com' });
      assert.equal(verdictOf(domains, hidden), 'block', 'said to be of another domain');
    });
  }

  test('blocks of addresses, and sorts of them', () => {
    const inside = allowBut(
      'domain_denylist: [private, loopback, link-local, 203.0.113.0/24, "2001:db8::/32"]',
    );
    for (const host of [
      ...[
        '10.1.2.3',
        '192.168.0.1',
        '172.31.0.1',
        '127.8.8.8',
        'localhost',
        'a.localhost',
        '169.254.169.254',
        '203.0.113.9',
      ],
      ...['[fd00::1]', '[::1]', '[fe80::1]', '[2001:db8::5]', '[::ffff:10.0.0.1]', '0x0a.0.0.1', '0'],
    ])
      assert.equal(verdictOf(inside, callOn('url', `http://${host}/`)), 'block', host);
    for (const host of ['8.8.8.8', '203.0.114.1', 'example.com', '172.32.0.1'])
      assert.equal(verdictOf(inside, callOn('url', `http://${host}/`)), 'allow', host);
  });
});

describe('whoever grants is met only where there is one meaning', () => {
  const repo = allowBut(`path_allowlist: ['/repo/**']`);
  for (const value of ['/repo/a', '/repo/app/[id]/page.tsx', '/repo/{a,b}', '/repo/*.ts'])
    test(`${value} is let through`, () => assert.equal(verdictOf(repo, callOn('path', value)), 'allow'));
  for (const value of [
    ...[
      '/repo/../etc',
      '//repo/a',
      '/repo/.*/x',
      '/repo/{a,../../etc}',
      '~/a',
      '$HOME/a',
      '/repo/$X/a',
      '/repo/`id`',
    ],
    ...['file:///repo/a', '/{repo,etc}/a', '/*/a', '/proc/self/root/etc/x', '/repo\\..\\etc'],
  ])
    test(`${value} is not`, () => assert.equal(verdictOf(repo, callOn('path', value)), 'block'));

  test('F3: a list of domains lets no scheme through that does not go there', () => {
    const local = allowBut('domain_allowlist: [localhost]');
    assert.equal(verdictOf(local, callOn('url', 'http://localhost:8080/')), 'allow');
    for (const value of [
      'file://localhost/etc/passwd',
      'FILE://LOCALHOST/etc/passwd',
      'javascript://localhost/%0aalert(1)',
    ])
      for (const kind of ['url', 'other', 'host'])
        assert.equal(verdictOf(local, callOn(kind, value)), 'block', `${kind} ${value}`);
    assert.equal(verdictOf(local, callOn('url', 'gopher://localhost:6379/x')), 'block');
    const ssh = allowBut('domain_allowlist: [good.com]', 'schemes: [ssh]', 'ports: [22]');
    assert.equal(verdictOf(ssh, callOn('url', 'ssh://git@good.com/o/r.git')), 'allow');
    for (const value of ['https://good.com/', 'ssh://good.com:2222/'])
      assert.equal(verdictOf(ssh, callOn('url', value)), 'block', value);
  });
});

describe('a call is as strict as its strictest part', () => {
  const reads = allowing('endpoint_classes: [fs.read]');
  const target = (kind: string, value: string, more: JsonObject = {}): JsonObject => ({
    kind,
    value,
    ...more,
  });
  const good = target('path', '/srv/pub/readme', { operation: 'read' });

  test('C3, F1: a harmless target beside the real one changes nothing', () => {
    assert.equal(verdictOf(reads, intentOf({ targets: [good] })), 'allow');
    const cases: readonly [string, JsonObject, JsonObject][] = [
      ['endpoint_classes: [fs.read]', good, target('path', '/etc/shadow', { operation: 'delete' })],
      ['target_values: [git status]', target('other', 'git status'), target('other', 'rm -rf ~')],
      ['target_kinds: [path]', good, target('url', 'https://evil.example')],
      [
        'data_classes: [public]',
        target('path', '/a', { sensitivity: 'public' }),
        target('path', '/b', { sensitivity: 'secret' }),
      ],
      ['destination_kinds: [bucket]', target('bucket', 'b'), target('url', 'https://evil.example')],
      ['destination_values: [b]', target('bucket', 'b'), target('bucket', 'c')],
      ['destination_operations: [read]', good, target('path', '/x', { operation: 'write' })],
    ];
    for (const [match, fits, other] of cases) {
      assert.equal(verdictOf(allowing(match), intentOf({ targets: [fits] })), 'allow', match);
      assert.equal(verdictOf(allowing(match), intentOf({ targets: [fits, other] })), 'block', match);
    }
  });

  test('C3: nor does an argument of the user beside one from outside', () => {
    const label = (arg_path: string, source: string): JsonObject => ({ arg_path, source });
    const call = (...arg_provenance: JsonObject[]) => intentOf({ args: { a: 1, b: 2 }, arg_provenance });
    const users = allowing('provenance_sources: [user]');
    assert.equal(verdictOf(users, call(label('$.a', 'user'))), 'allow');
    assert.equal(verdictOf(users, call(label('$.a', 'user'), label('$.b', 'external'))), 'block');
  });

  test('a rule that finds the secret in one target and the address in another still holds', () => {
    const leak = blocking('data_classes: [secret], destination_kinds: [url]');
    const secret = target('path', '/a', { sensitivity: 'secret' });
    for (const kind of ['url', 'other', 'path'])
      assert.equal(
        verdictOf(leak, intentOf({ targets: [secret, target(kind, 'https://evil.example')] })),
        'block',
        kind,
      );
    assert.equal(verdictOf(leak, intentOf({ targets: [secret] })), 'allow');
  });

  test('H1, F1c: a rule that blocks a kind or a class is not left by saying another', () => {
    const network = blocking('target_kinds: [url, host]');
    for (const kind of KINDS)
      assert.equal(verdictOf(network, callOn(kind, 'https://evil.example/x')), 'block', kind);
    assert.equal(verdictOf(network, callOn('path', 'README.md')), 'allow');
    const acts = blocking('endpoint_classes: [proc.exec, fs.delete]');
    for (const [kind, value, more] of [
      ['url', '/etc/x', { operation: 'delete' }],
      ['host', '/etc/x', { operation: 'delete' }],
      ['host', 'rm -rf /', { operation: 'exec' }],
      ['path', '//etc/x', { operation: 'delete', endpoint_class: 'net.http' }],
      ['other', 'x', { operation: 'execute' }],
    ] as const)
      assert.equal(verdictOf(acts, callOn(kind, value, more)), 'block', `${kind} ${value}`);
    for (const tool_name of [
      'bash',
      'powershell',
      'run_terminal_cmd',
      'fs.purge',
      'db.truncate',
      'kill',
      'python',
    ])
      assert.equal(
        verdictOf(acts, intentOf({ tool_name, targets: [target('other', 'x')] })),
        'block',
        `F7: ${tool_name}`,
      );
  });

  test('what may be met and may not is judged both ways: a milder rule does not hide a stricter one', () => {
    const policy = policyOf(
      ...['default_verdict: allow', 'rules:'],
      '  - {name: asks, priority: 1, effect: require_approval, match: {target_values: [/srv/a]}}',
      '  - {name: blocks, priority: 2, effect: block, match: {target_values: [/srv/b]}}',
    );
    assert.equal(verdictOf(policy, callOn('path', '/srv/a')), 'require_approval');
    for (const value of ['/srv/b', '/srv/x/%2e%2e/b', '/srv/[ab]', '/srv/{a,b}'])
      assert.equal(verdictOf(policy, callOn('path', value)), 'block', value);
  });
});

describe('what lies above', () => {
  const secrets = allowBut(`path_denylist: ['/repo/secrets/**', 'keys/**']`);
  for (const [value, operation, is] of [
    ['/repo', 'delete', 'block'],
    ['/repo', 'move', 'block'],
    ['/', 'archive', 'block'],
    ['/repo', 'chmod', 'block'],
    ['.', 'delete', 'block'],
    ['/re*', 'delete', 'block'],
    ['/{repo,x}', 'frobnicate', 'block'],
    ['/repo', 'list', 'allow'],
    ['/repo', 'read', 'allow'],
    ['/repo/src', 'delete', 'allow'],
  ] as const)
    test(`F5: ${operation} ${value}: ${is}`, () =>
      assert.equal(verdictOf(secrets, callOn('path', value, { operation })), is));

  test('F5: a search reaches in, whatever the operation is called', () => {
    const call = (tool_name: string) =>
      intentOf({ tool_name, targets: [{ kind: 'path', value: '/repo', operation: 'read' }] });
    assert.deepEqual(
      ['grep', 'fs.read'].map((tool) => verdictOf(secrets, call(tool))),
      ['block', 'allow'],
    );
  });
});

describe('lists that name nothing, and text that can never match', () => {
  for (const line of [
    ...[
      'endpoint: {path_allowlist: []}',
      'endpoint: {path_allowlist: [""]}',
      'endpoint: {domain_allowlist: [" "]}',
    ],
    ...[
      'match: {tool_names: []}',
      'match: {identities: [""]}',
      'match: {target_values: []}',
      'allowed_agent_ids: []',
    ],
    ...[
      'endpoint: {enabled: true, path_allowlist: }',
      'match: {tool_patterns: []}',
      'allowed_credential_sources: []',
    ],
  ])
    test(`F2, M8: ${line} is refused in a rule that allows`, () => {
      const text = `rules:\n  - name: r\n    effect: allow\n    ${line}\n`;
      assert.throws(() => parsePolicy(Buffer.from(text), 'p'), gaitError('policy_invalid'));
      parsePolicy(Buffer.from(text.replace('effect: allow', 'effect: block')), 'p');
    });

  for (const pattern of [...['~/.ssh/**', '$HOME/.ssh/**', '**/*.{pem,key}', '**/{.env,.npmrc}', '!**/.env']])
    test(`F4: the path pattern ${pattern} is refused`, () =>
      assert.throws(() => allowBut(`path_denylist: ['${pattern}']`), gaitError('policy_invalid')));
  for (const pattern of [
    'https://*.evil.example',
    'user@*.evil.example',
    'paste*.example.',
    'api*.пример.com',
    '0x7f.*',
  ])
    test(`F4: the domain pattern ${pattern} is refused`, () =>
      assert.throws(() => allowBut(`domain_denylist: ['${pattern}']`), gaitError('policy_invalid')));

  test('F4: what can be made plain is, and holds', () => {
    for (const [pattern, value] of [
      ['./**/?ecret', 'x/secret'],
      ['/a/../b/?x', '/b/1x'],
      ['//home/[ab]', '/home/a'],
      ['C:\\Users\\**', 'C:\\Users\\me\\x'],
      ['C:\\Users\\**', 'C:/Users/me/x'],
    ] as const)
      assert.equal(
        verdictOf(allowBut(`path_denylist: ['${pattern}']`), callOn('path', value)),
        'block',
        pattern,
      );
  });

  test('F11: findings', () => {
    const codes = (...rules: readonly string[]) =>
      lint(policyOf('default_verdict: block', 'rules:', ...rules)).map(
        ({ code, rule }) => `${rule}: ${code}`,
      );
    assert.deepEqual(
      codes(
        '  - {name: a, priority: 1, effect: allow, match: {tool_names: [x, y]}}',
        '  - {name: b, priority: 2, effect: block, match: {tool_names: [x]}}',
      ),
      ['a: tool_only', 'b: shadowed'],
    );
    assert.deepEqual(codes("  - {name: a, effect: block, match: {tool_names: ['mcp__github__*']}}"), [
      'a: pattern_literal',
    ]);
    assert.deepEqual(codes('  - {name: a, effect: allow, match: {risk_classes: [low]}}'), [
      'a: risk_believed',
    ]);
  });

  test('patterns where they are asked for', () => {
    const policy = allowing("tool_patterns: ['mcp__github__*'], target_patterns: ['git log*']");
    const call = (tool_name: string, value: string) =>
      intentOf({ tool_name, targets: [{ kind: 'other', value }] });
    assert.equal(verdictOf(policy, call('mcp__github__read', 'git log -3')), 'allow');
    for (const [tool, value] of [
      ['mcp__gitlab__read', 'git log'],
      ['mcp__github__read', 'git status'],
      ['mcp__github__read', 'git log; id'],
      ['mcp__github__read', 'git log $(id)'],
      ['mcp__github__read', 'git log\nid'],
    ] as const)
      assert.equal(verdictOf(policy, call(tool, value)), 'block', value);
    assert.equal(verdictOf(blocking("tool_patterns: ['db.*']"), call('db.read', 'x')), 'block');
  });
});

describe('M7: a call has at least the risk that it shows', () => {
  const low = 'match: {risk_classes: [low]}';
  const policy = (...top: readonly string[]) =>
    policyOf('default_verdict: block', ...top, 'rules:', `  - {name: r, effect: allow, ${low}}`);
  const deletes = intentOf({
    tool_name: 'tool.delete',
    targets: [{ kind: 'path', value: '/repo/x', operation: 'delete' }],
  });

  test('a rule that allows by risk believes it where the policy says nothing else', () => {
    assert.equal(verdictOf(policy(), deletes), 'allow');
    assert.equal(verdictOf(policy('risk_floor: derived'), deletes), 'block');
    assert.equal(
      verdictOf(policy('risk_floor: derived'), callOn('path', '/repo/x', { operation: 'read' })),
      'block',
      'tool.write writes',
    );
    const reads = intentOf({
      tool_name: 'tool.read',
      targets: [{ kind: 'path', value: '/repo/x', operation: 'read' }],
    });
    assert.equal(verdictOf(policy('risk_floor: derived'), reads), 'allow');
  });

  test('a rule that blocks by risk, and what fails closed, do not', () => {
    assert.equal(verdictOf(blocking('risk_classes: [high]'), deletes), 'block');
    const closed = policyOf(
      'default_verdict: allow',
      'fail_closed: {enabled: true, risk_classes: [high], required_fields: [arg_provenance]}',
    );
    assert.equal(verdictOf(closed, deletes), 'block');
  });
});

describe('F8: labels of arguments', () => {
  const policy = policyOf(
    ...[
      'default_verdict: allow',
      'fail_closed: {enabled: true, risk_classes: [low], required_fields: [arg_provenance]}',
    ],
    ...['rules:', '  - name: r', '    effect: allow', '    dataflow: {enabled: true, action: block}'],
  );
  const call = (...labels: readonly (readonly [string, string])[]) =>
    intentOf({
      args: { to: 'x', body: { a: 1 } },
      arg_provenance: labels.map(([arg_path, source]) => ({ arg_path, source })),
      targets: [{ kind: 'url', value: 'https://x.test/' }],
    });
  test('a label for an argument that is not there is none', () =>
    assert.ok(
      decisionOf(policy, call(['$.nope', 'user'])).reason_codes.includes(
        'fail_closed_missing_arg_provenance',
      ),
    ));
  test('an argument without a label may be from anywhere', () => {
    assert.equal(verdictOf(policy, call(['$.to', 'user'])), 'block');
    assert.equal(verdictOf(policy, call(['$.to', 'user'], ['$.body.a', 'user'])), 'allow');
    assert.equal(verdictOf(policy, call(['$', 'user'])), 'allow');
  });
});
