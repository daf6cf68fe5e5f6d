import assert from 'node:assert/strict';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { type Workspace, workspace } from '../support/cli.ts';

const CALL = {
  tool_name: 'tool.write',
  args: {},
  targets: [{ kind: 'path', value: '/data/a', operation: 'write' }],
  context: { identity: 'agent', workspace: '/repo', risk_class: 'low' },
};
const ONCE =
  'default_verdict: block\nrules:\n  - {name: r, effect: allow, match: {target_kinds: [path]}, rate_limit: {requests: 1, window: hour}}\n';

async function prepared(w: Workspace): Promise<void> {
  await writeFile(w.path('once.yaml'), ONCE);
  await writeFile(w.path('allow.yaml'), 'default_verdict: allow');
  await writeFile(w.path('call.json'), JSON.stringify(CALL));
  await mkdir(w.path('deep/er'), { recursive: true });
}

const IN_DEEP = { cwd: 'deep/er' } as const;

describe('the state of a gate', () => {
  test('H2: is that of the workspace, wherever in it one stands, and the answer says which it was', async (t) => {
    const w = await workspace(t);
    await prepared(w);
    const first = await w.ok('gate eval --policy once.yaml --intent call.json');
    assert.deepEqual([first.verdict, first.state_dir], ['allow', 'gait-out/gate']);
    const { exit, stdout } = await w.gait(
      'gate eval --policy ../../once.yaml --intent ../../call.json --json',
      IN_DEEP,
    );
    assert.equal(exit, 3, stdout);
    assert.match(stdout, /rate_limit_exceeded/);
    assert.equal(JSON.parse(stdout).state_dir, w.path('gait-out/gate'));
  });

  test('H6: a kill switch of the workspace holds for it too; the command names its file, and gates that look elsewhere', async (t) => {
    const w = await workspace(t);
    await prepared(w);
    await w.ok('gate eval --policy allow.yaml --intent call.json');
    await w.ok('gate eval --policy allow.yaml --intent call.json --state-dir st');
    const add = await w.gait("kill-switch add --all --reason 'keys are out'");
    assert.match(add.stdout, /in gait-out\/gate\/kill_switch\.json/);
    assert.match(add.stderr, /the gate of .*st looks elsewhere/);
    const deep = await w.gait('gate eval --policy ../../allow.yaml --intent ../../call.json', IN_DEEP);
    assert.equal(deep.exit, 3);
    assert.equal((await w.gait('gate eval --policy allow.yaml --intent call.json --state-dir st')).exit, 0);
    const named = await w.gait("kill-switch add --all --reason 'keys are out' --state-dir st");
    assert.match(named.stdout, /in st\/kill_switch\.json/);
    assert.equal((await w.gait('gate eval --policy allow.yaml --intent call.json --state-dir st')).exit, 3);
    await w.refused('kill-switch list --state x --state-dir y', 'flags_conflict', 'invalid_input');
  });

  test('F13: under oss-prod a limit counts only where somebody said that it is kept', async (t) => {
    const w = await workspace(t);
    await prepared(w);
    await w.ok('keys init --out-dir keys --prefix gate');
    const line =
      'gate eval --policy once.yaml --intent call.json --profile oss-prod --key-mode prod --private-key keys/gate_private.key';
    const { reason_codes } = await w.refused(line, 'policy_blocked', 'policy_blocked');
    assert.ok(reason_codes?.includes('gate_state_unnamed'));
    assert.equal((await w.ok(`${line} --state-dir st`)).verdict, 'allow');
    assert.equal((await w.gait(line, { env: { GAIT_GATE_STATE: 'named' } })).exit, 0);
  });
});

