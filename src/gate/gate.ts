import { GaitError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { wordList } from '../core/text.ts';
import { StreamHandle } from '../log/stream.ts';
import type { SigningKey } from '../signing/keys.ts';
import type { Issued } from './credentials/credential.ts';
import { credentialRecord } from './credentials/record.ts';
import { credentialRequest } from './credentials/request.ts';
import { type EnforcementRequest, Enforcer, type EnforcerParts, type Outcome } from './enforce.ts';
import type { Decision } from './evaluate.ts';
import { intentDigest } from './intent/digest.ts';
import {
  DECISIONS_STREAM,
  type DecisionRecord,
  type DecisionsState,
  decideEntry,
  decideVoid,
  decisionsModel,
  isClockBehind,
} from './ledger/decisions.ts';
import { policyDigest } from './policy/digest.ts';
import { profileFault } from './profile.ts';
import { approvalAudit, delegationAudit } from './records/audit.ts';
import type { DecisionIds, DecisionRecordFile, RecordSink } from './records/records.ts';
import { assertSound } from './records/schemas.ts';
import { eventId, SIMULATED, traceDocument, traceId } from './records/trace.ts';

/** What a gate is made of. */
export interface GateParts extends EnforcerParts {
  /** Signs what was decided. */
  readonly key: SigningKey;
  readonly keyMode: string;
  readonly files: RecordSink;
}

/** What was decided, and what it left. */
export interface KeptDecision extends DecisionIds {
  readonly decision: Decision;
  readonly intentDigest: string;
  readonly policyDigest: string;
  readonly tracePath: string;
  readonly evidence: readonly DecisionRecordFile[];
  readonly issued?: Issued;
  /** Of a simulation: what it would have been. */
  readonly would?: Decision;
}

/** Decides calls, with everything around the decision that has to be on disk before anybody may rely on it. */
export class Gate {
  readonly #parts: GateParts;
  readonly #settler: Enforcer;
  readonly #decisions: StreamHandle<DecisionsState>;

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.#settler = new Enforcer(parts);
    this.#decisions = new StreamHandle(parts.store, decisionsModel, DECISIONS_STREAM);
  }

  /**
   * Decides one call. In this order: evaluate; use up approvals and places within limits, all or nothing; ask for the
   * credential, evaluate again; write what was shown; enter the decision in the log; sign the trace over all of it.
   * Whoever gets no answer must not run the call: what was used up is given back, and the log says so.
   */
  async decide(asked: EnforcementRequest): Promise<KeptDecision> {
    const fault = profileFault(this.#parts, asked, this.#parts.clock.now());
    if (fault !== undefined) {
      await enterRefusal(this.#parts, asked.requestSha256, fault);
      throw fault;
    }
    const { state } = await this.#decisions.load();
    const clockBehind = isClockBehind(state, this.#parts.clock.now());
    const course = await this.#settler.enforce({ ...asked, clockBehind }, state.uses);
    try {
      return await this.#record(asked, course);
    } catch (error) {
      await this.#settler.release(course.admission);
      throw error;
    }
  }

  async #record(
    asked: EnforcementRequest,
    { decision: would, observedAt, issued, uses }: Outcome,
  ): Promise<KeptDecision> {
    const { policy, request, requestSha256, claimedApprovalRef, simulate = false } = asked;
    const { settings, key, keyMode, files } = this.#parts;
    const decision = simulate ? simulated(would) : would;
    const digests = { intentDigest: intentDigest(request.intent), policyDigest: policyDigest(policy) };
    const trace = traceId({ ...digests, verdict: decision.verdict });
    const ids = { traceId: trace, eventId: eventId(trace, observedAt) };
    const evidence = await this.#keepEvidence(asked, decision, { ...digests, ...ids }, issued);
    const record: DecisionRecord = {
      ...{ event_id: ids.eventId, trace_id: ids.traceId, tool_name: request.intent.tool_name },
      ...{ verdict: decision.verdict, reason_codes: decision.reason_codes, violations: decision.violations },
      ...{ matched_rules: decision.matched_rules, profile: settings.profile, simulated: simulate },
      ...{ intent_digest: digests.intentDigest, policy_digest: digests.policyDigest },
      ...{ request_sha256: requestSha256, evidence },
      ...(uses === undefined ? {} : { uses }),
    };
    const entered = await this.#decisions.execute((state) =>
      decideEntry(state, 'decided', record, observedAt),
    );
    const { revision, hash } = entered.position;
    try {
      const facts = {
        ...{ ...ids, ...digests, observedAt, keyMode, simulated: simulate, requestSha256, evidence },
        ...{ profile: settings.profile, decision: { revision, hash } },
        ...(settings.audience === undefined ? {} : { audience: settings.audience }),
        ...(settings.statePlace === undefined ? {} : { statePlace: settings.statePlace }),
        ...(claimedApprovalRef === undefined ? {} : { claimedApprovalRef }),
      };
      const document = traceDocument(decision, request, facts, key);
      assertSound('trace', document);
      const { path } = await files.keep('trace', document, ids);
      return {
        ...{ ...ids, ...digests, decision, tracePath: path, evidence },
        ...(issued === undefined ? {} : { issued }),
        ...(simulate ? { would } : {}),
      };
    } catch (error) {
      await this.#void(ids.eventId, error);
      throw error;
    }
  }

  /** Best effort: the decision was never told, and the log should say so. */
  async #void(event: string, cause: unknown): Promise<void> {
    const now = this.#parts.clock.now();
    const reason = cause instanceof GaitError ? cause.code : 'unexpected';
    await this.#decisions.execute((state) => decideVoid(state, event, reason, now)).catch(() => {});
  }

  /** Keeps what was shown, and what became of it. */
  async #keepEvidence(
    { request, approvals, delegations }: EnforcementRequest,
    decision: Decision,
    ids: DecisionIds & { readonly intentDigest: string; readonly policyDigest: string },
    issued: Issued | undefined,
  ): Promise<DecisionRecordFile[]> {
    const { files, credential } = this.#parts;
    const { duties, approval } = decision;
    const subject = { ...ids, request };
    const documents: [DecisionRecordFile['type'], JsonObject][] = [];
    if (approval !== undefined || approvals.length > 0) {
      documents.push(['approval_audit', approvalAudit(decision, subject)]);
    }
    if (duties.delegation || delegations.length > 0) {
      documents.push(['delegation_audit', delegationAudit(decision, subject)]);
    }
    if (issued !== undefined && 'credential' in issued && duties.broker !== null) {
      const asked = credentialRequest(request.intent, duties.broker, credential ?? { scopes: [] });
      const stamp = { created_at: request.created_at, trace_id: ids.traceId };
      documents.push([
        'credential',
        credentialRecord(asked, issued.credential, stamp) as unknown as JsonObject,
      ]);
    }
    for (const [type, document] of documents) assertSound(type, document);
    const kept: DecisionRecordFile[] = [];
    for (const [type, document] of documents) kept.push({ type, ...(await files.keep(type, document, ids)) });
    return kept;
  }
}

/** Enters in the log that something was asked for that could not be judged, and so was blocked. */
export async function enterRefusal(
  { store, settings, clock }: Pick<GateParts, 'store' | 'settings' | 'clock'>,
  requestSha256: string,
  cause: GaitError,
): Promise<void> {
  const now = clock.now();
  const record: DecisionRecord = {
    event_id: eventId(requestSha256, now),
    ...{ verdict: 'block', reason_codes: [cause.code], violations: ['intent_not_evaluable'] },
    ...{ profile: settings.profile, simulated: false, request_sha256: requestSha256 },
  };
  const decisions = new StreamHandle(store, decisionsModel, DECISIONS_STREAM);
  await decisions.execute((state) => decideEntry(state, 'refused', record, now));
}

/** What a simulation decides: nothing that lets a call run, and marked where every reader looks. */
function simulated(would: Decision): Decision {
  const marks = [SIMULATED, `simulated_${would.verdict}`];
  return {
    ...would,
    verdict: would.verdict === 'allow' ? 'dry_run' : would.verdict,
    reason_codes: wordList([...would.reason_codes, ...marks]),
    violations: wordList([...would.violations, SIMULATED]),
  };
}
