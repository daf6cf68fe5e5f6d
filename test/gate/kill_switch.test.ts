import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GaitError } from '../../src/core/errors.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { type KillSwitchEntry, killed, underKillSwitch } from '../../src/gate/kill_switch/kill_switch.ts';
import { killSwitchDocument, newKillSwitch, readKillSwitches } from '../../src/gate/kill_switch/reader.ts';
import { VERDICTS } from '../../src/gate/verdict.ts';
import validateState from '../../src/schema/generated/kill_switch_state.js';
import { schemaFault } from '../../src/schema/validator.ts';
import { decisionOf, NOON, policyOf, requestOf } from '../support/gate.ts';
import fc from '../support/property.ts';
import { gaitError } from '../support/refusals.ts';

const WHO = { reason: 'bad release', actor: 'alice', created_at: '2026-06-01T00:00:00Z' } as const;

/** The state of one entry with these members. */
const entries = (...all: readonly JsonObject[]): KillSwitchEntry[] =>
  readKillSwitches({
    schema_id: 'gait.gate.kill_switch_state',
    schema_version: '1.0.0',
    entries: all.map((members, index) => ({ entry_id: `e${index}`, enabled: true, ...WHO, ...members })),
  });

type Members = { readonly [name: string]: Json };

const stops = (entry: JsonObject, call: Members, now: string = NOON): boolean =>
  killed(entries(entry), requestOf(call), now) !== undefined;

const on = (kind: string, value: string, more: Members = {}): Members => ({
  targets: [{ kind, value, ...more }],
});

