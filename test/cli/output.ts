import assert from 'node:assert/strict';
import type { Tally } from '../../src/cli/text/approval.ts';
import { canonicalize } from '../../src/core/canonical.ts';
import type { ErrorCategory } from '../../src/core/errors.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { KillSwitchEntry } from '../../src/gate/kill_switch/kill_switch.ts';
import type { PolicyWarning } from '../../src/gate/policy/lint.ts';
import type { RuleAccount } from '../../src/gate/rules/explain.ts';
import type { JobEvent } from '../../src/job/events.ts';
import type { JobVerification } from '../../src/job/read/verify.ts';
import type { Approval, Checkpoint, JobState, Lease } from '../../src/job/state.ts';
import type { Head } from '../../src/log/record.ts';
import type { Change, PackDiff } from '../../src/pack/diff.ts';
import type { JobInspection } from '../../src/pack/kinds/job/inspect.ts';
import type { RunPackInspection } from '../../src/pack/kinds/run/inspect.ts';
import type { LedgerEntry } from '../../src/pack/ledger.ts';
import type { PackVerification } from '../../src/pack/verified.ts';
import type { RunDiff } from '../../src/run/diff.ts';
import type { RunEntry, UnmatchedResult } from '../../src/run/inspect.ts';
import type { ReduceReport } from '../../src/run/reduce.ts';
import type { CheckedCheckpoint } from '../../src/run/session/chain.ts';
import type { SessionCheckpoint, SessionEvent } from '../../src/run/session/session.ts';
import validateApprove from '../../src/schema/generated/approve_output.js';
import validateDelegate from '../../src/schema/generated/delegate_output.js';
import validateGate from '../../src/schema/generated/gate_output.js';
import validateEvent from '../../src/schema/generated/job_event.js';
import validateJob from '../../src/schema/generated/job_output.js';
import validateKeys from '../../src/schema/generated/keys_output.js';
import validateKillSwitch from '../../src/schema/generated/kill_switch_output.js';
import validateGait from '../../src/schema/generated/output.js';
import validatePack from '../../src/schema/generated/pack_output.js';
import validatePolicy from '../../src/schema/generated/policy_output.js';
import validateRun from '../../src/schema/generated/run_output.js';
import validateSession from '../../src/schema/generated/run_session_output.js';
import validateTrace from '../../src/schema/generated/trace_output.js';
import validateVerify from '../../src/schema/generated/verify_output.js';
import { schemaFault, type Validate } from '../../src/schema/validator.ts';
import type { KeyringEntry } from '../../src/signing/keyring_file.ts';

/** What `--json` prints, of all families of commands: schemas/v1. */
export interface Output {
  readonly state_dir?: string;
  readonly schema_id: string;
  readonly schema_version: string;
  readonly ok: boolean;
  readonly operation: string;
  readonly error?: string;
  readonly error_code?: string;
  readonly error_category?: ErrorCategory;
  readonly exit_code?: number;
  readonly retryable?: boolean;
  readonly hint?: string;
  readonly details?: JsonObject;
  readonly version?: string;
  readonly job_id?: string;
  /** Of `job inspect` and `job log --at` with its checkpoints and approvals, of all others without. */
  readonly job?: Omit<JobState, 'schema_id'> & {
    readonly schema_id: string;
    readonly checkpoints?: readonly Checkpoint[];
    readonly approvals?: readonly Approval[];
  };
  readonly head?: Head;
  /** Of `job run`: the run under the lease. */
  readonly run?: JsonObject;
  /** Of `job work`: how many runs ended how. */
  readonly work?: JsonObject;
  readonly lease?: Lease;
  readonly token?: number;
  /** Of a job or of a session: each has the members of its own. */
  readonly checkpoint?: Checkpoint & SessionCheckpoint;
  readonly checkpoints?: readonly (Checkpoint & SessionCheckpoint & CheckedCheckpoint)[];
  readonly approvals?: readonly Approval[];
  /** Of a job whose approvals are signed: how far a decision is. */
  readonly approval?: Tally;
  /** Of submit: false where the job was there already. */
  readonly created?: boolean;
  readonly events?: readonly JobEvent[];
  readonly jobs?: readonly (JsonObject & { readonly job_id: string; readonly status: string })[];
  readonly verification?: JobVerification;
  readonly repair?: {
    readonly state: string;
    readonly cut_bytes: number;
    readonly cut_lines?: number;
    readonly keep_revision?: number;
    readonly offset?: number;
    readonly kept_as?: string;
    readonly cut_sha256?: string;
    readonly chained_records?: number;
    readonly cut_events?: Readonly<Record<string, number>>;
    readonly status_before?: string;
    readonly status_after?: string;
    readonly token_floor?: number;
  };
  readonly policy_path?: string;
  readonly policy_digest?: string;
  readonly verdict?: string;
  readonly matched_rule?: string;
  readonly evaluated_at?: string;
  readonly reason_codes?: readonly string[];
  readonly violations?: readonly string[];
  readonly rules?: readonly RuleAccount[];
  readonly step_rules?: readonly (readonly RuleAccount[])[];
  readonly step_verdicts?: readonly {
    readonly tool_name: string;
    readonly verdict: string;
    readonly matched_rule: string;
  }[];
  readonly findings?: readonly PolicyWarning[];
  readonly recommendation?: string;
  readonly fixtures_total?: number;
  readonly changed_fixtures?: number;
  readonly changed?: unknown;
  readonly written?: boolean;
  readonly next_commands?: readonly string[];
  readonly path?: string;
  readonly pack_id?: string;
  readonly pack_type?: string;
  readonly source_ref?: string;
  readonly file_sha256?: string;
  readonly size?: number;
  readonly verify?: PackVerification;
  /** Of a job or of a run: each has the members of its own. */
  readonly inspect?: JobInspection & Omit<RunPackInspection, keyof JobInspection>;
  readonly diff?: PackDiff;
  readonly changes?: readonly Change[];
  readonly packs?: readonly LedgerEntry[];
  readonly signature_status?: string;
  readonly signature_key_id?: string;
  readonly prefix?: string;
  readonly key_id?: string;
  readonly keyring?: string;
  readonly keys?: readonly (KeyringEntry & { readonly status: string })[];
  readonly private_key_path?: string;
  readonly public_key_path?: string;
  readonly private_key_source?: string;
  readonly warnings?: readonly string[];
  readonly run_id?: string;
  readonly bundle?: string;
  readonly manifest_digest?: string;
  readonly ticket_footer?: string;
  readonly capture_mode?: string;
  readonly artifact_type?: string;
  readonly intents_total?: number;
  readonly results_total?: number;
  /** Of a run or of kill switches: each has the members of its own. */
  readonly entries?: readonly (RunEntry & ListedSwitch)[];
  readonly entry?: ListedSwitch;
  readonly state_path?: string;
  readonly unmatched_results?: readonly UnmatchedResult[];
  readonly privacy?: string;
  readonly summary?: RunDiff;
  readonly input?: string;
  readonly output?: string;
  readonly report_path?: string;
  readonly reduced_run_id?: string;
  readonly report?: ReduceReport;
  readonly journal?: string;
  readonly chain_path?: string;
  readonly session_id?: string;
  readonly started?: boolean;
  readonly status?: SessionStatus;
  readonly event?: SessionEvent;
  readonly compaction?: Compaction;
  readonly files_checked?: number;
  readonly checkpoints_checked?: number;
  readonly linkage_errors?: readonly string[];
  readonly checkpoint_errors?: readonly string[];
}

