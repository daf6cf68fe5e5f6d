import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { canonicalize } from '../../src/core/canonical.ts';
import { GaitError } from '../../src/core/errors.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { intentDigest } from '../../src/gate/intent/digest.ts';
import type { Intent } from '../../src/gate/intent/intent.ts';
import { parseIntent, readIntent } from '../../src/gate/intent/reader.ts';
import { bothCredentialRules } from '../../src/gate/policy/credential_rules.ts';
import { policyDigest } from '../../src/gate/policy/digest.ts';
import { formatPolicy } from '../../src/gate/policy/format.ts';
import { parsePolicy } from '../../src/gate/policy/yaml.ts';
import type { Judgement } from '../../src/gate/rules/judgement.ts';
import { stricter, VERDICTS } from '../../src/gate/verdict.ts';
import { decisionOf, intentOf, judgementOf, policyOf, requestOf } from '../support/gate.ts';
import fc from '../support/property.ts';
import { sized } from '../support/sized.ts';

const RUNS = { numRuns: sized(300, 100) };

const word = fc.constantFrom('a', 'b', 'tool.read', 'tool.write', 'agent', 'other', 'high', 'low');
const words = fc.uniqueArray(word, { maxLength: 3 });
const verdict = fc.constantFrom(...VERDICTS);

const intent = fc
  .record({
    tool_name: fc.constantFrom('tool.read', 'tool.write', 'tool.delete'),
    identity: fc.constantFrom('agent', 'other'),
    risk_class: fc.constantFrom('low', 'high', 'odd'),
    kind: fc.constantFrom('path', 'url', 'other'),
    value: fc.constantFrom('/a', '/a/../b', 'https://x.test/', 'x'),
    delegated: fc.boolean(),
  })
  .map(({ identity, risk_class, kind, value, delegated, tool_name }) =>
    intentOf({
      tool_name,
      targets: [{ kind, value }],
      context: { identity, risk_class },
      ...(delegated ? { delegation: { requester_identity: identity } } : {}),
    }),
  );

const YEAR = { start: '2026-01-01T00:00:00', end: '2027-01-01T00:00:00' };
const ASKS_IN_PROD = { timezone: 'Asia/Tokyo', effect: 'require_approval', environments: ['prod'] };

/** A member of a rule that is most often not there. */
function sometimes<T>(...values: readonly T[]): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.constantFrom(...values));
}

const rule = fc.record({
  name: fc.constantFrom('r1', 'r2', 'r3', 'r4'),
  priority: fc.constantFrom(0, 1),
  effect: verdict,
  min_approvals: fc.constantFrom(0, 0, 2),
  require_broker_credential: fc.boolean(),
  match: fc.record({
    tool_names: fc.oneof(fc.constant([]), words),
    risk_classes: fc.oneof(fc.constant([]), words),
    require_delegation: fc.boolean(),
  }),
  endpoint: fc.record({ path_allowlist: fc.oneof(fc.constant([]), fc.constant(['/a/**'])) }),
  denied_agent_ids: sometimes(['bot']),
  require_agent_owner: fc.constantFrom(false, false, true),
  max_credential_ttl_seconds: sometimes(60, 900),
  allowed_credential_sources: sometimes(['stub'], ['stub', 'env']),
  destructive_budget: sometimes({ requests: 1 }, { requests: 9, window: 'hour' }),
  freeze_window: sometimes({ timezone: 'UTC', windows: [YEAR] }, { ...ASKS_IN_PROD, windows: [YEAR] }),
});
const document = fc.record({ default_verdict: verdict, rules: fc.array(rule, { maxLength: 5 }) });

function named(key: string, member: unknown): unknown {
  return key !== 'rules' && Array.isArray(member) && member.length === 0 ? undefined : member;
}

/** JSON is YAML. A list that names nothing is left out: in a rule that allows it is refused. */
function policyFrom(value: unknown): ReturnType<typeof policyOf> {
  return policyOf(JSON.stringify(value, named));
}

