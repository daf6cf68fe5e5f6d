import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { sharedWorkspace, type Workspace, workspace } from '../support/cli.ts';

const CALL = {
  tool_name: 'tool.write',
  args: { path: '/data/a' },
  targets: [{ kind: 'path', value: '/data/a', operation: 'write' }],
  context: { identity: 'agent', workspace: '/repo', risk_class: 'low' },
};

const POLICY = `# what the agent of the shop may do
default_verdict: block
rules:
  # deletes are for people
  - name: no-delete # really
    priority: 1
    effect: block
    match: {tool_names: [tool.delete]}
  - {effect: allow, name: data, match: {tool_names: [tool.write]}, endpoint: {path_allowlist: [/data/**]}} # only there
# the end
`;

async function write(w: Workspace, name: string, content: unknown): Promise<void> {
  await writeFile(w.path(name), typeof content === 'string' ? content : JSON.stringify(content));
}

async function prepared(w: Workspace): Promise<void> {
  await write(w, 'p.yaml', POLICY);
  await write(w, 'allowed.json', CALL);
  await write(w, 'blocked.json', { ...CALL, targets: [{ kind: 'path', value: '/data/../etc/passwd' }] });
}

describe('policies', () => {
  const shared = sharedWorkspace(prepared);

  test('test: allow is 0, block is 3, approval is 4, and each says why', async () => {
    const w = shared();
    const allowed = await w.ok('policy test p.yaml allowed.json');
    assert.deepEqual([allowed.verdict, allowed.matched_rule], ['allow', 'data']);
    const blocked = await w.refused('policy test p.yaml blocked.json', 'policy_blocked', 'policy_blocked');
    assert.deepEqual(
      [blocked.verdict, blocked.violations?.includes('endpoint_path_not_allowlisted')],
      ['block', true],
    );
    await write(w, 'ask.yaml', 'rules: []');
    const asked = await w.refused(
      'policy test ask.yaml allowed.json',
      'approval_required',
      'approval_required',
    );
    assert.deepEqual(asked.reason_codes, ['default_require_approval']);
    await write(w, 'dry.yaml', 'default_verdict: dry_run');
    assert.equal((await w.ok('policy test dry.yaml allowed.json')).verdict, 'dry_run');
    assert.match(
      await w.text('policy test p.yaml allowed.json'),
      /^allow {2}by rule: data\n {2}reasons {5}matched_rule_data\n$/,
    );
  });

  test('a script: test and explain show its steps', async () => {
    const w = shared();
    const { context, ...call } = CALL;
    const steps = [call, { tool_name: 'tool.delete', targets: call.targets }];
    await write(w, 'script.json', { tool_name: 'script', script: { steps }, context });
    const line = 'p.yaml script.json';
    const tested = await w.refused(`policy test ${line}`, 'policy_blocked', 'policy_blocked');
    assert.deepEqual(
      tested.step_verdicts?.map(({ tool_name, verdict, matched_rule }) => [tool_name, verdict, matched_rule]),
      [
        ['tool.write', 'allow', 'data'],
        ['tool.delete', 'block', 'no-delete'],
      ],
    );
    const explained = await w.ok(`policy explain ${line}`);
    assert.deepEqual(
      explained.step_rules?.map((rules) => rules.map(({ standing }) => standing)),
      [
        ['decides', 'no'],
        ['no', 'decides'],
      ],
    );
    assert.equal(explained.rules, undefined);
    const { stdout } = await w.gait(`policy test ${line}`);
    assert.match(
      stdout,
      / {2}step 1 {6}tool\.write: allow, by data\n {2}step 2 {6}tool\.delete: block, by no-delete\n/,
    );
    assert.match(await w.text(`policy explain ${line}`), /\nstep 2 {2}tool\.delete {2}block\n +0 {2}data/);
  });

  test('the time of judging is that of the clock, or the one that is said', async () => {
    const w = shared();
    const said = '--evaluation-time 2026-01-01T01:00:00+01:00';
    for (const line of [
      'policy test p.yaml allowed.json',
      'policy explain p.yaml allowed.json',
      'policy simulate --baseline p.yaml --policy p.yaml --fixtures allowed.json',
    ]) {
      assert.equal((await w.ok(`${line} ${said}`)).evaluated_at, '2026-01-01T00:00:00Z', line);
      assert.match((await w.ok(line)).evaluated_at ?? '', /^2\d{3}-.*Z$/, line);
    }
    for (const time of ['noon', '', '2026-02-30T00:00:00Z']) {
      const line = ['policy', 'test', 'p.yaml', 'allowed.json', '--evaluation-time', time];
      await w.refused(line, 'flag_value_invalid', 'invalid_input');
    }
  });

  test('explain: each rule, and what of it does not hold', async () => {
    const w = shared();
    const { rules } = await w.ok('policy explain p.yaml blocked.json');
    assert.deepEqual(
      rules?.map(({ name, standing, misses }) => [name, standing, misses]),
      [
        ['data', 'decides', []],
        ['no-delete', 'no', ['tool_names']],
      ],
    );
    assert.match(
      await w.text('policy explain p.yaml blocked.json'),
      /no-delete {2}\(block\) {2}not: tool_names/,
    );
  });

  test('validate: the digest, and warnings on standard error', async () => {
    const w = shared();
    await write(w, 'open.yaml', 'default_verdict: allow\nrules: [{name: all, effect: allow}]');
    const { exit, stdout, stderr } = await w.gait('policy validate open.yaml');
    assert.equal(exit, 0);
    assert.match(stdout, /digest {2}[0-9a-f]{64}\n$/);
    assert.match(stderr, /\[default_allows\]\n.*\[fail_open\]\nwarning: all: .*\[matches_all\]\n$/);
    const { findings } = await w.ok('policy validate open.yaml');
    assert.equal(findings?.length, 3);
  });

  for (const [name, text, message] of [
    [
      'an unknown field',
      'rules:\n  - {name: r, effect: allow, macth: {}}',
      /line 2: unknown field rules\[0\]\.macth/,
    ],
    [
      'a key twice',
      'default_verdict: block\ndefault_verdict: allow',
      /line 2: the key default_verdict stands there twice/,
    ],
    [
      'a second document',
      'default_verdict: block\n---\ndefault_verdict: allow',
      /line [23]: a second document/,
    ],
    ['an unknown effect', 'rules:\n  - name: r\n    effect: alow', /line 3: rules\[0\]\.effect is "alow"/],
    ['a tag', 'default_verdict: !verdict allow', /line 1: /],
    ['aliases without end', 'rules: &a\n  - *a', /nested deeper/],
    ['a list for a policy', '- 1', /the policy is not a map/],
    ['no YAML', '{', /line \d/],
  ] as const) {
    test(`${name} is refused with its line`, async () => {
      const w = shared();
      const file = `${name.replaceAll(' ', '-')}.yaml`;
      await write(w, file, text);
      const { error } = await w.refused(`policy validate ${file}`, 'policy_invalid', 'invalid_input');
      assert.match(error ?? '', message);
      await w.refused(`policy test ${file} allowed.json`, 'policy_invalid', 'invalid_input');
    });
  }

  test('a call that cannot be read is refused, and so is a file that is not there', async () => {
    const w = shared();
    await write(w, 'twice.json', '{"tool_name":"a","tool_name":"b"}');
    await w.refused('policy test p.yaml twice.json', 'json_ambiguous', 'invalid_input');
    await write(w, 'no-tool.json', { ...CALL, tool_name: ' ' });
    await w.refused('policy test p.yaml no-tool.json', 'record_invalid', 'invalid_input');
    await w.refused('policy test p.yaml absent.json', 'file_not_found', 'invalid_input');
    await w.refused('policy validate absent.yaml', 'file_not_found', 'invalid_input');
    await w.refused('policy validate .', 'not_a_file', 'invalid_input');
  });

  test('simulate: what changes, and what to do about it', async () => {
    const w = shared();
    await write(w, 'loose.yaml', 'default_verdict: allow');
    const line = 'policy simulate --baseline p.yaml --policy loose.yaml --fixtures allowed.json,blocked.json';
    const looser = await w.ok(line);
    assert.deepEqual(
      [looser.recommendation, looser.fixtures_total, looser.changed_fixtures],
      ['observe', 2, 2],
    );
    const stricter = await w.ok(
      'policy simulate --baseline loose.yaml --policy p.yaml --fixtures allowed.json --fixtures blocked.json',
    );
    assert.equal(stricter.recommendation, 'require_approval');
    const same = await w.ok('policy simulate --baseline p.yaml --policy p.yaml --fixtures allowed.json');
    assert.deepEqual([same.recommendation, same.changed_fixtures], ['enforce', 0]);
    const owing = async (name: string, duty: string): Promise<void> =>
      write(w, name, `rules: [{name: r, effect: require_approval, ${duty}}]`);
    for (const [index, [less, more]] of [
      ['min_approvals: 2', 'min_approvals: 3'],
      ['rate_limit: {requests: 10}', 'rate_limit: {requests: 5}'],
      ['min_approvals: 1', 'min_approvals: 1, require_broker_credential: true'],
    ].entries()) {
      const [one, other] = [`less-${index}.yaml`, `more-${index}.yaml`];
      await owing(one, less ?? '');
      await owing(other, more ?? '');
      const advice = async (from: string, to: string): Promise<unknown> =>
        (await w.ok(`policy simulate --baseline ${from} --policy ${to} --fixtures allowed.json`))
          .recommendation;
      assert.deepEqual(
        [await advice(one, other), await advice(other, one)],
        ['require_approval', 'observe'],
        more,
      );
    }
    await w.refused(
      'policy simulate --baseline p.yaml --policy p.yaml --fixtures gait-out',
      'file_not_found',
      'invalid_input',
    );
  });
});

