import { join } from 'node:path';
import { GaitError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Decision } from '../../gate/evaluate.ts';
import type { KeptDecision } from '../../gate/gate.ts';
import type { RecordKind } from '../../gate/records/records.ts';
import { approvalRef, delegationTokenRef } from '../../gate/records/trace.ts';
import type { GatePlace } from '../flags/gate_eval.ts';
import type { Io } from '../io.ts';
import { printable } from '../terminal.ts';
import { asJson } from './job.ts';
import { decisionLines } from './policy.ts';

export const GATE_OUTPUT = 'gait.gate.output';

/** What a decision is for scripts: members as the earlier programs print them, those that say nothing left out. */
export function answerFields(answer: KeptDecision, place: GatePlace, profile: string): JsonObject {
  const { decision, would } = answer;
  const { verdict, reason_codes, violations, matched_rules, duties, approval, delegation } = decision;
  return {
    ...{ profile, verdict, reason_codes, violations, matched_rule: matched_rules.join(',') },
    ...{ policy_digest: answer.policyDigest, intent_digest: answer.intentDigest },
    ...{ trace_id: answer.traceId, event_id: answer.eventId },
    trace_path: placeOf(place, 'trace', answer.tracePath),
    state_dir: place.dir,
    duties: asJson(duties),
    ...(approval === undefined
      ? {}
      : { required_approvals: approval.required, valid_approvals: approval.valid }),
    ...(approvalRef(decision) === '' ? {} : { approval_ref: approvalRef(decision) }),
    ...(duties.delegation ? { delegation_required: true } : {}),
    ...(delegation === undefined
      ? {}
      : { valid_delegations: delegation.findings.filter(({ valid }) => valid).length }),
    ...(delegationTokenRef(decision) === '' ? {} : { delegation_ref: delegationTokenRef(decision) }),
    ...tokenFields(decision),
    ...limitFields(decision),
    ...credentialFields(answer),
    ...Object.fromEntries(
      answer.evidence.map(({ type, path }) => [`${PATH_NAMES[type]}_path`, placeOf(place, type, path)]),
    ),
    ...(would === undefined
      ? {}
      : {
          simulate_mode: true,
          would_have_blocked: would.verdict !== 'allow',
          simulated_verdict: would.verdict,
          simulated_reason_codes: would.reason_codes,
        }),
  };
}

/** Where a record is, for whoever asked. */
function placeOf({ files, wanted }: GatePlace, kind: RecordKind, name: string): string {
  return wanted[kind] ?? join(files.dir, name);
}

const PATH_NAMES = {
  approval_audit: 'approval_audit',
  delegation_audit: 'delegation_audit',
  credential: 'credential_evidence',
} as const;

function tokenFields({ approval, delegation }: Decision): JsonObject {
  const all = [...(approval?.findings ?? []), ...(delegation?.findings ?? [])];
  const faults = all.flatMap(({ token_id = '', error_code, detail = '' }) =>
    error_code === undefined ? [] : [{ token_id, error_code, detail }],
  );
  return faults.length === 0 ? {} : { token_faults: faults };
}

/** Of several limits the one that is nearest, with what this call took of it. */
function limitFields({ limits }: Decision): JsonObject {
  const [nearest] = [...limits].sort((a, b) => a.remaining - b.remaining);
  if (nearest === undefined) return {};
  return {
    rate_limit_scope: nearest.scope,
    rate_limit_key: nearest.key.split('|').slice(3).join('|'),
    rate_limit_used: nearest.used,
    rate_limit_remaining: nearest.remaining,
  };
}

function credentialFields({ issued, decision }: KeptDecision): JsonObject {
  if (issued === undefined) return {};
  if ('fault' in issued) return { credential_fault: issued.fault.detail };
  const { broker, ref, issued_at, expires_at, ttl_seconds } = issued.credential;
  return {
    ...(decision.verdict === 'allow' ? { credential_issuer: broker, credential_ref: ref } : {}),
    ...(issued_at === undefined ? {} : { credential_issued_at: issued_at }),
    ...(expires_at === undefined ? {} : { credential_expires_at: expires_at }),
    ...(ttl_seconds === undefined ? {} : { credential_ttl_seconds: ttl_seconds }),
  };
}

/** The same for people. */
export function answerLines(answer: KeptDecision, place: GatePlace, io: Io): string[] {
  const { decision, would, issued } = answer;
  const faults = [...(decision.approval?.findings ?? []), ...(decision.delegation?.findings ?? [])];
  return [
    ...(would === undefined
      ? []
      : [`simulated: would be ${would.verdict}; nothing was used up, nothing may run on it`]),
    ...decisionLines(decision, io),
    ...faults.flatMap(({ token_id = '(no id)', error_code, detail = '' }) =>
      error_code === undefined
        ? []
        : [`  token       ${printable(token_id)}: ${printable(detail)}  [${error_code}]`],
    ),
    ...(issued !== undefined && 'fault' in issued ? [`  credential  ${printable(issued.fault.detail)}`] : []),
    ...(issued !== undefined && 'credential' in issued && decision.verdict === 'allow'
      ? [`  credential  ${printable(issued.credential.ref)}`]
      : []),
    `  trace       ${printable(placeOf(place, 'trace', answer.tracePath))}`,
    `  state       ${printable(place.dir)}`,
  ];
}

/** The answer no, with the exit code of its kind; undefined for what may run, and for what was only tried. */
export function gateRefusalOf(
  { decision, would }: KeptDecision,
  { profile, requireAllow }: { readonly profile: string; readonly requireAllow: boolean },
): GaitError | undefined {
  const { verdict, reason_codes } = decision;
  if (would !== undefined || verdict === 'allow') return undefined;
  const reasons = reason_codes.join(', ');
  if (verdict === 'require_approval') {
    return new GaitError({
      code: 'approval_required',
      category: 'approval_required',
      message: `needs approval: ${reasons}`,
      hint: 'Let a person approve exactly this call with `gait approve`, and show the token with --approval-token.',
    });
  }
  if (verdict === 'dry_run' && profile === 'standard' && !requireAllow) return undefined;
  return new GaitError({
    code: 'policy_blocked',
    category: 'policy_blocked',
    message: verdict === 'dry_run' ? `not to be run, only tried: ${reasons}` : `blocked: ${reasons}`,
    hint: '`gait policy explain` shows how each rule stands to it.',
  });
}