describe('a verdict', () => {
  test('never gets weaker by one rule more of the priority that decides', () => {
    fc.assert(
      fc.property(document, intent, rule, (policy, call, more) => {
        const rules = policy.rules.map((one, index) => ({ ...one, name: `r${index}`, priority: 0 }));
        const before = judgementOf(policyFrom({ ...policy, rules }), call);
        if (before.matched_rules.length === 0) return;
        const joined = [...rules, { ...more, name: 'more', priority: 0 }];
        const after = judgementOf(policyFrom({ ...policy, rules: joined }), call);
        assert.equal(after.verdict, stricter(before.verdict, after.verdict));
        const [one, other] = [before.duties, after.duties];
        assert.ok(
          other.approvals >= one.approvals && (other.delegation || !one.delegation),
          'a duty is gone',
        );
        assert.ok(other.broker !== null || one.broker === null, 'a credential is not asked for any more');
        for (const budget of one.destructive_budgets)
          assert.ok(other.destructive_budgets.some((same) => isDeepStrictEqual(same, budget)));
        const both = bothCredentialRules(one.credential, other.credential);
        assert.deepEqual(other.credential, both, 'a credential of another sort is let through');
      }),
      RUNS,
    );
  });

  test('does not depend on the order in which rules are written', () => {
    fc.assert(
      fc.property(document, intent, fc.integer(), (policy, call, turn) => {
        const rules = policy.rules.map((one, index) => ({ ...one, name: `r${index}` }));
        const turned = rules.map((_, index) => rules[(index + Math.abs(turn)) % rules.length]);
        const [one, other] = [policyFrom({ ...policy, rules }), policyFrom({ ...policy, rules: turned })];
        assert.equal(policyDigest(one), policyDigest(other));
        assert.deepEqual(decisionOf(one, call), decisionOf(other, call));
      }),
      RUNS,
    );
  });

  test('is no allow while something is to be proven', () => {
    fc.assert(
      fc.property(document, intent, (policy, call) => {
        const { verdict: is, duties } = decisionOf(policyFrom(policy), call);
        if (is !== 'allow') return;
        assert.deepEqual(
          [duties.approvals, duties.delegation, duties.broker, duties.undelegated],
          [0, false, null, false],
        );
      }),
      RUNS,
    );
  });

  test('is a block when anything of the call or the policy throws', () => {
    const allows = policyOf('default_verdict: allow', 'rules:', '  - {name: r, effect: allow}');
    const call = intentOf({ targets: [{ kind: 'path', value: '/a' }] });
    for (const name of Object.keys(call)) {
      const broken = { ...call } as Intent;
      Object.defineProperty(broken, name, {
        get() {
          throw new Error('gone');
        },
      });
      const { verdict: is, reason_codes } = decisionOf(allows, broken);
      if (name === 'args') continue; // no rule looks at them
      assert.deepEqual([is, reason_codes], ['block', ['evaluation_failed']], name);
    }
    for (const name of Object.keys(allows)) {
      if (name.startsWith('schema')) continue;
      const { verdict: is } = decisionOf({ ...allows, [name]: null } as unknown as typeof allows, call);
      // the first only where no rule matches, the second is none then, the third only for scripts
      assert.ok(is === 'block' || ['default_verdict', 'risk_floor', 'scripts'].includes(name), name);
    }
  });
});

const CLAIMS = ['environment', 'agent_id', 'agent_identity', 'phase', 'credential_source'] as const;

