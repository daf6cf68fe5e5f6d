import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { type Workspace, workspace } from '../support/cli.ts';

const CALL = {
  tool_name: 'tool.write',
  args: { text: 'x' },
  targets: [{ kind: 'path', value: '/srv/a', operation: 'write' }],
  context: { identity: 'agent', workspace: '/srv', risk_class: 'high' },
};

const ALLOWS = 'default_verdict: block\nrules:\n  - {name: all, effect: allow}\n';
const ASKS = 'default_verdict: block\nrules:\n  - {name: ask, effect: require_approval}\n';
const DELEGATED =
  'default_verdict: block\nrules:\n  - {name: d, effect: allow, match: {require_delegation: true}}\n';

/** A workspace with a call of high risk, policies for it, and two pairs of keys. */
async function prepared(t: Parameters<typeof workspace>[0]): Promise<Workspace> {
  const w = await workspace(t);
  const delegation = { requester_identity: 'agent' };
  const files: Record<string, string> = {
    'call.json': JSON.stringify(CALL),
    'delegated.json': JSON.stringify({ ...CALL, delegation }),
    'allows.yaml': ALLOWS,
    'asks.yaml': ASKS,
    'delegated.yaml': DELEGATED,
    'open.yaml': 'default_verdict: allow\n',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(w.path(name), text);
  for (const prefix of ['gate', 'bob']) await w.ok(`keys init --out-dir keys --prefix ${prefix}`);
  return w;
}

const KEY = '--private-key keys/gate_private.key';
const CAREFUL = `gate eval --profile oss-prod --key-mode prod ${KEY}`;

describe('the careful profile', () => {
  test('W-13: what is missing for a call that it could let run is said, not guessed', async (t) => {
    const w = await prepared(t);
    const lines: readonly (readonly [string, string])[] = [
      [`${CAREFUL} --policy open.yaml --intent call.json`, 'allows by default'],
      [`${CAREFUL} --policy allows.yaml --intent call.json`, 'no broker'],
      [`${CAREFUL} --policy asks.yaml --intent call.json`, 'no key is named that could give one'],
      [`${CAREFUL} --policy delegated.yaml --intent delegated.json`, 'no key is named that could prove one'],
      [`${CAREFUL} --policy allows.yaml --intent call.json --simulate`, '--simulate'],
      ['gate eval --profile oss-prod --policy allows.yaml --intent call.json', '--key-mode prod'],
      [
        `${CAREFUL} --policy asks.yaml --intent call.json --approval-private-key keys/bob_private.key`,
        'no private key',
      ],
    ];
    for (const [line, says] of lines) {
      const { exit, stdout } = await w.gait(`${line} --json`);
      const { error_code, error = '' } = JSON.parse(stdout) as { error_code: string; error?: string };
      assert.deepEqual([exit, error_code], [6, 'profile_incomplete'], line);
      assert.ok(error.includes(says), `${line}: ${error}`);
    }
  });

  test('W-13: a call of high risk owes a credential, whichever rule allows it', async (t) => {
    const w = await prepared(t);
    const line = `${CAREFUL} --policy allows.yaml --intent call.json --credential-broker stub --json`;
    const { verdict, reason_codes } = (await w.gait(line)).json() as never as Record<string, unknown>;
    assert.deepEqual([verdict, reason_codes], ['allow', ['broker_credential_present', 'matched_rule_all']]);
  });
});

describe('W-15: what decides is named', () => {
  test('settings that lie in the working directory decide nothing', async (t) => {
    const w = await prepared(t);
    await mkdir(w.path('.gait'));
    await writeFile(w.path('.gait/config.yaml'), 'gate:\n  policy: open.yaml\n');
    await w.refused('gate eval --intent call.json', 'flag_missing', 'invalid_input');
    const named = await w.gait(`gate eval --intent call.json ${KEY} --config .gait/config.yaml --json`);
    assert.equal(named.exit, 0);
  });

  test('a flag that is given decides before the settings, its usual value too', async (t) => {
    const w = await prepared(t);
    await writeFile(w.path('c.yaml'), 'gate:\n  profile: oss-prod\n');
    const line = `gate eval --intent call.json --policy open.yaml --config c.yaml ${KEY} --json`;
    const profileOf = async (more: string): Promise<unknown> => {
      const answer = (await w.gait(`${line} ${more}`)).json() as never as Record<string, unknown>;
      return answer['profile'] ?? answer['error_code'];
    };
    assert.equal(await profileOf(''), 'profile_incomplete', 'of the settings: without --key-mode prod');
    assert.equal(await profileOf('--profile standard'), 'standard');
  });

  test('a setting that is none is refused, in each place where one could stand', async (t) => {
    const w = await prepared(t);
    const wrong = [
      'gate:\n  profle: oss-prod\n',
      'gates:\n  profile: oss-prod\n',
      'gate:\n  profile: [1]\n',
      'gate: oss-prod\n',
      '- gate\n',
      'gate:\n  profile: standard\n  profile: oss-prod\n',
    ];
    for (const text of wrong) {
      await writeFile(w.path('c.yaml'), text);
      const line = `gate eval --intent call.json --policy open.yaml --config c.yaml ${KEY}`;
      await w.refused(line, 'config_invalid', 'invalid_input');
    }
    await writeFile(w.path('c.yaml'), 'gate:\n  profile: prod\n');
    const line = `gate eval --intent call.json --policy open.yaml --config c.yaml ${KEY}`;
    await w.refused(line, 'flag_value_invalid', 'invalid_input');
  });

  test('another policy than the one that is meant is not asked', async (t) => {
    const w = await prepared(t);
    const { policy_digest } = await w.ok('policy validate open.yaml');
    const eval_ = `gate eval --intent call.json ${KEY} --expect-policy-digest ${policy_digest}`;
    await w.ok(`${eval_} --policy open.yaml`);
    await w.refused(`${eval_} --policy allows.yaml`, 'policy_unexpected', 'policy_blocked');
  });
});
