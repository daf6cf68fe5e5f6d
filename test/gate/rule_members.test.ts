import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { FREEZE_WINDOW, WINDOW_MEMBERS } from '../../src/gate/policy/freeze_window.ts';
import { DATAFLOW, ENDPOINT, FAIL_CLOSED, MATCH, RATE_LIMIT, RULE } from '../../src/gate/policy/members.ts';
import { POLICY } from '../../src/gate/policy/reader.ts';
import { namesOf } from '../../src/gate/policy/rows.ts';
import { SCRIPTS } from '../../src/gate/policy/script_rules.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

const ROOT = process.env['GAIT_ROOT'] ?? process.cwd();
const POLICIES = JSON.parse(readFileSync(join(ROOT, 'schemas/v1/gate/policy.schema.json'), 'utf8')) as Schema;

/** The members of the schema at a path such as `rules.match`. */
function membersAt(path: string): string[] {
  const inside = (schema: Schema, name: string): Schema => {
    const next = schema.properties?.[name] ?? {};
    return next.items?.properties === undefined ? next : next.items;
  };
  const place = path === '' ? POLICIES : path.split('.').reduce(inside, POLICIES);
  return Object.keys(place.properties ?? {}).sort();
}

describe('the tables of members are what the published schema of policies has', () => {
  const TABLES: Readonly<Record<string, readonly string[]>> = {
    '': namesOf(POLICY),
    fail_closed: namesOf(FAIL_CLOSED),
    scripts: namesOf(SCRIPTS),
    rules: namesOf(RULE),
    'rules.match': namesOf(MATCH),
    'rules.endpoint': namesOf(ENDPOINT),
    'rules.dataflow': namesOf(DATAFLOW),
    'rules.rate_limit': namesOf(RATE_LIMIT),
    'rules.destructive_budget': namesOf(RATE_LIMIT),
    'rules.freeze_window': namesOf(FREEZE_WINDOW),
    'rules.freeze_window.windows': WINDOW_MEMBERS,
  };
  for (const [path, names] of Object.entries(TABLES)) {
    test(path === '' ? 'of a policy' : path, () => assert.deepEqual([...names].sort(), membersAt(path)));
  }
});
