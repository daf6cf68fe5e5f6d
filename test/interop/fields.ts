import { at, type Json } from './json_values.ts';

const SIGNED = ['signature_status', 'signatures_total', 'signatures_valid'];
const CHECKED = ['files_checked', 'missing_files', 'hash_mismatches', ...SIGNED];
const PACK = ['pack_id', 'pack_type', 'source_ref', 'legacy_type'];

const DECISION = [
  ...['policy_digest', 'intent_digest', 'verdict', 'reason_codes', 'violations', 'matched_rule'],
];

const GATE = [
  ...[
    ...DECISION,
    'profile',
    'trace_id',
    'trace_path',
    'approval_ref',
    'required_approvals',
    'valid_approvals',
  ],
  ...[
    'delegation_required',
    'delegation_ref',
    'valid_delegations',
    'approval_audit_path',
    'delegation_audit_path',
  ],
  ...['rate_limit_scope', 'rate_limit_key', 'rate_limit_used', 'rate_limit_remaining', 'credential_issuer'],
  ...[
    'credential_ref',
    'credential_evidence_path',
    'simulate_mode',
    'would_have_blocked',
    'simulated_verdict',
  ],
  'simulated_reason_codes',
];

const TOKEN = ['token_id', 'token_path', 'scope', 'key_id'];

/** The fields that the contract fixes in what a command prints. `*` stands for every item of a list. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  'run record': ['run_id', 'manifest_digest', 'signature_status', 'signature_key_id', 'ticket_footer'],
  'run inspect': [
    'artifact_type',
    'run_id',
    'session_id',
    'capture_mode',
    'intents_total',
    'results_total',
    'checkpoint_count',
  ],
  'run receipt': ['run_id', 'manifest_digest', 'ticket_footer'],
  'run diff': ['privacy', ...below('summary', diffSummary())],
  'run reduce': ['run_id', 'reduced_run_id', 'predicate'],
  'run replay': ['run_id', 'mode', 'requested_unsafe', 'missing_results', ...below('steps/*', replayStep())],
  'run session start': below('status', sessionStatus()),
  'run session status': below('status', sessionStatus()),
  'run session append': below('event', sessionEvent()),
  'run session checkpoint': ['chain_path', ...below('checkpoint', sessionCheckpoint())],
  'run session compact': below('compaction', sessionCompaction()),
  'verify chain': [
    ...below('run', ['run_id', 'files_checked', 'signature_status']),
    ...below('trace', ['trace_id', 'verdict', 'key_id', 'signature_status']),
    ...below('pack', ['pack_id', 'files_checked', 'signature_status']),
  ],
  'verify session-chain': ['session_id', 'run_id', 'checkpoints_checked'],
  verify: ['run_id', 'manifest_digest', ...CHECKED],
  'pack build': ['pack_type', 'source_ref'],
  'pack verify': [...PACK, 'undeclared_files', 'proof_records_verified', ...CHECKED],
  'pack inspect': PACK,
  'pack diff': below('diff', packDiff()),
  'policy validate': ['policy_digest', 'default_verdict', 'rule_count'],
  'policy fmt': ['policy_digest', 'default_verdict', 'rule_count', 'changed', 'written', 'formatted'],
  'policy test': DECISION,
  'policy simulate': policySimulation(),
  'gate eval': GATE,
  approve: [...TOKEN, 'reason_code'],
  'delegate mint': [...TOKEN, 'delegator_identity', 'delegate_identity', 'scope_class'],
  'delegate verify': [...TOKEN, 'delegator_identity', 'delegate_identity', 'scope_class', 'error_code'],
  'trace verify': ['trace_id', 'verdict', 'signature_status', 'key_id'],
  'keys init': ['key_id'],
  'keys verify': ['key_id', 'public_key_source', 'private_key_source'],
};

/** Where commands put their own part of the answer. */
const SECTIONS = ['', '/verify', '/inspect'];

/** The pointers to compare in the answers to a command line. */
export function pointersFor(command: readonly string[], answers: readonly Json[]): string[] {
  const name = [3, 2, 1].map((words) => command.slice(0, words).join(' ')).find((words) => words in FIELDS);
  const fields = name === undefined ? [] : (FIELDS[name] ?? []);
  return fields.flatMap((field) => expanded(`/${field}`, answers));
}