describe('a kill switch', () => {
  test('without selectors stops everything, with the codes of a stop', () => {
    assert.deepEqual(killed(entries({}), requestOf(), NOON), {
      entry_ids: ['e0'],
      reasons: ['kill_switch_active'],
      violations: ['kill_switch_active'],
    });
  });

  const BOT = { context: { agent_id: 'Bot', environment: 'prod' } };
  const cases: Readonly<Record<string, readonly [JsonObject, Members, boolean]>> = {
    'an agent': [{ agent_id: 'bot' }, BOT, true],
    'another agent': [{ agent_id: 'bot2' }, BOT, false],
    'an agent that does not say which': [{ agent_id: 'bot' }, {}, true],
    'an identity in other letters': [{ identity: 'AGENT' }, {}, true],
    'another identity': [{ identity: 'agent2' }, {}, false],
    'a tool': [{ tool_name: 'Tool.Write' }, {}, true],
    'another tool': [{ tool_name: 'tool.read' }, {}, false],
    'an environment': [{ environment: ' PROD' }, BOT, true],
    'another environment': [{ environment: 'staging' }, BOT, false],
    'an environment that nobody names': [{ environment: 'staging' }, {}, true],
    'a target': [{ target_kind: 'path', target_value: '/a' }, on('path', '/b/../a'), true],
    'another target': [{ target_kind: 'path', target_value: '/a' }, on('path', '/b'), false],
    'a target that is said to be another': [
      { target_kind: 'path', target_value: '/a' },
      on('other', '/a'),
      true,
    ],
    'a target whose kind is not said': [{ target_kind: 'table' }, on('other', 'users'), true],
    'a host behind a path': [{ target_kind: 'url' }, on('path', 'https://x.test/'), true],
    'a target of no kind in particular': [{ target_value: '/repo/a' }, on('path', 'a'), true],
    'a target that cannot be placed': [{ target_value: '/a' }, on('path', '../../a'), true],
    'a target where none is named': [{ target_kind: 'url' }, {}, true],
    'a kind of one target and the value of another': [
      { target_kind: 'host', target_value: '/a' },
      {
        targets: [
          { kind: 'path', value: '/a' },
          { kind: 'host', value: 'x.test' },
        ],
      },
      false,
    ],
    'a path in a folder': [{ path_prefixes: ['/srv/shop'] }, on('path', '/srv/./shop/a'), true],
    'a path beside a folder': [{ path_prefixes: ['/srv/shop'] }, on('path', '/srv/shop2/a'), false],
    'a path from the workspace on': [{ path_prefixes: ['/repo/src'] }, on('path', 'src/a'), true],
    'a folder from the workspace on': [{ path_prefixes: ['src'] }, on('path', '/repo/src/a'), true],
    'a path from a workspace that is nowhere': [
      { path_prefixes: ['/srv'] },
      { ...on('path', 'a'), context: { workspace: 'repo' } },
      true,
    ],
    'a path that leads out': [{ path_prefixes: ['/srv'] }, on('path', '../../x'), true],
    'a file by its URL': [{ path_prefixes: ['/srv'] }, on('url', 'file:///srv/a'), true],
    'a URL, where a folder is stopped': [{ path_prefixes: ['/srv'] }, on('url', 'https://x.test/'), false],
    'a path where none is named': [{ path_prefixes: ['/srv'] }, {}, true],
    'a workspace': [{ workspace_prefixes: ['/repo'] }, { context: { workspace: '/repo/x' } }, true],
    'a workspace that begins so': [
      { workspace_prefixes: ['/repo'] },
      { context: { workspace: '/repo2' } },
      true,
    ],
    'another workspace': [{ workspace_prefixes: ['/srv'] }, {}, false],
    'all of several selectors': [{ agent_id: 'bot', tool_name: 'tool.write' }, BOT, true],
    'not all of several selectors': [{ agent_id: 'bot', tool_name: 'tool.read' }, BOT, false],
  };
  for (const [name, [entry, call, expected]] of Object.entries(cases)) {
    test(`for ${name} ${expected ? 'stops' : 'does not stop'} it`, () =>
      assert.equal(stops(entry, call), expected));
  }

  test('names each selector', () => {
    const all = { agent_id: 'bot', identity: 'agent', tool_name: 'tool.write', environment: 'prod' };
    const more = { target_kind: 'path', path_prefixes: ['/a'], workspace_prefixes: ['/repo'] };
    const call = requestOf({ ...on('path', '/a/b'), ...BOT });
    assert.deepEqual(killed(entries({ ...all, ...more }), call, NOON)?.reasons, [
      ...['kill_switch_active', 'kill_switch_agent_id_active', 'kill_switch_environment_active'],
      ...['kill_switch_identity_active', 'kill_switch_path_active', 'kill_switch_target_active'],
      ...['kill_switch_tool_name_active', 'kill_switch_workspace_active'],
    ]);
  });

  test('stops while it is enabled and not over', () => {
    assert.equal(stops({ enabled: false }, {}), false);
    assert.equal(stops({ enabled: null }, {}), true);
    const ends = (expires_at: string): boolean => stops({ expires_at }, {});
    assert.deepEqual(
      ['2026-06-15T12:00:00.001Z', NOON, '2026-06-15T13:59:59+02:00', '0001-01-01T00:00:00Z'].map(ends),
      [true, false, false, true],
    );
  });

  test('W-17: stops whatever else is decided, and keeps its reasons', () => {
    for (const effect of VERDICTS) {
      const policy = policyOf('rules:', `  - {name: r, effect: ${effect}, rate_limit: {requests: 1}}`);
      const decision = decisionOf(policy, requestOf());
      const stopped = underKillSwitch(decision, entries({}), requestOf(), NOON);
      assert.deepEqual(
        [stopped.verdict, stopped.reason_codes, stopped.duties],
        ['block', ['kill_switch_active', ...decision.reason_codes], decision.duties],
      );
      assert.deepEqual(underKillSwitch(decision, [], requestOf(), NOON), decision);
      assert.deepEqual(underKillSwitch(decision, entries({ enabled: false }), requestOf(), NOON), decision);
    }
  });

  test('W-17: one that cannot be judged stops too', () => {
    const decision = decisionOf(policyOf('default_verdict: allow'), requestOf());
    const { verdict, reason_codes } = underKillSwitch(
      decision,
      entries({ expires_at: NOON }),
      requestOf(),
      'noon',
    );
    assert.deepEqual([verdict, reason_codes], ['block', ['default_allow', 'kill_switch_state_unavailable']]);
  });

  test('one more never lets a call run that did not, and saying less never helps', () => {
    const word = fc.constantFrom('bot', 'prod', 'agent', 'tool.write');
    const selectors = fc.record(
      { agent_id: word, environment: word, path_prefixes: fc.constant(['/a']) },
      {
        requiredKeys: [],
      },
    );
    const said = fc.record({ agent_id: word, environment: word }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.array(selectors), selectors, said, fc.boolean(), (some, more, context, named) => {
        const call = requestOf({ context, ...(named ? on('path', '/a/b') : {}) });
        const [few, many] = [entries(...some), entries(...some, more)];
        const isStopped = (all: readonly KillSwitchEntry[]): boolean => killed(all, call, NOON) !== undefined;
        assert.ok(!isStopped(few) || isStopped(many));
        assert.ok(!isStopped(few) || killed(few, requestOf(), NOON) !== undefined);
      }),
    );
  });
});