describe('the file of a policy', () => {
  test('fmt --write: comments stay with what they are about, the digest stays, once is enough', async (t) => {
    const w = await workspace(t);
    await prepared(w);
    const before = await w.ok('policy validate p.yaml');
    const shown = await w.text('policy fmt p.yaml');
    assert.equal(await readFile(w.path('p.yaml'), 'utf8'), POLICY, 'showing it changes nothing');
    const first = await w.ok('policy fmt p.yaml --write');
    assert.deepEqual([first.changed, first.written, first.policy_digest], [true, true, before.policy_digest]);
    const text = await readFile(w.path('p.yaml'), 'utf8');
    assert.equal(text, shown);
    for (const [comment, beside] of [
      ['# what the agent', /^# what the agent of the shop may do\ndefault_verdict/],
      ['# deletes', / {2}# deletes are for people\n {2}- name: no-delete # really\n/],
      ['# only there', /# only there/],
      ['# the end', /\n# the end\n$/],
    ] as const) {
      assert.match(text, beside, comment);
    }
    const again = await w.ok('policy fmt p.yaml --write');
    assert.deepEqual([again.changed, again.written], [false, false]);
  });

  test('init: writes what validates, only for its owner, and replaces nothing unasked', async (t) => {
    const w = await workspace(t);
    const { policy_path, policy_digest, next_commands } = await w.ok('policy init high');
    assert.equal(policy_path, 'gait.policy.yaml');
    assert.equal((await stat(w.path('gait.policy.yaml'))).mode & 0o777, 0o600);
    assert.equal((await w.ok('policy validate gait.policy.yaml')).policy_digest, policy_digest);
    assert.equal(next_commands?.[0], 'gait policy validate gait.policy.yaml');
    await w.refused('policy init low', 'out_unsafe', 'unsafe_operation');
    assert.equal((await w.ok('policy validate gait.policy.yaml')).policy_digest, policy_digest);
    assert.notEqual((await w.ok('policy init low --force')).policy_digest, policy_digest);
    await w.refused('policy init highest', 'template_unknown', 'invalid_input');
    await w.refused('policy init low --out gait-out/jobs/x', 'out_unsafe', 'unsafe_operation');
  });
});
