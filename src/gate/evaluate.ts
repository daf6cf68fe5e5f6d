import { wordList } from '../core/text.ts';
import type { Timestamp } from '../core/time.ts';
import { type EvaluationContext, NO_CONTEXT } from './context.ts';
import { credentialFault } from './credentials/credential.ts';
import { type ContextProof, proveContext, withContext } from './intent/context_envelope.ts';
import { intentDigest } from './intent/digest.ts';
import type { Intent, IntentRequest, ProvenContext } from './intent/intent.ts';
import { isStrangeRisk } from './intent/risk_classes.ts';
import { callsOf } from './intent/script.ts';
import { type KillSwitchEntry, underKillSwitch } from './kill_switch/kill_switch.ts';
import { countOf, type UsesState } from './ledger/consumption.ts';
import { type LimitStanding, limitsOf } from './ledger/limits.ts';
import { policyDigest } from './policy/digest.ts';
import type { Policy } from './policy/policy.ts';
import { receiptFaults } from './rules/credential.ts';
import { NO_DUTIES, type Obligations } from './rules/duties.ts';
import { judge } from './rules/judge.ts';
import type { Judgement } from './rules/judgement.ts';
import { riskOfCall } from './rules/risk.ts';
import { someWork } from './target/glob.ts';
import { type ApprovalCount, checkApproval, countApprovals } from './tokens/approval.ts';
import { checkDelegation } from './tokens/delegation.ts';
import { type DelegationProof, proveChain } from './tokens/delegation_chain.ts';
import { approvalSubject, revocationsIn, tokenRulesOf } from './tokens/terms.ts';

/** What is decided about a call. Only `allow` lets it run, and only of an enforcing gate. */
export interface Decision extends Judgement {
  /** Where a delegation was owed or shown. */
  readonly delegation?: DelegationProof;
  /** Where approvals were owed. */
  readonly approval?: ApprovalCount;
  readonly limits: readonly LimitStanding[];
  /** What is proven of the context that was read. */
  readonly context?: ProvenContext;
  /**
   * What is still to be done before it can be allowed, in this order; until then the verdict is `block`. `admit`: use up
   * the approvals and a place within the limits. `issue`: ask for a credential.
   */
  readonly next?: 'admit' | 'issue';
}

/**
 * The one way to a decision, whoever asks. Pure: what the rules say, then what they want proven, each against the
 * evidence. What is missing, malformed or late is not allowed; what throws blocks, with a reason of its own.
 */
export function evaluate(
  policy: Policy,
  request: IntentRequest,
  evidence: EvaluationContext,
  now: Timestamp,
): Decision {
  try {
    const proof = proveContext(evidence.context, request.intent, now);
    return ofContext(settle(policy, withContext(request, proof), evidence, now), proof);
  } catch {
    return { ...blocked(NOT_EVALUABLE, ['evaluation_failed'], 'intent_not_evaluable'), limits: [] };
  }
}

/** An envelope that is given and does not hold lets nothing run, whether a rule asks for one or not. */
function ofContext({ next, ...decision }: Decision, { proven: context, fault }: ContextProof): Decision {
  if (fault !== undefined) return { ...decision, ...blocked(decision, [fault], 'context_evidence_invalid') };
  return { ...decision, ...(next && { next }), ...(context && { context }) };
}

/** What a trial is told of where the call would run, and of what it has read. */
export interface TriedUnder extends Partial<Pick<EvaluationContext, 'context'>> {
  readonly switches?: readonly KillSwitchEntry[];
  /** The home folder of whoever acts; `~` is anything if there is none. */
  readonly home?: string | undefined;
}

/** What the rules alone say of a call, with nothing proven: of no use to let it run. */
export function rulesAlone(
  policy: Policy,
  request: IntentRequest,
  now: Timestamp,
  { switches = [], home, context }: TriedUnder = {},
): Decision {
  const gate = { ...NO_CONTEXT.gate, ...(home === undefined ? {} : { home }) };
  const shown = context === undefined ? {} : { context };
  return evaluate(policy, request, { ...NO_CONTEXT, gate, switches, ...shown }, now);
}

const NOT_EVALUABLE: Judgement = {
  verdict: 'block',
  reason_codes: [],
  violations: [],
  matched_rules: [],
  duties: NO_DUTIES,
};