describe('the document of kill switches', () => {
  const whole = (...all: readonly Json[]): JsonObject => ({
    ...{ schema_id: 'gait.gate.kill_switch_state', schema_version: '1.0.0', entries: all },
  });
  const ENTRY = { entry_id: 'e', enabled: true, ...WHO };

  for (const [name, value] of [
    ['no object', []],
    ['another schema', { ...whole(), schema_id: 'gait.gate.policy' }],
    ['no schema', { entries: [] }],
    ['another version', { ...whole(), schema_version: '2.0.0' }],
    ['no entries', { schema_id: 'gait.gate.kill_switch_state', schema_version: '1.0.0' }],
    ['an unknown member', { ...whole(), more: 1 }],
    ['an entry with an unknown member: it may be a selector', whole({ ...ENTRY, tenant: 'a' })],
    ['an entry with a member in other letters', whole({ ...ENTRY, Agent_id: 'a' })],
    ['an entry that is none', whole('e')],
    ['an entry without an id', whole({ ...ENTRY, entry_id: ' ' })],
    ['an entry without a reason', whole({ ...ENTRY, reason: '' })],
    ['an entry without an actor', whole({ ...ENTRY, actor: null })],
    ['an entry without a time', whole({ ...ENTRY, created_at: '' })],
    ['an end that is no time', whole({ ...ENTRY, expires_at: 'soon' })],
    ['a switch that is neither on nor off', whole({ ...ENTRY, enabled: 'yes' })],
    ['an unknown kind', whole({ ...ENTRY, target_kind: 'disk' })],
    ['a prefix that is no folder', whole({ ...ENTRY, path_prefixes: ['../..'] })],
    ['a list that is text', whole({ ...ENTRY, path_prefixes: '/a' })],
    ['one id twice', whole(ENTRY, ENTRY)],
  ] as const) {
    test(`with ${name} is refused`, () =>
      assert.throws(
        () => readKillSwitches(value as Json),
        gaitError('kill_switch_invalid', 'invalid_input'),
      ));
  }

  test('is what was read, and fits its schema', () => {
    const members = { agent_id: 'bot', path_prefixes: ['/b', '/a'], target_kind: 'path' as const, ...WHO };
    const [one] = [newKillSwitch(members, [])];
    const two = newKillSwitch(members, [one]);
    assert.notEqual(one.entry_id, two.entry_id);
    assert.match(one.entry_id, /^[0-9a-f]{24}$/);
    const document = killSwitchDocument([one, two]);
    assert.deepEqual(readKillSwitches(document), [one, two]);
    assert.equal(schemaFault(validateState, document), undefined);
    assert.deepEqual(one.path_prefixes, ['/a', '/b']);
  });

  test('that is garbage is refused with a typed error, or stops no less than it says', () => {
    const names = fc.constantFrom('agent_id', 'enabled', 'environment', 'path_prefixes', 'expires_at', 'x');
    fc.assert(
      fc.property(fc.dictionary(names, fc.jsonValue()), (members) => {
        try {
          const read = readKillSwitches(whole({ ...ENTRY, ...(members as JsonObject) }));
          assert.equal(killed(read, requestOf(), NOON) !== undefined, members['enabled'] !== false);
        } catch (error) {
          assert.ok(error instanceof GaitError && error.code === 'kill_switch_invalid', String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