export interface SessionStatus {
  readonly session_id: string;
  readonly run_id: string;
  readonly created_at: string;
  readonly started_at: string;
  readonly event_count: number;
  readonly last_sequence: number;
  readonly checkpoint_count: number;
  readonly pending_count: number;
}

export type ListedSwitch = KillSwitchEntry & { readonly active: boolean };

export interface Compaction {
  readonly output_path: string;
  readonly checkpoints: number;
  readonly events_before: number;
  readonly events_after: number;
  readonly bytes_before: number;
  readonly bytes_after: number;
  readonly compacted: boolean;
  readonly dry_run: boolean;
}

const VALIDATORS: Readonly<Record<string, Validate>> = {
  'gait.job.output': validateJob,
  'gait.keys.output': validateKeys,
  'gait.kill-switch.output': validateKillSwitch,
  'gait.pack.output': validatePack,
  'gait.policy.output': validatePolicy,
  'gait.approve.output': validateApprove,
  'gait.delegate.output': validateDelegate,
  'gait.gate.output': validateGate,
  'gait.trace.output': validateTrace,
  'gait.run.output': validateRun,
  'gait.run.session.output': validateSession,
  'gait.verify.output': validateVerify,
  'gait.output': validateGait,
};

/** DESIGN §7: one line of canonical JSON and nothing else, to its schema, its error of the class that the exit code says. */
export function assertOutput(
  { exit, stdout }: { readonly exit: number; readonly stdout: string },
  exitOf: Readonly<Record<ErrorCategory, number>>,
): Output {
  const output = canonicalLine(stdout) as unknown as Output;
  const validate = VALIDATORS[output.schema_id];
  assert.ok(validate !== undefined, `an output of an unknown schema: ${stdout}`);
  assert.equal(schemaFault(validate, output), undefined, stdout);
  assert.equal(output.schema_version, '1.0.0');
  assert.equal(output.ok, exit === 0, stdout);
  if (output.ok) {
    assert.equal(output.error, undefined);
    return output;
  }
  const { error, error_code, error_category, retryable } = output;
  for (const member of [error, error_code, error_category, retryable])
    assert.notEqual(member, undefined, stdout);
  assert.ok(error_category !== undefined && exitOf[error_category] === exit, `exit ${exit}: ${stdout}`);
  assert.equal(output.exit_code, exit);
  assert.notEqual(error_category, 'internal_failure', `a bug of gait: ${stdout}`);
  return output;
}

/** Lines of JSON, each an event of a job: what `job log --follow --json` prints. */
export function assertEventLines(stdout: string): readonly JobEvent[] {
  return stdout
    .split(/(?<=\n)/)
    .map(canonicalLine)
    .map(assertJobEvent);
}

export function assertJobEvent(event: unknown): JobEvent {
  assert.equal(schemaFault(validateEvent, event), undefined, JSON.stringify(event));
  return event as JobEvent;
}

/** The value of a text that is one line of canonical JSON, byte for byte. */
export function canonicalLine(text: string): JsonObject {
  assert.match(text, /^[^\n]+\n$/, 'exactly one line');
  const value = JSON.parse(text) as JsonObject;
  assert.equal(`${canonicalize(value)}\n`, text, 'canonical JSON');
  return value;
}
