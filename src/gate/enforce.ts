import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { GaitError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Timestamp } from '../core/time.ts';
import type { Head } from '../log/record.ts';
import type { EventStore } from '../log/store.ts';
import { StreamHandle } from '../log/stream.ts';
import type { Keyring } from '../signing/keyring.ts';
import type { EvaluationContext, GateSettings } from './context.ts';
import { faultOf, type Issued } from './credentials/credential.ts';
import { type CredentialRequest, credentialRequest } from './credentials/request.ts';
import { type Decision, evaluate } from './evaluate.ts';
import type { IntentRequest } from './intent/intent.ts';
import {
  type Admission,
  decideAdmission,
  decideRelease,
  USES_STREAM,
  type UsesState,
  usesModel,
  usesRolledBack,
} from './ledger/consumption.ts';
import type { Policy } from './policy/policy.ts';

/** Who issues credentials. It never throws for what goes wrong there. */
export interface CredentialBroker {
  readonly name: string;
  issue(request: CredentialRequest, now: Timestamp): Promise<Issued>;
}

/** A call and what is shown for it. */
export interface EnforcementRequest {
  readonly policy: Policy;
  readonly request: IntentRequest;
  /** Of the bytes that the request was read from. */
  readonly requestSha256: string;
  readonly approvals: readonly JsonObject[];
  readonly delegations: readonly JsonObject[];
  /** A context envelope, as parsed JSON. */
  readonly contextEnvelope?: Json;
  readonly claimedApprovalRef?: string;
  /** Only asks what would be: nothing is used up, no credential is issued, no verdict is `allow`. */
  readonly simulate?: boolean;
}

/** How the clock stands to the decision log. */
interface ClockStanding {
  readonly clockBehind?: boolean;
}

/** What calls are settled with. */
export interface EnforcerParts {
  readonly settings: GateSettings;
  readonly keyring: Keyring;
  /** Holds the streams of what was used up and of what was decided. */
  readonly store: EventStore;
  readonly clock: Clock;
  /** The kill switches that stand now. By default none; `unavailable` blocks everything. */
  readonly switches?: () => EvaluationContext['switches'];
  readonly broker?: CredentialBroker;
  /** Reference and scopes to ask for beside those of the rules. */
  readonly credential?: {
    readonly reference?: string | undefined;
    readonly scopes: readonly string[];
  };
}

/** How a call was settled. */
export interface Outcome {
  readonly decision: Decision;
  readonly observedAt: Timestamp;
  readonly issued: Issued | undefined;
  /** What was used up for it. */
  readonly admission: Admission | undefined;
  /** The end of the stream of what was used up, as the decision knew it; undefined for an empty one. */
  readonly uses: Head | undefined;
}

const MAX_TURNS = 100;

/** Takes a call from what the rules say to a verdict: uses up what it needs, and asks for its credential. */
export class Enforcer {
  readonly #parts: EnforcerParts;
  readonly #uses: StreamHandle<UsesState>;

  constructor(parts: EnforcerParts) {
    this.#parts = parts;
    this.#uses = new StreamHandle(parts.store, usesModel, USES_STREAM);
  }

