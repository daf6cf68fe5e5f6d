import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canonicalize } from '../../src/core/canonical.ts';
import { GaitError } from '../../src/core/errors.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { argsDigest, intentDigest } from '../../src/gate/intent/digest.ts';
import type { IntentRequest } from '../../src/gate/intent/intent.ts';
import { readIntent } from '../../src/gate/intent/reader.ts';
import { killed } from '../../src/gate/kill_switch/kill_switch.ts';
import { newKillSwitch } from '../../src/gate/kill_switch/reader.ts';
import { policyDigest } from '../../src/gate/policy/digest.ts';
import { lint } from '../../src/gate/policy/lint.ts';
import type { Policy } from '../../src/gate/policy/policy.ts';
import { explainSteps } from '../../src/gate/rules/explain.ts';
import { stricter } from '../../src/gate/verdict.ts';
import { decided, decisionOf, judgementOf, NOON, policyOf, requestOf } from '../support/gate.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';

const step = (tool_name: string, operation: string, value = '/a'): JsonObject => ({
  tool_name,
  args: { path: value },
  targets: [{ kind: 'path', value, operation }],
});
const READ = step('tool.read', 'read');
const WRITE = step('tool.write', 'write');
const DELETE = step('tool.delete', 'delete');

function scriptOf(steps: readonly Json[], more: JsonObject = {}): IntentRequest {
  return requestOf({ tool_name: 'script', script: { steps }, ...more });
}

const ALLOWS = policyOf('default_verdict: allow');

describe('a script', () => {
  test('is digested with its steps, in their order and one form', () => {
    const digest = (...steps: JsonObject[]): string => intentDigest(scriptOf(steps).intent);
    assert.equal(new Set([digest(READ), digest(READ, WRITE), digest(WRITE, READ)]).size, 3);
    assert.equal(digest({ ...READ, tool_name: ' Tool.Read ' }), digest(READ));
    assert.notEqual(digest({ ...READ, args: { path: '/b' } }), digest(READ), 'W-12: arguments count');
    const { intent } = scriptOf([READ]);
    assert.deepEqual([intent.tool_name, intent.targets, intent.args], ['script', [], {}]);
    assert.match(intent.script_hash ?? '', /^[0-9a-f]{64}$/);
    const again = readIntent(JSON.parse(canonicalize(intent)) as Json).intent;
    assert.deepEqual([intentDigest(again), argsDigest(again)], [intentDigest(intent), argsDigest(intent)]);
  });

  test('has a hash of its own, whatever it says that it is', () => {
    const hash = scriptOf([READ]).intent.script_hash;
    assert.equal(scriptOf([READ], { script_hash: '0'.repeat(64) }).intent.script_hash, hash);
    assert.equal(scriptOf([READ], { tool_name: null }).intent.script_hash, hash);
    assert.equal(hash, scriptOf([READ], { context: { identity: 'other' } }).intent.script_hash);
  });

  for (const [name, members, code] of [
    ['no steps', { script: { steps: [] } }, 'intent_invalid'],
    ['no list of steps', { script: {} }, 'intent_invalid'],
    ['too many steps', { script: { steps: Array.from({ length: 65 }, () => READ) } }, 'intent_invalid'],
    ['a step that is no object', { script: { steps: ['tool.read'] } }, 'record_invalid'],
    ['a step without a tool', { script: { steps: [{ ...READ, tool_name: ' ' }] } }, 'record_invalid'],
    [
      'a step with a script',
      { script: { steps: [{ ...READ, script: { steps: [READ] } }] } },
      'intent_invalid',
    ],
    ['a step with a context', { script: { steps: [{ ...READ, context: {} }] } }, 'intent_invalid'],
    [
      'a step with a member in other letters',
      { script: { steps: [{ ...READ, Args: {} }] } },
      'record_ambiguous',
    ],
    ['steps in other letters', { script: { steps: [READ], Steps: [] } }, 'record_ambiguous'],
    [
      'arguments of an unknown kind in a step',
      { script: { steps: [{ ...READ, args: [] }] } },
      'record_invalid',
    ],
    ['W-43: the tool of another call', { tool_name: 'tool.read' }, 'intent_invalid'],
    ['W-43: arguments of another call', { args: { path: '/etc' } }, 'intent_invalid'],
    ['W-43: targets of another call', { targets: [{ kind: 'path', value: '/etc' }] }, 'intent_invalid'],
    [
      'W-43: provenance of another call',
      { arg_provenance: [{ arg_path: '$', source: 'user' }] },
      'intent_invalid',
    ],
  ] as const) {
    test(`with ${name} is refused`, () =>
      assert.throws(() => scriptOf([READ], members as JsonObject), gaitError(code, 'invalid_input')));
  }
});

