import type { JsonObject } from '../../../src/core/json.ts';
import fc from '../../support/property.ts';
import { callOf, KINDS } from './asking.ts';
import { HOST_PLACES } from './hosts.ts';
import { PATH_PLACES } from './paths.ts';

// Policies and calls in which much has to do with much else: few names, so that rules are met.

/** A member that is most often not there: JSON has no `undefined`, so it is left out by {@link given}. */
function sometimes<T>(values: fc.Arbitrary<T>, weight = 3): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: values });
}

function some<T>(...values: readonly T[]): fc.Arbitrary<T[]> {
  return fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });
}

/** JSON without the members that are not there, and without objects that are left with none. */
function given(value: object): JsonObject {
  return JSON.parse(
    JSON.stringify(value, (_, member: unknown) =>
      typeof member === 'object' && member !== null && Object.values(member).every((one) => one === undefined)
        ? undefined
        : member,
    ) ?? '{}',
  ) as JsonObject;
}

const SPELLINGS = [
  ...PATH_PLACES.flatMap(({ spellings }) => Object.values(spellings).flat()),
  ...HOST_PLACES.flatMap(({ urls, others }) => [...urls, ...others]),
];
const PLAIN = [
  ...[
    '/home/u/work/a',
    'docs/a.md',
    '/srv/pub/x',
    '/etc/shadow',
    '/home/u/.ssh/id',
    '/',
    '.',
    '/home/u',
    'src/*.ts',
  ],
  ...[
    'https://good.com/a',
    'good.com',
    'https://evil.com/',
    '10.1.2.3',
    'git status',
    'rm -rf /',
    'users',
    'cat docs/a',
  ],
];

export const target: fc.Arbitrary<JsonObject> = fc
  .record({
    kind: fc.constantFrom(...KINDS, 'path', 'path', 'url', 'other'),
    value: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...PLAIN) }, fc.constantFrom(...SPELLINGS)),
    operation: sometimes(
      fc.constantFrom('read', 'list', 'write', 'delete', 'exec', 'send', 'frobnicate', 'move'),
      1,
    ),
    sensitivity: sometimes(fc.constantFrom('public', 'secret')),
    endpoint_class: sometimes(
      fc.constantFrom('fs.read', 'fs.write', 'fs.delete', 'net.http', 'proc.exec'),
      8,
    ),
    endpoint_domain: sometimes(fc.constantFrom('good.com', 'evil.com'), 8),
    destructive: sometimes(fc.boolean(), 8),
  })
  .map(given);

const SOURCES = ['user', 'tool_output', 'external', 'system'] as const;
export const source: fc.Arbitrary<string> = fc.constantFrom(...SOURCES);
const TOOLS = ['tool.read', 'tool.write', 'tool.delete', 'bash', 'http.get', 'db.query'] as const;

/** What a call asks for: at least one target, and each argument with its label. */
export interface Step {
  readonly tool_name: string;
  readonly targets: readonly JsonObject[];
  readonly sources: readonly string[];
}

export const step: fc.Arbitrary<Step> = fc.record({
  tool_name: fc.constantFrom(...TOOLS),
  targets: fc.array(target, { minLength: 1, maxLength: 3 }),
  sources: fc.array(source, { minLength: 1, maxLength: 2 }),
});

export const context: fc.Arbitrary<JsonObject> = fc
  .record({
    identity: fc.constantFrom('agent', 'other'),
    risk_class: fc.constantFrom('low', 'medium', 'high', 'odd'),
    workspace: fc.constantFrom('/home/u/work', '/home/u/work', '/srv', '/'),
    agent_id: sometimes(fc.constantFrom('bot', 'other')),
    environment: sometimes(fc.constantFrom('prod', 'dev')),
  })
  .map(given);

export function asked({ tool_name, targets, sources }: Step): JsonObject {
  return {
    tool_name,
    args: Object.fromEntries(sources.map((_, index) => [`a${index}`, index])),
    targets,
    arg_provenance: sources.map((name, index) => ({ arg_path: `$.a${index}`, source: name })),
  };
}

export function single(one: Step, around: JsonObject): JsonObject {
  return callOf({ ...asked(one), context: around });
}

export function scripted(steps: readonly Step[], around: JsonObject): JsonObject {
  const { args: _, ...call } = callOf({
    tool_name: 'script',
    script: { steps: steps.map(asked) },
    context: around,
  });
  return call;
}

