import type { Clock } from '../../src/core/clock.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { timestamp } from '../../src/core/time.ts';
import type { Issued } from '../../src/gate/credentials/credential.ts';
import type { CredentialBroker, EnforcementRequest } from '../../src/gate/enforce.ts';
import { Gate, type GateParts } from '../../src/gate/gate.ts';
import type { Intent } from '../../src/gate/intent/intent.ts';
import { USES_STREAM, type UsesState, usesModel } from '../../src/gate/ledger/consumption.ts';
import { DECISIONS_STREAM } from '../../src/gate/ledger/decisions.ts';
import type { Policy } from '../../src/gate/policy/policy.ts';
import type { Kept, RecordSink } from '../../src/gate/records/records.ts';
import type { ApprovalOrder } from '../../src/gate/tokens/issue.ts';
import { approvalSubject } from '../../src/gate/tokens/terms.ts';
import type { Batch } from '../../src/log/record.ts';
import type { AppendOutcome, EventStore } from '../../src/log/store.ts';
import { MemoryStore } from '../../src/log/stores/memory_store.ts';
import { StreamHandle } from '../../src/log/stream.ts';
import type { SigningKey } from '../../src/signing/keys.ts';
import { intentOf, policyOf } from './gate.ts';
import { trusted } from './keyrings.ts';
import { approval, BOB, CAROL, GATE_KEY, NOW, ringWith } from './tokens.ts';

/** A store in memory that says what is appended, and lets a test come between. */
export class WatchedStore extends MemoryStore implements EventStore {
  readonly #effects: string[];
  /** Runs before each append; what it throws, the append throws. */
  before: (stream: string) => void | Promise<void> = () => {};

  constructor(effects: string[] = []) {
    super();
    this.#effects = effects;
  }

  override async append(batch: Batch): Promise<AppendOutcome> {
    await this.before(batch.stream);
    const outcome = await super.append(batch);
    if (outcome.status === 'committed') this.#effects.push(batch.stream);
    return outcome;
  }

  async events(stream: string): Promise<JsonObject[]> {
    const events: JsonObject[] = [];
    for await (const records of this.read(stream)) events.push(...records.map(({ event }) => event));
    return events;
  }

  /** The types of what was entered in the decision log. */
  async entries(): Promise<unknown[]> {
    return (await this.events(DECISIONS_STREAM)).map(({ type }) => type);
  }

  async uses(): Promise<UsesState> {
    return (await new StreamHandle(this, usesModel, USES_STREAM).load()).state;
  }
}

type Kind = Parameters<RecordSink['keep']>[0];

/** Records in memory, in the order in which they came. */
export class MemorySink implements RecordSink {
  readonly kept: { readonly kind: Kind; readonly document: JsonObject }[] = [];
  readonly #effects: string[];
  failsAt: Kind | undefined;

  constructor(effects: string[] = []) {
    this.#effects = effects;
  }

  async keep(kind: Kind, document: JsonObject): Promise<Kept> {
    if (this.failsAt === kind) throw new Error(`no space left for the ${kind}`);
    this.#effects.push(kind);
    this.kept.push({ kind, document });
    return { path: `${kind}_${this.kept.length}.json`, sha256: 'f'.repeat(64) };
  }

  the(kind: Kind): JsonObject | undefined {
    return this.kept.find((one) => one.kind === kind)?.document;
  }
}

/** A clock that goes on by a millisecond each time it is looked at, and by more when told. */
export function tickingClock(start: string = NOW): Clock & { advance(ms: number): void } {
  let at = Date.parse(start);
  return {
    now() {
      at += 1;
      return timestamp(at);
    },
    advance(ms) {
      at += ms;
    },
  };
}

/** A broker that issues what it is told to. */
export function issuing(issued: Issued | (() => Promise<Issued>), effects: string[] = []): CredentialBroker {
  return {
    name: 'test',
    issue: async () => {
      effects.push('issue');
      return typeof issued === 'function' ? issued() : issued;
    },
  };
}

export const CREDENTIAL: Issued = { credential: { broker: 'test', ref: 'test:1' } };

export interface Fixture {
  readonly gate: Gate;
  readonly store: WatchedStore;
  readonly sink: MemorySink;
  readonly effects: string[];
  readonly clock: ReturnType<typeof tickingClock>;
}

type Changes = Partial<Omit<GateParts, 'broker'>> & { readonly broker?: CredentialBroker | null };

/** A gate that believes bob and carol for everything, and has a broker unless told otherwise. */
export function gateWith({ broker, ...changes }: Changes = {}): Fixture {
  const effects: string[] = [];
  const store = new WatchedStore(effects);
  const sink = new MemorySink(effects);
  const clock = tickingClock();
  const believed = [BOB, CAROL].map((key) => trusted(key, { purposes: ['approver', 'delegator'] }));
  const gate = new Gate({
    ...{ settings: { profile: 'standard' }, keyring: ringWith(...believed), clock },
    ...{ key: GATE_KEY, keyMode: 'prod', files: sink, store },
    ...(broker === null ? {} : { broker: broker ?? issuing(CREDENTIAL, effects) }),
    ...changes,
  });
  return { gate, store, sink, effects, clock };
}

/** What is asked, with nothing shown for it. */
export function asking(
  policy: Policy,
  intent: Intent = intentOf(),
  more: Partial<EnforcementRequest> = {},
): EnforcementRequest {
  const request = { intent, claims: {}, created_at: NOW, exact_args_digest: 'a'.repeat(64) };
  return { policy, request, requestSha256: 'e'.repeat(64), approvals: [], delegations: [], ...more };
}

/** An approval of what is asked. */
export function approvalOf(
  asked: EnforcementRequest,
  changes: Partial<ApprovalOrder> = {},
  key: SigningKey = BOB,
): JsonObject {
  const { intentDigest, policyDigest, delegationDigest } = approvalSubject(asked.policy, asked.request);
  const scope = [`tool:${asked.request.intent.tool_name}`];
  return approval({ intentDigest, policyDigest, delegationDigest, scope, ...changes }, key);
}

/** One person must approve. */
export const ASKS: Policy = policyOf('rules:', '  - {name: ask, effect: require_approval}');

/** Everything at once: an approval, a delegation, a credential, and a place within a limit. */
export const ASKS_ALL: Policy = policyOf(
  'default_verdict: block',
  'rules:',
  '  - name: all',
  '    effect: require_approval',
  '    match: {tool_names: [tool.write], require_delegation: true}',
  '    require_broker_credential: true',
  '    rate_limit: {requests: 2, window: hour, scope: tool}',
);

/** A call of the agent on behalf of alice. */
export const DELEGATED: Intent = intentOf({
  delegation: {
    requester_identity: 'agent',
    chain: [{ delegator_identity: 'alice', delegate_identity: 'agent' }],
  },
});