describe('a script is judged', () => {
  const policy = policyOf(
    'default_verdict: block',
    'rules:',
    '  - {name: reads, effect: allow, match: {tool_names: [tool.read]}, rate_limit: {requests: 9}}',
    '  - {name: writes, effect: require_approval, min_approvals: 2, match: {tool_names: [tool.write]}}',
    '  - {name: dry, effect: dry_run, match: {tool_names: [tool.list]}}',
  );

  test('step by step, each as a call of its own with what they share', () => {
    const { steps = [] } = judgementOf(policy, scriptOf([READ, WRITE, DELETE]));
    assert.deepEqual(
      steps.map(({ tool_name, verdict, matched_rules, risk }) => [tool_name, verdict, matched_rules, risk]),
      [
        ['tool.read', 'allow', ['reads'], 'low'],
        ['tool.write', 'require_approval', ['writes'], 'medium'],
        ['tool.delete', 'block', [], 'high'],
      ],
    );
    assert.equal(judgementOf(policy, requestOf(READ)).steps, undefined);
  });

  test('the strictest step decides, with its reasons', () => {
    const verdictOfSteps = (...steps: JsonObject[]): string => judgementOf(policy, scriptOf(steps)).verdict;
    assert.equal(verdictOfSteps(READ), 'allow');
    assert.equal(verdictOfSteps(READ, step('tool.list', 'list')), 'dry_run');
    assert.equal(verdictOfSteps(READ, WRITE), 'require_approval');
    assert.deepEqual(decided(policy, scriptOf([DELETE, READ, WRITE])), {
      verdict: 'block',
      reason_codes: ['default_block'],
      violations: [],
    });
  });

  test('W-16: what any step owes the script owes', () => {
    const owing = policyOf(
      'rules:',
      '  - {name: r, effect: allow, match: {tool_names: [tool.read]}, rate_limit: {requests: 3},',
      '     require_broker_credential: true, broker_reference: vault, max_credential_ttl_seconds: 60}',
      '  - {name: w, effect: require_approval, match: {tool_names: [tool.write]}, min_approvals: 2,',
      '     broker_scopes: [write], destructive_budget: {requests: 1}}',
      '  - {name: d, effect: allow, match: {tool_names: [tool.delete]}, rate_limit: {requests: 7},',
      '     destructive_budget: {requests: 1}}',
    );
    const context = { credential_ref: 'r', credential_source: 'stub', credential_access_type: 'jit' };
    const request = scriptOf([READ, WRITE, DELETE], { context: { ...context, credential_ttl_seconds: 60 } });
    const { verdict, duties, matched_rules } = judgementOf(owing, request);
    assert.deepEqual([verdict, matched_rules], ['require_approval', ['d', 'r', 'w']]);
    assert.deepEqual(duties, {
      ...{
        approvals: 2,
        distinct_approvers: true,
        delegation: false,
        delegation_scopes: [],
        undelegated: false,
      },
      broker: { references: ['vault'], scopes: [] },
      credential: {
        ...{ max_ttl_seconds: 60, sources: null, issuers: null, access_types: null },
        ...{ jit: false, no_standing: false },
      },
      rate_limits: [3, 7].map((requests) => ({ requests, window: 'minute', scope: 'tool_identity' })),
      destructive_budgets: [{ requests: 1, window: 'minute', scope: 'tool_identity' }],
    });
  });

  test('what fails closed does so for each step', () => {
    const closed = policyOf(
      'default_verdict: allow',
      'fail_closed: {enabled: true, risk_classes: [low], required_fields: [targets]}',
    );
    assert.equal(judgementOf(closed, scriptOf([READ, WRITE])).verdict, 'allow');
    const { verdict, reason_codes } = judgementOf(closed, scriptOf([READ, { tool_name: 'tool.read' }]));
    assert.deepEqual([verdict, reason_codes], ['block', ['fail_closed_missing_targets']]);
  });

  test('W-6: a step that needs a delegation is not covered by one that needs an approval', () => {
    const delegated = policyOf(
      'default_verdict: allow',
      'rules:',
      '  - {name: r, effect: allow, match: {tool_names: [tool.read], require_delegation: true}}',
      '  - {name: w, effect: require_approval, match: {tool_names: [tool.write]}}',
    );
    assert.equal(decisionOf(delegated, scriptOf([WRITE])).verdict, 'require_approval');
    const { verdict, reason_codes } = decisionOf(delegated, scriptOf([READ, WRITE]));
    assert.deepEqual([verdict, reason_codes], ['block', ['default_allow', 'delegation_token_missing']]);
  });

  test('W-17: a kill switch on one of its steps stops it', () => {
    const who = { reason: 'r', actor: 'a', created_at: NOON };
    const stops = (selectors: JsonObject): boolean =>
      killed([newKillSwitch({ ...selectors, ...who }, [])], scriptOf([READ, WRITE]), NOON) !== undefined;
    assert.ok(stops({ tool_name: 'tool.write' }) && stops({ path_prefixes: ['/a'] }));
    assert.ok(!stops({ tool_name: 'tool.delete' }) && !stops({ path_prefixes: ['/b'] }));
    const twice = { tool_name: 'tool.read', target_value: '/b' };
    assert.ok(!stops(twice), 'one step must fit all of it');
  });

  test('each rule is explained for each step', () => {
    const accounts = explainSteps(policy, scriptOf([READ, DELETE]), NOON);
    assert.deepEqual(
      accounts.map(({ tool_name, verdict, rules }) => [
        tool_name,
        verdict,
        rules.map(({ standing }) => standing),
      ]),
      [
        ['tool.read', 'allow', ['no', 'decides', 'no']],
        ['tool.delete', 'block', ['no', 'no', 'no']],
      ],
    );
    assert.deepEqual(explainSteps(policy, requestOf(READ), NOON), []);
  });
});

