import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { callOn, intentOf, policyOf, verdictOf } from '../support/gate.ts';

function of(effect: 'allow' | 'block', pattern: string) {
  const fallback = effect === 'allow' ? 'block' : 'allow';
  const match = `match: {target_patterns: ['${pattern}']}`;
  return policyOf(`default_verdict: ${fallback}`, 'rules:', `  - {name: r, effect: ${effect}, ${match}}`);
}

const read = { operation: 'read' };

describe('patterns of targets', () => {
  test('a rule that allows is met by a target in its one form only', () => {
    const docs = of('allow', '/repo/docs/*');
    for (const value of ['/repo/docs/a.md', '/repo/docs/deep/a.md'])
      assert.equal(verdictOf(docs, callOn('path', value, read)), 'allow', value);
    for (const value of [
      ...['/repo/docs/../secret', '/repo/docs/x/../../../etc/passwd', '/repo/docs/%2e%2e/secret'],
      ...['/repo/docs/*', '/repo/docs/{a,b}', '/repo/docs/$X', '/repo/docs/..', '//repo/docs/a'],
      ...['/repo/docs', 'file:///repo/docs/a', '/repo/docs/..\\x', '/repo/docs/a\u0000b'],
    ])
      assert.equal(verdictOf(docs, callOn('path', value, read)), 'block', value);
  });

  test('a URL counts as a browser takes it', () => {
    const api = of('allow', 'https://api.example.com/public/*');
    assert.equal(verdictOf(api, callOn('url', 'https://api.example.com/public/a', read)), 'allow');
    for (const value of [
      ...['https://api.example.com/public/../admin', 'https://api.example.com/public/%2e%2e/admin'],
      ...['https://api.example.com/public/.%2E/admin', 'https://api.example.com/public/a@b'],
      ...['https://evil.com/?https://api.example.com/public/', 'https://api.example.com/public\\..\\admin'],
    ])
      assert.equal(verdictOf(api, callOn('url', value, read)), 'block', value);
  });

  test('of commands one, and none with a way up', () => {
    const cat = of('allow', 'cat docs/*');
    const call = (value: string) => intentOf({ tool_name: 'tool.run', targets: [{ kind: 'other', value }] });
    assert.equal(verdictOf(cat, call('cat docs/a')), 'allow');
    for (const value of ['cat docs/../../etc/passwd', 'cat docs/a; id', 'cat docs/a `id`', 'cat docs/..'])
      assert.equal(verdictOf(cat, call(value)), 'block', value);
  });

  test('a rule that blocks is met by whatever leads there', () => {
    const etc = of('block', '/etc/*');
    for (const value of [
      ...[
        '/etc/passwd',
        '//etc/passwd',
        '/repo/../etc/passwd',
        'file:///etc/passwd',
        '/proc/self/root/etc/x',
      ],
      ...['/e*/passwd', '/%65tc/passwd', '$HOME/x', '~/x', '../etc/passwd'],
    ])
      for (const kind of ['path', 'other', 'url'])
        assert.equal(verdictOf(etc, callOn(kind, value, read)), 'block', `${kind} ${value}`);
    assert.equal(verdictOf(etc, callOn('path', '/repo/etc/a', read)), 'allow');
    const command = intentOf({
      tool_name: 'tool.run',
      targets: [{ kind: 'other', value: 'cat /etc/passwd' }],
    });
    assert.equal(verdictOf(etc, command), 'block');
    const evil = of('block', 'https://evil.com/*');
    for (const value of ['https://EVIL.com/x', 'https://evil.com', 'https://evil.com:443/x'])
      assert.equal(verdictOf(evil, callOn('url', value, read)), 'block', value);
  });
});
