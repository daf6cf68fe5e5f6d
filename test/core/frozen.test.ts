import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { frozen, madeOnce } from '../../src/core/frozen.ts';
import { intentDigest } from '../../src/gate/intent/digest.ts';
import { readIntent } from '../../src/gate/intent/reader.ts';
import { parsePolicy } from '../../src/gate/policy/yaml.ts';

describe('what is made once', () => {
  test('of a frozen value is made once, of any other each time', () => {
    let times = 0;
    const count = madeOnce((_: object) => {
      times += 1;
      return times;
    });
    const [still, moving] = [frozen({ a: [1] }), { a: [1] }];
    assert.deepEqual([count(still), count(still)], [1, 1]);
    assert.deepEqual([count(moving), count(moving)], [2, 3]);
  });

  test('nothing in a policy or a call that was read can be changed, and the digest is of what was read', () => {
    const policy = parsePolicy(
      Buffer.from('rules: [{name: r, effect: block, match: {tool_names: [a]}}]'),
      'p',
    );
    const given = { a: { b: [1] } };
    const context = { identity: 'a', workspace: '/w', risk_class: 'low' };
    const { intent } = readIntent({ tool_name: 'a', args: given, context });
    const digest = intentDigest(intent);
    for (const change of [
      () => Object.assign(policy.rules[0]?.match ?? {}, { tool_names: [] }),
      () => (policy.rules.flatMap(({ match }) => [match.tool_names])[0] as string[] | undefined)?.push('b'),
      () => Object.assign(intent.args, { a: 1 }),
      () => Object.assign(intent.context, { identity: 'b' }),
    ])
      assert.throws(change, TypeError);
    // What the caller gave is the caller's still.
    given.a.b.push(2);
    assert.equal(intentDigest(intent), digest);
    assert.deepEqual(intent.args, { a: { b: [1] } });
  });
});