describe('what a policy says of scripts', () => {
  const ruled = (rules: string): Policy => policyOf('default_verdict: allow', `scripts: {${rules}}`);
  const verdictBy = (rules: string, ...steps: readonly Json[]): [string, readonly string[]] => {
    const { verdict, reason_codes } = judgementOf(ruled(rules), scriptOf(steps));
    return [verdict, reason_codes];
  };

  test('max_steps: a longer one is blocked', () => {
    assert.deepEqual(verdictBy('max_steps: 2', READ, READ), ['allow', ['default_allow']]);
    assert.deepEqual(verdictBy('max_steps: 2', READ, READ, READ), ['block', ['script_max_steps_exceeded']]);
  });

  test('require_approval_above: a longer one needs a person', () => {
    assert.equal(verdictBy('require_approval_above: 2', READ, READ)[0], 'allow');
    const judged = judgementOf(ruled('require_approval_above: 2'), scriptOf([READ, READ, READ]));
    assert.deepEqual(
      [judged.verdict, judged.reason_codes, judged.duties.approvals],
      ['require_approval', ['script_step_threshold_approval'], 1],
    );
  });

  test('block_mixed_risk: by what the steps do, and a step that does not show it may be of any risk', () => {
    const other = { tool_name: 'tool.x', targets: [{ kind: 'table', value: 'users' }] };
    const liar = { ...DELETE, targets: [{ kind: 'path', value: '/a', endpoint_class: 'fs.read' }] };
    for (const [name, steps, mixed] of [
      ['of one risk', [READ, READ], false],
      ['of two risks', [READ, WRITE], true],
      ['of a step that is said to read, by a tool that deletes', [READ, liar], true],
      ['of a single step that shows nothing', [other], false],
      ['with a step that shows nothing', [READ, other], true],
      ['of steps that show nothing', [other, { tool_name: 'tool.x' }], true],
    ] as const) {
      const [verdict, reasons] = verdictBy('block_mixed_risk: true', ...steps);
      assert.deepEqual(
        [verdict, reasons],
        mixed ? ['block', ['script_mixed_risk_blocked']] : ['allow', ['default_allow']],
        name,
      );
    }
  });

  test('is read strictly, and is in the digest where it says something', () => {
    for (const rules of [
      'max_steps: 0',
      'require_approval_above: 0',
      'max_steps: -1',
      'max: 1',
      'block_mixed_risk: 1',
    ]) {
      assert.throws(() => ruled(rules), { code: 'policy_invalid', details: { line: 2 } }, rules);
    }
    const digests = ['', 'max_steps: 2', 'require_approval_above: 2', 'block_mixed_risk: true'].map((rules) =>
      policyDigest(ruled(rules)),
    );
    assert.equal(new Set(digests).size, 4);
    assert.equal(digests[0], policyDigest(ALLOWS));
    assert.equal(policyDigest(ruled('block_mixed_risk: false')), digests[0]);
  });

  test('a bound that no script gets to is pointed out', () => {
    const warned = (rules: string): boolean =>
      lint(ruled(rules)).some(({ code }) => code === 'scripts_unreached');
    assert.ok(warned('max_steps: 2, require_approval_above: 2') && warned('require_approval_above: 64'));
    assert.ok(!warned('max_steps: 3, require_approval_above: 2') && !warned('max_steps: 3'));
  });
});

