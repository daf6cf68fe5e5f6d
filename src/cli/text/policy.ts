import { GaitError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Timestamp } from '../../core/time.ts';
import type { Decision } from '../../gate/evaluate.ts';
import { intentDigest } from '../../gate/intent/digest.ts';
import type { CredentialRules } from '../../gate/policy/credential_rules.ts';
import type { Obligations } from '../../gate/rules/duties.ts';
import type { StepJudgement } from '../../gate/rules/judgement.ts';
import type { Simulation } from '../../gate/simulate.ts';
import type { PolicyFile, Trial } from '../../host/policy_files.ts';
import type { Reply } from '../command.ts';
import type { Io } from '../io.ts';
import { printable } from '../terminal.ts';
import { asJson } from './job.ts';

export const POLICY_OUTPUT = 'gait.policy.output';

/** What every answer says of a policy. */
export function policyFields({ policy, digest }: PolicyFile): JsonObject {
  const { default_verdict, rules } = policy;
  return { policy_digest: digest, default_verdict, rule_count: rules.length };
}

/** What every answer says of a decision. */
export function decisionFields({ file, request: { intent, created_at }, now, decision }: Trial): JsonObject {
  const { verdict, reason_codes, violations, matched_rules, duties } = decision;
  return {
    policy_digest: file.digest,
    intent_digest: intentDigest(intent),
    intent_created_at: created_at,
    evaluated_at: now,
    ...{ verdict, reason_codes, violations, matched_rule: matched_rules.join(','), duties: asJson(duties) },
    ...(decision.steps === undefined ? {} : { step_verdicts: decision.steps.map(stepFields) }),
  };
}

function stepFields({ matched_rules, duties, ...step }: StepJudgement): JsonObject {
  return { ...asJson(step), matched_rule: matched_rules.join(','), duties: asJson(duties) };
}

function stepLine({ tool_name, verdict, matched_rules }: StepJudgement, index: number): string {
  const rule = matched_rules.length === 0 ? 'the default' : matched_rules.join(', ');
  return `  step ${String(index + 1).padEnd(5)}  ${printable(tool_name)}: ${verdict}, by ${printable(rule)}`;
}

export function decisionLines(decision: Decision, io: Io): string[] {
  const { verdict, reason_codes, violations, matched_rules, duties, steps = [] } = decision;
  const color = verdict === 'allow' ? 'green' : verdict === 'block' ? 'red' : 'yellow';
  const rule = matched_rules.length === 0 ? 'none, so the default' : matched_rules.join(', ');
  return [
    `${io.paint(color, verdict)}  by rule: ${printable(rule)}`,
    `  reasons     ${reason_codes.map(printable).join(', ')}`,
    ...(violations.length === 0 ? [] : [`  violations  ${violations.map(printable).join(', ')}`]),
    ...dutyLines(duties).map(
      (duty, index) => `  ${index === 0 ? 'needs     ' : '          '}  ${printable(duty)}`,
    ),
    ...steps.map(stepLine),
  ];
}

/** The answer no, with the exit code of its kind; undefined for calls that are let through or only tried. */
export function refusalOf({ verdict, reason_codes }: Decision): { readonly failure?: GaitError } {
  const reasons = reason_codes.join(', ');
  if (verdict === 'block') {
    const hint = '`gait policy explain` shows how each rule stands to it.';
    return {
      failure: new GaitError({
        code: 'policy_blocked',
        category: 'policy_blocked',
        message: `blocked: ${reasons}`,
        hint,
      }),
    };
  }
  if (verdict !== 'require_approval') return {};
  const message = `needs approval: ${reasons}`;
  return { failure: new GaitError({ code: 'approval_required', category: 'approval_required', message }) };
}

export function simulationReply(
  baseline: PolicyFile,
  candidate: PolicyFile,
  simulation: Simulation,
  now: Timestamp,
  io: Io,
): Reply {
  const { fixtures_total, changed, recommendation } = simulation;
  const fields = {
    baseline_policy_digest: baseline.digest,
    candidate_policy_digest: candidate.digest,
    evaluated_at: now,
    ...{ fixtures_total, changed_fixtures: changed.length, recommendation },
    baseline_verdicts: simulation.baseline_verdicts.map(asJson),
    candidate_verdicts: simulation.candidate_verdicts.map(asJson),
    changed: changed.map(({ fixture_path, intent_digest, ...sides }) => ({
      ...{ fixture_path, intent_digest, changed: true },
      ...sideFields('baseline', sides.baseline),
      ...sideFields('candidate', sides.candidate),
    })),
  };
  const lines = [
    `${counted(fixtures_total, 'call')}, ${changed.length === 1 ? '1 changes' : `${changed.length} change`}`,
    ...changed.map(({ fixture_path, baseline: before, candidate: after }) => {
      const rule = after.matched_rules.join(',') || 'the default';
      return `  ${printable(fixture_path)}  ${before.verdict} -> ${after.verdict}  by ${printable(rule)}`;
    }),
    `${io.paint('bold', 'recommended')}: ${ADVICE[recommendation]}`,
  ];
  return { fields, lines };
}

function sideFields(side: string, decision: Decision): JsonObject {
  const { verdict, reason_codes, violations, matched_rules, duties } = decision;
  const matched_rule = matched_rules.join(',');
  const members = { verdict, reason_codes, violations, matched_rule, duties: dutyLines(duties) };
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [`${side}_${name}`, value]));
}

const ADVICE: Readonly<Record<Simulation['recommendation'], string>> = {
  enforce: 'enforce: no verdict changes',
  require_approval: 'require_approval: some calls are judged more strictly; review them first',
  observe: 'observe: some calls would now be allowed, or have other obligations; run in observe mode first',
};

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** What is still to be proven, for people. */
function dutyLines({
  approvals,
  distinct_approvers,
  delegation,
  broker,
  credential,
  rate_limits,
  destructive_budgets,
}: Obligations): string[] {
  const lines: string[] = [];
  const distinct = distinct_approvers ? ', each by another approver' : '';
  if (approvals > 0) lines.push(`${approvals} ${approvals === 1 ? 'approval' : `approvals${distinct}`}`);
  if (delegation) lines.push('a delegation');
  if (broker !== null) {
    const [named, scoped] = [broker.references.join(', '), broker.scopes.join(', ')];
    lines.push(`a credential${named === '' ? '' : ` of ${named}`}${scoped === '' ? '' : ` for ${scoped}`}`);
    lines.push(...credentialLines(credential));
  }
  for (const { requests, window, scope } of rate_limits)
    lines.push(`no more than ${requests} a ${window} by ${scope}`);
  for (const { requests, window, scope } of destructive_budgets)
    lines.push(`no more than ${requests} that destroy a ${window} by ${scope}`);
  return lines;
}

function credentialLines(rules: CredentialRules): string[] {
  const { max_ttl_seconds: max, sources, issuers, access_types, jit, no_standing } = rules;
  const listed = (what: string, list: readonly string[] | null): string[] =>
    list === null ? [] : [`  ${what}: ${list.join(', ') || 'none is left'}`];
  return [
    ...(max > 0 ? [`  for at most ${max} seconds`] : []),
    ...(jit || no_standing ? ['  made for this call'] : []),
    ...[...listed('source', sources), ...listed('issuer', issuers), ...listed('access', access_types)],
  ];
}
