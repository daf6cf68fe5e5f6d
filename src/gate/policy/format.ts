import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  visit,
  type YAMLMap,
} from 'yaml';
import { GaitError } from '../../core/errors.ts';
import { parsePolicy, policyDocument } from './yaml.ts';

/** The members of each map of a policy in the order in which they are written; lists stand on one line while they fit. */
const ORDER: Readonly<Record<string, readonly string[]>> = {
  '': ['schema_id', 'schema_version', 'default_verdict', 'fail_closed', 'risk_floor', 'scripts', 'rules'],
  scripts: ['max_steps', 'require_approval_above', 'block_mixed_risk'],
  fail_closed: ['enabled', 'risk_classes', 'required_fields', 'required_high_risk_fields'],
  rules: [
    ...['name', 'priority', 'effect', 'match', 'endpoint', 'dataflow', 'reason_codes', 'violations'],
    ...['min_approvals', 'require_distinct_approvers', 'require_context_evidence'],
    ...['required_context_evidence_mode', 'max_context_age_seconds', 'require_broker_credential'],
    ...['broker_reference', 'broker_scopes', 'rate_limit', 'destructive_budget'],
    ...['require_declared_agent', 'allowed_agent_ids', 'denied_agent_ids', 'required_agent_manifest_digest'],
    ...['allowed_agent_manifest_publishers', 'allowed_agent_manifest_sources'],
    ...['required_agent_lifecycle_states', 'require_agent_owner', 'require_unexpired_agent'],
    ...['block_standing_credentials', 'require_jit_credential', 'max_credential_ttl_seconds'],
    ...['allowed_credential_sources', 'allowed_credential_issuers', 'allowed_credential_access_types'],
    'freeze_window',
  ],
  match: [
    ...['tool_names', 'tool_patterns', 'risk_classes', 'identities', 'identity_patterns'],
    ...['workspace_prefixes', 'provenance_sources'],
    ...[
      'skill_publishers',
      'skill_sources',
      'target_kinds',
      'target_values',
      'target_patterns',
      'endpoint_classes',
      'data_classes',
    ],
    ...['destination_kinds', 'destination_values', 'destination_operations', 'require_delegation'],
    ...[
      'max_delegation_depth',
      'allowed_delegator_identities',
      'allowed_delegate_identities',
      'delegation_scopes',
    ],
  ],
  endpoint: [
    ...[
      'enabled',
      'path_allowlist',
      'path_denylist',
      'domain_allowlist',
      'domain_denylist',
      'schemes',
      'ports',
      'egress_classes',
    ],
    ...['action', 'destructive_action', 'reason_code', 'violation'],
  ],
  dataflow: [
    ...['enabled', 'tainted_sources', 'destination_kinds', 'destination_values', 'destination_operations'],
    ...['action', 'reason_code', 'violation'],
  ],
  rate_limit: ['requests', 'window', 'scope'],
  destructive_budget: ['requests', 'window', 'scope'],
  freeze_window: ['enabled', 'timezone', 'effect', 'reason', 'environments', 'risk_classes', 'windows'],
  windows: ['name', 'start', 'end'],
};

/** A line is not longer than this unless a value is. Characters. */
const LINE_WIDTH = 100;

/** A comment may come to stand elsewhere once, and then once more; it settles before this. */
const MAX_PASSES = 6;

/**
 * The text of a policy in its usual form: members in one order, maps in blocks, lists on a line. Comments stay, and with
 * them whatever the author wrote; the policy stays what it is. Formatting twice changes nothing. Throws what
 * {@link parsePolicy} throws.
 */
export function formatPolicy(bytes: Uint8Array, what: string): string {
  const text = settled(bytes, what);
  if (isDeepStrictEqual(parsePolicy(Buffer.from(text), what), parsePolicy(bytes, what))) return text;
  throw new GaitError({
    code: 'format_changes_meaning',
    category: 'internal_failure',
    message: `${what} would mean something else once formatted`,
    hint: 'This is a bug of gait. Nothing was written.',
  });
}

function settled(bytes: Uint8Array, what: string): string {
  let text = formatOnce(bytes, what);
  for (let pass = 1; pass < MAX_PASSES; pass += 1) {
    const next = formatOnce(Buffer.from(text), what);
    if (next === text) return text;
    text = next;
  }
  return text;
}

function formatOnce(bytes: Uint8Array, what: string): string {
  const { document } = policyDocument(bytes, what);
  if (document === undefined || document.contents === null) return Buffer.from(bytes).toString('utf8');
  arrange(document);
  const text = document.toString({
    indent: 2,
    indentSeq: true,
    lineWidth: LINE_WIDTH,
    flowCollectionPadding: false,
  });
  return text
    .split('\n')
    .map((line) => (line.trim() === '' ? '' : line))
    .join('\n');
}

function arrange(document: Document.Parsed): void {
  const { contents } = document;
  let anchored = false;
  visit(document, {
    Node: (_, node) => {
      anchored ||= isAlias(node) || node.anchor !== undefined;
    },
  });
  // What an alias stands for must come before it, so nothing is moved then.
  if (isMap(contents)) arrangeMap(contents, anchored ? undefined : '');
}

/** `place` is undefined where members keep the order that they have. */
function arrangeMap(map: YAMLMap, place: string | undefined): void {
  if (place !== undefined && !hasRemarks(map)) sortMembers(map, ORDER[place] ?? []);
  if (map.flow === true && map.comment) {
    map.commentBefore = [map.commentBefore, map.comment].filter(Boolean).join('\n');
    map.comment = null;
  }
  map.flow = false;
  for (const pair of map.items) arrangeValue(pair.value, place === undefined ? undefined : keyOf(pair));
}

/** A comment above a member may be about those below it too: such a map is left in its author's order. */
function hasRemarks(map: YAMLMap): boolean {
  return map.items.some(({ key }) => isScalar(key) && Boolean(key.commentBefore));
}

function sortMembers(map: YAMLMap, order: readonly string[]): void {
  const rank = (pair: Pair): number => {
    const at = order.indexOf(keyOf(pair));
    return at === -1 ? order.length : at;
  };
  map.items.sort((a, b) => rank(a) - rank(b));
  const [head] = map.items;
  if (isScalar(head?.key)) head.key.spaceBefore = false;
}

function arrangeValue(value: unknown, place: string | undefined): void {
  if (isMap(value)) arrangeMap(value, place);
  if (!isSeq(value)) return;
  const bare = (node: Node): boolean => !node.comment && !node.commentBefore;
  value.flow = bare(value) && value.items.every((item) => isScalar(item) && bare(item));
  for (const item of value.items) if (isMap(item)) arrangeMap(item, place);
}

function keyOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : '';
}