const PATHS = ['/home/u/.ssh/**', '**/.env', '/srv/**', 'docs/**', '/home/u/work/**', '/**'];
const DOMAINS = ['evil.com', 'good.com', 'private', '*.com', 'loopback'];
const LIMIT = { requests: 9, window: 'hour' };

const match = fc.record({
  tool_names: sometimes(some(...TOOLS), 4),
  tool_patterns: sometimes(some('tool.*', 'db.*'), 8),
  target_kinds: sometimes(some(...KINDS), 6),
  target_values: sometimes(
    some('/home/u/.ssh/id', 'evil.com', 'git status', '/srv/pub/x', '/home/u/work/a'),
    8,
  ),
  target_patterns: sometimes(some('/home/u/work/*', 'git *', 'https://good.com/*', '/etc/*'), 8),
  endpoint_classes: sometimes(some('fs.read', 'fs.write', 'fs.delete', 'net.http', 'proc.exec'), 6),
  risk_classes: sometimes(some('low', 'medium', 'high'), 5),
  data_classes: sometimes(some('public', 'secret'), 8),
  destination_kinds: sometimes(some('url', 'host', 'path'), 8),
  destination_values: sometimes(some('evil.com', 'good.com'), 10),
  destination_operations: sometimes(some('read', 'send', 'write'), 8),
  provenance_sources: sometimes(some(...SOURCES), 6),
  identities: sometimes(some('agent', 'other'), 8),
  workspace_prefixes: sometimes(some('/home/u', '/srv'), 8),
  require_delegation: sometimes(fc.constant(true), 30),
});

const endpoint = fc.record({
  path_allowlist: sometimes(some(...PATHS), 4),
  path_denylist: sometimes(some(...PATHS), 4),
  domain_allowlist: sometimes(some(...DOMAINS), 6),
  domain_denylist: sometimes(some(...DOMAINS), 6),
  destructive_action: sometimes(fc.constantFrom('block', 'require_approval'), 6),
});

export const rule: fc.Arbitrary<JsonObject> = fc
  .record({
    priority: fc.constantFrom(0, 1, 2),
    effect: fc.constantFrom('allow', 'allow', 'dry_run', 'require_approval', 'block'),
    match,
    endpoint: sometimes(endpoint, 1),
    dataflow: sometimes(
      fc.record({ enabled: fc.constant(true), action: fc.constantFrom('block', 'require_approval') }),
      6,
    ),
    min_approvals: sometimes(fc.constantFrom(1, 2), 6),
    require_distinct_approvers: sometimes(fc.constant(true), 8),
    require_broker_credential: sometimes(fc.constant(true), 6),
    broker_scopes: sometimes(some('a', 'b'), 6),
    rate_limit: sometimes(fc.constantFrom(LIMIT, { requests: 50, window: 'minute' }), 6),
    destructive_budget: sometimes(fc.constant(LIMIT), 6),
    max_credential_ttl_seconds: sometimes(fc.constantFrom(60, 900), 8),
    denied_agent_ids: sometimes(fc.constant(['bot']), 8),
  })
  .map(given);

const failClosed = fc.record({
  enabled: fc.constant(true),
  risk_classes: some('high', 'low', 'medium'),
  required_fields: sometimes(some('targets', 'arg_provenance', 'endpoint_class'), 1),
});

export interface Rules {
  readonly top: JsonObject;
  readonly rules: readonly JsonObject[];
}

export const rules: fc.Arbitrary<Rules> = fc.record({
  top: fc
    .record({
      default_verdict: fc.constantFrom('allow', 'dry_run', 'require_approval', 'block'),
      fail_closed: sometimes(failClosed, 6),
      risk_floor: sometimes(fc.constant('derived'), 4),
    })
    .map(given),
  rules: fc.array(rule, { maxLength: 4 }),
});

export function policyOf({ top, rules: all }: Rules): JsonObject {
  return { ...top, rules: all.map((one, index) => ({ name: `r${index}`, ...one })) };
}

export const switches: fc.Arbitrary<JsonObject[]> = fc.array(
  fc
    .record({
      path_prefixes: sometimes(some('/home/u/.ssh', '/srv', '/home/u/work')),
      target_value: sometimes(fc.constantFrom('evil.com', '/etc/shadow')),
      tool_name: sometimes(fc.constantFrom(...TOOLS)),
      identity: sometimes(fc.constantFrom('agent', 'other')),
      target_kind: sometimes(fc.constantFrom('url', 'path', 'table'), 6),
    })
    .map(given)
    .filter((entry) => Object.keys(entry).length > 0),
  { maxLength: 1 },
);
