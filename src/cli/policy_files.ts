import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GaitError, invalidInput, ioFailure } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { byBytes } from '../core/text.ts';
import type { Timestamp } from '../core/time.ts';
import { readFileBytes } from '../files/file_source.ts';
import { type Decision, rulesAlone } from '../gate/evaluate.ts';
import { intentDigest } from '../gate/intent/digest.ts';
import type { IntentRequest } from '../gate/intent/intent.ts';
import { MAX_INTENT_BYTES, parseIntent } from '../gate/intent/reader.ts';
import type { CredentialRules } from '../gate/policy/credential_rules.ts';
import { policyDigest } from '../gate/policy/digest.ts';
import type { Policy } from '../gate/policy/policy.ts';
import { MAX_POLICY_BYTES, parsePolicy } from '../gate/policy/yaml.ts';
import type { Duties } from '../gate/rules/duties.ts';
import type { StepJudgement } from '../gate/rules/judgement.ts';
import type { Simulation } from '../gate/simulate.ts';
import type { ArgSpec, Reply } from './command.ts';
import { readContextEnvelope } from './context_file.ts';
import { homeOf } from './flags/evaluation.ts';
import type { Io } from './io.ts';
import { printable } from './terminal.ts';
import { asJson } from './text/job.ts';

export const POLICY_OUTPUT = 'gait.policy.output';

export interface PolicyFile {
  readonly path: string;
  readonly bytes: Buffer;
  readonly policy: Policy;
  readonly digest: string;
}

export function readPolicyFile(path: string): PolicyFile {
  const bytes = readFileBytes(path, MAX_POLICY_BYTES);
  const policy = parsePolicy(bytes, path);
  return { path, bytes, policy, digest: policyDigest(policy) };
}

/** Throws `policy_unexpected` for another policy than the one that the caller means. */
export function policyPinned({ path, policy, digest }: PolicyFile, expected: string | undefined): Policy {
  if (expected === undefined || expected === digest) return policy;
  throw new GaitError({
    code: 'policy_unexpected',
    category: 'policy_blocked',
    message: `${path} is not the policy that is expected: its digest is ${digest}`,
    hint: 'Look at what changed in it, with `gait policy fmt` and `gait policy simulate`.',
  });
}

export function readIntentFile(path: string): IntentRequest {
  const bytes = readFileBytes(path, MAX_INTENT_BYTES);
  try {
    return parseIntent(bytes, path);
  } catch (error) {
    if (!(error instanceof GaitError) || error.message.startsWith(path)) throw error;
    throw invalidInput(error.code, `${path}: ${error.message}`, error.hint, error.details);
  }
}

/** The words of a command that tries one policy on one call. */
export const TRIAL_ARGS: readonly ArgSpec[] = [
  { name: 'POLICY', summary: 'the policy', required: true },
  { name: 'INTENT', summary: 'the call, as JSON', required: true },
];

/** A policy, a call, and what is decided. */
export interface Trial {
  readonly file: PolicyFile;
  readonly request: IntentRequest;
  /** When it is judged. */
  readonly now: Timestamp;
  readonly decision: Decision;
}

/** The files of a trial that are named beside the policy and the call. */
interface TrialFiles {
  readonly 'kill-switch-state': string | undefined;
  readonly 'context-envelope'?: string | undefined;
  readonly home: string | undefined;
}

/** Tries a policy on a call, under the kill switches of a file and with a context envelope, if they are named. */
export async function tried(
  [policyPath = '', intentPath = '']: readonly string[],
  now: Timestamp,
  { 'kill-switch-state': killSwitchState, 'context-envelope': envelope, home: said }: TrialFiles,
): Promise<Trial> {
  const file = readPolicyFile(policyPath);
  const request = readIntentFile(intentPath);
  const context = envelope === undefined ? {} : { context: readContextEnvelope(envelope) };
  const shown = { ...context, home: homeOf({ home: said }) };
  if (killSwitchState === undefined) {
    return { file, request, now, decision: rulesAlone(file.policy, request, now, shown) };
  }
  const { readKillSwitchFile } = await import('../gate/kill_switch/file.ts');
  const switches = readKillSwitchFile(killSwitchState);
  return { file, request, now, decision: rulesAlone(file.policy, request, now, { switches, ...shown }) };
}

/** The files that are named, and the `.json` in directories that are, each once and sorted. */
export function fixturePaths(named: readonly string[]): string[] {
  const paths = named.flatMap((path) => (isDirectory(path) ? jsonIn(path) : [path]));
  if (paths.length > 0) return [...new Set(paths)].sort(byBytes);
  const where = named.length === 0 ? 'no --fixtures are given' : `there is no .json in ${named.join(', ')}`;
  throw invalidInput('fixtures_missing', where, 'Name calls: files, or directories of .json.');
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function jsonIn(dir: string): string[] {
  try {
    const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.json'));
    return files.map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    throw ioFailure(error, `reading ${dir}`);
  }
}

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
  enforce: 'enforce, no verdict changes',
  require_approval: 'require_approval, some calls are judged more strictly: have somebody look at them',
  observe: 'observe, some calls get through more easily or owe something else: watch before you enforce',
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
}: Duties): string[] {
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
