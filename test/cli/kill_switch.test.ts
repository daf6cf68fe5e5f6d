import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { type Workspace, workspace } from '../support/cli.ts';

const STATE = 'gait-out/gate/kill_switch.json';
const CALL = {
  tool_name: 'tool.write',
  args: {},
  targets: [{ kind: 'path', value: '/data/a', operation: 'write' }],
  context: { identity: 'agent', workspace: '/repo', risk_class: 'low' },
};

async function prepared(w: Workspace): Promise<void> {
  await writeFile(w.path('allow.yaml'), 'default_verdict: allow');
  await writeFile(w.path('call.json'), JSON.stringify(CALL));
}

const TRY = `policy test allow.yaml call.json --kill-switch-state ${STATE}`;

describe('kill switches', () => {
  test('a selector that looks like a pattern is refused: it would stop nothing', async (t) => {
    const w = await workspace(t);
    for (const selector of ['--tool-name tool.*', '--tool-name *', '--path-prefix /data/*']) {
      await w.refused(`kill-switch add ${selector} --reason stop`, 'flag_value_invalid', 'invalid_input');
    }
    await assert.rejects(stat(w.path(STATE)), { code: 'ENOENT' });
  });

  test('W-17: one stops a call that is allowed until it is disabled', async (t) => {
    const w = await workspace(t);
    await prepared(w);
    assert.equal((await w.ok('policy test allow.yaml call.json')).verdict, 'allow');
    const { entry, changed } = await w.ok(
      "kill-switch add --tool-name tool.write --reason 'bad release' --actor alice",
    );
    assert.deepEqual([changed, entry?.active, entry?.actor], [true, true, 'alice']);
    assert.equal((await stat(w.path(STATE))).mode & 0o777, 0o600);
    const { verdict, reason_codes } = await w.refused(TRY, 'policy_blocked', 'policy_blocked');
    assert.deepEqual(
      [verdict, reason_codes],
      ['block', ['default_allow', 'kill_switch_active', 'kill_switch_tool_name_active']],
    );
    const explained = await w.ok(`policy explain allow.yaml call.json --kill-switch-state ${STATE}`);
    assert.equal(explained.verdict, 'block');
    const id = entry?.entry_id ?? '';
    const off = await w.ok(`kill-switch disable ${id} --actor bob`);
    assert.deepEqual([off.changed, off.entry?.active, off.entry?.disabled_by], [true, false, 'bob']);
    assert.equal((await w.ok(TRY)).verdict, 'allow');
    assert.equal((await w.ok(`kill-switch disable ${id}`)).changed, false);
    assert.deepEqual(
      (await w.ok('kill-switch list')).entries?.map((one) => [one.entry_id, one.active, one.disabled_by]),
      [[id, false, 'bob']],
    );
    assert.match(
      await w.text('kill-switch list'),
      /disabled {2}stops tool_name tool\.write\n.*alice: bad release\n/,
    );
  });

  test('one may end by itself, and be kept elsewhere', async (t) => {
    const w = await workspace(t);
    await prepared(w);
    const line = 'kill-switch add --path-prefix /data --path-prefix /srv --ttl 1h --reason r --state s.json';
    const { entry, state_path } = await w.ok(line);
    assert.equal(state_path, 's.json');
    assert.deepEqual(entry?.path_prefixes, ['/data', '/srv']);
    const lasts = Date.parse(entry?.expires_at ?? '') - Date.parse(entry?.created_at ?? '');
    assert.equal(lasts, 3_600_000);
    const tried = 'policy test allow.yaml call.json --kill-switch-state s.json';
    await w.refused(tried, 'policy_blocked', 'policy_blocked');
    await w.ok(`${tried} --evaluation-time ${entry?.expires_at ?? ''}`);
  });

  test('what is stopped is said, and everything only on purpose', async (t) => {
    const w = await workspace(t);
    await w.refused('kill-switch add --reason r', 'flag_missing', 'invalid_input');
    await w.refused('kill-switch add --all', 'flag_missing', 'invalid_input');
    await w.refused('kill-switch add --all --identity a --reason r', 'flags_conflict', 'invalid_input');
    for (const flags of [
      ['--environment', ' '],
      ['--path-prefix', ''],
      ['--agent-id', ''],
    ]) {
      const line = ['kill-switch', 'add', ...flags, '--reason', 'r'];
      await w.refused(line, 'flag_value_invalid', 'invalid_input');
    }
    await w.refused(['kill-switch', 'add', '--all', '--reason', ' '], 'kill_switch_invalid', 'invalid_input');
    await w.refused('kill-switch add --path-prefix ../.. --reason r', 'kill_switch_invalid', 'invalid_input');
    await assert.rejects(stat(w.path(STATE)), 'nothing was written');
    assert.match(await w.text('kill-switch add --all --reason r'), /active {2}stops everything\n/);
  });

  test('a file that cannot be read is no file without switches', async (t) => {
    const w = await workspace(t);
    await prepared(w);
    await w.refused(TRY, 'file_not_found', 'invalid_input');
    await w.refused('kill-switch list', 'file_not_found', 'invalid_input');
    for (const [text, code] of [
      ['', 'json_malformed'],
      ['{}', 'kill_switch_invalid'],
      ['{"entries":[],"entries":[]}', 'json_ambiguous'],
    ] as const) {
      await writeFile(w.path('odd.json'), text);
      const tried = 'policy test allow.yaml call.json --kill-switch-state odd.json';
      await w.refused(tried, code, 'invalid_input');
    }
    await writeFile(w.path('notes.json'), '{"mine":true}');
    const add = 'kill-switch add --all --reason r --state notes.json';
    await w.refused(add, 'kill_switch_invalid', 'invalid_input');
    assert.equal(await readFile(w.path('notes.json'), 'utf8'), '{"mine":true}');
    await w.refused(
      'kill-switch add --all --reason r --state gait-out/keys/x',
      'out_unsafe',
      'unsafe_operation',
    );
    await w.refused('kill-switch disable x --state absent.json', 'file_not_found', 'invalid_input');
  });

  test('several at once are all kept', async (t) => {
    const w = await workspace(t);
    const names = Array.from({ length: 8 }, (_, index) => `tool.t${index}`);
    await Promise.all(
      names.map((name) => w.ok(`kill-switch add --tool-name ${name} --reason r`, { real: true })),
    );
    const { entries = [] } = await w.ok('kill-switch list');
    assert.deepEqual(entries.map(({ tool_name }) => tool_name).sort(), names);
    assert.equal(new Set(entries.map(({ entry_id }) => entry_id)).size, names.length);
    await w.refused('kill-switch disable x', 'kill_switch_unknown', 'invalid_input');
    const nobody = ['kill-switch', 'disable', entries[0]?.entry_id ?? '', '--actor', ' '];
    await w.refused(nobody, 'actor_invalid', 'invalid_input');
  });
});
