import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/core/json.ts';
import type { Intent } from '../../src/gate/intent/intent.ts';
import type { Policy } from '../../src/gate/policy/policy.ts';
import { intentOf, policyOf, verdictOf } from './gate.ts';

/** Calls with one target, beside calls that must still be let through. */
export const WORKSPACE = '/srv/shop';
export type Call = readonly [tool: string, kind: string, value: string, operation?: string];

export function call([tool_name, kind, value, operation]: Call, more: JsonObject = {}): Intent {
  const target = { kind, value, ...(operation === undefined ? {} : { operation }) };
  return intentOf({
    tool_name,
    targets: value === '' ? [] : [target],
    context: { workspace: WORKSPACE },
    ...more,
  });
}

/** One rule that lets calls of the workspace through, to such an endpoint. */
export function allowing(
  endpoint: string,
  match = 'workspace_prefixes: [/srv/shop]',
  ...top: readonly string[]
): Policy {
  const lists = endpoint === '' ? [] : [`    endpoint: {${endpoint}}`];
  return policyOf(
    'default_verdict: block',
    ...top,
    'rules:',
    '  - name: go',
    '    priority: 9',
    '    effect: allow',
    `    match: {${match}}`,
    ...lists,
  );
}

/** One rule that blocks. */
export function blocking(match: string): Policy {
  return policyOf('default_verdict: allow', 'rules:', `  - {name: stop, effect: block, match: {${match}}}`);
}

export interface Row {
  readonly policy: Policy;
  readonly blocked: readonly Call[];
  readonly allowed: readonly Call[];
}

export type Rows = Readonly<Record<string, Row>>;

/** A test for each call. */
export function checkRows(attack: string, rows: Rows): void {
  for (const [what, { policy, blocked, allowed }] of Object.entries(rows))
    describe(`${attack}: ${what}`, () => {
      for (const one of blocked)
        test(`${one.join(' ')}: block`, () => assert.equal(verdictOf(policy, call(one)), 'block'));
      for (const one of allowed)
        test(`${one.join(' ')}: allow`, () => assert.equal(verdictOf(policy, call(one)), 'allow'));
    });
}