function settle(
  policy: Policy,
  request: IntentRequest,
  evidence: EvaluationContext,
  now: Timestamp,
): Decision {
  const { intent } = request;
  const byPolicy = ofProfile(judge(policy, request, now, evidence.gate), intent, evidence);
  const judged = stopped(onTime(byPolicy, evidence), request, evidence, now);
  const { duties } = judged;
  const limits = standings(judged, intent, evidence.uses, now);
  if (judged.verdict === 'block') return { ...judged, limits };
  // A rule that was passed over for want of a delegation is not got round by a later one that lets the call run.
  if (duties.undelegated && judged.verdict !== 'require_approval') {
    return { ...blocked(judged, ['delegation_token_missing'], 'delegation_not_granted'), limits };
  }
  const delegation = delegationOf(policy, intent, duties, evidence, now);
  if (delegation !== undefined && !delegation.granted) {
    return { ...blocked(judged, delegation.reasons, 'delegation_not_granted'), delegation, limits };
  }
  const proven = delegation === undefined ? {} : { delegation };
  if (isHomeless(judged, limits, evidence)) {
    return { ...blocked(judged, ['gate_state_unnamed'], 'gate_state_unnamed'), ...proven, limits };
  }
  const known = withReasons(judged, delegation?.reasons ?? []);
  if (judged.verdict === 'dry_run') return { ...known, ...proven, limits };
  const full =
    evidence.admission !== undefined ? [] : limits.filter(({ remaining, amount }) => remaining < amount);
  if (full.length > 0) {
    const codes = full.map(({ kind }) => `${kind}_exceeded`);
    const over = withReasons(known, codes, codes);
    return { ...over, verdict: 'block', ...proven, limits };
  }
  if (evidence.mode === 'rules' && judged.verdict === 'require_approval') {
    return { ...known, ...proven, limits };
  }
  const approval = approvalOf(policy, request, known, evidence, now);
  if (approval !== undefined && !approval.granted) {
    const waiting = withReasons(known, approval.reasons, ['approval_not_granted']);
    return { ...waiting, verdict: 'require_approval', ...proven, approval, limits };
  }
  const approved = withReasons(known, approval?.reasons ?? []);
  const allowed = { ...approved, verdict: 'allow' as const };
  return {
    ...credentialed(allowed, approval, limits, evidence, request, now),
    ...proven,
    ...(approval && { approval }),
    limits,
  };
}

/** The last two steps, which an enforcing gate has to do before it says yes. */
function credentialed(
  allowed: Judgement,
  approval: ApprovalCount | undefined,
  limits: readonly LimitStanding[],
  { mode, admission, credential, brokered }: EvaluationContext,
  { claims }: IntentRequest,
  now: Timestamp,
): Judgement & Pick<Decision, 'next'> {
  const usesUp = approval !== undefined || limits.length > 0;
  if (mode === 'enforce' && usesUp && !isAdmitted({ admission })) {
    return { ...blocked(allowed, ['not_admitted'], 'not_admitted'), next: 'admit' };
  }
  if (allowed.duties.broker === null) return allowed;
  if (credential === undefined) {
    if (mode !== 'enforce' && brokered) return allowed;
    const missing = blocked(allowed, ['broker_credential_required'], 'broker_credential_missing');
    return mode !== 'enforce' || !brokered ? missing : { ...missing, next: 'issue' };
  }
  if ('fault' in credential) {
    return blocked(allowed, [credential.fault.reason], credential.fault.violation);
  }
  if (typeof credential.credential?.ref !== 'string' || credential.credential.ref === '') {
    return blocked(allowed, ['broker_credential_missing'], 'broker_credential_missing');
  }
  const late = credentialFault(credential.credential, now);
  if (late !== undefined) return blocked(allowed, [late.reason], late.violation);
  const faults = receiptFaults(allowed.duties.credential, credential.credential, claims);
  const [reason] = faults;
  if (reason !== undefined) return { ...withReasons(allowed, faults, faults), verdict: 'block' };
  return withReasons(allowed, ['broker_credential_present']);
}