describe('whatever its steps are', () => {
  const effect = fc.constantFrom('allow', 'dry_run', 'require_approval', 'block');
  const oneRule = fc.record({
    effect,
    match: fc.record({
      tool_names: fc.constantFrom(undefined, ['tool.read'], ['tool.write', 'tool.delete']),
      require_delegation: fc.boolean(),
    }),
    min_approvals: fc.constantFrom(0, 2),
    require_broker_credential: fc.boolean(),
  });
  const policies = fc
    .record({ default_verdict: effect, rules: fc.array(oneRule, { maxLength: 4 }), mixed: fc.boolean() })
    .map(({ default_verdict, rules, mixed }) =>
      policyOf(
        JSON.stringify({
          default_verdict,
          scripts: { block_mixed_risk: mixed },
          rules: rules.map((one, index) => ({ ...one, name: `r${index}` })),
        }),
      ),
    );
  const stepsOf = fc.array(fc.constantFrom(READ, WRITE, DELETE), { minLength: 1, maxLength: 4 });

  test('a script is no weaker than any of them asked for alone, and one more never weakens it', () => {
    fc.assert(
      fc.property(policies, stepsOf, fc.constantFrom(READ, WRITE, DELETE), (policy, steps, more) => {
        const whole = judgementOf(policy, scriptOf(steps));
        for (const one of steps) {
          const alone = judgementOf(policy, requestOf(one));
          assert.equal(stricter(whole.verdict, alone.verdict), whole.verdict);
          // What is only tried, or waits for an approval, owes the credential when it is to run.
          const owes = whole.duties.broker !== null && whole.verdict !== 'allow';
          const [all, single] = [scriptOf(steps), requestOf(one)].map(
            (call) => decisionOf(policy, call).verdict,
          );
          assert.ok(owes || stricter(all ?? 'allow', single ?? 'block') === all);
          assert.ok(whole.duties.approvals >= alone.duties.approvals);
          assert.ok(whole.duties.broker !== null || alone.duties.broker === null);
          assert.ok(whole.duties.delegation || !alone.duties.delegation);
        }
        const longer = judgementOf(policy, scriptOf([...steps, more]));
        assert.equal(stricter(longer.verdict, whole.verdict), longer.verdict);
      }),
      { numRuns: 500 },
    );
  });

  test('garbage in a script is refused with a typed error, or it is a script', () => {
    const names = fc.constantFrom('tool_name', 'args', 'targets', 'arg_provenance', 'script', 'context');
    const garbage = fc.oneof(
      fc.jsonValue(),
      fc.record({ steps: fc.oneof(fc.jsonValue(), fc.array(fc.dictionary(names, fc.jsonValue()))) }),
    );
    fc.assert(
      fc.property(garbage, (script) => {
        try {
          const { intent } = requestOf({ tool_name: 'script', script: script as Json });
          assert.ok(script === null || (intent.script?.steps.length ?? 0) > 0);
        } catch (error) {
          assert.ok(error instanceof GaitError && error.category === 'invalid_input', String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