describe('garbage', () => {
  const typed = (error: unknown): boolean => error instanceof GaitError && error.category === 'invalid_input';

  test('in place of a call, or in it, is refused with a typed error, or it is a call', () => {
    const parts = fc.dictionary(
      fc.constantFrom(
        'tool_name',
        'args',
        'targets',
        'context',
        'delegation',
        'arg_provenance',
        'skill_provenance',
        'x',
      ),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), parts), (value) => {
        try {
          const { intent: read } = readIntent(value as Json);
          assert.ok(read.tool_name !== '' && read.context.identity !== '');
        } catch (error) {
          assert.ok(typed(error), String(error));
        }
      }),
      { numRuns: sized(500, 150) },
    );
  });

  const NEW_MEMBERS = [
    ...[
      'freeze_window',
      'destructive_budget',
      'denied_agent_ids',
      'allowed_agent_ids',
      'require_declared_agent',
    ],
    ...['required_agent_manifest_digest', 'required_agent_lifecycle_states'],
    ...['max_credential_ttl_seconds', 'allowed_credential_sources', 'require_jit_credential'],
  ] as const;
  const PARTS = [
    ...[
      'requests',
      'window',
      'scope',
      'enabled',
      'timezone',
      'effect',
      'environments',
      'windows',
      'risk_classes',
      'reason',
    ],
  ] as const;

  test('in a newer member of a rule is refused with a typed error, says nothing, or restricts', () => {
    const garbage = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...PARTS), fc.jsonValue()));
    fc.assert(
      fc.property(fc.constantFrom(...NEW_MEMBERS), garbage, verdict, (name, value, effect) => {
        const judged = (member: object): Judgement =>
          judgementOf(policyFrom({ rules: [{ name: 'r', effect, ...member }] }), intentOf());
        try {
          const { verdict: is } = judged({ [name]: value });
          assert.equal(is, stricter(is, judged({}).verdict));
        } catch (error) {
          assert.ok(typed(error), String(error));
        }
      }),
      { numRuns: sized(500, 150) },
    );
  });

  test('in what a call claims is refused with a typed error, or lets nothing more run', () => {
    const asks = { freeze_window: { ...ASKS_IN_PROD, windows: [YEAR] } };
    const policy = policyFrom({ rules: [{ name: 'r', effect: 'allow', ...asks }] });
    const denies = policyFrom({ rules: [{ name: 'r', effect: 'allow', denied_agent_ids: ['bot'] }] });
    const claims = fc.dictionary(fc.constantFrom(...CLAIMS), fc.jsonValue());
    fc.assert(
      fc.property(claims, ({ environment: said, ...rest }) => {
        const environment = typeof said === 'string' ? 'prod' : (said ?? null);
        try {
          const { verdict: is } = judgementOf(
            policy,
            requestOf({ context: { ...rest, environment } as JsonObject }),
          );
          assert.notEqual(is, 'allow');
          const { agent_id: _, ...others } = rest;
          const unnamed = requestOf({ context: { ...others, environment } as JsonObject });
          assert.equal(judgementOf(denies, unnamed).verdict, 'block');
        } catch (error) {
          assert.ok(typed(error), String(error));
        }
      }),
      { numRuns: sized(500, 150) },
    );
  });

  test('in place of the text of a call, or of a policy, is refused with a typed error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          for (const parse of [parseIntent, parsePolicy]) {
            try {
              parse(bytes, 'it');
            } catch (error) {
              assert.ok(typed(error), String(error));
            }
          }
        },
      ),
      { numRuns: sized(500, 150) },
    );
  });
});

test('reading what was read changes nothing: the one form of a call has one digest', () => {
  fc.assert(
    fc.property(intent, (call) => {
      const again = readIntent(JSON.parse(canonicalize(call)) as Json).intent;
      assert.equal(intentDigest(again), intentDigest(call));
    }),
    RUNS,
  );
});

test('formatting keeps the digest, and formatting twice changes nothing', () => {
  fc.assert(
    fc.property(document, (value) => {
      const text = Buffer.from(JSON.stringify(value, named));
      const once = Buffer.from(formatPolicy(text, 'p'));
      assert.equal(policyDigest(parsePolicy(once, 'p')), policyDigest(parsePolicy(text, 'p')));
      assert.equal(formatPolicy(once, 'p'), once.toString());
    }),
    RUNS,
  );
});

const LINES = [
  ...[
    'default_verdict: block',
    'fail_closed: {enabled: true, risk_classes: [high]}',
    'rules:',
    '  - name: a',
  ],
  ...[
    '    effect: allow',
    '    match: {tool_names: [x, y]}',
    '    reason_codes:',
    '      - r1',
    '      - r2',
  ],
  ...['  - effect: block', '    priority: 3', '    name: b', '    match:', '      identities: [i]'],
  ...['      tool_names:', '        - q', '  - {name: c, effect: allow}', 'schema_version: 1.0.0'],
];

test('formatting keeps every comment, wherever it stands', () => {
  const comment = fc.record({ line: fc.nat(LINES.length - 1), behind: fc.boolean(), space: fc.boolean() });
  fc.assert(
    fc.property(fc.array(comment, { maxLength: 5 }), (comments) => {
      const text = LINES.flatMap((line, at) => {
        const here = comments.flatMap((one, index) =>
          one.line === at ? [{ ...one, name: `# c${index}x` }] : [],
        );
        const [behind] = here.filter((one) => one.behind);
        const above = here.filter((one) => one !== behind);
        const indent = /^ */.exec(line)?.[0] ?? '';
        const before = above.flatMap(({ name, space }) => [...(space ? [''] : []), `${indent}${name}`]);
        return [...before, behind === undefined ? line : `${line} ${behind.name}`];
      }).join('\n');
      const once = formatPolicy(Buffer.from(text), 'p');
      for (const index of comments.keys()) {
        assert.ok(once.includes(`# c${index}x`), `c${index} of\n${text}\nis not in\n${once}`);
      }
      assert.equal(formatPolicy(Buffer.from(once), 'p'), once);
      assert.equal(
        policyDigest(parsePolicy(Buffer.from(once), 'p')),
        policyDigest(policyOf(LINES.join('\n'))),
      );
    }),
    RUNS,
  );
});