  /** Evaluates, does what is next, and evaluates again, until nothing is left to be done. */
  async enforce(
    {
      policy,
      request,
      approvals,
      delegations,
      contextEnvelope,
      simulate = false,
      clockBehind = false,
    }: EnforcementRequest & ClockStanding,
    known?: Head,
  ): Promise<Outcome> {
    const { settings, keyring, broker, clock } = this.#parts;
    const observedAt = clock.now();
    await this.#assertNotRolledBack(known);
    let evidence: EvaluationContext = {
      ...{ gate: settings, keyring, approvals, delegations },
      ...(await this.#now(undefined)),
      mode: simulate ? 'trial' : 'enforce',
      ...{ brokered: broker !== undefined, clockBehind },
      ...(contextEnvelope === undefined ? {} : { context: contextEnvelope }),
    };
    let admission: Admission | undefined;
    let issued: Issued | undefined;
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      const decision = evaluate(policy, request, evidence, clock.now());
      if (decision.next === 'admit') {
        admission = admissionOf(decision);
        const admitted = await this.#admit(admission);
        if (!admitted) admission = undefined;
        evidence = { ...evidence, ...(await this.#now(admission)) };
      } else if (decision.next === 'issue') {
        issued = await this.#issue(decision, request);
        evidence = { ...evidence, ...(await this.#now(admission)), credential: issued };
      } else {
        if (decision.verdict !== 'allow') await this.release(admission);
        return {
          decision,
          observedAt,
          issued,
          admission: decision.verdict === 'allow' ? admission : undefined,
          uses: await this.#head(),
        };
      }
    }
    await this.release(admission);
    throw new GaitError({
      code: 'stream_contended',
      category: 'state_contention',
      message: `others used up what this call needs, ${MAX_TURNS} times`,
      retryable: true,
    });
  }

  async #admit(admission: Admission): Promise<boolean> {
    const now = this.#parts.clock.now();
    try {
      const { events } = await this.#uses.execute((state) => decideAdmission(state, admission, now));
      return events.length > 0;
    } catch (error) {
      if (error instanceof GaitError && error.code === 'not_admitted') return false;
      throw error;
    }
  }

  /** Best effort: what cannot be given back stays used up. */
  async release(admission: Admission | undefined): Promise<void> {
    if (admission === undefined) return;
    const now = this.#parts.clock.now();
    await this.#uses.execute((state) => decideRelease(state, admission, now)).catch(() => {});
  }

  /** Throws `uses_rolled_back` if the stream is not the one that earlier decisions saw: somebody put an older one there. */
  async #assertNotRolledBack(known: Head | undefined): Promise<void> {
    if (known === undefined) return;
    const head = await this.#head();
    const isOlder = head === undefined || head.revision < known.revision;
    if (!isOlder && (head.revision > known.revision || head.hash === known.hash)) return;
    throw usesRolledBack(
      `the log of what was used up ends at ${head?.revision ?? 0}, decisions saw it at ${known.revision}`,
    );
  }

  async #head(): Promise<Head | undefined> {
    const { revision, hash } = (await this.#uses.load()).position;
    return revision === 0 ? undefined : { revision, hash };
  }

  /** What may have changed meanwhile: others may have been faster, somebody may have said stop, or taken something back. */
  async #now(
    admission: Admission | undefined,
  ): Promise<Pick<EvaluationContext, 'uses' | 'switches' | 'admission'>> {
    const { state: uses } = await this.#uses.load();
    const letIn = admission === undefined ? {} : { admission: admission.admission_id };
    return { uses, switches: this.#switches(), ...letIn };
  }

  #switches(): EvaluationContext['switches'] {
    try {
      return this.#parts.switches?.() ?? [];
    } catch {
      return 'unavailable';
    }
  }

  async #issue({ duties }: Decision, { intent }: IntentRequest): Promise<Issued> {
    const { broker, credential, clock } = this.#parts;
    if (broker === undefined || duties.broker === null) throw new Error('there is no broker to ask');
    try {
      const request = credentialRequest(intent, duties.broker, credential ?? { scopes: [] });
      const issued: Issued | undefined = await broker.issue(request, clock.now());
      return issued ?? faultOf('broker_credential_missing', 'the broker gave no answer');
    } catch {
      return faultOf('broker_credential_missing', 'the broker failed');
    }
  }
}

function admissionOf({ approval, delegation, limits }: Decision): Admission {
  const used = approval?.distinct.slice(0, approval.required) ?? [];
  return {
    admission_id: randomBytes(12).toString('hex'),
    tokens: used.flatMap(({ digest }) => digest ?? []).sort(),
    unrevoked: [...used, ...(delegation?.hops ?? [])].flatMap(({ digest = [], token_id = [] }) =>
      [digest, token_id].flat(),
    ),
    limits: limits.map(({ used: _, remaining: __, ...limit }) => limit),
  };
}