/** Where some recorded answer has the field; where gait has it when none does. */
export function placesOf(pointer: string, recorded: readonly Json[], ours: Json): string[] {
  const places = SECTIONS.map((section) => section + pointer);
  const there = places.filter((place) => recorded.some((answer) => valueAt(answer, place) !== undefined));
  return there.length > 0 ? there : places.filter((place) => valueAt(ours, place) !== undefined);
}

/** The value at a pointer, as text; undefined stands for everything that an encoder may leave out. */
export function valueAt(answer: Json, pointer: string): string | undefined {
  const places = [pointer, pointer.replace('/diff/', '/diff/Result/')];
  const value = places.map((place) => at(answer, place)).find(isPresent);
  return value === undefined ? undefined : JSON.stringify(value);
}

function isPresent(value: Json | undefined): boolean {
  const empty = value === undefined || value === null || value === '' || value === 0 || value === false;
  return !empty && !(Array.isArray(value) && value.length === 0);
}

function expanded(pointer: string, answers: readonly Json[]): string[] {
  const [list = '', rest] = pointer.split('/*');
  if (rest === undefined) return [pointer];
  const lengths = answers
    .map((answer) => at(answer, list))
    .map((items) => (Array.isArray(items) ? items.length : 0));
  return Array.from({ length: Math.max(0, ...lengths) }, (_, index) => `${list}/${index}${rest}`);
}

function below(section: string, names: readonly string[]): string[] {
  return names.map((name) => `${section}/${name}`);
}

function diffSummary(): string[] {
  const changes = ['manifest', 'files', 'intents', 'results', 'refs'].map((part) => `${part}_changed`);
  const only = ['left', 'right'].flatMap((side) => [`${side}_only_intents`, `${side}_only_results`]);
  const context = ['context_drift_classification', 'context_runtime_only_changes'];
  return ['run_id_left', 'run_id_right', ...changes, ...only, ...context];
}

function packDiff(): string[] {
  const sides = ['left', 'right'].flatMap((side) => [`${side}_pack_id`, `${side}_pack_type`]);
  const files = ['added_files', 'removed_files', 'changed_files'];
  const context = ['context_changed', 'context_runtime_only_changes', 'context_drift_classification'];
  return [...sides, ...below('summary', ['changed', ...files, 'manifest_delta', ...context])];
}

function replayStep(): string[] {
  return ['intent_id', 'tool_name', 'status', 'execution', 'stub_type', 'result_digest'];
}

function policySimulation(): string[] {
  const sides = ['baseline', 'candidate'];
  const side = ['verdict', 'reason_codes', 'violations', 'matched_rule'];
  const changed = [
    'fixture_path',
    'intent_digest',
    ...sides.flatMap((name) => side.map((of) => `${name}_${of}`)),
  ];
  return [
    ...[
      'baseline_policy_digest',
      'candidate_policy_digest',
      'fixtures_total',
      'changed_fixtures',
      'recommendation',
    ],
    ...sides.flatMap((name) => below(`${name}_verdicts/*`, ['verdict', 'count'])),
    ...below('changed/*', changed),
  ];
}

function sessionStatus(): string[] {
  const counts = ['event_count', 'checkpoint_count', 'last_sequence'];
  return ['session_id', 'run_id', 'created_at', 'started_at', ...counts];
}

function sessionEvent(): string[] {
  const links = ['intent_digest', 'policy_digest', 'trace_id', 'trace_path'];
  const outcome = ['verdict', 'reason_codes', 'violations'];
  return ['session_id', 'run_id', 'sequence', 'intent_id', 'tool_name', ...links, ...outcome];
}

function sessionCheckpoint(): string[] {
  const chain = ['manifest_digest', 'prev_checkpoint_digest', 'checkpoint_digest'];
  const range = ['checkpoint_index', 'sequence_start', 'sequence_end'];
  return ['session_id', 'run_id', 'runpack_path', ...range, ...chain];
}

function sessionCompaction(): string[] {
  const counts = ['checkpoints', 'events_before', 'events_after', 'last_checkpoint_sequence'];
  return ['journal_path', 'output_path', 'compacted', 'dry_run', ...counts];
}