/** The careful profile lets nothing of high risk run without a credential of its own, whatever the rules say. */
function ofProfile(judged: Judgement, intent: Intent, { gate }: EvaluationContext): Judgement {
  const { verdict, duties } = judged;
  if (gate.profile === 'standard' || verdict === 'block') return judged;
  const look = { home: gate.home, work: someWork() };
  const high = callsOf(intent).some((call) => {
    const risk = riskOfCall(call, look);
    return isStrangeRisk(risk) || risk === 'high' || risk === 'critical';
  });
  if (!high || duties.broker !== null || verdict === 'dry_run') return judged;
  return { ...judged, duties: { ...duties, broker: { references: [], scopes: [] } } };
}

/** Nothing but the id of an admission is one. */
function isAdmitted({ admission }: { readonly admission?: unknown }): boolean {
  return typeof admission === 'string' && admission !== '';
}

/** What is over would hold again by a clock that goes back: tokens, freezes, windows of limits. */
function onTime(judged: Judgement, { clockBehind }: EvaluationContext): Judgement {
  return clockBehind === true ? blocked(judged, ['clock_behind_log'], 'clock_behind_log') : judged;
}

/** Under the careful profile what is used up counts only where somebody said that it is kept: elsewhere nothing is used up yet. */
function isHomeless(
  { verdict }: Judgement,
  limits: readonly LimitStanding[],
  { gate, mode }: EvaluationContext,
): boolean {
  if (gate.profile === 'standard' || gate.stateNamed !== false || mode !== 'enforce') return false;
  return limits.length > 0 || verdict === 'require_approval';
}

/** Kill switches come before everything that could be proven. */
function stopped(
  judged: Judgement,
  request: IntentRequest,
  { switches, gate }: EvaluationContext,
  now: Timestamp,
): Judgement {
  if (switches !== 'unavailable') return underKillSwitch(judged, switches, request, now, gate.home);
  return blocked(judged, ['kill_switch_state_unavailable'], 'kill_switch_state_unavailable');
}

function standings(judged: Judgement, intent: Intent, uses: UsesState, now: Timestamp): LimitStanding[] {
  return limitsOf(judged, intent, now).map((limit) => {
    const used = countOf(uses, limit.key);
    return { ...limit, used, remaining: Math.max(0, limit.requests - used) };
  });
}

function delegationOf(
  policy: Policy,
  intent: Intent,
  duties: Obligations,
  evidence: EvaluationContext,
  now: Timestamp,
): DelegationProof | undefined {
  const shown = intent.delegation !== undefined && evidence.delegations.length > 0;
  if (!duties.delegation && !shown) return undefined;
  const subject = { intentDigest: intentDigest(intent), policyDigest: policyDigest(policy) };
  const rules = tokenRulesOf(evidence, now);
  const findings = evidence.delegations.map((token) =>
    checkDelegation(token, subject, rules, revocationsIn(evidence.uses)),
  );
  const proof = proveChain(intent, findings, {
    scopes: duties.delegation_scopes,
    tools: callsOf(intent).map(({ tool_name }) => tool_name),
    now,
  });
  // Shown but not asked for: what it says is recorded, and takes nothing away.
  return duties.delegation || proof.granted ? proof : undefined;
}

function approvalOf(
  policy: Policy,
  request: IntentRequest,
  { verdict, duties }: Judgement,
  evidence: EvaluationContext,
  now: Timestamp,
): ApprovalCount | undefined {
  if (verdict !== 'require_approval') return undefined;
  const subject = approvalSubject(policy, request);
  const rules = tokenRulesOf(evidence, now);
  const { uses, admission } = evidence;
  const tokenUses = {
    isUsed: (digest: string) => Object.hasOwn(uses.used, digest) && uses.used[digest] !== admission,
    ...revocationsIn(uses),
  };
  const findings = evidence.approvals.map((token) => checkApproval(token, subject, rules, tokenUses));
  return countApprovals(Math.max(1, duties.approvals), findings);
}

function withReasons(
  judgement: Judgement,
  reasons: readonly string[],
  violations: readonly string[] = [],
): Judgement {
  return {
    ...judgement,
    reason_codes: wordList([...judgement.reason_codes, ...reasons]),
    violations: wordList([...judgement.violations, ...violations]),
  };
}

function blocked(judgement: Judgement, reasons: readonly string[], violation: string): Judgement {
  return { ...withReasons(judgement, reasons, [violation]), verdict: 'block' };
}