describe('F15: whoever approves sees the call', () => {
  const ASKS = 'rules:\n  - {name: ask, effect: require_approval, match: {tool_names: [tool.write]}}\n';
  const APPROVE =
    'approve --intent call.json --scope tool:tool.write --ttl 1h --approver bob --reason-code r --out t.json';

  test('its tool, targets and arguments with what a terminal would hide, and what the policy says', async (t) => {
    const w = await workspace(t);
    await writeFile(w.path('ask.yaml'), ASKS);
    const args = { to: 'a\u001b[2Kb', body: 'x'.repeat(5000), deep: { a: [1] } };
    await writeFile(w.path('call.json'), JSON.stringify({ ...CALL, args }));
    const { exit, stdout } = await w.gait(`${APPROVE} --policy ask.yaml`);
    assert.equal(exit, 0, stdout);
    for (const said of [
      ...['tool.write', 'write path /data/a', 'to = a\\u{1b}[2Kb', '(5000 bytes)', 'deep = {"a":[1]}'],
      ...['require_approval  by rule: ask', 'approved by bob'],
    ])
      assert.ok(stdout.includes(said), `${said} is not in\n${stdout}`);
    assert.ok(!stdout.includes('\u001b'));
  });

  test('and what needs no approval, or could not get one, gets none', async (t) => {
    const w = await workspace(t);
    await writeFile(w.path('call.json'), JSON.stringify(CALL));
    for (const verdict of ['allow', 'block']) {
      await writeFile(w.path('p.yaml'), `default_verdict: ${verdict}`);
      await w.refused(`${APPROVE} --policy p.yaml`, 'approval_needless', 'invalid_input');
    }
    await assert.rejects(stat(w.path('t.json')), { code: 'ENOENT' });
  });
});

describe('what a call says with ~', () => {
  const POLICY =
    'rules:\n  - {name: own, effect: allow, match: {tool_names: [tool.read]}, endpoint: {path_denylist: ["/srv/u/.ssh/**"]}}\n';
  const HOME_CALL = {
    ...CALL,
    tool_name: 'tool.read',
    targets: [{ kind: 'path', value: '~/notes/a', operation: 'read' }],
  };

  test('is held against the home that the gate is told, and else may be any folder', async (t) => {
    const w = await workspace(t);
    await writeFile(w.path('p.yaml'), POLICY);
    await writeFile(w.path('call.json'), JSON.stringify(HOME_CALL));
    const key = HOME_CALL.targets[0];
    await writeFile(
      w.path('key.json'),
      JSON.stringify({ ...HOME_CALL, targets: [{ ...key, value: '~/.ssh/id' }] }),
    );
    for (const line of ['policy test p.yaml', 'gate eval --policy p.yaml --intent']) {
      assert.equal((await w.gait(`${line} call.json`)).exit, 3, line);
      assert.equal((await w.gait(`${line} call.json --home /srv/u`)).exit, 0, line);
      assert.equal((await w.gait(`${line} key.json --home /srv/u/`)).exit, 3, line);
      assert.equal((await w.gait(`${line} call.json --home u`)).exit, 6, line);
    }
  });
});

describe('policy explain', () => {
  test('shows what is made of each part of a call', async (t) => {
    const w = await workspace(t);
    const rule = '{name: docs, effect: allow, match: {target_values: [/repo/docs/a.md]}}';
    await writeFile(w.path('p.yaml'), `default_verdict: block\nrules:\n  - ${rule}\n`);
    const targets = ['/repo/docs/a.md', '/etc/passwd'].map((value) => ({ kind: 'path', value }));
    await writeFile(w.path('call.json'), JSON.stringify({ ...CALL, targets }));
    const { stdout } = await w.gait('policy explain p.yaml call.json');
    assert.match(stdout, /^block/);
    assert.match(stdout, /path \/repo\/docs\/a\.md: allow, by docs/);
    assert.match(stdout, /path \/etc\/passwd: block, by the default/);
  });
});

describe('L3: the careful profile', () => {
  test('takes the dev key of the workspace under no name', async (t) => {
    const w = await workspace(t);
    await prepared(w);
    await writeFile(w.path('block.yaml'), 'default_verdict: block');
    await w.gait('gate eval --policy block.yaml --intent call.json');
    const line = 'gate eval --profile oss-prod --policy block.yaml --intent call.json --private-key';
    const { exit, stderr } = await w.gait(`${line} gait-out/keys/dev_private.key`);
    assert.equal(exit, 6);
    assert.match(stderr, /is the dev key of this workspace/);
    await w.ok('keys init --prefix own');
    assert.equal((await w.gait(`${line} gait-out/keys/own_private.key`)).exit, 3);
  });
});
