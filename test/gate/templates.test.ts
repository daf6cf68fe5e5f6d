import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatPolicy } from '../../src/gate/policy/format.ts';
import { lint } from '../../src/gate/policy/lint.ts';
import { TEMPLATES, templateNamed } from '../../src/gate/policy/templates.ts';
import { parsePolicy } from '../../src/gate/policy/yaml.ts';
import { intentOf, verdictOf } from '../support/gate.ts';

/** What each template makes of these calls. */
const CALLS = [
  [{ tool_name: 'tool.delete' }, ['block', 'block', 'block']],
  [{ tool_name: 'tool.write' }, ['require_approval', 'require_approval', 'require_approval']],
  [{ tool_name: 'tool.read' }, ['allow', 'allow', 'allow']],
  [{ tool_name: 'tool.read', context: { risk_class: 'medium' } }, ['allow', 'allow', 'block']],
  [{ tool_name: 'tool.read', context: { risk_class: 'high' } }, ['allow', 'block', 'block']],
  [{ tool_name: 'tool.other' }, ['allow', 'require_approval', 'block']],
] as const;

describe('the templates of policies', () => {
  for (const [index, { name, alias, text }] of TEMPLATES.entries()) {
    test(`${name} is formatted as it should be, and decides as it says`, () => {
      const bytes = Buffer.from(text);
      assert.equal(formatPolicy(bytes, name), text);
      const policy = parsePolicy(bytes, name);
      for (const [call, verdicts] of CALLS) {
        assert.equal(verdictOf(policy, intentOf(call)), verdicts[index], JSON.stringify(call));
      }
      for (const spelled of [
        name,
        alias,
        name.replaceAll('-', '_'),
        name.replace('risk', '-risk').toUpperCase(),
      ]) {
        assert.equal(templateNamed(spelled)?.name, name);
      }
    });
  }

  test('W-13: nothing is to be said against the one for high risk', () => {
    const high = templateNamed('high') ?? assert.fail();
    assert.deepEqual(lint(parsePolicy(Buffer.from(high.text), 'high')), []);
  });

  test('egress under the one for high risk: tainted or undelegated is blocked, delegated needs proof', () => {
    const policy = parsePolicy(Buffer.from(templateNamed('high')?.text ?? ''), 'high');
    const egress = { targets: [{ kind: 'url', value: 'https://x.test/' }] };
    const delegation = { requester_identity: 'agent', scope_class: 'write' };
    const arg_provenance = [{ arg_path: '$.a', source: 'external' }];
    for (const call of [egress, { ...egress, delegation }, { ...egress, delegation, arg_provenance }]) {
      assert.equal(verdictOf(policy, intentOf(call)), 'block');
    }
  });
});
